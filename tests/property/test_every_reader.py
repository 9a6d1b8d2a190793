"""What holds for any row and any reader: it is read whole, or rejected with a reason; nothing else happens."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from task_generators.chat_logs import readers
from task_generators.chat_logs.batches import batch_of, readings_in
from task_generators.chat_logs.readers import READERS, ROWS, RowError, identify
from task_generators.chat_logs.sources import Source
from tests.defined import defined
from tests.examples import examples
from tests.unit.task_generators.readers.golden_files import FILES
from workspaces.records import Preference, Role, tree_order

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Reader, Reading

TEXT = st.text(st.characters(), max_size=20)  # lone surrogates and NUL included
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
SCALARS = st.sampled_from([None, "", "x", 0, -1, 1e300, True, [], {}, [None], {"a": None}, "\ud800", "NaN"])


@cache
def golden_rows(name: str) -> list[dict[str, Any]]:
    file = next(file for file in FILES if file.stem == name)
    return [row.value for row in Source(file).rows() if row.value is not None]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value inside a row."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


@st.composite
def spoilt_rows(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Draw a row of the source with one or two values, at any depth, replaced or taken out."""
    row: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(golden_rows(name))))
    for _ in range(draw(st.integers(1, 2))):
        *path, key = draw(st.sampled_from(places(row)[1:] or [("x",)]))
        target: Any = row
        for step in path:
            target = target[step]
        if draw(st.booleans()) and isinstance(target, dict):
            target.pop(key, None)
        else:
            target[key] = copy.deepcopy(draw(SCALARS | JSON))
    return row


def read(reader: Reader, row: dict[str, Any]) -> Reading | None:
    readers.detect(row)
    try:
        return identify(reader.read(row))
    except RowError as error:
        return None if str(error) else pytest.fail("rejected without a reason")


def check(reading: Reading | None) -> None:
    event("read" if reading else "rejected")
    if reading is None:
        return
    conversation = reading.conversation
    by_id = {message.id: message for message in conversation.messages}
    assert conversation.id
    assert len(by_id) == len(conversation.messages)
    seen: set[str | None] = {None}
    if conversation.messages[0].parent_id is None:
        assert len(tree_order(conversation.messages)) == len(by_id), "not one whole tree"
        assert sum(message.parent_id is None for message in conversation.messages) == 1
        for fragment in reading.fragments:
            check(fragment)
    else:
        event("a fragment")
        seen = {message.parent_id for message in conversation.messages} - by_id.keys()
        assert len(seen) == 1
        assert None not in seen
    for message in conversation.messages:
        assert message.parent_id in seen, "a message stands before its parent"
        seen.add(message.id)
    assert any(message.content.strip() for message in conversation.messages)
    for feedback in reading.feedback:
        assert (
            len(feedback.message_ids) == len(set(feedback.message_ids)) == 1 + (feedback.kind == "preference")
        )
        assert all(by_id[message_id].role is Role.ASSISTANT for message_id in feedback.message_ids)
        assert feedback.values
        assert all(len(value) < 40 for value in feedback.values.values())
        if feedback.kind == "preference":
            assert feedback.values["preference"] in set(Preference)
    (back,) = readings_in(batch_of([1], [reading]))
    assert back.conversation == conversation
    assert back.feedback == reading.feedback


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
@given(data=st.data())
@examples(45)
def test_a_row_that_is_almost_right_is_read_whole_or_rejected_with_a_reason(
    reader: Reader, data: st.DataObject
) -> None:
    check(read(reader, data.draw(spoilt_rows(reader.name))))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
@given(data=st.data())
@examples(25)
def test_a_row_of_any_shape_is_read_whole_or_rejected_with_a_reason(
    reader: Reader, data: st.DataObject
) -> None:
    columns = st.sampled_from(
        sorted({*reader.columns, "id", "conversation_id", "messages", "labels", "survey"})
    )
    check(read(reader, data.draw(st.dictionaries(columns | TEXT, JSON, max_size=7))))


@pytest.mark.parametrize("name", [reader.name for reader in READERS if reader.group_key is not None])
@given(data=st.data())
@examples(40)
def test_rows_of_one_conversation_are_read_or_left_out_each_with_a_reason(
    name: str, data: st.DataObject
) -> None:
    reader = readers.named(name)
    rows = data.draw(st.lists(spoilt_rows(name) | st.sampled_from(golden_rows(name)), min_size=1, max_size=6))
    rows = [row for row in rows if isinstance(row, dict) and _has_key(reader, row)]
    if not rows:
        return
    reading = read(reader, {ROWS: rows})
    check(reading)
    if reading is not None:
        positions = [position for position, _ in reading.omissions]
        assert len(positions) == len(set(positions)) < len(rows)
        assert all(0 <= position < len(rows) and reason for position, reason in reading.omissions)
    if name != "csv-messages":
        turned = read(reader, {ROWS: rows[::-1]})
        assert (turned and turned.conversation.messages) == (reading and reading.conversation.messages)


def _has_key(reader: Reader, row: dict[str, Any]) -> bool:
    try:
        return bool(defined(reader.group_key)(row))
    except RowError:
        return False


@given(data=st.data())
@examples(60)
def test_what_a_row_is_read_as_does_not_depend_on_its_way_through_json(data: st.DataObject) -> None:
    reader = data.draw(st.sampled_from(READERS))
    row = data.draw(spoilt_rows(reader.name))
    assert read(reader, json.loads(json.dumps(row))) == read(reader, row)
