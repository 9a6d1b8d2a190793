"""Says which settings somebody changed on a platform, and how the lead takes either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatfeedback import steps

SHOWN = 10
"""Settings that are named; ``doctor`` names all."""


def drift_lines(drifts: Sequence[steps.Drift]) -> list[str]:
    """Return a line for each setting, and one with the commands; none where nothing was changed."""
    if not drifts:
        return []
    more = [f"and {len(drifts) - SHOWN:,} more: chatfeedback doctor"] if len(drifts) > SHOWN else []
    count = len(drifts)
    return [
        *map(str, drifts[:SHOWN]),
        *more,
        (
            f"{counted(count, 'setting')} {word_for(count, 'was', 'were')} changed on the platform and "
            f"{word_for(count, 'stays', 'stay')} so: 'chatfeedback push --settings ours' writes what the configuration "
            f"says, 'chatfeedback push --settings theirs' leaves {word_for(count, 'it', 'them')} to the platform"
        ),
    ]
