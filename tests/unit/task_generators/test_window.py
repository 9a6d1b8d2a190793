"""A long conversation is shown from its end, and says what is left out."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from task_generators.window import MOST_CHARACTERS, MOST_TURNS, NOTE_SPEAKER, windowed
from workspaces.forms import Turn
from workspaces.records import Role

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
    assert len(shown) <= MOST_TURNS + 3
    assert sum(len(turn.text) for turn in kept) <= MOST_CHARACTERS
    left_out = sum(int(re.findall(r"\(([\d,]+) char", note.text)[0].replace(",", "")) for note in notes)
    assert left_out + sum(len(turn.text) for turn in kept) == sum(lengths)
    assert all("project lead" in note.text for note in notes)
    if sum(lengths) <= MOST_CHARACTERS and len(turns) < MOST_TURNS:
        assert list(shown) == turns
    if turns:
        assert kept[-1].text[-1:] == turns[-1].text[-1:]
        earlier = re.match(r"([\d,]+) earlier", notes[0].text) if notes else None
        whole = len(kept) - sum(note.text.startswith("The middle") for note in notes)
        assert (int(earlier[1].replace(",", "")) if earlier else 0) + whole == len(turns)
