"""A tree cut into pieces, read in any order in which each finds what it hangs on, is the tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.sample_records import NOW
from workspaces.collection.files import SCHEMA, measured, to_batch
from workspaces.collection.growth import BeginningMissingError, ConflictError, ForeignError, grown
from workspaces.records import Conversation, Message, Role, tree_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    Row = dict[str, Any]


@st.composite
def trees(draw: st.DrawFn) -> list[Message]:
    """Draw the messages of a tree, parents first; ids are in no order."""
    size = draw(st.integers(1, 9))
    names = draw(st.permutations([f"m{number}" for number in range(size)]))
    parents = [draw(st.integers(0, number - 1)) for number in range(1, size)]
    return [
        Message(
            name,
            None if number == 0 else names[parents[number - 1]],
            Role.ASSISTANT if number % 2 else Role.USER,
            f"{name} writes to [EMAIL_{number}]" if number % 3 == 0 else f"{name} says so",
            f"model-{number}" if number % 2 else None,
        )
        for number, name in enumerate(names)
    ]


def only_row(batch: pa.RecordBatch) -> Row:
    rows: list[Row] = batch.to_pylist()
    (found,) = rows
    return found


def row(messages: Iterable[Message], hours: int = 0, **said: Any) -> Row:
    conversation = Conversation("c", tuple(messages), "s", timestamp=NOW + timedelta(hours=hours), **said)
    return only_row(measured(to_batch([conversation])))


def remeasured(given: Row) -> Row:
    return only_row(measured(pa.RecordBatch.from_pylist([given], schema=SCHEMA))) | {"earlier_hashes": None}


def unnumbered(given: Row) -> Row:
    """Return a row without the numbers of placeholders, and what depends on them."""
    said = [message | {"content": message["content"].split("_")[0]} for message in given["conversation"]]
    return given | {"conversation": said, "content_hash": None, "near_bands": None}


@given(st.data())
@examples(150)
def test_any_pieces_in_any_order_that_respects_parents_come_to_the_tree(data: st.DataObject) -> None:
    tree = data.draw(trees())
    whole = row(tree_order(tree))
    place: dict[str, int] = {}
    for message in tree:  # no message is in an earlier piece than the one it answers
        earliest = 0 if message.parent_id is None else place[message.parent_id]
        place[message.id] = data.draw(st.integers(earliest, 3))
    first = place[tree[0].id]
    pieces = [
        [it for it in tree if place[it.id] == number or (place[it.id] < number and data.draw(st.booleans()))]
        for number in range(first, 4)
    ]
    found = row(tree_order(pieces[0]))
    for piece in filter(None, pieces[1:]):
        before = found
        found = grown(found, row(piece))
        assert (found is before) == ({it.id for it in piece} <= {it["id"] for it in before["conversation"]})
    assert unnumbered(remeasured(found)) == unnumbered(whole)
    assert grown(found, whole) is found, (
        "the whole tree brings nothing new, however its placeholders are numbered"
    )
    numbers = [word for it in found["conversation"] for word in it["content"].split() if "EMAIL" in word]
    assert len(set(numbers)) == len(numbers), "two values never share a placeholder"


@given(trees(), st.data())
@examples(60)
def test_a_message_that_says_something_else_or_answers_nothing_that_is_there_is_refused(
    tree: list[Message], data: st.DataObject
) -> None:
    whole = row(tree_order(tree))
    number = data.draw(st.integers(0, len(tree) - 1))
    before = tree[number]
    after = data.draw(
        st.sampled_from(
            [
                replace(before, content="something else"),
                replace(before, role=Role.TOOL),
                replace(before, model_name="something else"),
                replace(before, parent_id="elsewhere"),
            ]
        )
    )
    changed = [*tree[:number], after, *tree[number + 1 :]]
    with pytest.raises(ConflictError):
        grown(whole, row(changed))
    with pytest.raises(BeginningMissingError):
        grown(whole, row([Message("new", "nowhere", Role.USER, "and?")]))
    with pytest.raises(ConflictError):
        grown(whole, row([Message("new", None, Role.USER, "another beginning")]))


@given(st.permutations(range(3)), st.lists(st.integers(-5, 5), min_size=3, max_size=3))
@examples(40)
def test_what_is_said_of_a_conversation_does_not_depend_on_what_came_first(
    order: list[int], hours: list[int]
) -> None:
    root = Message("r", None, Role.USER, "q")
    abouts: list[dict[str, Any]] = [
        {"state": "growing", "failed": ["b"], "toxic": True},
        {"state": "ready", "failed": ["a"], "labels": [{"flagged": False}], "toxic": False},
        {"labels": [{"flagged": True}, {"flagged": False}]},
    ]
    pieces = [
        row(
            [root, Message(f"a{number}", "r", Role.ASSISTANT, str(number))],
            hours[number],
            conversation_metadata=abouts[number],
            user_metadata={"age": number},
            giver_id="ada" if number == 1 else None,
            licence=None if number == 1 else "cc0",
            language="de" if number else None,
        )
        for number in range(3)
    ]
    first, second, third = (pieces[number] for number in order)
    found = grown(grown(first, second), third)
    expected = grown(grown(pieces[0], pieces[1]), pieces[2])
    varying = ("content_hash", "turns", "words", "near_bands")  # still those of the first
    assert {k: v for k, v in found.items() if k not in varying} == {
        k: v for k, v in expected.items() if k not in varying
    }
    assert found["timestamp"] == NOW + timedelta(hours=min(hours))
    assert found["conversation_metadata"] == (
        '{"failed": ["a", "b"], "labels": [{"flagged": true}, {"flagged": false}], "state": "growing", "toxic": true}'
    )
    assert (found["user_id"], found["licence"]) == ("ada", "cc0")
    earliest = [number for number in range(3) if hours[number] == min(hours)]
    assert found["language"] == (None if earliest == [0] else "de")


TEXTS = st.sampled_from(["[EMAIL]", "[EMAIL_]", "[EMAIL_1]", "[EMAIL_2] [EMAIL_1]"])


@st.composite
def readings(draw: st.DrawFn) -> Row:
    """Draw a chat whose texts look like placeholders, or the rest of one."""
    size = draw(st.integers(1, 3))
    messages = [Message(f"m{it}", f"m{it - 1}" if it else None, Role.USER, draw(TEXTS)) for it in range(size)]
    about = draw(
        st.dictionaries(TEXTS, st.one_of(TEXTS, st.booleans(), st.lists(TEXTS, max_size=2)), max_size=1)
    )
    beginning = draw(st.sampled_from([0, 0, size - 1]))
    giver = draw(st.sampled_from([None, None, "ada", "grace"]))
    return row(messages[beginning:], conversation_metadata=about, giver_id=giver)


@given(readings(), readings())
@examples(200)
def test_two_readings_grow_together_or_it_is_said_why_not(one: Row, other: Row) -> None:
    try:
        found = grown(one, other)
    except (BeginningMissingError, ConflictError, ForeignError):
        return
    assert {it["id"] for it in found["conversation"]} >= {it["id"] for it in one["conversation"]}


@pytest.mark.parametrize("numbered", ["content", "conversation_metadata"])
def test_a_text_that_only_looks_like_a_placeholder_is_another_text(numbered: str) -> None:
    root, more = Message("r", None, Role.USER, "q"), Message("m", "r", Role.ASSISTANT, "[EMAIL_1]")
    one, other = (
        row([replace(root, content=said)])
        if numbered == "content"
        else row([root], conversation_metadata={"a": said})
        for said in ("[EMAIL]", "[EMAIL_1]")
    )
    other = {**other, "conversation": [*other["conversation"], *row([root, more])["conversation"][1:]]}
    if numbered == "content":
        with pytest.raises(ConflictError):
            grown(one, other)
    else:
        assert len(grown(one, other)["conversation"]) == 2
