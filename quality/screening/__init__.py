"""Screening: people whose answers should be reviewed for guessing, straight-lining, copying people or the seed,
repeated texts, or haste.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quality.screening.co_agreement import co_agreement
from quality.screening.finding import Finding, FlagReason
from quality.screening.guessing import guessing
from quality.screening.seed_following import seed_following
from quality.screening.speed import too_fast
from quality.screening.texts import repeated_texts
from quality.votes import in_classes, mirrors_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from workspaces.records import Annotation, Task

__all__ = ["Finding", "FlagReason", "screen"]

SIGNALS = 4
"""The number of statistical signals that share the false discovery rate."""


def screen(
    votes: pd.DataFrame,
    annotations: Iterable[Annotation],
    tasks: Mapping[str, Task],
    level: float = 0.05,
    seeds: pd.DataFrame | None = None,
    times: pd.DataFrame | None = None,
) -> list[Finding]:
    """Return the findings that should be reviewed.

    The statistical signals (guessing, co-agreement, seed following, speed) are each tested at an equal part of
    ``level``: on average, at most that share of all people flagged is flagged wrongly.

    Args:
        votes: as ``quality.votes`` returns it.
        annotations: the latest revision of every annotation.
        tasks: by id.
        level: false discovery rate, between 0 and 1.
        seeds: as ``quality.seed_feedback.seed_table`` returns it; ``None`` where there are none.
        times: as ``quality.time_on_task.time_table`` returns it; ``None`` where no time is known.

    Returns:
        At most one finding per person and reason, in ascending order of person and reason.
    """
    answered = in_classes(votes[votes["value"].notna()])
    mirrors = mirrors_of(answered)
    findings = [
        *guessing(answered, level / SIGNALS, mirrors=mirrors),
        *co_agreement(answered, level / SIGNALS, mirrors=mirrors),
        *(seed_following(answered, seeds, level / SIGNALS) if seeds is not None else ()),
        *(too_fast(times, level / SIGNALS) if times is not None else ()),
        *repeated_texts(annotations, tasks),
    ]
    return sorted(findings, key=lambda finding: (finding.person, finding.reason))
