"""Each value of a row is stored, used, ignored by declaration, or counted as lost; or the row is rejected."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from task_generators.chat_logs.readers import READERS, RowError, identify, uses
from task_generators.chat_logs.readers.columns import CUT, KINDS_OF_PARTS
from task_generators.chat_logs.readers.thumbs import thumb_of
from task_generators.chat_logs.readers.times import moment
from tests.examples import examples
from tests.property.test_every_reader import golden_rows, places
from tests.unit.task_generators.readers.golden_files import plain

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Loss, Reader

TOKENS = (
    "zqtokenqz",
    "zqtokenqz is here",
    918273645,
    918273645.5,
    True,
    False,
    {"zq": "tokenqz"},
    ["zqtokenqz"],
)
KEYS = ("zqkeyqz", "label", "metadata", "name", "chosen", "text", "timestamp", "id")


def path_of(place: tuple[Any, ...]) -> str:
    path = ""
    for step in place:
        path += "[]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def leaves(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = []
    for place in places(row)[1:]:
        value: Any = row
        for step in place:
            value = value[step]
        if not isinstance(value, dict | list):
            found.append(place)
    return found


def changed(row: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    row = copy.deepcopy(row)
    target: Any = row
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    return row


def is_lost(place: tuple[Any, ...], losses: list[Loss]) -> bool:
    """Return whether a loss is at a place, above or below it; ``*`` stands for a key, replies repeat."""
    path = path_of(place)
    steps = _steps(path)
    for loss in losses:
        if path == "labels.value[]" and loss.path == "labels.name[]":
            return True  # a label is counted by its name
        if loss.kind == CUT or loss.path == f"{path} (of no response)":
            return True
        if all(theirs in ("*", ours) for theirs, ours in zip(_steps(loss.path), steps, strict=False)):
            return True
    return False


def _steps(path: str) -> list[str]:
    """Return the steps of a path without those into replies and children, which repeat."""
    plain = path.replace(".replies[]", "").replace(".children[]", "").removesuffix(" (of no response)")
    return re.findall(r"\[\]|[^.\[\]]+", plain)


def accounted(reader: Reader, row: dict[str, Any], place: tuple[Any, ...], value: Any) -> str | None:
    """Return what became of the value at a place of a row; None: it vanished."""
    try:
        reading = identify(reader.read(row))
    except RowError:
        return "rejected"
    use = reader.declared.use_at(row, (*place, 0) if isinstance(value, list) else place)
    if is_lost(place, [*reader.losses(row, reading), *reading.losses]):
        return "lost"
    if use is not None and use.goes_to is None:
        return "ignored"
    if use is not None and use.parts and place[-1] in KINDS_OF_PARTS:
        return "decides"
    if use is not None and (use.decides or (use.sought and place[-1] in KINDS_OF_PARTS)):
        return "decides"
    said = json.dumps(plain(reading), ensure_ascii=False, default=str)
    said += said.replace('\\"', '"')  # the arguments of a call are JSON in JSON
    forms = [json.dumps(value, ensure_ascii=False).strip('{["]}')]
    if use is not None and use.goes_to == uses.THUMB.goes_to:
        forms.append(str(thumb_of(value)))
    if use is not None and use is uses.TIME and (at := moment(value)) is not None:
        forms.append(at.isoformat())
    return "stored" if any(form in said for form in forms) else None


@st.composite
def places_in(draw: st.DrawFn, row: dict[str, Any]) -> tuple[Any, ...]:
    """Draw the place of a value of a row, or of a key that stands beside it."""
    place: tuple[Any, ...] = draw(st.sampled_from(leaves(row)))
    if isinstance(place[-1], str) and draw(st.booleans()):
        return (*place[:-1], draw(st.sampled_from(KEYS)))
    return place


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
@given(data=st.data())
@examples(150)
def test_a_value_of_a_row_is_stored_or_counted(reader: Reader, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in golden_rows(reader.name) if leaves(row)]))
    place = data.draw(places_in(row))
    value = data.draw(st.sampled_from(TOKENS))
    became = accounted(reader, changed(row, place, value), place, value)
    event(str(became))
    assert became, f"{value!r} vanished at {path_of(place)} of {row}"
