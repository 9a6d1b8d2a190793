"""Why somebody is not given a task, or is given none at all."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The value is said to the lead as it stands."""

    # of a person, whatever the task
    NO_ACCOUNT = "no account on the platform"
    HELD = "waits for your decision (people accept)"
    BARRED = "barred after a review"
    REVOKED = "access revoked"
    FAILED = "did not qualify"
    AHEAD = "has as many waiting as routing.ahead says"
    DAILY = "has as many for today as routing.per_day says"
    # of a task, whoever asks
    FULL = "as many people as are wanted have it"
    # of a person and a task, for good
    HAD = "had this task before"
    COPY = "had a copy of it before"
    FIRST = "somebody else answered the task that it repeats"
    OWN = "shows a conversation that they gave"
    REWRITE = "shows a rewrite of theirs"
    MIX = "is for another group"
    # of a person and a task, for now
    PRACTICE = "waits until they qualified"
    KEPT = "is kept for those who practise"
    LAPSED = "their time for it ran out, and others can take it"
    LATER = "comes later: tasks before it are worth more or are older"
    # of an assignment that is taken back
    EXPIRED = "not answered in time"
    UNSEEN = "not looked at in time"
    CLOSED = "needs no more answers"


LAPSED_BY = frozenset({Reason.EXPIRED, Reason.UNSEEN})
"""Taken back for these, a task is given to the same person again only where nobody else can take it."""

WHILE_UNSEEN = frozenset(
    {Reason.UNSEEN, Reason.FAILED, Reason.AHEAD, Reason.DAILY, Reason.PRACTICE, Reason.KEPT}
)
"""A task is taken back for these only as long as its person did not see it."""

LASTING = frozenset({Reason.HAD, Reason.COPY, Reason.FIRST, Reason.OWN, Reason.REWRITE, Reason.MIX})
"""The reasons that no later answer of others takes away."""
