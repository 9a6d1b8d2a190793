"""Chats with tools as tasks: what is a response to rate, and how people see what messages hold beside their text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from task_generators.candidates import candidates
from task_generators.content import content_of
from tests.sample_records import seeds_of
from tests.sample_records import task as sample_task
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall

TOOL_CHAT = Conversation(
    "t",
    (
        Message("t#0", None, Role.USER, "Time?", attachments=(Attachment("image", "wall.png", "image/png"),)),
        Message(
            "t#1", "t#0", Role.ASSISTANT, "", "m", "I look.", (ToolCall("clock", '{"city": "Lima"}', "c1"),)
        ),
        Message("t#2", "t#1", Role.TOOL, "08:15", tool_call_id="c1", tool_name="clock"),
        Message("t#3", "t#2", Role.ASSISTANT, "A quarter past eight.", "m", "Say it in words."),
    ),
    source="test logs",
)


@pytest.mark.parametrize("text", ["", "I look."])
def test_a_call_of_a_tool_is_no_response_to_rate_and_the_answer_after_it_is(text: str) -> None:
    first, calling, *rest = TOOL_CHAT.messages
    log = replace(TOOL_CHAT, messages=(first, replace(calling, content=text), *rest))
    seeds = {
        message.id: replace(seed, message_id=message.id)
        for message in log.messages
        for seed in seeds_of([log]).values()
    }
    found = list(candidates(["qualitative", "preference"], [log], seeds))
    assert [candidate.message_ids for candidate in found] == [("t#3",)]


def test_a_task_shows_calls_results_reasoning_and_attachments_as_turns_that_say_what_they_are() -> None:
    task = replace(sample_task("t1", {"part": 3}), message_ids=("t#3",), conversation_ids=("t",))
    content = content_of(task, {"t": TOOL_CHAT})
    assert [(turn.speaker, turn.text) for turn in content.chats["conversation"]] == [
        ("Person", "Time?"),
        ("Person, attaching", "image: wall.png (image/png)"),
        ("Model, thinking", "I look."),
        ("Model, calling", 'clock({"city": "Lima"})'),
        ("Tool", "clock: 08:15"),
    ]
    assert [(turn.speaker, turn.text) for turn in content.chats["response"]] == [
        ("Model, thinking", "Say it in words."),
        ("Model", "A quarter past eight."),
    ]


def test_answers_after_different_calls_are_not_compared() -> None:
    def called(name: str, city: str, answer: str) -> Conversation:
        first, calling, *rest = TOOL_CHAT.messages
        messages = (
            first,
            replace(calling, tool_calls=(ToolCall("clock", city),)),
            rest[0],
            replace(rest[1], content=answer),
        )
        parents = dict(
            zip([each.id for each in messages], [f"{name}{each.id}" for each in messages], strict=True)
        )
        return Conversation(
            name,
            tuple(
                replace(each, id=parents[each.id], parent_id=parents.get(each.parent_id or ""))
                for each in messages
            ),
            source="test logs",
        )

    alike = [called("a", '"Lima"', "Eight."), called("b", '"Lima"', "Nine.")]
    different = [called("a", '"Lima"', "Eight."), called("b", '"Oslo"', "Nine.")]
    assert len(list(candidates(["preference"], alike, seeds_of(alike)))) == 1
    assert list(candidates(["preference"], different, seeds_of(different))) == []
