"""Exports of chats with tools: prompts carry calls and results as trainers read them, or rows are omitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from datasets import Json, List, Value, load_dataset

import exports
from exports import Evidence, projection_of
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from pydantic import JsonValue

TOOL: JsonValue = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "default": ""}},
}
PLAIN = List({"role": Value("string"), "content": Value("string")})


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


def tool_chat(
    name: str, *calls: ToolCall, metadata: bool = False, caller: str = "", reply: tuple[ToolCall, ...] = ()
) -> Conversation:
    """Return a chat in which a tool answers before two answers of the model."""
    messages = (
        Message(
            f"{name}u", None, Role.USER, f"Time, {name}?", attachments=(Attachment("image", "wall.png"),)
        ),
        Message(f"{name}t", f"{name}u", Role.ASSISTANT, caller, reasoning="Look.", tool_calls=calls),
        Message(
            f"{name}o",
            f"{name}t",
            Role.TOOL,
            "08:15",
            tool_call_id=calls[0].id if calls else None,
            tool_name="clock",
        ),
        Message(f"{name}r0", f"{name}o", Role.ASSISTANT, "A quarter past eight.", tool_calls=reply),
        Message(f"{name}r1", f"{name}o", Role.ASSISTANT, "Eight."),
    )
    tools: dict[str, JsonValue] = {"tools": [TOOL]} if metadata else {}
    return Conversation(name, messages, source="test logs", licence="mit", conversation_metadata=tools)


def world_of(*conversations: Conversation) -> World:
    world = World(list(conversations))
    for conversation in conversations:
        world.votes(world.task(f"{conversation.id}r0", f"{conversation.id}r1"), "aab")
    return world


def exported(folder: Path, world: World, name: str = "dpo") -> tuple[Dataset, dict[str, int]]:
    result = exports.export(
        folder,
        projection_of(name),
        Evidence(world.tasks, world.annotations, world.contexts, Weights()),
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
    )
    return load_dataset(str(folder), "trl", split="train"), dict(result.dropped)


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_prompts_carry_calls_results_and_tools_as_trl_and_openai_write_them(
    tmp_path: Path, name: str
) -> None:
    world = world_of(
        tool_chat("one", ToolCall("clock", '{"city": "Lima"}', "c1"), metadata=True),
        tool_chat("two", ToolCall("clock", '{"zone": [1, {"x": null}]}'), ToolCall("clock", "{broken")),
    )
    if name == "kto":
        for task in (world.task("oner0"), world.task("twor0")):
            world.answer(task, "p9", instruction="yes", helpful="yes", factual="yes", toxic="no")
    plain = world.chat("plain", "yes", "no")
    world.votes(world.task(*plain), "aa")
    rows, _ = exported(tmp_path / "out", world, name)
    prompts = {row["prompt"][0]["content"]: row for row in rows}
    assert prompts.keys() >= {"Time, one?\n[image: wall.png]", "Time, two?\n[image: wall.png]", "plain"}
    one, two = (prompts[f"Time, {each}?\n[image: wall.png]"] for each in ("one", "two"))
    assert one["tools"] == [TOOL]
    assert two["tools"] is None
    _, calling, result = one["prompt"]
    assert calling == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": {"city": "Lima"}}}
        ],
    }, "a template that asks whether there are calls finds no null ones"
    assert result == {"role": "tool", "content": "08:15", "tool_call_id": "c1", "name": "clock"}
    assert [call["function"]["arguments"] for call in two["prompt"][1]["tool_calls"]] == [
        {"zone": [1, {"x": None}]},
        "{broken",
    ]
    assert rows.features["tools"] == Json()
    assert rows.features["chosen" if name == "dpo" else "completion"] == PLAIN
    (file,) = (tmp_path / "out" / "data" / "trl").glob("train-*.parquet")
    written = pq.read_table(file).to_pylist()
    assert {
        call["function"]["arguments"]["city"]
        for row in written
        for message in map(json.loads, row["prompt"])
        for call in message.get("tool_calls", ())
        if "city" in call["function"]["arguments"]
    } == {"Lima"}


def test_exports_without_tools_have_no_column_for_them(tmp_path: Path) -> None:
    world = World()
    world.votes(world.task(*world.chat("plain", "yes", "no")), "aa")
    rows, _ = exported(tmp_path / "out", world)
    assert rows.features == {"prompt": PLAIN, "chosen": PLAIN, "rejected": PLAIN}


def test_what_no_row_can_hold_is_omitted_with_the_reason(tmp_path: Path) -> None:
    lost = tool_chat("lost")
    calling = tool_chat("calling", ToolCall("clock"), reply=(ToolCall("clock"),))
    told = tool_chat("told", caller='clock({"city": "Lima"})')
    world = world_of(lost, calling, told)
    rows, dropped = exported(tmp_path / "out", world)
    assert len(rows) == 1
    assert dropped["answer on a response after a tool's result without its call"] == 3
    assert dropped["answer on a response that calls tools"] == 3


def test_answers_after_different_calls_are_no_answers_to_one_prompt(tmp_path: Path) -> None:
    world = World([tool_chat("a", ToolCall("clock", '{"city": "Lima"}'))])
    other = tool_chat("a", ToolCall("clock", '{"city": "Oslo"}'))
    renamed = Conversation(
        "b",
        tuple(
            Message(
                f"b{each.id}", each.parent_id and f"b{each.parent_id}", each.role, each.content,
                tool_calls=each.tool_calls, attachments=each.attachments,
            )
            for each in other.messages
        ),
        source="test logs",
        licence="mit",
    )  # fmt: skip
    world.conversations.append(renamed)
    world.votes(world.task("ar0", "bar1"), "aa")
    world.votes(world.task("ar0", "ar1"), "aa")
    _, dropped = exported(tmp_path / "out", world)
    assert dropped["answer comparing responses to different prompts"] == 2
