"""Members: the people whom the lead invited or accepted on each platform, and those who answered and do not count.

A stranger's answers are kept and count for nothing until the lead accepts them; then those given before count as well.
The same holds for the answers of people whom the lead barred after a review.
Whose access was revoked is what they were, with answers that count or wait as before, and can give no more of them.
A person without a row was never asked about: their answers came with a chat log, or from before there were members.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import insert_missing, upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

member = sa.Table(
    "member",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False, comment="invited, accepted, stranger or barred"),
    sa.Column("since", UTCDateTime, nullable=False),
    sa.Column("decided_by", sa.Text, comment="who invited, accepted or barred them"),
    sa.Column(
        "accepted_after",
        sa.Integer,
        nullable=False,
        comment="the number of the last revision before; what they answered until then came in after it",
    ),
    sa.Column("revoked_at", UTCDateTime, comment="when access was taken from them; null: they have it"),
)


class MemberStatus(StrEnum):
    """How a person came to answer, and whether their answers count: those of strangers and of barred people do not."""

    INVITED = "invited"
    ACCEPTED = "accepted"
    STRANGER = "stranger"
    BARRED = "barred"


OUTSIDE = frozenset({MemberStatus.STRANGER, MemberStatus.BARRED})
"""The people whose answers count for nothing."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person on one platform, with this status since a moment; ``revoked_at`` is None for whoever has access."""

    person_id: str
    platform: str
    status: MemberStatus
    since: datetime
    revoked_at: datetime | None = None


def admit(
    connection: sa.Connection,
    people: Iterable[str],
    platform: str,
    status: MemberStatus,
    now: datetime,
    *,
    after: int = 0,
    by: str | None = None,
    barred: bool = False,
) -> None:
    """Make people members of a platform; who is one already, and no stranger, stays as they are.

    Args:
        connection: a writing transaction.
        people: pseudonyms.
        platform: its name.
        status: how they became members.
        now: for people to read.
        after: the number of the newest revision: earlier answers of strangers stand behind it.
        by: who decided.
        barred: whether people who were barred count again.
    """
    people = set(people)
    outside = OUTSIDE if barred else {MemberStatus.STRANGER}
    for chunk in in_chunks(people):
        found = member.c.person_id.in_(chunk) & (member.c.platform == platform)
        connection.execute(
            sa.update(member)
            .where(found, member.c.status.in_(outside))
            .values(status=status, since=now, decided_by=by, accepted_after=after)
        )
    insert_missing(connection, member, [_row(person, platform, status, now, by) for person in sorted(people)])


def bar(
    connection: sa.Connection, person_id: str, platforms: Iterable[str], now: datetime, by: str | None
) -> None:
    """Let a person's answers on some platforms count for nothing, until ``admit`` lets barred people count again."""
    rows = [_row(person_id, platform, MemberStatus.BARRED, now, by) for platform in sorted(set(platforms))]
    upsert(connection, member, rows, update=("status", "since", "decided_by"))


def note_revoked(connection: sa.Connection, person_id: str, platform: str, now: datetime) -> bool:
    """Note that access to a platform was taken from a person; return whether that is new."""
    return _set_revoked(connection, person_id, platform, now, from_revoked=False)


def is_revoked(connection: sa.Connection, person_id: str, platform: str) -> bool:
    """Return whether access to a platform was taken from a person."""
    here = (member.c.person_id == person_id) & (member.c.platform == platform)
    query = sa.select(member.c.person_id).where(here, member.c.revoked_at.is_not(None))
    return connection.execute(query).first() is not None


def note_restored(connection: sa.Connection, person_id: str, platform: str) -> bool:
    """Note that a person has access to a platform again; return whether that is new."""
    return _set_revoked(connection, person_id, platform, None, from_revoked=True)


def _set_revoked(
    connection: sa.Connection, person_id: str, platform: str, at: datetime | None, *, from_revoked: bool
) -> bool:
    here = (member.c.person_id == person_id) & (member.c.platform == platform)
    known = member.c.revoked_at.is_not(None) if from_revoked else member.c.revoked_at.is_(None)
    return connection.execute(sa.update(member).where(here, known).values(revoked_at=at)).rowcount > 0


def meet(
    connection: sa.Connection, people: Collection[str], platform: str, now: datetime, *, hold: bool
) -> None:
    """Note people who answered: those who are no members yet are strangers, or accepted if nobody is held."""
    status = MemberStatus.STRANGER if hold else MemberStatus.ACCEPTED
    rows = [_row(person, platform, status, now, None) for person in sorted(people)]
    if hold:
        insert_missing(connection, member, rows)
    else:
        admit(connection, people, platform, status, now)


def members(connection: sa.Connection) -> list[Member]:
    """Return every member and stranger, by platform and person."""
    query = sa.select(member).order_by(member.c.platform, member.c.person_id)
    return [
        Member(row.person_id, row.platform, MemberStatus(row.status), row.since, row.revoked_at)
        for row in connection.execute(query)
    ]


def members_of(connection: sa.Connection, person_id: str) -> list[Member]:
    """Return what a person is on each platform."""
    query = sa.select(member).where(member.c.person_id == person_id).order_by(member.c.platform)
    return [
        Member(row.person_id, row.platform, MemberStatus(row.status), row.since, row.revoked_at)
        for row in connection.execute(query)
    ]


def accepted_after(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """Return after which revision people who were strangers were accepted, by (person, platform)."""
    query = sa.select(member.c.person_id, member.c.platform, member.c.accepted_after)
    rows = connection.execute(query.where(member.c.accepted_after > 0))
    return {(person_id, platform): after for person_id, platform, after in rows}


def is_outside(
    person: sa.ColumnElement[str],
    platform: sa.ColumnElement[str],
    statuses: Collection[MemberStatus] = OUTSIDE,
) -> sa.ColumnElement[bool]:
    """Return the condition that a person's answers on a platform count for nothing, for one of some reasons."""
    return sa.exists().where(
        member.c.person_id == person,
        member.c.platform == platform,
        member.c.status.in_(statuses),
    )


def _row(
    person_id: str, platform: str, status: MemberStatus, now: datetime, by: str | None
) -> dict[str, object]:
    return {
        "person_id": person_id,
        "platform": platform,
        "status": status.value,
        "since": now,
        "decided_by": by,
        "accepted_after": 0,
        "revoked_at": None,
    }
