"""Flags: what screening found of a person, for somebody to review. Nothing follows from one by itself."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workspaces.errors import UsageError
from workspaces.records import stable_id
from workspaces.store.tables import flag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

GROWN = 2
"""A dismissed finding comes back when it rests on so many times as many answers."""


class FlagStatus(StrEnum):
    """Where a flag stands in its review."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


def save_findings(
    connection: sa.Connection, findings: Sequence[tuple[str, str, dict[str, Any], int]], now: datetime
) -> int:
    """Store findings as (person id, reason, evidence, weight) and return how many flags are new.

    A person has one flag for each reason. An open one takes the new evidence; an accepted one stays as it was
    decided; a dismissed one is followed by a new flag once the finding rests on ``GROWN`` times the answers.
    The same findings again change nothing.
    """
    latest = _latest(connection)
    new = 0
    for person_id, reason, evidence, weight in findings:
        before = latest.get((person_id, reason))
        row = {"evidence": evidence, "weight": weight}
        if before is not None and before.status == FlagStatus.OPEN:
            if before.evidence != evidence or before.weight != weight:
                connection.execute(sa.update(flag).where(flag.c.flag_id == before.flag_id).values(row))
        elif before is None or (before.status == FlagStatus.DISMISSED and weight >= GROWN * before.weight):
            after = before.flag_id if before is not None else ""
            row |= {
                "flag_id": stable_id("flag", person_id, reason, after)[:12],
                "person_id": person_id,
                "reason": reason,
                "created_at": now,
                "status": FlagStatus.OPEN,
            }
            connection.execute(sa.insert(flag), row)
            new += 1
    return new


def flags(connection: sa.Connection, status: FlagStatus | None = None) -> list[sa.Row[Any]]:
    """Return flags, oldest first; those of one ``status``, or all."""
    query = sa.select(flag).order_by(flag.c.created_at, flag.c.flag_id)
    return list(connection.execute(query if status is None else query.where(flag.c.status == status)))


def review_flag(
    connection: sa.Connection, flag_id: str, status: FlagStatus, by: str | None, now: datetime
) -> sa.Row[Any]:
    """Accept or dismiss a flag and return it. Deciding the same again changes nothing; a decision can be changed.

    Raises:
        UsageError: no flag has this id.
    """
    query = sa.select(flag).where(flag.c.flag_id == flag_id)
    found = connection.execute(query).one_or_none()
    if found is None:
        raise UsageError(f"no flag is {flag_id!r}: 'chatfeedback people review' lists them")
    if found.status == status:
        return found
    decision = {"status": status, "reviewed_at": now, "reviewed_by": by}
    connection.execute(sa.update(flag).where(flag.c.flag_id == flag_id).values(decision))
    return connection.execute(query).one()


def _latest(connection: sa.Connection) -> dict[tuple[str, str], sa.Row[Any]]:
    """Return each (person, reason)'s flag that no other follows."""
    return {(row.person_id, row.reason): row for row in flags(connection)}
