"""Turns of nested parts, in the writings of all tools: no text in them vanishes, and no bytes are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import event, given
from hypothesis import strategies as st

from task_generators.chat_logs.readers import RowError
from task_generators.chat_logs.readers.turns import chain
from tests.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspaces.records import Message

LEAF = st.text("abcdefghij ", min_size=3, max_size=8).map(str.strip).filter(bool)
BYTES = "QkFTRTY0" * 50
"""Stands for the bytes of an image."""


@st.composite
def leaves(draw: st.DrawFn) -> str:
    """Draw a text that occurs nowhere else, so that finding it proves that it was kept."""
    number = draw(st.integers(0, 10**9))
    return f"{draw(LEAF)} {number:09d}"


def texts_in(value: Any, wanted: Callable[[str], bool]) -> list[str]:
    """Return the texts inside a value that are wanted."""
    if isinstance(value, str):
        return [value] if wanted(value) else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in texts_in(item, wanted)]


TEXT_PARTS = st.one_of(
    leaves(),
    leaves().map(lambda text: {"type": "text", "text": text}),
    leaves().map(lambda text: {"type": "text", "value": text}),
    leaves().map(lambda text: {"type": "text", "text": {"value": text, "annotations": []}}),
    leaves().map(lambda text: {"type": "input_text", "text": text}),
    leaves().map(lambda text: {"type": "output_text", "text": text, "annotations": []}),
    leaves().map(lambda text: {"text": text}),
    leaves().map(lambda text: {"content_type": "text", "parts": [text]}),
    leaves().map(lambda text: {"type": "text", "content": text}),
    leaves().map(lambda text: {"type": "refusal", "refusal": text}),
)
REASONING_PARTS = st.one_of(
    leaves().map(lambda text: {"type": "thinking", "thinking": text, "signature": "QQ=="}),
    leaves().map(lambda text: {"type": "reasoning", "text": text}),
    leaves().map(
        lambda text: {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text}],
            "content": None,
        }
    ),
    leaves().map(lambda text: {"thought": True, "text": text}),
)
ARGUMENTS = st.recursive(
    leaves() | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.sampled_from("pqr"), ARGUMENTS, max_size=3)
CALL_PARTS = st.one_of(
    st.tuples(leaves(), OBJECTS).map(
        lambda call: {"type": "tool_use", "id": "t", "name": call[0], "input": call[1]}
    ),
    st.tuples(leaves(), OBJECTS).map(lambda call: {"functionCall": {"name": call[0], "args": call[1]}}),
    st.tuples(leaves(), OBJECTS).map(
        lambda call: {"type": "tool-call", "toolCallId": "t", "toolName": call[0], "input": call[1]}
    ),
    st.tuples(leaves(), OBJECTS).map(
        lambda call: {
            "type": "function_call",
            "call_id": "t",
            "name": call[0],
            "arguments": json.dumps(call[1]),
        }
    ),
)
ATTACHED = st.one_of(
    leaves().map(
        lambda name: {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": BYTES},
            "title": name,
        }
    ),
    leaves().map(lambda name: {"type": "image_url", "image_url": {"url": f"https://example.org/{name}"}}),
    leaves().map(
        lambda name: {"type": "input_image", "image_url": f"data:image/png;base64,{BYTES}", "filename": name}
    ),
    leaves().map(
        lambda name: {
            "type": "file",
            "file": {"filename": name, "file_data": f"data:application/pdf;base64,{BYTES}"},
        }
    ),
    leaves().map(
        lambda name: {"inline_data": {"mime_type": "audio/wav", "data": BYTES, "display_name": name}}
    ),
    leaves().map(
        lambda text: {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": text},
        }
    ),
    leaves().map(
        lambda text: {
            "type": "input_audio",
            "input_audio": {"data": BYTES, "format": "wav"},
            "transcript": text,
        }
    ),
)
RESULTS = st.one_of(leaves(), st.lists(TEXT_PARTS, max_size=2), OBJECTS)
RESULT_PARTS = st.one_of(
    RESULTS.map(lambda content: {"type": "tool_result", "tool_use_id": "t", "content": content}),
    RESULTS.map(lambda content: {"functionResponse": {"name": "f", "response": content}}),
    RESULTS.map(lambda content: {"type": "function_call_output", "call_id": "t", "output": content}),
)
PARTS = st.recursive(
    TEXT_PARTS
    | REASONING_PARTS
    | CALL_PARTS
    | ATTACHED
    | RESULT_PARTS
    | st.just({"type": "hologram", "beam": "of light"}),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@st.composite
def turns(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a turn in the writing of some tool."""
    turn: dict[str, Any] = {
        draw(st.sampled_from(["role", "from", "author", "sender"])): draw(
            st.sampled_from(
                ["user", "human", "assistant", "gpt", "model", "AI", "system", "tool", "observation"]
            )
        )
    }
    content = draw(
        st.none() | leaves() | st.lists(PARTS, max_size=4) | PARTS.filter(lambda part: isinstance(part, dict))
    )
    if (
        isinstance(content, list)
        and all(isinstance(part, dict) and "type" in part for part in content)
        and draw(st.booleans())
    ):
        content = json.dumps(content)
    turn[draw(st.sampled_from(["content", "value", "text", "parts", "mes"]))] = content
    if draw(st.booleans()):
        turn["reasoning_content"] = draw(leaves())
    if draw(st.booleans()):
        name, arguments = draw(leaves()), draw(OBJECTS)
        written = json.dumps(arguments) if draw(st.booleans()) else arguments
        turn["tool_calls"] = [
            {"id": "c", "type": "function", "function": {"name": name, "arguments": written}}
        ]
    if draw(st.booleans()):
        turn["attachments"] = [
            {"name": draw(leaves()), "contentType": "image/png", "url": f"data:image/png;base64,{BYTES}"}
        ]
    return turn


def kept(messages: tuple[Message, ...]) -> str:
    return "\n".join(
        text
        for message in messages
        for text in (
            message.content,
            message.reasoning or "",
            *(f"{call.name}\n{call.arguments}" for call in message.tool_calls),
            *(attachment.name or "" for attachment in message.attachments),
        )
    )


@given(st.lists(turns(), min_size=1, max_size=4))
@examples(300)
def test_each_text_of_a_turn_is_kept_or_the_row_is_rejected(rows: list[dict[str, Any]]) -> None:
    try:
        messages = chain("c", rows, None)
    except RowError as error:
        event(str(error).split(":")[0])
        return
    event("read")
    found = kept(messages)
    for text in texts_in(rows, lambda text: text[-9:].isdigit() and not text.startswith(("[{", "{"))):
        assert text in found
    for row in rows:
        for text in texts_in(row, lambda text: text.startswith(("[{", "{"))):
            for inner in texts_in(json.loads(text), lambda text: text[-9:].isdigit()):
                assert inner in found
    assert BYTES not in found
    assert all(json.loads(call.arguments) is not None for message in messages for call in message.tool_calls)
    assert len({message.id for message in messages}) == len(messages)
    assert [message.parent_id for message in messages] == [None, *(message.id for message in messages[:-1])]


@given(st.lists(turns(), min_size=1, max_size=3))
@examples(60)
def test_what_is_read_of_parts_does_not_depend_on_keys_that_are_null(rows: list[dict[str, Any]]) -> None:
    """Parquet files have every key in every row: null where a row lacks it."""
    null = dict.fromkeys(("tool_calls", "reasoning_content", "name", "attachments", "refusal"))
    assert outcome([{**null, **row} for row in rows]) == outcome(rows)


def outcome(rows: list[dict[str, Any]]) -> tuple[Message, ...] | str:
    try:
        return chain("c", rows, None)
    except RowError as error:
        return str(error)
