"""What somebody can claim points for, and what the day's cap leaves of it.

The cap is decided by when work was done, never by when it is settled: claims of a person's calendar day are served in
the order of their moments until the cap is reached. Each is held to the cap of the rules that held at its moment.
An earlier claim that comes in late takes its place, and what a withdrawn one leaves goes to those after it. Another
claim never lowers the total of a day: what was granted so far only grows along the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from reward_engine.rules import Calendar, RuleBook
    from workspaces.records import Annotation


@dataclass(frozen=True, slots=True)
class Claim:
    """Points for one part of an answer, or one bonus, before the day's cap.

    ``subject`` is the task, or the key of a shared conversation; ``annotation`` is the answer that the claim goes
    back to, None for a shared conversation. ``moment`` decides the day, the cap and a bonus's rules.
    """

    person_id: str
    subject: str
    part: str
    points: int
    moment: datetime
    reason: str
    rules_version: str
    annotation: Annotation | None = None
    multiplier: float = 1.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What the claim is about: (person, subject, part)."""
        return (self.person_id, self.subject, self.part)


@dataclass(frozen=True, slots=True)
class Grant:
    """What is granted of a claim. ``cap`` says in words what the day's cap did; empty without one."""

    claim: Claim
    points: int
    cap: str = ""


def granted(claims: Iterable[Claim], book: RuleBook, calendar: Calendar) -> list[Grant]:
    """Return what the cap of each person's day leaves of every claim, in the order of their moments."""
    if not book.versions:
        return [Grant(claim, claim.points) for claim in claims]
    so_far: dict[tuple[str, date], int] = {}
    grants: list[Grant] = []
    for claim in sorted(claims, key=lambda it: (it.moment, it.subject, it.part, it.person_id)):
        version = book.at(claim.moment)
        cap = version.rates.points_per_day if version else None
        if claim.points == 0 or version is None:
            grants.append(Grant(claim, claim.points))
            continue
        day = (claim.person_id, calendar.day(claim.person_id, claim.moment))
        before = so_far.get(day, 0)
        points = claim.points if cap is None else min(claim.points, max(0, cap - before))
        so_far[day] = before + points
        said = "" if cap is None else _said(points, claim.points, cap, day[1], version.version)
        grants.append(Grant(claim, points, said))
    return grants


def _said(points: int, claimed: int, cap: int, day: date, version: str) -> str:
    what = f"the cap of {cap} points for {day} (rules {version})"
    return f"within {what}" if points == claimed else f"{what} leaves {points} of {claimed}"
