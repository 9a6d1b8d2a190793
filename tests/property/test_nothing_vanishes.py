"""Each value of a row is stored, used, ignored by declaration, or counted as lost; or the row is rejected.

First every place of every golden row is tried with every kind of value, and every place of the rows that make one
conversation; then several changes at once are drawn.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from task_generators.chat_logs.readers import READERS, ROWS, RowError, identify
from task_generators.chat_logs.readers.columns import CUT, KINDS_OF_PARTS
from task_generators.chat_logs.sources import Source, together
from tests.examples import examples
from tests.property.test_every_reader import golden_rows, places
from tests.unit.task_generators.readers.golden_files import FILES, plain

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Loss, Reader

TOKENS = (
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


def changed(row: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return a row with another value at a place; what is not above the place is shared with the row itself."""
    if not place:
        return value
    step, *rest = place
    changed_row = row.copy()
    changed_row[step] = changed(row[step], tuple(rest), value) if rest else value
    return changed_row


def shape_of(value: Any) -> Any:
    """Return what readers can tell rows apart by: keys, types, short words, and whether there is anything."""
    if isinstance(value, dict):
        return tuple((key, shape_of(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(shape_of, value))
    is_word = isinstance(value, str) and ((len(value) < 24 and " " not in value) or value[:1] in "[{<")
    return type(value).__name__, value if is_word else bool(value)


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


def accounted(
    reader: Reader,
    row: dict[str, Any],
    place: tuple[Any, ...],
    value: Any,
    among: list[dict[str, Any]] | None = None,
) -> str | None:
    """Return what became of the value at a place of a row; None: it vanished.

    Args:
        reader: the reader of the row.
        row: the row with the value.
        place: the keys and positions that lead to the value.
        value: the value.
        among: the rows of one conversation, of which the row is one; None: it is alone.
    """
    whole: dict[str, Any] = row if among is None else {ROWS: among}
    try:
        reading = identify(reader.read(whole))
        losses = [*reader.losses(whole, reading), *reading.losses]
    except RowError:
        return "rejected"
    if among is not None and any(among[position] is row for position, _ in reading.omissions):
        return "left out"
    use = reader.declared.use_at(row, (*place, 0) if isinstance(value, list) else place)
    if losses and is_lost(place, losses):
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
    if use is not None and use.stored is not None and (stored := use.stored(value)):
        forms.append(json.dumps(stored, ensure_ascii=False).strip('"'))
    return "stored" if any(form in said for form in forms) else None


DEEP = 4
"""Steps to places of which one is tried for all rows, where they are alike."""


def places_in(row: dict[str, Any], keys: tuple[str, ...]) -> dict[Any, tuple[Any, ...]]:
    """Return the places of the values of a row and of keys beside them; of those that are alike, one."""
    found: dict[Any, tuple[Any, ...]] = {}
    for place in leaves(row):
        holder: Any = row
        for step in place[:-1]:
            holder = holder[step]
        alike = tuple(
            (key, type(item).__name__ if isinstance(item, dict | list) else shape_of(item))
            for key, item in (holder.items() if isinstance(holder, dict) else [(0, holder[place[-1]])])
        )
        for other in (place, *((*place[:-1], key) for key in keys if isinstance(place[-1], str))):
            found[path_of(other), alike] = other
    return found


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
def test_any_value_at_any_place_of_a_row_is_stored_or_counted(reader: Reader) -> None:
    rows = {shape_of(row): row for row in golden_rows(reader.name)}
    deep: set[Any] = set()
    vanished = {}
    for row in rows.values():
        for alike, place in places_in(row, KEYS).items():
            if len(place) > DEEP and alike in deep:
                continue
            deep.add(alike)
            for value in TOKENS:
                if accounted(reader, changed(row, place, value), place, value) is None:
                    vanished[path_of(place), repr(value)] = row
    assert not vanished


@pytest.mark.parametrize(
    "reader", [reader for reader in READERS if reader.read_group], ids=lambda reader: str(reader.name)
)
def test_any_value_of_the_rows_of_one_conversation_is_stored_or_counted(reader: Reader) -> None:
    vanished = {}
    for group in golden_groups(reader):
        for position, row in enumerate(group):
            for place in places_in(row, ()).values():
                for value in TOKENS[:3]:
                    among = changed(group, (position, *place), value)
                    if accounted(reader, among[position], place, value, among) is None:
                        vanished[path_of(place), repr(value)] = group
    assert not vanished


def golden_groups(reader: Reader) -> list[list[dict[str, Any]]]:
    """Return the golden rows of each conversation that has several, of one of each shape."""
    file = next(file for file in FILES if file.stem == reader.name)
    groups: list[Any] = [
        row.value[ROWS] for row in together(Source(file).rows(), reader) if row.value and ROWS in row.value
    ]
    return list({shape_of(group): group for group in groups if len(group) > 1}.values())


VALUES = st.sampled_from(TOKENS) | st.recursive(
    st.sampled_from(
        [None, "", " ", "zqnestedqz", 2**63, 1e300, -1, 0, "0", "true", float("nan"), "2026-01-01"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
@given(data=st.data())
@examples(30)
def test_of_several_changes_at_once_each_text_is_stored_or_counted(
    reader: Reader, data: st.DataObject
) -> None:
    row = data.draw(st.sampled_from([row for row in golden_rows(reader.name) if leaves(row)]))
    row = changed(row, data.draw(st.sampled_from(list(places_in(row, KEYS).values()))), data.draw(VALUES))
    place = data.draw(st.sampled_from([*places_in(row, KEYS).values(), ("zqkeyqz",)]))
    row = changed(row, place, "zqtokenqz")
    became = accounted(reader, row, place, "zqtokenqz")
    event(str(became))
    assert became, f"the text vanished at {path_of(place)} of {row}"
