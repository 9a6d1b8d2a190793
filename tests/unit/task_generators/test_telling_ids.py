"""Ids of a log that hold the id of a person or an e-mail address: keyed ids stand for them, nothing else changes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from task_generators.chat_logs.readers import Feedback, Reading
from task_generators.chat_logs.telling_ids import telling_ids
from tests.sample_records import NOW
from workspaces.privacy.pseudonyms import KEYED
from workspaces.records import Conversation, Message, Role
from workspaces.store.annotations import latest_revisions
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Row = dict[str, Any]

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\n"
GIVER = "ada.lovelace"


def chat(number: int, turns: int = 3, **changes: object) -> Row:
    """Return a chat whose ids, and whose messages' ids, hold the id of its giver; the second answer is another one."""
    name = f"{GIVER}-{number}"
    said = [
        {
            "role": "user" if at % 3 == 0 else "assistant",
            "content": f"What is said in chat {number * 7919} at place {at}, at some length and in other words.",
            "id": f"{at}-of-Ada.Lovelace",
            "parent_id": f"{at - 2 if at % 3 == 2 else at - 1}-of-Ada.Lovelace" if at else None,
        }
        for at in range(turns)
    ]
    return {
        "conversation_id": name, "conversation": said, "model_name": "m", "source": "tests", "user_id": GIVER,
        "licence": "cc-by-4.0", "conversation_metadata": {"message_ratings": [1, -1]}, **changes,
    }  # fmt: skip


def write(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w", CONFIGURATION) as made:
        yield made


def stored(workspace: Workspace) -> dict[str, Conversation]:
    return {found.id: found for found in workspace.collection.scan()}


def judged(workspace: Workspace) -> list[tuple[str, str, str]]:
    """Return the conversation, the message and the thumb of each judgment."""
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        said = latest_revisions(connection, list(tasks)).values()
    return sorted(
        (tasks[it.task_id].conversation_ids[0], tasks[it.task_id].message_ids[0], it.answers["thumb"])
        for it in said
    )


def reading(name: str, own: str, *, giver: str | None = None, rater: str | None = None) -> Reading:
    message = Message(f"{name}#{own}", None, Role.ASSISTANT, "said")
    rated = (Feedback.ratings(rater, message.id, {"thumb": "up"}, None),) if rater else ()
    return Reading(Conversation(name, (message,), source="s", giver_id=giver), rated)


@pytest.mark.parametrize(
    ("name", "person", "told"),
    [
        ("ada.lovelace-17", "ada.lovelace", True),
        ("chat_ADA_17", "ada", True),
        ("chat/ada.lovelace17", "Ada.Lovelace", True),
        ("ada_lovelace17", "ada.lovelace", True),
        ("chat-ada%40example.org-3", "ada@example.org", True),
        ("chat-ada%40example.org-3", None, True),
        ("chat-of-ada-example-org", "ada@example.org", True),
        ("lovelace-ada-17", "ada.lovelace", False),
        ("9f3e5a77c0d1", "9f3e5a77c0d1", True),
        ("chat-of-ada@example.org", None, True),
        ("chat-jose\u0301-3", "jos\u00e9", True),
        ("chat-\uff21\uff24\uff21-3", "ada", True),
        ("chat-ada%20b-3", "ada%20b", True),
        ("20481-3", "20481", True),
        ("madam-17", "ada", False),
        ("chat-17", "17", False),
        ("chat-1024", "1024", False),
        ("u1-c1", "u1", False),
        ("model@home-3", None, False),
        ("chat-17", "ada.lovelace", False),
    ],
)
def test_an_id_tells_if_it_holds_a_person_or_an_address(name: str, person: str | None, told: bool) -> None:
    assert telling_ids(reading(name, "0", giver=person)) == ([name] if told else None)
    assert telling_ids(reading("c", name, rater=person)) == ([name] if told else None)


WORDS = st.text("abcXYZ0189", min_size=1, max_size=4)


@given(
    st.lists(WORDS, min_size=1, max_size=4), st.sampled_from("-_./ :"), st.integers(0, 3), st.integers(1, 4)
)
def test_words_in_a_row_are_found_in_any_case(words: list[str], mark: str, start: int, size: int) -> None:
    person = mark.join(words[start : start + size])
    found = telling_ids(reading(mark.join(words).swapcase(), "0", giver=person or None))
    enough = len(person) >= (5 if person.isdigit() else 3)
    assert found is not None if enough else found is None or len(words) > 1


def test_no_byte_of_an_export_holds_the_id_of_a_giver_and_nothing_else_changes(
    workspace: Workspace, tmp_path: Path
) -> None:
    log = write(tmp_path / "log.jsonl", [chat(number) for number in range(4)])
    first = steps.ingest_file(workspace, log, publish=True)
    assert (first.added, first.feedback, first.keyed_ids, first.telling_ids) == (4, 8, 4, 0)
    chats, said = stored(workspace), judged(workspace)
    assert len(chats) == 4
    for name, found in chats.items():
        asked, better, worse = found.messages
        assert all(it.id.startswith(f"{name}#{KEYED}") for it in found.messages), (
            "each keeps to its conversation"
        )
        assert better.parent_id == worse.parent_id == asked.id
        assert [judgment[1:] for judgment in said if judgment[0] == name] == sorted(
            [(better.id, "up"), (worse.id, "down")]
        )
    again = steps.ingest_file(workspace, log)
    assert (again.added, again.grown, again.duplicates, again.feedback, again.keyed_ids) == (0, 0, 4, 0, 4)
    assert (stored(workspace), judged(workspace)) == (chats, said)
    for name in ("kto", "ultrafeedback", "sharelm"):
        steps.export(workspace, name, tmp_path / name, json_lines=True)
        for path in (tmp_path / name).rglob("*.*"):
            held = path.read_bytes()
            if path.suffix == ".parquet":
                held += str(pq.read_table(path).to_pylist()).encode()
            assert b"lovelace" not in held.lower(), path


def test_a_chat_grows_and_a_row_that_does_not_name_its_giver_is_of_the_same_chat(
    workspace: Workspace, tmp_path: Path
) -> None:
    steps.ingest_file(workspace, write(tmp_path / "1.jsonl", [chat(1)]), publish=True)
    (name,) = stored(workspace)
    longer = steps.ingest_file(workspace, write(tmp_path / "2.jsonl", [chat(1, 6)]), publish=True)
    assert (longer.grown, list(stored(workspace))) == (1, [name])
    nameless = chat(1, 9, user_id=None)
    further = steps.ingest_file(workspace, write(tmp_path / "3.jsonl", [nameless]), publish=True)
    assert (further.grown, further.namesakes, further.keyed_ids) == (1, 0, 0)
    (found,) = stored(workspace).values()
    assert (found.id, len(found.messages)) == (name, 9)
    assert not any("lovelace" in it.id.lower() for it in found.messages)


def test_what_is_stored_under_such_an_id_keeps_it_and_ingest_says_so(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", CONFIGURATION).close()
    row = chat(1)
    with Workspace.open(tmp_path / "w") as workspace:
        messages = tuple(
            Message(
                f"{row['conversation_id']}#{it['id']}",
                it["parent_id"] and f"{row['conversation_id']}#{it['parent_id']}",
                Role(it["role"]), it["content"], "m" if it["role"] == "assistant" else None,
            )
            for it in row["conversation"]
        )  # fmt: skip
        before = Conversation(row["conversation_id"], messages, source="tests", model_name="m")
        workspace.collection.append([before], now=NOW, delay=timedelta(0))
    log = write(tmp_path / "log.jsonl", [row, chat(2)])
    done = CliRunner().invoke(app, ["ingest", str(log), "--publish", "--workspace", str(tmp_path / "w")])
    assert done.exit_code == 0, done.output
    assert "1 added, 1 known already" in done.output
    assert "1 stored conversation keeps an id that holds the id of a person" in done.output
    assert (
        "1 conversation had an id, of its own or of a message, that holds the id of a person" in done.output
    )
    checked = CliRunner().invoke(
        app, ["ingest", str(log), "--check", "--json", "--workspace", str(tmp_path / "w")]
    )
    assert json.loads(checked.stdout)["telling_ids"] == 2
    with Workspace.open(tmp_path / "w") as workspace:
        chats = stored(workspace)
        assert chats[row["conversation_id"]].messages == messages
        assert [name for name in chats if name.startswith(KEYED)]
        of_stored = [it for it in judged(workspace) if it[0] == row["conversation_id"]]
        assert [it[1] for it in of_stored] == [messages[1].id, messages[2].id]


def test_a_giver_names_a_chat_as_the_log_does_and_a_deleted_one_stays_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace.create(folder, CONFIGURATION).close()
    log = write(tmp_path / "log.jsonl", [chat(1), chat(2)])

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
        assert done.exit_code == 0, done.output
        return done.output

    run("ingest", str(log), "--publish")
    assert KEYED in run("collection", "show", f"{GIVER}-1")
    run("consent", "keep-private", f"{GIVER}-2")
    assert "private" in run("consent", "history", f"{GIVER}-2")
    run("consent", "delete", f"{GIVER}-1")
    grown = write(tmp_path / "grown.jsonl", [chat(1, 6, user_id=None), chat(2)])
    assert "0 added, 1 known already, 0 rejected, 1 deleted before" in run("ingest", str(grown))
    run("consent", "delete", "--file", str(write_ids(tmp_path / "ids.txt", f"{GIVER}-2")), "--yes")
    with Workspace.open(folder) as workspace:
        assert stored(workspace) == {}


def write_ids(path: Path, *names: str) -> Path:
    path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return path


def test_two_chats_of_one_id_stay_two(workspace: Workspace, tmp_path: Path) -> None:
    rows = [chat(1), {**chat(2), "conversation_id": f"{GIVER}-1"}]
    log = write(tmp_path / "log.jsonl", rows)
    assert steps.ingest_file(workspace, log, publish=True).namesakes == 1
    chats = stored(workspace)
    assert len(chats) == 2
    assert all(name.startswith(KEYED) for name in chats)
    assert steps.ingest_file(workspace, log).added == 0
    assert stored(workspace) == chats


def test_votes_of_several_people_stay_with_the_one_conversation_whose_id_names_one_of_them(
    workspace: Workspace, tmp_path: Path
) -> None:
    def said(model: str) -> list[Row]:
        return [
            {"role": "user", "content": "Which animal has a tooth of two metres, and where does it live?"},
            {"role": "assistant", "content": f"{model} says that the narwhal has one, far in the north."},
        ]

    battles = [
        {
            "question_id": "asked-by-ada", "model_a": "x", "model_b": "y", "winner": "model_a", "judge": judge,
            "conversation_a": said("x"), "conversation_b": said("y"), "turn": 1, "tstamp": 1.7e9 + number,
        }
        for number, judge in enumerate(("bob", "ada", "carol"))
    ]  # fmt: skip
    for at, rows in enumerate((battles[:2], battles[2:], battles)):
        steps.ingest_file(workspace, write(tmp_path / f"{at}.jsonl", rows), publish=True)
    (name,) = stored(workspace)
    assert name.startswith(KEYED)
    with workspace.store.read() as connection:
        (task,) = all_tasks(connection).values()
        votes = latest_revisions(connection, [task.id]).values()
    assert task.conversation_ids == (name, name)
    assert len({vote.person_id for vote in votes}) == len(votes) == 3
