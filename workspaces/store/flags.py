"""Flags: findings of screening about a person, for review. A flag has no consequence by itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.errors import UsageError
from workspaces.records import stable_id
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from pydantic import JsonValue

GROWN = 2
"""A dismissed finding is flagged again when the number of its answers has grown by this factor."""

flag = sa.Table(
    "flag",
    metadata,
    sa.Column("flag_id", sa.String(24), primary_key=True),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False, comment="figures and item ids"),
    sa.Column("weight", sa.Integer, nullable=False, comment="answers that the evidence rests on"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, comment="open, accepted or dismissed"),
    sa.Column("reviewed_at", UTCDateTime),
    sa.Column("reviewed_by", sa.Text),
)


class FlagStatus(StrEnum):
    """The state of a flag in its review."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding about one person. ``evidence`` holds figures and item ids; ``weight`` is the number of answers that
    it rests on; ``reviewed_at`` and ``reviewed_by`` are None before a decision.
    """

    flag_id: str
    person_id: str
    reason: str
    evidence: Mapping[str, JsonValue]
    weight: int
    created_at: datetime
    status: FlagStatus
    reviewed_at: datetime | None
    reviewed_by: str | None


def save_findings(
    connection: sa.Connection, findings: Sequence[tuple[str, str, Mapping[str, object], int]], now: datetime
) -> int:
    """Store findings as (person id, reason, evidence, weight) and return how many flags are new.

    A person has one flag for each reason. An open flag takes the new evidence; an accepted one stays unchanged; after
    a dismissed one, a new flag is added once the finding rests on ``GROWN`` times as many answers. Saving the same
    findings again changes nothing.
    """
    known = {flagged.flag_id: flagged for flagged in flags(connection)}
    new = 0
    for person_id, reason, evidence, weight in findings:
        before, flag_id = _last(known, person_id, reason)
        row: dict[str, object] = {"evidence": evidence, "weight": weight}
        if before is not None and before.status is FlagStatus.OPEN:
            if before.evidence != evidence or before.weight != weight:
                connection.execute(sa.update(flag).where(flag.c.flag_id == before.flag_id).values(row))
        elif before is None or (before.status is FlagStatus.DISMISSED and weight >= GROWN * before.weight):
            row |= {
                "flag_id": flag_id,
                "person_id": person_id,
                "reason": reason,
                "created_at": now,
                "status": FlagStatus.OPEN,
            }
            connection.execute(sa.insert(flag), row)
            new += 1
    return new


def _last(known: Mapping[str, Flag], person_id: str, reason: str) -> tuple[Flag | None, str]:
    """Return a person's last flag for a reason, and the id of the one that would follow it. No clock decides."""
    last: Flag | None = None
    following = ""
    while True:
        following = stable_id("flag", person_id, reason, following)[:12]
        if following not in known:
            return last, following
        last = known[following]


def flags(connection: sa.Connection, status: FlagStatus | None = None) -> list[Flag]:
    """Return flags, oldest first; those of one ``status``, or all."""
    query = sa.select(flag).order_by(flag.c.created_at, flag.c.flag_id)
    return _flags(connection, query if status is None else query.where(flag.c.status == status))


def review_flag(
    connection: sa.Connection, flag_id: str, status: FlagStatus, by: str | None, now: datetime
) -> Flag:
    """Accept or dismiss a flag and return it. The same decision again changes nothing; a decision can be changed.

    Raises:
        UsageError: no flag has this id.
    """
    query = sa.select(flag).where(flag.c.flag_id == flag_id)
    before = _flags(connection, query)
    if not before:
        raise UsageError(f"no flag is {flag_id!r}: 'chatfeedback people review' lists them")
    if before[0].status is status:
        return before[0]
    decision = {"status": status, "reviewed_at": now, "reviewed_by": by}
    connection.execute(sa.update(flag).where(flag.c.flag_id == flag_id).values(decision))
    return _flags(connection, query)[0]


def rewrite_evidence(connection: sa.Connection, rewritten: Callable[[JsonValue], JsonValue]) -> None:
    """Replace the evidence of every flag by what ``rewritten`` returns for it."""
    for flag_id, evidence in connection.execute(sa.select(flag.c.flag_id, flag.c.evidence)).all():
        if (after := rewritten(evidence)) != evidence:
            connection.execute(sa.update(flag).where(flag.c.flag_id == flag_id).values(evidence=after))


def _flags(connection: sa.Connection, query: sa.Executable) -> list[Flag]:
    return [
        Flag(
            flag_id=row.flag_id,
            person_id=row.person_id,
            reason=row.reason,
            evidence=row.evidence,
            weight=row.weight,
            created_at=row.created_at,
            status=FlagStatus(row.status),
            reviewed_at=row.reviewed_at,
            reviewed_by=row.reviewed_by,
        )
        for row in connection.execute(query)
    ]
