"""A window on a long conversation: its last turns, with a note that says what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspaces.forms import Turn
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_TURNS = 500
MOST_CHARACTERS = 20_000
"""Of all turns together, the note not counted."""

NOTE_SPEAKER = "Workbench"
_WHERE = "The whole conversation is kept by the project lead, who finds it by the number of this task."


def windowed(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the turns of the conversation before a response, the earliest ones left out if they are too many.

    The last turn is always there: of one that is too long by itself, the middle is left out. What is left out is said
    by a turn of the workbench at that place.
    """
    if not turns:
        return ()
    kept: list[Turn] = []
    room = MOST_CHARACTERS
    for turn in reversed(turns):
        if kept and (len(turn.text) > room or len(kept) == MOST_TURNS - 1):
            break
        room -= len(turn.text)
        kept.append(turn)
    kept.reverse()
    if len(kept) == len(turns) and len(kept) <= MOST_TURNS and room >= 0:
        return tuple(turns)
    earlier = turns[: len(turns) - len(kept)]
    note = [_note(counted(len(earlier), "earlier message"), earlier)] if earlier else []
    return (*note, *(_cut(kept[0]) if room < 0 else kept[:1]), *kept[1:])


def _cut(turn: Turn) -> list[Turn]:
    """Return a turn without its middle, which a note stands for."""
    half = MOST_CHARACTERS // 2
    middle = replace(turn, text=turn.text[half:-half])
    return [
        replace(turn, text=turn.text[:half]),
        _note("The middle of this message", [middle]),
        replace(turn, text=turn.text[-half:]),
    ]


def _note(what: str, left_out: Sequence[Turn]) -> Turn:
    characters = counted(sum(len(turn.text) for turn in left_out), "character")
    are = "is" if what.startswith(("The", "1 ")) else "are"
    return Turn(NOTE_SPEAKER, f"{what} ({characters}) {are} left out here. {_WHERE}", verbatim=True)
