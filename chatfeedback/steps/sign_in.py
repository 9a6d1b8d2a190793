"""Lets people sign in to the web page: by an account on a platform, or by a link that the lead makes for them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import CredentialsError, UsageError
from workspaces.registry import PLATFORMS
from workspaces.store.deletions import is_to_be_forgotten
from workspaces.store.members import MemberStatus
from workspaces.store.web_sessions import (
    SignInLink,
    end_sessions_of,
    hash_of_token,
    keep_link,
    may_enter,
)
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from datetime import timedelta

    from pydantic import SecretStr

    from workspaces.platforms.base import ProvenAccount
    from workspaces.workspace import Workspace

TOKEN_BYTES = 32
LEAD = "lead"
"""The name of a lead who came by a link, on the page's own 'platform'."""

WEB = "web"


@dataclass(frozen=True, slots=True)
class Entrant:
    """Somebody whom a platform let in, as the workbench knows them."""

    person_id: str
    is_lead: bool


def enter_with_account(workspace: Workspace, platform: str, name: str, password: SecretStr) -> Entrant | None:
    """Ask a platform whether a password opens an account, and return whose it is.

    Return None where the platform does not accept it, and where it does and its person has no place here: is unknown,
    revoked or barred, or opened the account themselves with an address that nobody proved to be theirs.

    Args:
        workspace: whose people and platforms.
        platform: the name of one of its platforms.
        name: a user name or e-mail address, as it was typed.
        password: sent to that platform alone; nothing of it is kept.

    Raises:
        ConnectionFailedError: the platform cannot be reached, or its server does not run.
    """
    try:
        account = PLATFORMS[platform].prove(workspace.url(platform), name, password)
    except CredentialsError:
        return None
    workspace.pseudonyms.look_again()  # another process may have forgotten somebody
    if _is_owner(workspace, platform, account):
        return Entrant(workspace.pseudonyms.on_platform(platform)(account.name), is_lead=True)
    person_id = workspace.pseudonyms.find(account.name, (platform,))
    if person_id is None:
        return None
    vouched = {MemberStatus.INVITED} | ({MemberStatus.ACCEPTED} if account.is_vouched else set())
    with workspace.store.read() as connection:
        return (
            Entrant(person_id, is_lead=False) if may_enter(connection, person_id, platform, vouched) else None
        )


def make_sign_in_link(workspace: Workspace, person_id: str | None, lasts: timedelta) -> str:
    """Return the token of a new link by which a person signs in once; older links of theirs are good no more.

    Args:
        workspace: theirs.
        person_id: a pseudonym; None: the lead.
        lasts: how long the link is good.

    Raises:
        UsageError: the person is revoked or barred everywhere, or is about to be forgotten.
    """
    is_lead = person_id is None
    person = workspace.pseudonyms.on_platform(WEB)(LEAD) if person_id is None else person_id
    token, now = secrets.token_urlsafe(TOKEN_BYTES), utc_now()
    with workspace.store.write() as connection:
        if is_to_be_forgotten(connection, person) and not is_lead:
            raise UsageError(
                f"{person} is about to be forgotten and cannot sign in: 'chatfeedback consent finish' completes it"
            )
        if not is_lead and not may_enter(connection, person, None):
            raise UsageError(
                f"{person} is revoked or barred and cannot sign in: 'chatfeedback people list {person}' shows where; "
                "'people invite EMAIL' or 'people accept PERSON' lets them in again"
            )
        keep_link(connection, SignInLink(hash_of_token(token), person, is_lead, now, now + lasts))
    return token


def end_sessions(workspace: Workspace, person_id: str | None) -> int:
    """Sign a person (None: the lead who came by a link) out everywhere, and make unused links useless.

    Returns:
        How many sessions there were.
    """
    person = workspace.pseudonyms.on_platform(WEB)(LEAD) if person_id is None else person_id
    with workspace.store.write() as connection:
        return end_sessions_of(connection, person)


def _is_owner(workspace: Workspace, platform: str, account: ProvenAccount) -> bool:
    server = workspace.servers().get(platform)
    return account.is_owner or (server is not None and account.name == server.connection().user)
