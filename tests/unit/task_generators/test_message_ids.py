"""Message ids stand once in a collection, whatever ids the turns of a log bring, and old stores go on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.shared_ids import shared_message_ids
from task_generators.chat_logs.readers.reading import Reading, with_unique_ids
from tests.sample_records import NOW
from workspaces.message_ids import is_within, within
from workspaces.records import IMPORTED, Conversation, Message, Role
from workspaces.store.seed_feedback import seed_feedback
from workspaces.store.tasks import all_tasks, save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    Row = dict[str, Any]

CONFIGURATION = """\
version: 1
platforms: {argilla: {}}
mix: {kinds: {qualitative: 1}, trivial: true}
"""


def sharelm(name: str, turns: int = 2, **about: Any) -> Row:
    """Return a chat whose turns bring the ids 0, 1 and so on."""
    said = [
        {
            "role": "assistant" if at % 2 else "user",
            "content": f"What chat {name} says in its turn number {at}, at some length.",
            "id": str(at),
            "parent_id": str(at - 1) if at else None,
        }
        for at in range(turns)
    ]
    return {"conversation_id": name, "conversation": said, "model_name": "m", "source": "tests", **about}


def oasst(tree: str) -> list[Row]:
    """Return a tree whose messages are called q and a."""
    return [
        {"message_tree_id": tree, "message_id": name, "parent_id": parent, "role": role, "text": f"{tree} says {name}."}
        for name, parent, role in (("q", None, "prompter"), ("a", "q", "assistant"))
    ]  # fmt: skip


def write(path: Path, rows: Sequence[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    assert done.exit_code == code, done.output
    return done.output


def as_before(workspace: Workspace, rows: Sequence[Row], *, publish: bool = True) -> None:
    """Store chats as versions did that kept the ids of a log."""
    logs = [
        Conversation(
            row["conversation_id"],
            tuple(
                Message(
                    it["id"], it["parent_id"], Role(it["role"]), it["content"],
                    "m" if it["role"] == "assistant" else None,
                )
                for it in row["conversation"]
            ),
            source="tests", model_name="m",
        )
        for row in rows
    ]  # fmt: skip
    for log in logs:
        workspace.collection.append([log], now=NOW, delay=timedelta(0))
    if publish:
        with workspace.exclusive():
            workspace.collection.share_due(NOW)


def open_tasks(workspace: Workspace) -> list[tuple[str, str]]:
    with workspace.store.read() as connection:
        return sorted(
            (task.conversation_ids[0], task.message_ids[0])
            for task in all_tasks(connection).values()
            if task.platform != IMPORTED
        )


def seeds(workspace: Workspace) -> list[str]:
    with workspace.store.read() as connection:
        return sorted(connection.execute(seed_feedback.select()).scalars())


@pytest.fixture
def lead(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "w", CONFIGURATION).close()
    return tmp_path / "w"


@pytest.mark.parametrize(
    "rows", [[sharelm("a"), sharelm("b")], [*oasst("a"), *oasst("b")]], ids=["sharelm", "oasst"]
)
def test_two_chats_with_the_same_ids_are_both_rated_and_asked_about(lead: Path, rows: list[Row]) -> None:
    logs = write(lead.parent / "logs.jsonl", rows)
    run(lead, "ingest", str(logs), "--publish")
    run(lead, "seed")
    run(lead, "generate")
    assert json.loads(run(lead, "ingest", str(logs), "--json"))["duplicates"] == 2
    run(lead, "seed")
    run(lead, "generate")
    with Workspace.open(lead) as workspace:
        tasks = open_tasks(workspace)
        assert len(seeds(workspace)) == len(tasks) == 2
        assert len({message for _, message in tasks}) == len({name for name, _ in tasks}) == 2
        assert shared_message_ids(workspace) is None


def test_an_old_chat_keeps_its_ids_and_grows(lead: Path) -> None:
    rated = {"message_ratings": [1]}
    with Workspace.open(lead) as workspace:
        as_before(workspace, [sharelm("a")])
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        before = open_tasks(workspace)
        logs = write(lead.parent / "logs.jsonl", [sharelm("a", conversation_metadata=rated), sharelm("b")])
        found = steps.ingest_file(workspace, logs, publish=True, processes=1)
        assert (found.added, found.duplicates, found.grown, found.feedback) == (1, 1, 0, 1)
        longer = write(lead.parent / "longer.jsonl", [sharelm("a", 4), sharelm("b", 4)])
        for times in range(2):
            found = steps.ingest_file(workspace, longer, publish=True, processes=1)
            assert (found.grown, found.added, found.namesakes) == ((2, 0, 0) if not times else (0, 0, 0))
        ids = {name: [it.id for it in log.messages] for name, log in workspace.collection.read("ab").items()}
        assert ids == {"a": ["0", "1", "a#2", "a#3"], "b": ["b#0", "b#1", "b#2", "b#3"]}
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        assert before == [("a", "1")]
        assert open_tasks(workspace) == [("a", "1"), ("a", "a#3"), ("b", "b#1"), ("b", "b#3")]
        with workspace.store.read() as connection:
            imported = [it for it in all_tasks(connection).values() if it.platform == IMPORTED]
        assert [it.message_ids for it in imported] == [("1",)]


def test_ids_that_old_chats_share_are_told_and_taken_apart(lead: Path) -> None:
    rows = [sharelm("a"), sharelm("b")]
    with Workspace.open(lead) as workspace:
        as_before(workspace, rows)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        ((asked, message_id),) = open_tasks(workspace)
        assert message_id == "1"
    assert "2 message ids stand in several conversations" in run(lead, "doctor", code=1)
    logs = write(lead.parent / "logs.jsonl", rows)
    assert "1 stored conversation shared message ids" in " ".join(run(lead, "ingest", str(logs)).split())
    other = "b" if asked == "a" else "a"
    with Workspace.open(lead) as workspace:
        assert shared_message_ids(workspace) is None
        again = steps.ingest_file(workspace, logs, publish=True, processes=1)
        assert (again.duplicates, again.grown, again.taken_apart) == (2, 0, 0)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        assert seeds(workspace) == sorted(["1", f"{other}#1"])
        assert open_tasks(workspace) == sorted([(asked, "1"), (other, f"{other}#1")])


def test_old_chats_that_were_both_asked_about_are_told_and_left(lead: Path) -> None:
    rows = [sharelm("a"), sharelm("b")]
    with Workspace.open(lead) as workspace:
        as_before(workspace, rows)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.write() as connection:
            (task,) = all_tasks(connection).values()
            other = "b" if task.conversation_ids == ("a",) else "a"
            save_tasks(connection, [replace(task, id="other", conversation_ids=(other,))])
        before = open_tasks(workspace)
    said = run(lead, "ingest", str(write(lead.parent / "logs.jsonl", rows)))
    assert "and tasks were made for each" in " ".join(said.split())
    with Workspace.open(lead) as workspace:
        assert open_tasks(workspace) == before
        assert shared_message_ids(workspace) is not None
        assert [it.id for it in workspace.collection.read("b")["b"].messages] == ["0", "1"]


IDS = st.text("ab#%2~.", min_size=1, max_size=4)


@given(
    st.lists(st.tuples(IDS, st.lists(IDS, min_size=1, max_size=3, unique=True)), unique_by=lambda it: it[0])
)
def test_no_two_messages_of_any_chats_have_one_id(chats: list[tuple[str, list[str]]]) -> None:
    made: dict[str, str] = {}
    for name, own_ids in chats:
        parents = [None, *own_ids]
        messages = tuple(
            Message(own, parent, Role.USER, own) for own, parent in zip(own_ids, parents, strict=False)
        )
        if len({within(name, own) for own in own_ids}) < len(own_ids):
            with pytest.raises(ValueError, match="two messages have the same id"):
                with_unique_ids(Reading(Conversation(name, messages, "tests")))
            continue
        read = with_unique_ids(Reading(Conversation(name, messages, "tests"))).conversation
        assert with_unique_ids(Reading(read)).conversation == read
        for place, message in enumerate(read.messages):
            assert is_within(name, message.id)
            assert made.setdefault(message.id, name) == name
            assert message.parent_id == (read.messages[place - 1].id if place else None)
    assert len(made) == sum(
        len(own_ids) for name, own_ids in chats if len({within(name, it) for it in own_ids}) == len(own_ids)
    )


CHATS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=5)
NUMBERS = count()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("ids") / "w", CONFIGURATION) as made:
        yield made


@settings(max_examples=8)
@given(CHATS, CHATS)
def test_files_with_repeated_ids_give_every_response_an_id_of_its_own(
    desk: Workspace, first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    example = next(NUMBERS)
    longest: dict[str, int] = {}
    for chats in (first, second):
        named = [(f"{example}{name}", turns) for name, turns in chats]
        logs = write(desk.path / "logs.jsonl", [sharelm(name, turns) for name, turns in named])
        steps.ingest_file(desk, logs, publish=True, processes=1)
        for name, turns in named:
            longest[name] = max(turns, longest.get(name, 0))
    stored = desk.collection.read(longest)
    assert {name: len(log.messages) for name, log in stored.items()} == longest
    assert shared_message_ids(desk) is None
    ids = [it.id for log in stored.values() for it in log.messages]
    assert len(set(ids)) == len(ids)
