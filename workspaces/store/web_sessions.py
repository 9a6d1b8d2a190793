"""Who is signed in to the web page, and the links by which the lead lets somebody sign in once. Hashes, no secrets.

A session holds as long as its person may enter: whoever is revoked, barred or forgotten is signed out with the next
request, whatever took the right from them. Who asked to be forgotten may not enter from that moment on, however long
the platforms take; sessions go then, too, and the lead alone can open another one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.identities import OIDC, is_known, is_person
from workspaces.store.members import OUTSIDE, MemberStatus, members_of
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

COUNTED = frozenset(MemberStatus) - OUTSIDE
"""Of members whose answers count."""

web_session = sa.Table(
    "web_session",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 of what the browser holds"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("is_lead", sa.Boolean, nullable=False),
    sa.Column("platform", sa.String(32), comment="whose account signed in; null: a link of the lead's"),
    sa.Column("opened_at", UTCDateTime, nullable=False),
    sa.Column("expires_at", UTCDateTime, nullable=False),
)

sign_in_link = sa.Table(
    "sign_in_link",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 of what the link holds"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("is_lead", sa.Boolean, nullable=False),
    sa.Column("made_at", UTCDateTime, nullable=False),
    sa.Column("expires_at", UTCDateTime, nullable=False),
    sa.Column("used_at", UTCDateTime, comment="null: not yet"),
)


_GOOD = sa.select(web_session).where(
    web_session.c.token_hash == sa.bindparam("token_hash"), web_session.c.expires_at > sa.bindparam("now")
)
"""Asked by every request, and so said once: to build a statement anew takes longer than to execute it."""


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody who is signed in; ``platform`` is None for who came by a link."""

    token_hash: str
    person_id: str
    is_lead: bool
    platform: str | None
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignInLink:
    """A link that the lead made, not used yet."""

    token_hash: str
    person_id: str
    is_lead: bool
    made_at: datetime
    expires_at: datetime


def open_session(connection: sa.Connection, session: WebSession) -> None:
    """Add a session, and delete those that are over."""
    connection.execute(sa.delete(web_session).where(web_session.c.expires_at <= session.opened_at))
    row = {name: getattr(session, name) for name in WebSession.__slots__}
    connection.execute(sa.insert(web_session), row)


def session_of(connection: sa.Connection, token_hash: str, now: datetime) -> WebSession | None:
    """Return the session with this hash; None where there is none, it is over, or its person may not enter any more."""
    row = connection.execute(_GOOD, {"token_hash": token_hash, "now": now}).first()
    if row is None:
        return None
    found = WebSession(**row._mapping)
    entitled = (
        is_known(connection, found.person_id)
        if found.is_lead
        else may_enter(connection, found.person_id, found.platform)
    )
    return found if entitled else None


def end_session(connection: sa.Connection, token_hash: str) -> None:
    """Delete one session."""
    connection.execute(sa.delete(web_session).where(web_session.c.token_hash == token_hash))


def end_sessions_of(connection: sa.Connection, person_id: str) -> int:
    """Delete every session of a person, and links not used yet; return how many sessions there were."""
    unused = (sign_in_link.c.person_id == person_id) & sign_in_link.c.used_at.is_(None)
    connection.execute(sa.delete(sign_in_link).where(unused))
    return connection.execute(sa.delete(web_session).where(web_session.c.person_id == person_id)).rowcount


def end_sessions_by(connection: sa.Connection, person_id: str, platform: str) -> None:
    """Delete the sessions of a person that accounts on a platform opened."""
    theirs = (web_session.c.person_id == person_id) & (web_session.c.platform == platform)
    connection.execute(sa.delete(web_session).where(theirs))


def keep_link(connection: sa.Connection, link: SignInLink) -> None:
    """Add a link; older ones of the same person that were not used, and those that are over, are deleted."""
    over = (sign_in_link.c.person_id == link.person_id) & (sign_in_link.c.is_lead == link.is_lead)
    connection.execute(sa.delete(sign_in_link).where(over | (sign_in_link.c.expires_at <= link.made_at)))
    row = {name: getattr(link, name) for name in SignInLink.__slots__}
    connection.execute(sa.insert(sign_in_link), row | {"used_at": None})


def use_link(connection: sa.Connection, token_hash: str, now: datetime) -> SignInLink | None:
    """Return a link and use it up; None where there is none, it was used, or it is over. Of two at once one gets it."""
    good = (
        (sign_in_link.c.token_hash == token_hash)
        & sign_in_link.c.used_at.is_(None)
        & (sign_in_link.c.expires_at > now)
    )
    if connection.execute(sa.update(sign_in_link).where(good).values(used_at=now)).rowcount != 1:
        return None
    columns = [sign_in_link.c[name] for name in SignInLink.__slots__]
    row = connection.execute(sa.select(*columns).where(sign_in_link.c.token_hash == token_hash)).one()
    return SignInLink(**row._mapping)


def hash_of_token(token: str) -> str:
    """Return the hash under which the store knows a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def may_enter(
    connection: sa.Connection,
    person_id: str,
    platform: str | None,
    statuses: Collection[MemberStatus] = COUNTED,
) -> bool:
    """Return whether a person may sign in, or stay signed in.

    Args:
        connection: a connection to the store.
        person_id: a pseudonym; one that was forgotten, or is about to be, is nobody's.
        platform: whose account they use: they have to be a member there with access and one of ``statuses``. None or
            ``OIDC``: they have a link of the lead's, or an account that was joined to them; then it is enough to be on
            no platform, as givers are, or to be neither revoked nor barred on one.
        statuses: how members with an account came to be members.
    """
    if not is_person(connection, person_id):
        return False
    known = members_of(connection, person_id)
    if platform in (None, OIDC):
        return not known or any(
            each.revoked_at is None and each.status is not MemberStatus.BARRED for each in known
        )
    return any(
        each.platform == platform and each.revoked_at is None and each.status in statuses for each in known
    )
