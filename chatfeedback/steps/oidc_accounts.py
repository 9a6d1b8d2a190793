"""Accounts at the OpenID provider: whose they are, joining one to a person, and taking it back.

An account is known by the provider's address and its number there, as a keyed hash (``workspaces.privacy``). It becomes
somebody's only where they are signed in already, never by its e-mail address: anybody may have written that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.store.identities import (
    OIDC,
    delete_kind,
    newest_of_kind,
    person_ids_of,
)
from workspaces.store.members import MemberStatus
from workspaces.store.web_sessions import end_sessions_by, may_enter

if TYPE_CHECKING:
    from datetime import datetime

    from workspaces.workspace import Workspace


def person_of_oidc(workspace: Workspace, issuer: str, subject: str) -> str | None:
    """Return whose an account at the provider is; None where it is nobody's, or its person may not enter."""
    digest = workspace.pseudonyms.digest(OIDC, f"{issuer}|{subject}")
    with workspace.store.read() as connection:
        person_id = person_ids_of(connection, [digest]).get(digest)
        return person_id if person_id is not None and may_enter(connection, person_id, OIDC) else None


def join_oidc(workspace: Workspace, person_id: str, issuer: str, subject: str) -> None:
    """Make an account at the provider a person's; again, nothing changes.

    Raises:
        UsageError: it is somebody else's, or the person may not enter any more.
    """
    name = f"{issuer}|{subject}"
    digest = workspace.pseudonyms.digest(OIDC, name)
    with workspace.store.write() as connection:
        if not may_enter(connection, person_id, OIDC):
            raise UsageError("you may not sign in here any more")
        workspace.pseudonyms.join(connection, OIDC, name, person_id)
        if person_ids_of(connection, [digest])[digest] != person_id:
            raise UsageError("that account is another person's here already")


def leave_oidc(workspace: Workspace, person_id: str) -> None:
    """Take accounts at the provider from a person, and end the sessions that they opened."""
    with workspace.store.write() as connection:
        delete_kind(connection, person_id, OIDC)
        end_sessions_by(connection, person_id, OIDC)
    workspace.pseudonyms.look_again()


def other_ways_in(workspace: Workspace, person_id: str) -> list[str]:
    """Return the platforms whose account surely opens the page to a person: those that the lead invited them to."""
    with workspace.store.read() as connection:
        return [
            name
            for name in workspace.config.platforms.names()
            if may_enter(connection, person_id, name, {MemberStatus.INVITED})
        ]


def oidc_joined_at(workspace: Workspace, person_id: str) -> datetime | None:
    """Return when an account at the provider became a person's; None where none is theirs."""
    with workspace.store.read() as connection:
        return newest_of_kind(connection, person_id, OIDC)
