"""A window on a long conversation: its last turns, with a note that says what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspaces.forms import Turn
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_TURNS = 500
"""Of all turns together, the notes included."""

MOST_CHARACTERS = 20_000
"""Of all turns together, the notes not counted."""

LEAST = 4
NOTE_SPEAKER = "Workbench"
_WHERE = "The whole conversation is kept by the project lead, who finds it by the number of this task."


def windowed(
    turns: Sequence[Turn], most_turns: int = MOST_TURNS, most_characters: int = MOST_CHARACTERS
) -> tuple[Turn, ...]:
    """Return the turns of the conversation before a response, the earliest ones left out if they are too many.

    The last message is always there: of a part that is too long by itself, the middle is left out. Of the messages
    before it all parts are there, or none. What is left out is said by a turn of the workbench at that place.
    """
    if len(turns) <= most_turns and _length(turns) <= most_characters:
        return tuple(turns)
    begins = [place for place, turn in enumerate(turns) if not turn.continued]
    first = max(begins[-1] if begins else 0, len(turns) - most_turns + 1)
    last, bounds = turns[first:], _shared(most_characters, [len(turn.text) for turn in turns[first:]])
    shown = [piece for turn, most in zip(last, bounds, strict=True) for piece in _cut(turn, most)]
    room = most_characters - sum(min(len(turn.text), most) for turn, most in zip(last, bounds, strict=True))
    start = first
    for turn in reversed(turns[:first]):
        room -= len(turn.text)
        if room < 0 or first - start + len(shown) >= most_turns - 1:
            break
        start -= 1
    start = next((place for place in range(start, first) if not turns[place].continued), first)
    earlier = turns[:start]
    messages = sum(not turn.continued for turn in earlier)
    note = [_note(counted(messages, "earlier message"), earlier)] if earlier else []
    return (*note, *turns[start:first], *shown)


def windowed_between(parts: Sequence[tuple[Sequence[Turn], Sequence[Turn]]]) -> tuple[Turn, ...]:
    """Return the turns of a conversation in which several responses are asked about, each of these as it is.

    What stands before each is windowed by itself, so that none is shown without what it answers. The parts share the
    bounds of one window: what a short one does not need, the longer ones have.

    Args:
        parts: the turns before each response, and those of the response, in order.
    """
    before = [some for some, _ in parts]
    room = MOST_TURNS - sum(len(response) for _, response in parts)
    most_turns = _shared(room, [len(some) for some in before])
    most_characters = _shared(MOST_CHARACTERS, [_length(some) for some in before])
    shown = map(windowed, before, most_turns, most_characters)
    return tuple(
        turn for some, (_, response) in zip(shown, parts, strict=True) for turn in (*some, *response)
    )


def _shared(whole: int, wanted: Sequence[int]) -> list[int]:
    """Return bounds for parts that want so much: equal ones, where what a part leaves others have.

    Each is at least ``LEAST``: a note, and a turn that is cut in two around another one.
    """
    bounds = [0] * len(wanted)
    for done, place in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        bounds[place] = max(whole // (len(wanted) - done), LEAST)
        whole -= min(wanted[place], bounds[place])
    return bounds


def _length(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text) for turn in turns)


def _cut(turn: Turn, most_characters: int) -> list[Turn]:
    """Return a turn, without its middle if it is too long: a note stands for that."""
    if len(turn.text) <= most_characters:
        return [turn]
    half = most_characters // 2
    middle = replace(turn, text=turn.text[half:-half])
    return [
        replace(turn, text=turn.text[:half]),
        _note("The middle of this message", [middle]),
        replace(turn, text=turn.text[-half:]),
    ]


def _note(what: str, left_out: Sequence[Turn]) -> Turn:
    are = "is" if what.startswith(("The", "1 ")) else "are"
    characters = counted(_length(left_out), "character")
    return Turn(NOTE_SPEAKER, f"{what} ({characters}) {are} left out here. {_WHERE}", verbatim=True)
