"""Redaction of what messages hold beside their text: nothing personal stays, and arguments stay JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.batches import Batch, batch_of, readings_in
from task_generators.chat_logs.curation import redact
from task_generators.chat_logs.readers import Reading
from tests.examples import examples
from workspaces.privacy.redaction import Redactor
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall

if TYPE_CHECKING:
    from pydantic import JsonValue

REDACTOR = Redactor(deny_names=["Zora Quill"], default_region="FR")


def redacted(*messages: Message) -> tuple[Message, ...]:
    conversation = Conversation("c", messages, source="test logs")
    batch = redact(Batch(batch_of([1], [Reading(conversation)])), REDACTOR)
    (reading,) = readings_in(batch.rows)
    return reading.conversation.messages


def call(arguments: str) -> Message:
    return Message("c#0", None, Role.ASSISTANT, "", tool_calls=(ToolCall("send", arguments, "call_1"),))


def arguments_of(arguments: str) -> str:
    (message,) = redacted(call(arguments))
    return message.tool_calls[0].arguments


def test_one_value_has_one_placeholder_in_texts_calls_reasoning_and_names() -> None:
    asked, called, told = redacted(
        Message(
            "c#0",
            None,
            Role.USER,
            "Mail jo@example.org",
            attachments=(Attachment("file", "cv of jo@example.org"),),
        ),
        Message(
            "c#1",
            "c#0",
            Role.ASSISTANT,
            "",
            reasoning="They want jo@example.org, or al@example.org.",
            tool_calls=(ToolCall("send", '{"to": ["al@example.org", "jo@example.org"], "n": 1}', "c1"),),
        ),
        Message("c#2", "c#1", Role.TOOL, "sent to al@example.org", tool_call_id="c1", tool_name="send"),
    )
    assert asked.content == "Mail [EMAIL_1]"
    assert asked.attachments[0].name == "cv of [EMAIL_1]"
    assert called.reasoning == "They want [EMAIL_1], or [EMAIL_2]."
    assert called.tool_calls == (ToolCall("send", '{"to": ["[EMAIL_2]", "[EMAIL_1]"], "n": 1}', "c1"),)
    assert (told.content, told.tool_call_id, told.tool_name) == ("sent to [EMAIL_2]", "c1", "send")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"text": "Hello\\njo@example.org"}', {"text": "Hello\n[EMAIL_1]"}),
        ('{"text": "\\u0438 jo\\u0040example.org"}', {"text": "и [EMAIL_1]"}),
        ('{"jo@example.org": {"card": 4111111111111111}}', {"[EMAIL_1]": {"card": "[CARD_1]"}}),
        ('{"password": "hunter2-and-more"}', {"password": "[SECRET_1]"}),
        (
            '{"who": "Zora Quill", "nested": [{"of": "zora quill"}]}',
            {"who": "[NAME_1]", "nested": [{"of": "[NAME_1]"}]},
        ),
        ('"jo@example.org"', "[EMAIL_1]"),
    ],
)
def test_arguments_are_redacted_as_what_they_stand_for_and_stay_json(
    arguments: str, expected: JsonValue
) -> None:
    assert json.loads(arguments_of(arguments)) == expected


@pytest.mark.parametrize(
    "arguments", ['{"to": "jo@example.org"', "jo@example.org", '{"to": "jo@example.org", "to": "x"}']
)
def test_arguments_that_are_no_json_are_redacted_as_text(arguments: str) -> None:
    assert arguments_of(arguments) == arguments.replace("jo@example.org", "[EMAIL_1]")


@pytest.mark.parametrize(
    "arguments",
    ['{"city":"Oslo",  "days": 3, "x": [true, null, 1.50]}', '{"z": 1, "a": "\\u00e9"}', "{}", "no json"],
)
def test_arguments_without_anything_personal_stay_as_they_were_written(arguments: str) -> None:
    mail = Message("c#0", None, Role.USER, "jo@example.org")
    calling = Message("c#1", "c#0", Role.ASSISTANT, "", tool_calls=(ToolCall("f", arguments),))
    assert redacted(mail, calling)[1] == calling


PERSONAL = st.sampled_from(["jo@example.org", "Zora Quill", "4111 1111 1111 1111", "+49 30 1234567"])
VALUES = st.recursive(
    PERSONAL | st.text(max_size=6) | st.integers() | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(PERSONAL | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES, st.booleans())
@examples(80)
def test_whatever_the_arguments_are_they_stay_json_and_redacting_twice_changes_nothing(
    value: JsonValue, ascii_only: bool
) -> None:
    once = arguments_of(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace").decode())
    shown = json.dumps(json.loads(once), ensure_ascii=False)
    for personal in ("jo@example.org", "Zora Quill", "4111 1111", "1234567"):
        assert personal not in shown
    assert json.loads(arguments_of(once)) == json.loads(once)
