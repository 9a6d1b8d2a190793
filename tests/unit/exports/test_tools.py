"""Exports of chats with tools: prompts carry calls and results as trainers read them, or rows are omitted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from datasets import Json, List, Value, load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import exports
from chatfeedback import steps
from exports import Evidence, all_projections, projection_of
from exports.columns import messages
from exports.context import clean
from exports.omissions import OmissionReason
from exports.weights import Weights
from task_generators.chat_logs.readers.columns import NOT_UNDERSTOOD
from tests.unit.exports.export_records import NOW, World
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from pydantic import JsonValue

TOOL: JsonValue = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "default": ""}},
}
NAMED_CLOCK: JsonValue = {"type": "function", "function": {"name": "clock"}}
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
        Message(f"{name}r2", f"{name}o", Role.ASSISTANT, "Late."),
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
    assert rows.features["chosen" if name == "dpo" else "completion"] == List(Json())
    files = sorted((tmp_path / "out" / "data" / "trl").glob("train-*.parquet"))
    written = [row for file in files for row in pq.read_table(file).to_pylist()]
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


def test_a_response_with_an_attachment_is_in_no_row_and_a_turn_before_names_its_own(tmp_path: Path) -> None:
    world = World()
    one, two = world.chat("Draw a cat.", "Here it is.", "I cannot draw.")
    chat = world.conversations[0]
    drawn = replace(chat.messages[1], attachments=(Attachment("image", "cat.png"),))
    later = (
        Message("c0u1", drawn.id, Role.USER, "And a dog."),
        Message("c0r2", "c0u1", Role.ASSISTANT, "A dog is harder."),
        Message("c0r3", "c0u1", Role.ASSISTANT, "No."),
    )
    world.conversations[0] = replace(chat, messages=(chat.messages[0], drawn, *chat.messages[2:], *later))
    world.votes(world.task(one, two), "aab")
    world.votes(world.task("c0r2", "c0r3"), "aa")
    rows, dropped = exported(tmp_path / "out", world)
    (row,) = rows
    assert row["prompt"][1]["content"] == "Here it is.\n[image: cat.png]"
    assert dropped == {"answer on a response with an attachment, which no export can hold": 3}


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        *(("", {}), (" \n", {}), ("null", {}), ("{}", {})),
        *((str(2**64), str(2**64)), (f'{{"n": {2**64 - 1}}}', {"n": 2**64 - 1})),
        (f'{{"card": {10**30}}}', f'{{"card": {10**30}}}'),
        (f'{{"least": [{-(2**63)}]}}', {"least": [-(2**63)]}),
        (f'{{"less": {-(2**63) - 1}}}', f'{{"less": {-(2**63) - 1}}}'),
    ],
)
def test_every_call_and_definition_can_be_read_by_datasets(
    tmp_path: Path, arguments: str, read: JsonValue
) -> None:
    chat = tool_chat("any", ToolCall("clock", arguments))
    bounded: JsonValue = {
        "name": "clock",
        "parameters": {"maximum": 10**30, "minimum": -(10**400), "default": 5},
    }
    tools: dict[str, JsonValue] = {"tools": [{"type": "function", "function": bounded}]}
    (row,) = exported(tmp_path / "out", world_of(replace(chat, conversation_metadata=tools)))[0]
    (call,) = row["prompt"][1]["tool_calls"]
    assert call["function"]["arguments"] == read
    assert row["tools"][0]["function"]["parameters"] == {"maximum": 1e30, "minimum": -1e300, "default": 5}


def test_a_tool_that_returns_nothing_is_no_empty_prompt_and_a_user_who_says_nothing_is(
    tmp_path: Path,
) -> None:
    chat = tool_chat("any", ToolCall("clock"))
    silent = tuple(replace(it, content="") if it.role is Role.TOOL else it for it in chat.messages)
    world = world_of(replace(chat, messages=silent))
    world.votes(world.task(*world.chat(" ", "yes", "no")), "aa")
    rows, dropped = exported(tmp_path / "out", world)
    assert [row["prompt"][-1]["content"] for row in rows] == [""]
    assert dropped == {"answer on a response to an empty user turn": 2}


@pytest.mark.parametrize("name", ["dpo", "reward"])
def test_a_trainer_may_put_prompt_and_response_together_whatever_the_types_of_arguments(
    tmp_path: Path, name: str
) -> None:
    """TRL's RewardTrainer does so before it tokenizes."""
    calls = [ToolCall("clock", text) for text in ('{"id": 5}', '{"id": "five"}', "[5]", "{broken")]
    world = world_of(*(tool_chat(f"c{number}", call) for number, call in enumerate(calls)))
    rows, _ = exported(tmp_path / "out", world, name)

    def together(row: dict[str, Any]) -> dict[str, Any]:
        row["chosen"] = row["prompt"] + row["chosen"]
        return {"length": len(row["chosen"])}

    assert rows.map(together)["length"][:] == [4, 4, 4, 4]


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


READABLE: JsonValue = {
    "type": "function",
    "function": {
        "name": "clock",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_rankings_keep_calls_of_tools_and_helpsteer_3_leaves_such_prompts_out(tmp_path: Path) -> None:
    chats = [
        tool_chat("one", ToolCall("clock", '{"city": "Lima"}', "c1")),
        tool_chat("two", ToolCall("clock", '{"zone": [1, {"x": null}]}'), metadata=True),
    ]
    world = World(list(chats))
    for chat in chats:
        world.answer(world.task(*(f"{chat.id}r{number}" for number in range(3))), "p0", ranking="b > a = c")
        world.check(world.task(f"{chat.id}r0", kind="rubric_of_exports"), "p0", "met", "na", "met")
        shown = (f"{chat.id}r0", f"{chat.id}r1")
        world.answer(world.task(*shown, kind="preference_strength"), "p1", strength="2")
    world.answer(
        world.task(*world.chat("plain", "yes", "no"), kind="preference_strength"), "p1", strength="2"
    )
    evidence = Evidence(world.tasks, world.annotations, world.contexts, Weights())
    rows = {}
    for name in ("ranking", "rubric", "helpsteer3"):
        exports.export(
            tmp_path / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.0
        )
        table = projection_of(name).training_table.name
        rows[name] = [json.dumps(row) for row in load_dataset(str(tmp_path / name), table, split="train")]
    for chat, name in product(chats, ("ranking", "rubric")):
        (row,) = (row for row in rows[name] if f"Time, {chat.id}?" in row)
        (call,) = chat.messages[1].tool_calls
        assert call.arguments.replace(" ", "") in row.replace("\\", "").replace(" ", "")
        assert '"tool_calls":null' not in row.replace(" ", "")
    (row,) = rows["helpsteer3"]
    assert "plain" in row
    omitted = load_dataset(str(tmp_path / "helpsteer3"), "omissions", split="omitted").to_list()
    assert Counter(each["reason"] for each in omitted) == {
        OmissionReason.NO_PLACE: 4,
        OmissionReason.COMPARES_NOTHING: 2,
    }


@pytest.mark.parametrize("name", ["edit", "safety", "tpo"])
def test_edits_references_and_judged_harm_keep_calls_of_tools(tmp_path: Path, name: str) -> None:
    chat = tool_chat("one", ToolCall("clock", '{"city": "Lima"}', "c1"))
    world = World([chat])
    world.votes(world.task("oner0", "oner1"), "aa")
    world.harm("oner0", "p1", "none", "none")
    world.rewrite("oner1", "p2", "It is noon in Lima, and so in Quito.")
    evidence = Evidence(world.tasks, world.annotations, world.contexts, Weights())
    exports.export(
        tmp_path / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.0
    )
    table = projection_of(name).training_table.name
    (row,) = load_dataset(str(tmp_path / name), table, split="train").to_list()
    (call,) = (row.get("context") or row["prompt"])[1]["tool_calls"]
    assert call["function"]["arguments"] == {"city": "Lima"}
    assert '"tool_calls": null' not in json.dumps(row)


BESIDE = (
    "benchmark",
    "edit",
    "helpsteer3",
    "moderation",
    "ranking",
    "rubric",
    "safety",
    "sharelm",
    "tpo",
    "ultrafeedback",
)
"""The exports that other tests here ask about tools."""


@pytest.mark.parametrize(
    ("given", "kept", "understood"),
    [
        ([TOOL], [TOOL], True),
        (
            ["clock", "web.search"],
            [NAMED_CLOCK, {"type": "function", "function": {"name": "web.search"}}],
            True,
        ),
        ([TOOL, "clock"], [TOOL, NAMED_CLOCK], True),
        ('["clock"]', [NAMED_CLOCK], True),
        ({"name": "clock"}, [{"name": "clock"}], True),
        ("a clock, and a search", None, False),
        ([1, TOOL], [TOOL], False),
        ([["clock"]], None, False),
        (7, None, False),
    ],
)
def test_tools_of_a_log_are_in_the_row_or_counted_by_ingest(
    tmp_path: Path, given: object, kept: JsonValue, understood: bool
) -> None:
    """Names of tools are functions of that name; what is neither a definition nor a name is not understood."""
    row = {
        "prompt": [{"role": "user", "content": "Time?"}],
        "completion": [{"role": "assistant", "content": "A quarter past eight."}],
        "label": True,
        "tools": given,
    }
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(row), encoding="utf-8")
    with Workspace.create(tmp_path / "w", "version: 1\nplatforms: {argilla: {}}\n") as workspace:
        ingested = steps.ingest_file(workspace, log, publish=True)
        steps.export(workspace, "kto", tmp_path / "kto")
    (file,) = (tmp_path / "kto" / "data" / "trl").iterdir()
    (trained,) = pq.read_table(file).to_pylist()
    assert json.loads(trained.get("tools", "null")) == kept
    assert ("tools" in ingested.losses.of_kind(NOT_UNDERSTOOD)) != understood


@pytest.mark.parametrize("name", [name for name in all_projections() if name not in BESIDE])
def test_nothing_is_trained_on_with_calls_missing(tmp_path: Path, name: str) -> None:
    calls = {
        "one": ToolCall("clock", '{"city": "Lima"}', "c1"),
        "two": ToolCall("clock", '{"zone": [1, {"x": null}]}'),
        "odd": ToolCall("clock", "{broken"),
        "said": ToolCall("clock", '{"city": "Oslo"}', "c2"),
        "named": ToolCall("clock", '{"city": "Rome"}', "c3"),
        "strange": ToolCall("clock", '{"city": "Bonn"}', "c4"),
    }
    named: dict[str, JsonValue] = {"named": [READABLE], "strange": [{"clock": 1.5}]}
    chats = [
        replace(
            tool_chat(chat, call, caller="I look." if chat == "said" else ""),
            conversation_metadata={
                "tools": named.get(chat, []),
            },
        )
        for chat, call in calls.items()
    ]
    world = world_of(*chats)
    for chat in calls:
        world.answer(
            world.task(f"{chat}r0"), "p9", instruction="yes", helpful="yes", factual="yes", toxic="no"
        )
    plain = world.chat("plain", "yes", "no")
    world.votes(world.task(*plain), "aa")
    projection = projection_of(name)
    result = exports.export(
        tmp_path / "out",
        projection,
        Evidence(world.tasks, world.annotations, world.contexts, Weights()),
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
    )
    rows = [
        json.dumps(row)
        for row in load_dataset(str(tmp_path / "out"), projection.training_table.name, split="train")
    ]
    votes = load_dataset(str(tmp_path / "out"), "votes", split="train")
    omitted = (
        load_dataset(str(tmp_path / "out"), "omissions", split="omitted").to_list() if result.dropped else []
    )
    used = {(vote["task_id"], vote["person_id"]) for vote in votes}
    left_out = {
        (each.task_id, each.person_id)
        for each in world.annotations
        if each.id in {omission["annotation_id"] for omission in omitted}
    }
    assert not used & left_out
    assert used | left_out == {(each.task_id, each.person_id) for each in world.annotations}
    assert sum(result.dropped.values()) == len(omitted)
    assert any("plain" in row for row in rows)
    no_place = {each["task_id"] for each in omitted if each["reason"] == OmissionReason.NO_PLACE}
    for number, (chat, call) in enumerate(calls.items()):
        here = [row for row in rows if f"Time, {chat}?" in row]
        assert bool(here) != (f"t{number}" in no_place), "in rows, or left out with the reason"
        for row in here:
            assert "tool_calls" in row or "function_call" in row
            text = row.replace("\\", "").replace(" ", "")
            assert call.arguments.replace(" ", "") in text, "the call is whole"
            assert '"tool_calls":null' not in text
            assert chat != "said" or "I look." in row
            assert chat != "named" or '"properties":{"city"' in text, "and so are the tools"
            assert chat != "strange" or '{"clock":1.5}' in text
    assert {chat for number, chat in enumerate(calls) if f"t{number}" in no_place} == {
        "axolotl": set(calls),
        "flat": set(calls),
        "verl": set(calls),
        "openrlhf": {"named", "strange"},
        "nemo-rl": {"named", "strange"},
        "llama-factory": {"said", "strange"},
        "llama-factory-kto": {"said", "strange"},
        "llama-factory-v1": set(calls),
        "axolotl-kto": set(calls),
    }.get(name, set())


@settings(max_examples=60, deadline=None)
@given(
    arguments=st.one_of(
        st.text(st.characters(exclude_categories=())),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(st.characters(exclude_categories=())),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(json.dumps),
        st.sampled_from(["[" * 100_000 + "]" * 100_000, "1e999", "NaN", '"\\ud800"', "[" * 960 + "]" * 960]),
    )
)
def test_arguments_of_any_form_are_json_that_can_be_written(arguments: str) -> None:
    context = world_of(tool_chat("any", ToolCall("clock", arguments))).contexts["anyr0"]
    (message,) = (it for it in messages(context.prompt) if isinstance(it, dict) and "tool_calls" in it)
    text = json.dumps(message, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == message
    (read,) = [call["function"]["arguments"] for call in json.loads(text)["tool_calls"]]
    try:
        given_ = json.loads(arguments, parse_constant=lambda _: 1 / 0)
    except (ValueError, RecursionError, ZeroDivisionError):
        assert read == (clean(arguments) if arguments.strip() else {}), "what is no JSON is kept as text"
    else:
        value = clean(json.dumps(given_, ensure_ascii=False))
        none = given_ is None or (isinstance(given_, str) and not given_.strip())
        assert read in ({} if none else json.loads(value), clean(arguments), value)
