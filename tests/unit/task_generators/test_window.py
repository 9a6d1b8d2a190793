"""A long conversation is shown from its end, and says what is left out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.shown import turns_of
from task_generators.window import MOST_CHARACTERS, MOST_TURNS, NOTE_SPEAKER, windowed, windowed_between
from tests.examples import examples
from workspaces.forms import Turn
from workspaces.records import Message, Role, ToolCall

LENGTHS = st.one_of(
    st.lists(st.integers(0, 30_000), max_size=8),
    st.lists(st.integers(0, 60), min_size=480, max_size=520),
)


@given(LENGTHS)
def test_nothing_is_left_out_without_being_counted(lengths: list[int]) -> None:
    turns = [
        Turn("Person", chr(97 + number % 26) * length, Role.USER) for number, length in enumerate(lengths)
    ]
    shown = windowed(turns)
    notes = [turn for turn in shown if turn.speaker == NOTE_SPEAKER]
    kept = [turn for turn in shown if turn.speaker != NOTE_SPEAKER]
    assert len(shown) <= MOST_TURNS
    assert sum(len(turn.text) for turn in kept) <= MOST_CHARACTERS
    left_out = sum(int(re.findall(r"\(([\d,]+) char", note.text)[0].replace(",", "")) for note in notes)
    assert left_out + sum(len(turn.text) for turn in kept) == sum(lengths)
    assert all("project lead" in note.text for note in notes)
    if sum(lengths) <= MOST_CHARACTERS and len(turns) <= MOST_TURNS:
        assert list(shown) == turns
    if turns:
        assert kept[-1].text[-1:] == turns[-1].text[-1:]
        earlier = re.match(r"([\d,]+) earlier", notes[0].text) if notes else None
        whole = len(kept) - sum(note.text.startswith("The middle") for note in notes)
        assert (int(earlier[1].replace(",", "")) if earlier else 0) + whole == len(turns)


def said(number: int, characters: int = 1) -> list[Turn]:
    return [Turn("Person", f"{place:>{characters}}", Role.USER) for place in range(number)]


@pytest.mark.parametrize(
    ("turns", "note"),
    [
        (said(500), ""),
        (said(501), "2 earlier messages"),
        (said(2, 10_000), ""),
        ([*said(1, 10_001), *said(1, 10_000)], "1 earlier message (10,001 characters) is"),
        (said(1, 20_000), ""),
        (said(1, 20_001), ""),
    ],
    ids=["500", "501", "20,000 of two", "20,001 of two", "20,000 of one", "20,001 of one"],
)
def test_the_bounds_themselves_are_shown_whole(turns: list[Turn], note: str) -> None:
    shown = windowed(turns)
    over = len(turns) > MOST_TURNS or sum(len(turn.text) for turn in turns) > MOST_CHARACTERS
    assert (list(shown) == turns) is not over
    assert shown[0].text.startswith(note)
    assert [turn.speaker for turn in shown].count(NOTE_SPEAKER) == over


def test_messages_are_counted_and_shown_with_all_their_parts_or_none() -> None:
    message = Message("m", None, Role.ASSISTANT, "said", reasoning="why", tool_calls=(ToolCall("f"),))
    turns = [turn for _ in range(200) for turn in turns_of(message)]
    note, *kept = windowed(turns)
    assert note.text.startswith("34 earlier messages (")
    assert kept == turns[-498:]
    last = replace(message, content="x" * MOST_CHARACTERS)
    shown = windowed([*turns[:6], *turns_of(last)])
    speakers = ["Model, thinking", "Model", NOTE_SPEAKER, "Model", "Model, calling"]
    assert [turn.speaker for turn in shown] == [NOTE_SPEAKER, *speakers], "what is answered is there"
    assert shown[0].text.startswith("2 earlier messages (")
    assert sum(len(turn.text) for turn in shown if turn.speaker != NOTE_SPEAKER) in range(19_990, 20_001)


PARTS = st.lists(st.tuples(LENGTHS, st.integers(1, 3)), min_size=1, max_size=4)


@given(PARTS)
@examples(25)
def test_between_responses_that_are_asked_about_nothing_is_left_out_without_being_counted(
    parts: list[tuple[list[int], int]],
) -> None:
    """No response is shown without what it answers, and all that is shown stays within the bounds of one window."""
    turns = [
        ([Turn("Person", "x" * length, Role.USER) for length in lengths], said(answers, 50_000))
        for lengths, answers in parts
    ]
    shown = windowed_between(turns)
    answers = [turn for _, some in turns for turn in some]
    others = [turn for turn in shown if turn not in answers]
    notes = [turn for turn in others if turn.speaker == NOTE_SPEAKER]
    kept = [turn for turn in others if turn.speaker != NOTE_SPEAKER]
    assert [turn for turn in shown if turn in answers] == answers
    assert len(shown) <= MOST_TURNS
    assert sum(len(turn.text) for turn in kept) <= MOST_CHARACTERS
    left_out = sum(int(re.findall(r"\(([\d,]+) char", note.text)[0].replace(",", "")) for note in notes)
    every = [turn for some, _ in turns for turn in some]
    assert left_out + sum(len(turn.text) for turn in kept) == sum(len(turn.text) for turn in every)
    if len(every) + len(answers) <= MOST_TURNS and sum(len(turn.text) for turn in every) <= MOST_CHARACTERS:
        assert not notes
    start = 0
    for some, (first, *_) in turns:
        place = shown.index(first, start)
        assert not some or shown[place - 1].text[-1:] == some[-1].text[-1:]
        start = place + 1
