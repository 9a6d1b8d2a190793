"""Bare lists of messages, as people copy them from a chat API: one list is one conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import steps
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

FIRST = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is two plus two?"},
    {"role": "assistant", "content": "Four."},
]
SECOND = [{"role": "user", "content": "And three plus three?"}, {"role": "assistant", "content": "Six."}]


def texts(workspace: Workspace) -> list[list[str]]:
    return sorted(
        [it.content for it in conversation.messages] for conversation in workspace.collection.scan()
    )


def ingested(workspace: Workspace, path: Path, text: str) -> Any:
    path.write_text(text, "utf-8")
    return steps.ingest_file(workspace, path, publish=True)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_messages_is_one_conversation(
    workspace: Workspace, tmp_path: Path, indent: int | None
) -> None:
    found = ingested(workspace, tmp_path / "chat.json", json.dumps(FIRST, indent=indent))
    assert (found.format, found.read, found.added, found.rejected) == ("openai", 1, 1, 0)
    assert texts(workspace) == [["Be brief.", "What is two plus two?", "Four."]]


@pytest.mark.parametrize("name", ["chats.json", "chats.jsonl"])
def test_a_list_of_lists_is_a_conversation_for_each(workspace: Workspace, tmp_path: Path, name: str) -> None:
    lines = [json.dumps(each) for each in (FIRST, SECOND)]
    text = "\n".join(lines) + "\n" if name.endswith("l") else f"[{', '.join(lines)}]"
    found = ingested(workspace, tmp_path / name, text)
    assert (found.read, found.added, found.rejected) == (2, 2, 0)
    assert len(texts(workspace)) == 2


def test_calls_of_tools_stay_in_their_conversation(workspace: Workspace, tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What time is it now in Lima?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
        {"role": "assistant", "content": "It is noon in Lima."},
    ]
    assert ingested(workspace, tmp_path / "chat.json", json.dumps(messages)).added == 1
    (conversation,) = workspace.collection.scan()
    assert len(conversation.messages) == 4


def test_what_is_no_message_makes_rows_of_all_and_each_is_accounted_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = [*SECOND, {"messages": FIRST}, "odd"]
    found = ingested(workspace, tmp_path / "mixed.json", json.dumps(rows))
    assert (found.read, found.added, found.rejected) == (4, 1, 3)


def test_a_list_that_ends_in_the_middle_keeps_what_was_said(workspace: Workspace, tmp_path: Path) -> None:
    found = ingested(workspace, tmp_path / "cut.json", json.dumps(FIRST)[:-20])
    assert found.damage is not None
    assert "is not JSON" in found.damage
    assert texts(workspace) == [["Be brief.", "What is two plus two?"]]


def test_lines_of_lists_are_read_however_long_the_first_one_is(workspace: Workspace, tmp_path: Path) -> None:
    long = [FIRST[1], {"role": "assistant", "content": "Four. " * 40_000}]
    lines = [json.dumps(each) for each in (long, FIRST, SECOND)]
    found = ingested(workspace, tmp_path / "chats.jsonl", "\n".join(lines) + "\n")
    assert (found.read, found.added, found.rejected) == (3, 3, 0)


def named(role: str, said: str, name: str, parent: str | None) -> dict[str, str | None]:
    return {"role": role, "content": said, "id": name, "parent_id": parent}


QUESTION = named("user", "What is two plus two?", "q", None)
ANSWERS = [named("assistant", said, said, "q") for said in ("Four.", "Five.")]
RESULTS = [named("tool", f"The clock says {number}.", f"r{number}", "q") for number in range(2)]
THANKS = named("user", "Thank you, that is right.", "t", "Four.")


def test_messages_of_which_two_answer_one_are_a_tree_and_others_are_a_chain(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = [
        {"id": "tree", "messages": [THANKS, *ANSWERS, QUESTION]},
        {"id": "chain", "messages": [QUESTION, ANSWERS[0], THANKS]},
        {"id": "lost", "messages": [QUESTION, ANSWERS[0], {**THANKS, "parent_id": "elsewhere"}, ANSWERS[1]]},
        {"id": "tools", "messages": [QUESTION, *RESULTS, {**ANSWERS[0], "parent_id": "r1"}]},
    ]
    log = "".join(json.dumps(row) + "\n" for row in rows)
    found = ingested(workspace, tmp_path / "log.jsonl", log)
    assert (found.added, found.rejected) == (4, 0)
    unread = {path: lost.count for path, lost in found.losses.of_kind("unread").items()}
    assert unread == {"messages[].id": 3, "messages[].parent_id": 3}, "of those whose order says it"
    chain, lost, tools, tree = sorted(workspace.collection.scan(), key=lambda it: it.id)
    assert [it.content for it in chain.messages] == [
        "What is two plus two?",
        "Four.",
        "Thank you, that is right.",
    ]
    for each in (lost, tools):
        assert [it.parent_id for it in each.messages[1:]] == [it.id for it in each.messages[:-1]]
    assert {it.content: it.parent_id and it.parent_id.rpartition("#")[2] for it in tree.messages} == {
        "What is two plus two?": None, "Four.": "q", "Five.": "q", "Thank you, that is right.": "Four.",
    }  # fmt: skip


def test_the_trees_of_our_own_exports_are_read_as_trees(workspace: Workspace, tmp_path: Path) -> None:
    ingested(
        workspace, tmp_path / "log.jsonl", json.dumps({"id": "c", "messages": [QUESTION, *ANSWERS, THANKS]})
    )
    steps.export(workspace, "sharelm", tmp_path / "out", json_lines=True)
    (file,) = (tmp_path / "out" / "data" / "tree").glob("*.jsonl")
    with Workspace.create(tmp_path / "other", "version: 1\nplatforms: {argilla: {}}\n") as other:
        assert ingested(other, tmp_path / "trees.jsonl", file.read_text("utf-8")).added == 1
        (read,), (given,) = other.collection.scan(), workspace.collection.scan()
        contents = [{it.id: it.content for it in each.messages} | {None: None} for each in (given, read)]
        edges = [
            sorted((it.content, str(names[it.parent_id])) for it in each.messages)
            for each, names in zip((given, read), contents, strict=True)
        ]
        assert edges[0] == edges[1]
