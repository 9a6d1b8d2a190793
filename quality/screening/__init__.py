"""Screening: people whose answers should be reviewed for guessing, straight-lining, copying or repeated texts.

Speed is not a signal: the platforms store the time at which an answer was last saved, not its duration, and an edit, a
batch or an outage changes that time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.screening.co_agreement import co_agreement
from quality.screening.finding import Finding, FlagReason
from quality.screening.guessing import guessing
from quality.screening.texts import repeated_texts
from quality.votes import mirrors_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from workspaces.records import Annotation, Task

__all__ = ["Finding", "FlagReason", "screen"]


def screen(
    votes: pd.DataFrame, annotations: Iterable[Annotation], tasks: Mapping[str, Task], level: float = 0.05
) -> list[Finding]:
    """Return the findings that should be reviewed.

    The two statistical signals, guessing and co-agreement, are each tested at half of ``level``: on average, at most
    that share of all people flagged is flagged wrongly.

    Args:
        votes: as ``quality.votes`` returns it.
        annotations: the latest revision of every annotation.
        tasks: by id.
        level: false discovery rate, between 0 and 1.

    Returns:
        At most one finding per person and reason, in ascending order of person and reason.
    """
    answered = votes[votes["value"].notna()]
    findings = [
        *guessing(answered, level / 2, mirrors=mirrors_of(answered)),
        *co_agreement(answered, level / 2),
        *repeated_texts(annotations, tasks),
    ]
    return sorted(findings, key=lambda finding: (finding.person, finding.reason))
