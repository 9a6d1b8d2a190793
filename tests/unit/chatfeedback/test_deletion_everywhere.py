"""Deletion reaches what every other part keeps: labels, imported feedback, gold, flags, settings, the report."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from chatfeedback import steps
from reward_engine import wallet
from tests.stores import POSTGRESQL, Stores
from workspaces.collection.near_duplicates.signatures import bands, shingles
from workspaces.records import ANONYMOUS, IMPORTED, ItemPosterior, SharingState
from workspaces.store.challenges import ChallengeEntry, save_challenges
from workspaces.store.conversations import set_state, shared_logs
from workspaces.store.flags import save_findings
from workspaces.store.gold import save_gold
from workspaces.store.identities import person
from workspaces.store.label_requests import LabelRequest, begin_labels
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.store.near_duplicates import groups_of
from workspaces.store.omissions import Omission
from workspaces.store.people import person_settings
from workspaces.store.posteriors import replace_posteriors
from workspaces.store.tables import metadata
from workspaces.store.tasks import all_tasks
from workspaces.store.topics import TopicEntry, replace_topics
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"
WORDS = [f"{one}{other}" for one in ("ba", "ce", "di", "fo", "gu") for other in ("lan", "mer", "nis", "pot")]
GONE = ["chat-0", "chat-3"]


def logs(path: Path) -> Path:
    """Four conversations: the first three resemble each other, and each response was rated in the log."""
    rng = random.Random(8)
    prose = [rng.choice(WORDS) for _ in range(120)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(4):
            words = [*prose[:-1], f"end{number}"] if number < 3 else [rng.choice(WORDS) for _ in range(120)]
            row = {
                "conversation_id": f"chat-{number}",
                "conversation": [
                    {"role": "user", "content": "What do you say?"},
                    {"role": "assistant", "content": " ".join(words)},
                ],
                "model_name": "m",
                "source": "s",
                "conversation_metadata": {"rate": "thumbs_up"},
            }
            file.write(json.dumps(row | ({"user_id": "ada@example.org"} if number < 3 else {})) + "\n")
    return path


@pytest.fixture
def filled(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace, its store on either database, with something about each conversation in every table."""
    configuration = CONFIGURATION
    if stores.kind == POSTGRESQL:
        monkeypatch.setenv("SOME_STORE", stores.url())
        configuration += "store: {url_env: SOME_STORE}\n"
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        found = steps.ingest_file(workspace, logs(tmp_path / "logs.jsonl"), publish=True)
        assert (found.added, found.near_duplicates, found.feedback) == (4, 3, 4)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        now = utc_now()
        names = [f"chat-{number}" for number in range(4)]
        with workspace.store.write() as connection:
            topics = [
                TopicEntry(0, "end, lan", ("end", "lan"), "terms"),
                TopicEntry(1, "pot", ("pot",), "terms"),
            ]
            replace_topics(connection, topics, dict(zip(names, (0, 0, 0, 1), strict=True)), now)
            save_challenges(connection, [ChallengeEntry(it, "agent", "1", ("clear",), now) for it in names])
            save_moderation(
                connection, [ModerationEntry(f"{it}#1", "agent", it, True, ("hate",), now) for it in names]
            )
            begin_labels(
                connection, [LabelRequest(f"r{it}", "challenge", it, it, "agent") for it in names], now
            )
            asked = {
                it.id: {"helpful": "yes"} for it in all_tasks(connection).values() if it.platform != IMPORTED
            }
            save_gold(connection, asked, now)
            evidence = {"items": [f"{it}#1" for it in names] + ["chat-0#1|chat-1#1"], "share": 0.5}
            save_findings(connection, [("somebody", "haste", evidence, 9)], now)
        said = [ItemPosterior("rating", "thumb", f"{it}#1", {"up": 1}, {"up": 1.0}) for it in names]
        with workspace.store.write() as connection:
            replace_posteriors(connection, said, now)
        yield workspace


def mentions(workspace: Workspace, *texts: str) -> list[str]:
    """Return the tables and files that hold one of the texts."""
    found = []
    with workspace.store.read() as connection:
        for table in metadata.sorted_tables:
            rows = json.dumps([list(row) for row in connection.execute(sa.select(table))], default=str)
            found += [table.name for text in texts if text in rows]
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    return found + [path.name for path in files for text in texts if text.encode() in path.read_bytes()]


def test_nothing_is_kept_about_a_deleted_conversation(filled: Workspace) -> None:
    texts = filled.collection.read(GONE)
    with filled.store.read() as connection:
        nameless = {
            it
            for it in connection.execute(
                sa.select(metadata.tables["annotation_revision"].c.person_id)
            ).scalars()
            if it.startswith(ANONYMOUS)
        }
    assert len(nameless) == 1
    (filled.path / "reports" / "latest").mkdir(parents=True)
    (filled.path / "reports" / "latest" / "index.html").write_text("chat-0#1", encoding="utf-8")
    assert {"challenge", "moderation", "label_request", "near_duplicate", "item_posterior", "flag"} <= {
        *mentions(filled, "chat-0")
    }
    steps.delete_conversations(filled, GONE, by="giver")
    ids = [f'"{name}' for name in GONE] + [f"{name}#" for name in GONE]
    assert mentions(filled, *ids, *nameless) == []
    assert not (filled.path / "reports").exists()
    with filled.store.read() as connection:
        left = {it.conversation_ids[0] for it in all_tasks(connection).values()}
        assert left == {"chat-1", "chat-2"}
        topics = connection.execute(sa.select(metadata.tables["topic"].c.label)).scalars().all()
    assert topics == ["end, lan"]
    keys = {
        key for path in filled.path.glob("collection.index/*/keys") for key in np.fromfile(path, np.uint64)
    }
    alone = set(bands(shingles(["\n".join(it.content for it in texts["chat-3"].messages)])).ravel().tolist())
    assert keys
    assert keys.isdisjoint(alone)


def test_the_others_stay_a_group_and_later_ones_join_it(filled: Workspace, tmp_path: Path) -> None:
    steps.delete_conversations(filled, ["chat-0"], by="giver")
    names = ["chat-0", "chat-1", "chat-2"]
    with filled.store.read() as connection:
        assert groups_of(connection, names) == {"chat-1": "chat-1", "chat-2": "chat-1"}
    again = steps.ingest_file(filled, tmp_path / "logs.jsonl", publish=True)
    assert (again.added, again.deleted, again.duplicates, again.feedback) == (0, 1, 3, 0)
    assert Omission("deleted", "was deleted at its giver's wish", 1) in again.omissions()
    steps.delete_conversations(filled, ["chat-1"], by="giver")
    with filled.store.read() as connection:
        assert groups_of(connection, names) == {}


def test_a_compacted_collection_gives_back_what_it_is_told_to(filled: Workspace, tmp_path: Path) -> None:
    more = {
        "conversation_id": "chat-9",
        "conversation": [{"role": "user", "content": "And you?"}, {"role": "assistant", "content": "Me too."}],
        "source": "s", "model_name": "m",
    }  # fmt: skip
    (tmp_path / "more.jsonl").write_text(json.dumps(more) + "\n", encoding="utf-8")
    steps.ingest_file(filled, tmp_path / "more.jsonl", publish=True)
    with filled.store.write() as connection:  # marked, and killed before its file was written anew
        set_state(connection, ["chat-9"], SharingState.DELETED, utc_now())
    assert {it.id for it in filled.collection.scan()} == {"chat-0", "chat-1", "chat-2", "chat-3"}
    filled.collection.compact()
    filled.collection.remove(["chat-9", "chat-2"])
    assert {it.id for it in filled.collection.scan()} == {"chat-0", "chat-1", "chat-3"}
    assert not filled.collection.read(["chat-9", "chat-2"])


def test_somebody_forgotten_leaves_no_settings_flags_or_form(filled: Workspace) -> None:
    ada = steps.find_person(filled, "Ada@example.org")
    steps.set_person(filled, ada, name="Countess")
    filled.demographics.save(ada, {"gender": "woman"})
    with filled.store.write() as connection:
        save_findings(connection, [(ada, "haste", {"share": 0.5}, 9)], utc_now())
    steps.forget_person(filled, ada, by="giver")
    assert filled.demographics.everyone() == {}
    assert mentions(filled, "Countess") == []
    with filled.store.read() as connection:
        for table in (person, person_settings, metadata.tables["flag"]):
            query = sa.select(sa.func.count()).select_from(table).where(table.c.person_id == ada)
            assert connection.execute(query).scalar_one() == 0


def test_a_bonus_for_sharing_goes_with_the_conversation_and_stays_with_who_is_forgotten(
    tmp_path: Path,
) -> None:
    rates = "rates: {bonuses: {shared_chat_log: 4}}\n"
    with Workspace.create(tmp_path / "w", CONFIGURATION + rates) as workspace:
        steps.ingest_file(workspace, logs(tmp_path / "logs.jsonl"), publish=True)
        assert steps.settle_answers(workspace).credited == 12
        with workspace.store.read() as connection:
            shared = {it.conversation_id: it.shared_at for it in shared_logs(connection)}
        steps.change_sharing(workspace, ["chat-0"], SharingState.PRIVATE, by="giver")
        assert steps.settle_answers(workspace).taken_back == 4
        steps.change_sharing(workspace, ["chat-0"], SharingState.SHARED, by="giver")
        assert steps.settle_answers(workspace).credited == 4
        with workspace.store.read() as connection:
            assert {it.conversation_id: it.shared_at for it in shared_logs(connection)} == shared
        steps.delete_conversations(workspace, ["chat-1"], by="giver")
        assert steps.settle_answers(workspace).taken_back == 4
        ada = steps.find_person(workspace, "ada@example.org")
        steps.forget_person(workspace, ada, by="giver")
        assert steps.settle_answers(workspace).corrections == 0
        with workspace.store.read() as connection:
            assert wallet(connection, ada).balance == 8
