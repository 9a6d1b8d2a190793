"""Claims to points, and the part of them that the cap of the day grants.

Points that wait until an item is settled take their place under the cap from the first.

The cap depends on when work was done, never on when it is settled: the claims of a person's calendar day are granted in
the order of their moments until the cap is reached. The rules in force at the moment of a claim set its cap. An earlier
claim that is known late still comes first, and points that a withdrawn claim frees go to later claims. A further claim
never lowers the total of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine.rates import multiplied
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from reward_engine.rules import Calendar, RuleBook
    from workspaces.records import Annotation


@dataclass(frozen=True, slots=True)
class Claim:
    """Points for one part of an answer, or one bonus, before the day's cap.

    ``reference`` is the id of the task, or the key of a shared conversation, that the points are paid for.
    ``annotation`` is the answer that the claim is based on; None for a shared conversation. ``moment`` decides the day,
    the cap and the rules of a bonus. ``at_once`` is the share of the points that is credited before the item is
    settled, 1 where nothing vests; ``settled`` tells whether it is.
    """

    person_id: str
    reference: str
    part: str
    points: int
    moment: datetime
    reason: str
    rules_version: str
    annotation: Annotation | None = None
    multiplier: float = 1.0
    at_once: float = 1.0
    settled: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """What the claim is about: (person, reference, part)."""
        return (self.person_id, self.reference, self.part)


@dataclass(frozen=True, slots=True)
class Grant:
    """The points granted of a claim, and those that wait until the item is settled.

    ``cap`` says in words what the cap of the day did; empty without a cap.
    """

    claim: Claim
    points: int
    cap: str = ""
    waiting: int = 0

    @classmethod
    def of(cls, claim: Claim, points: int, cap: str = "") -> Grant:
        """Grant ``points`` of a claim: all of them, or the share that is credited before the item is settled."""
        now = points if claim.settled else min(points, multiplied(points, claim.at_once))
        return cls(claim, now, cap, points - now)


def granted(claims: Iterable[Claim], book: RuleBook, calendar: Calendar) -> list[Grant]:
    """Return what the cap of each person's day grants of every claim, in the order of their moments."""
    if not book.versions:
        return [Grant.of(claim, claim.points) for claim in claims]
    so_far: dict[tuple[str, date], int] = {}
    grants: list[Grant] = []
    for claim in sorted(claims, key=_order):
        version = book.at(claim.moment)
        cap = version.rates.points_per_day if version else None
        if claim.points == 0 or version is None:
            grants.append(Grant.of(claim, claim.points))
            continue
        day = (claim.person_id, calendar.day(claim.person_id, claim.moment))
        before = so_far.get(day, 0)
        points = claim.points if cap is None else min(claim.points, max(0, cap - before))
        so_far[day] = before + points
        note = "" if cap is None else _cap_note(points, claim.points, cap, day[1], version.version)
        grants.append(Grant.of(claim, points, note))
    return grants


def _order(claim: Claim) -> tuple[datetime, str, str, str]:
    return claim.moment, claim.reference, claim.part, claim.person_id


def _cap_note(points: int, claimed: int, cap: int, day: date, version: str) -> str:
    what = f"the cap of {counted(cap, 'point')} for {day} (rules {version})"
    return f"within {what}" if points == claimed else f"{what} leaves {points} of {claimed}"
