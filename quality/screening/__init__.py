"""Who should be looked at: people who guess, always answer the same, copy from each other or repeat themselves.

Speed is not among the signals: the platforms keep the time an answer was last saved, not how long it took, and an
edit, a batch or an outage moves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.screening.co_agreement import co_agreement
from quality.screening.finding import Finding, FlagReason
from quality.screening.guessing import guessing
from quality.screening.texts import repeated_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from workspaces.records import Annotation, Task

__all__ = ["Finding", "FlagReason", "screen"]


def screen(
    votes: pd.DataFrame, annotations: Iterable[Annotation], tasks: Mapping[str, Task], level: float = 0.05
) -> list[Finding]:
    """Return what should be reviewed.

    The two statistical signals, guessing and co-agreement, share ``level`` in halves: of all people flagged,
    at most that share is flagged wrongly, on average.

    Args:
        votes: as ``quality.votes`` returns it.
        annotations: the latest revision of every annotation.
        tasks: by id.
        level: false discovery rate, between 0 and 1.

    Returns:
        At most one finding per person and reason, in ascending order of person and reason.
    """
    answered = votes[votes["value"].notna()]
    found = [
        *guessing(answered, level / 2),
        *co_agreement(answered, level / 2),
        *repeated_texts(annotations, tasks),
    ]
    return sorted(found, key=lambda one: (one.person, one.reason))
