"""Every byte of every export is searched for all that is nobody's business, in a workspace that holds all of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from chatfeedback import steps
from exports import NothingToExportError, all_projections
from tests.sample_records import NOW
from workspaces.records import AnnotationStatus, Quality, SharingState
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.challenges import ChallengeEntry, save_challenges
from workspaces.store.conversations import set_state
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.store.rewrites import note_rewrites
from workspaces.store.tasks import all_tasks
from workspaces.store.topics import TopicEntry, replace_topics
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1, safety: 1}}\n"
CHATS = [f"chat-{number}" for number in range(6)]
HELD, PRIVATE, DELETED = CHATS[3:]
ANIMALS = ("walrus", "narwhal", "beluga", "heldhalibut", "privateperch", "deleteddolphin")
RATERS = ("anna.rater@example.com", "ben_on_argilla")
TYPED = ("boss@example.net", "+49 170 1234567", "sk-ant-api03-AbCdEf0123456789AbCdEf0123456789")
SECRETS = (
    *(f"user-of-{number}@example.org" for number in range(len(CHATS))),
    *("42 Baker Street", "203.0.113.9", "lady-of-the-lake", "Atlantis", *RATERS, *TYPED, *ANIMALS[3:]),
)
"""Who gave and who judged, what they said of themselves, what they typed, and what is not shared."""
FILLED = {"dpo", "kto", "sft", "edit", "safety", "moderation", "ultrafeedback", "sharelm", "benchmark"}


def row(number: int) -> dict[str, object]:
    animal = ANIMALS[number]
    asked = f"Which {animal} is number {number}? I am user-of-{number}@example.org at 203.0.113.9."
    return {
        "conversation_id": CHATS[number],
        "user_id": f"user-of-{number}@example.org",
        "conversation": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": f"The {animal} has a tooth of {number + 40} cm."},
        ],
        "model_name": "m",
        "source": "s",
        "user_metadata": {"location": "42 Baker Street", "gender": "lady-of-the-lake"},
        "conversation_metadata": {"title": "of lady-of-the-lake", "ip": "203.0.113.9"},
    }


def answers(kind: str, number: int) -> dict[str, str]:
    if kind == "safety":
        return {"harm": "hate", "severity": "low", "harmed": "others"}
    rewrite = f"A far better answer about number {number}, measured twice; ask {TYPED[0]} or call {TYPED[1]}."
    return {
        **{quality.value: "yes" for quality in Quality},
        "tags_reason": f"{TYPED[0]} told me, and so did {TYPED[2]}.",
        "suggestion": rewrite,
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Six answered conversations, of which one is held, one is private and one is deleted, with all labels."""
    made = tmp_path_factory.mktemp("filled")
    log = made / "logs.jsonl"
    log.write_text("".join(json.dumps(row(number)) + "\n" for number in range(6)), encoding="utf-8")
    with Workspace.create(made / "w", CONFIGURATION) as workspace:
        steps.ingest_file(workspace, log, publish=True)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        people = [workspace.pseudonyms.on_platform("argilla")(name) for name in RATERS]
        for person in people:
            workspace.demographics.save(person, {"gender": "lady-of-the-lake", "country": "Atlantis"})
        with workspace.store.write() as connection:
            rows = []
            for task in all_tasks(connection).values():
                number = CHATS.index(task.conversation_ids[0])
                name = f"{task.id}/{number}"
                rows.append(
                    AnnotationRevision(
                        annotation_id=name, revision=1, task_id=task.id, person_id=people[number % 2],
                        platform="argilla", response_id=name, status=AnnotationStatus.SUBMITTED,
                        answers=answers(task.kind, number), content_hash=name, updated_at=NOW, synced_at=NOW,
                    )
                )  # fmt: skip
            save_revisions(connection, rows)
            replace_topics(
                connection, [TopicEntry(0, "tooth", ("tooth",), "terms")], dict.fromkeys(CHATS, 0), NOW
            )
            every = (
                "clear",
                "specificity",
                "domain_knowledge",
                "complexity",
                "problem_solving",
                "creativity",
            )
            save_challenges(connection, [ChallengeEntry(it, "agent", "1", every, NOW) for it in CHATS])
            save_moderation(
                connection, [ModerationEntry(f"{it}#1", "agent", it, False, (), NOW) for it in CHATS]
            )
            set_state(connection, [HELD], SharingState.HELD, NOW)
            set_state(connection, [PRIVATE], SharingState.PRIVATE, NOW)
        steps.delete_conversations(workspace, [DELETED], by="giver")
        yield workspace


def test_no_byte_of_any_export_tells_of_a_person_or_of_what_is_not_shared(
    filled: Workspace, tmp_path: Path
) -> None:
    secrets = [*SECRETS, str(filled.path)]
    written = set()
    for name in all_projections():
        folder = tmp_path / name
        try:
            steps.export(filled, name, folder, test_share=0.5, json_lines=True)
        except NothingToExportError:
            continue
        written.add(name)
        for path in folder.rglob("*"):
            held = path.read_bytes() if path.is_file() else b""
            if path.suffix == ".parquet":
                held += json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str).encode()
            assert not [secret for secret in secrets if secret.encode() in held], path
            listed = path.parent.name != "omissions" and path.suffix in {".parquet", ".jsonl"}
            assert not listed or not any(name.encode() in held for name in (HELD, PRIVATE, DELETED)), path
    assert written >= FILLED


def test_who_wrote_a_redacted_text_is_named_by_the_receipt_of_every_export_that_holds_it(
    filled: Workspace, tmp_path: Path
) -> None:
    with filled.store.write() as connection:
        note_rewrites(connection)
    for name in ("edit", "sharelm"):
        steps.export(filled, name, tmp_path / name)
    trees = [
        str(pq.read_table(path).to_pylist()) for path in (tmp_path / "sharelm" / "data" / "tree").iterdir()
    ]
    assert any("ask [EMAIL_2] or call [PHONE_1]" in tree for tree in trees)
    writer = filled.pseudonyms.on_platform("argilla")(RATERS[0])
    receipt = steps.forget_person(filled, writer, by="lead")["removed"]["exports_to_make_again"]
    assert {str(tmp_path / "edit"), str(tmp_path / "sharelm")} <= set(receipt)


def test_a_benchmark_without_a_prompt_says_what_select_leaves_out(filled: Workspace, tmp_path: Path) -> None:
    moderated = [ModerationEntry(f"{it}#1", "other", it, True, ("hate",), NOW) for it in CHATS[:3]]
    with filled.store.write() as connection:
        save_moderation(connection, moderated)
    with pytest.raises(NothingToExportError) as caught:
        steps.export(filled, "benchmark", tmp_path / "benchmark")
    said = str(caught.value)
    assert "3 prompts with conversation that select leaves out (moderation)" in said
    assert "1 held conversation, 1 private conversation" in said
    assert "chatfeedback export" in said
    assert "to train on" not in said, "no other export has prompts of a benchmark"


def test_names_of_a_log_that_tell_of_somebody_are_said(tmp_path: Path) -> None:
    log = tmp_path / "logs.jsonl"
    rows = [
        {
            "conversation_id": f"{number}-of-ada{number}@example.org",
            "conversation": [
                {"role": "user", "content": f"Which walrus is number {number}?"},
                {"role": "assistant", "content": f"Number {number} has a tooth of {number + 40} cm."},
            ],
            "model_name": "gpt@home",
            "source": "mail of ben@example.org",
        }
        for number in range(2)
    ]
    log.write_text("".join(json.dumps(it) + "\n" for it in rows), encoding="utf-8")
    with Workspace.create(tmp_path / "w", CONFIGURATION) as workspace:
        steps.ingest_file(workspace, log, publish=True)
        result = steps.export(workspace, "sharelm", tmp_path / "sharelm")
    (said,) = (it for it in result.warnings if "e-mail" in it)
    assert said.startswith("an e-mail address stands in 1 source name, which are exported")
    assert said in (tmp_path / "sharelm" / "README.md").read_text("utf-8")
    exported = "".join(str(pq.read_table(it).to_pylist()) for it in (tmp_path / "sharelm").rglob("*.parquet"))
    assert "ben@example.org" in exported
    assert "-of-ada" not in exported, "keyed ids stand for ids of conversations"
