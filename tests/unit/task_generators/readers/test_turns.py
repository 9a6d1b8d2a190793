"""Turns in the writings of many tools: who speaks, what is text, and what stands beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from task_generators.chat_logs.readers import RowError, identify, named
from task_generators.chat_logs.readers.turns import ROLES, chain
from workspaces.records import Attachment, Message, Role, ToolCall

Row = dict[str, Any]
CALL = ToolCall("clock", '{"city": "Lima"}')
ANSWER = "A quarter past eight."


def read(*turns: Row) -> tuple[Message, ...]:
    return chain("c", turns, "m")


def asked(reply: Row) -> Message:
    return read({"role": "user", "content": "What time is it in Lima?"}, reply)[1]


def shape(messages: tuple[Message, ...]) -> list[tuple[Role, str]]:
    return [(message.role, message.content) for message in messages]


WRITINGS: dict[str, list[Row]] = {
    "openai": [
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "clock", "arguments": '{"city": "Lima"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "08:15"},
        {"role": "assistant", "content": ANSWER},
    ],
    "hugging face": [
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"type": "function", "function": {"name": "clock", "arguments": {"city": "Lima"}}}
            ],
        },
        {"role": "tool", "name": "clock", "content": "08:15"},
        {"role": "assistant", "content": ANSWER},
    ],
    "old openai": [
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "clock", "arguments": '{"city": "Lima"}'},
        },
        {"role": "function", "name": "clock", "content": "08:15"},
        {"role": "assistant", "content": ANSWER},
    ],
    "anthropic": [
        {"role": "user", "content": [{"type": "text", "text": "Time?"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "a", "name": "clock", "input": {"city": "Lima"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "08:15"}]}
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]},
    ],
    "anthropic, on the server": [
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "content": [
                {"type": "server_tool_use", "id": "a", "name": "clock", "input": {"city": "Lima"}},
                {"type": "web_search_tool_result", "tool_use_id": "a", "content": "08:15"},
                {"type": "text", "text": ANSWER},
            ],
        },
    ],
    "sharegpt": [
        {"from": "human", "value": "Time?"},
        {"from": "function_call", "value": '{"name": "clock", "arguments": {"city": "Lima"}}'},
        {"from": "observation", "value": "08:15"},
        {"from": "gpt", "value": ANSWER},
    ],
    "llama-factory, v1": [
        {"role": "user", "content": [{"type": "text", "value": "Time?"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_call", "name": "clock", "arguments": {"city": "Lima"}}],
        },
        {"role": "tool", "content": [{"type": "text", "value": "08:15"}]},
        {"role": "assistant", "content": [{"type": "text", "value": ANSWER}]},
    ],
    "gemini": [
        {"role": "user", "parts": [{"text": "Time?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "clock", "args": {"city": "Lima"}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "clock", "response": "08:15"}}]},
        {"role": "model", "parts": [{"text": ANSWER}]},
    ],
    "hermes": [
        {"from": "human", "value": "Time?"},
        {
            "from": "gpt",
            "value": '<tool_call>\n{"name": "clock", "arguments": {"city": "Lima"}}\n</tool_call>',
        },
        {"from": "tool", "value": "08:15"},
        {"from": "gpt", "value": ANSWER},
    ],
    "responses": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Time?"}]},
        {"type": "function_call", "call_id": "a", "name": "clock", "arguments": '{"city": "Lima"}'},
        {"type": "function_call_output", "call_id": "a", "output": "08:15"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]},
    ],
    "vercel": [
        {"role": "user", "parts": [{"type": "text", "text": "Time?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {
                    "type": "tool-clock",
                    "toolCallId": "a",
                    "state": "output-available",
                    "input": {"city": "Lima"},
                    "output": "08:15",
                },
                {"type": "text", "text": ANSWER},
            ],
        },
    ],
    "langchain": [
        {"type": "human", "data": {"content": "Time?"}},
        {
            "type": "ai",
            "data": {"content": "", "tool_calls": [{"name": "clock", "args": {"city": "Lima"}, "id": "a"}]},
        },
        {"type": "tool", "data": {"content": "08:15", "tool_call_id": "a"}},
        {"type": "ai", "data": {"content": ANSWER}},
    ],
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_a_call_its_result_and_the_answer_are_the_same_in_every_writing(writing: str) -> None:
    messages = read(*WRITINGS[writing])
    assert shape(messages) == [
        (Role.USER, "Time?"),
        (Role.ASSISTANT, ""),
        (Role.TOOL, "08:15"),
        (Role.ASSISTANT, ANSWER),
    ]
    (call,) = messages[1].tool_calls
    assert (call.name, json.loads(call.arguments)) == (CALL.name, json.loads(CALL.arguments))
    assert messages[2].tool_call_id == call.id
    assert [message.is_response for message in messages] == [False, False, False, True]
    assert [message.model_name for message in messages] == [None, "m", None, "m"]


@pytest.mark.parametrize(
    ("reply", "reasoning", "content"),
    [
        ({"content": "144", "reasoning_content": "12 * 12"}, "12 * 12", "144"),
        ({"content": "144", "reasoning": "12 * 12"}, "12 * 12", "144"),
        ({"content": "144", "thinking": "12 * 12"}, "12 * 12", "144"),
        (
            {"content": [{"type": "thinking", "thinking": "12 * 12", "signature": "s"}, "144"]},
            "12 * 12",
            "144",
        ),
        ({"parts": [{"text": "12 * 12", "thought": True}, {"text": "144"}]}, "12 * 12", "144"),
        ({"content": "<think>\n12 * 12\n</think>\n\n144"}, "12 * 12", "144"),
        ({"content": "<think>\n\n</think>\n\n144"}, None, "144"),
        ({"content": "<think>12 * 12"}, None, "<think>12 * 12"),
        ({"content": "144</think> and more"}, None, "144</think> and more"),
        ({"content": "Models write <think>x</think> first"}, None, "Models write <think>x</think> first"),
        ({"content": "<think>a <think>b</think> c"}, None, "<think>a <think>b</think> c"),
        ({"content": "<think>x</think>144", "reasoning": "y"}, "y", "<think>x</think>144"),
        ({"content": [{"type": "redacted_thinking", "data": "QUJD"}, "144"]}, None, "144"),
    ],
)
def test_reasoning_is_what_stands_before_the_answer(reply: Row, reasoning: str | None, content: str) -> None:
    message = asked({"role": "assistant", **reply})
    assert (message.reasoning, message.content) == (reasoning, content)


def test_marks_of_reasoning_in_what_a_person_writes_are_text() -> None:
    (message,) = read({"role": "user", "content": "<think>x</think> is what?"})
    assert (message.reasoning, message.content) == (None, "<think>x</think> is what?")


@pytest.mark.parametrize(
    ("part", "attachment"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://a.example/cat.png"}},
            Attachment("image", "https://a.example/cat.png"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            Attachment("image", None, "image/png"),
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
            Attachment("image", None, "image/jpeg"),
        ),
        (
            {
                "type": "document",
                "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBER"},
            },
            Attachment("document", "a.pdf", "application/pdf"),
        ),
        ({"inline_data": {"mime_type": "video/mp4", "data": "AAAA"}}, Attachment("video", None, "video/mp4")),
        (
            {"file_data": {"mime_type": "audio/ogg", "file_uri": "gs://b/c.ogg"}},
            Attachment("audio", "gs://b/c.ogg", "audio/ogg"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "UklGR", "format": "wav"}},
            Attachment("audio", None, "audio/wav"),
        ),
        ({"type": "file", "file": {"filename": "n.txt", "file_id": "file-1"}}, Attachment("file", "n.txt")),
        ({"type": "input_file", "file_id": "file-1"}, Attachment("file", "file-1")),
        (
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://f"},
            Attachment("image", "file-service://f"),
        ),
        ({"type": "image"}, Attachment("image")),
        ({"type": "image", "value": "images/1.jpg"}, Attachment("image", "images/1.jpg")),
    ],
)
def test_an_attachment_is_its_kind_its_name_and_its_type(part: Row, attachment: Attachment) -> None:
    (message,) = read({"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]})
    assert message.content == "What is it?"
    assert message.attachments == (attachment,)


def test_texts_inside_attachments_are_texts() -> None:
    (message,) = read(
        {
            "role": "user",
            "content": "Sum up.",
            "attachments": [{"file_name": "n.txt", "file_type": "txt", "extracted_content": "Rain fell."}],
            "files": ["b.pdf"],
        }
    )
    assert message.content == "Sum up.\nRain fell."
    assert message.attachments == (Attachment("file", "n.txt", "txt"), Attachment("file", "b.pdf"))


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"role": "user", "content": [{"type": "text"}]}, "a text part has no text: turn 0"),
        ({"role": "user", "content": [{}]}, "a text part has no text: turn 0"),
        (
            {"role": "user", "content": [{"type": "beam", "of": "light"}]},
            "a part is of an unknown kind: 'beam' in turn 0",
        ),
        ({"role": "user", "content": "one", "value": "two"}, "a turn has two texts: turn 0"),
        ({"role": "user", "content": 7}, "a turn has no text: turn 0"),
        ({"role": "user"}, "a turn has no text: turn 0"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]},
            "a tool call has no name: turn 0",
        ),
        ({"role": "robot", "content": "x"}, "a turn has an unknown role: 'robot' in turn 0"),
        ("text", "a turn has no text: turn 0"),
    ],
)
def test_a_turn_that_cannot_be_read_whole_is_rejected_with_the_reason(turn: Any, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        read(turn, {"role": "assistant", "content": "yes"})
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["[text]", "[image]"], "every turn is a placeholder"),
        (["[object Object]\n[image_url]", ""], "every turn is a placeholder"),
        ([[{"type": "image"}], [{"type": "image"}]], "every turn is empty"),
        ([None, None], "every turn is empty"),
    ],
)
def test_a_chat_without_a_text_in_it_is_rejected(texts: list[Any], reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        read({"role": "user", "content": texts[0]}, {"role": "assistant", "content": texts[1]})


def test_a_turn_of_null_is_an_empty_turn_and_a_text_in_brackets_is_a_text() -> None:
    messages = read(
        {"role": "user", "content": "[text]"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "Hello?"},
    )
    assert [message.content for message in messages] == ["[text]", "", "Hello?"]


@pytest.mark.parametrize("kept", ["fullest", "equal"])
def test_a_text_under_two_keys_is_read_once(kept: str) -> None:
    texts = {"content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}], "text": "One."}
    if kept == "equal":
        texts = {"content": "One.", "parts": [{"type": "text", "text": "One."}]}
    (message,) = read({"role": "user", **texts})
    assert message.content == ("One.\nTwo." if kept == "fullest" else "One.")


@pytest.mark.parametrize(
    "word", ["Human", "GPT", "AI", "chatbot", "ipython", "tool-response", "Developer", " user "]
)
def test_words_for_speakers_are_known_in_any_case(word: str) -> None:
    (message,) = read({"from": word, "value": "Good morning"})
    assert message.role is ROLES[word.strip().lower().replace("-", "_")]


def test_arguments_that_are_no_json_are_kept_as_they_were_written() -> None:
    message = asked(
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "f", "arguments": "{broken"}}],
        }
    )
    assert message.tool_calls == (ToolCall("f", "{broken"),)


def test_keys_that_a_table_fills_with_null_are_nothing() -> None:
    plain = {"role": "assistant", "content": "yes"}
    filled = {
        **plain,
        "tool_calls": None,
        "function_call": None,
        "name": None,
        "reasoning_content": None,
        "audio": None,
    }
    assert asked(filled) == asked(plain)


def test_columns_of_their_own_hold_the_system_prompt_and_the_tools() -> None:
    tool = {
        "type": "function",
        "function": {"name": "clock", "parameters": {"default": "", "strict": "True"}},
    }
    row = {
        "system": "Answer in rhymes.",
        "tools": json.dumps([tool]),
        "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Good day."}],
    }
    conversation = identify(named("sharegpt").read(row)).conversation
    assert shape(conversation.messages) == [
        (Role.SYSTEM, "Answer in rhymes."),
        (Role.USER, "Hi"),
        (Role.ASSISTANT, "Good day."),
    ]
    assert conversation.conversation_metadata["tools"] == [tool]


def test_what_a_message_holds_is_part_of_the_id_of_a_chat_without_one() -> None:
    def id_of(city: str) -> str:
        call = {"function": {"name": "clock", "arguments": {"city": city}}}
        messages = [
            {"role": "user", "content": "Time?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ]
        return identify(named("openai").read({"messages": messages})).conversation.id

    assert id_of("Lima") != id_of("Oslo")
