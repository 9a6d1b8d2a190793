"""Gives people access to the platforms, takes it away, and renews their passwords.

A platform that fails keeps no other one from being changed: its failure is returned beside what was done, so that no
password is lost. Each of these can be run again and does what is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.members import admit_people
from workspaces.errors import UsageError, WorkbenchError, together
from workspaces.privacy.given_names import why_nobody
from workspaces.store.members import is_revoked, meet, note_restored, note_revoked
from workspaces.store.web_sessions import end_sessions_of
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(slots=True)
class Invited:
    """The result of an invitation.

    ``new_on`` names the platforms where an account was made for each address, ``restored`` those where access that was
    revoked was given back; an account that exists keeps its password. ``person_ids`` are the pseudonyms by address,
    ``addresses`` where the platforms are, ``failures`` what went wrong; all the rest was done.
    """

    new_on: dict[str, list[str]]
    restored: dict[str, list[str]]
    person_ids: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    failures: list[WorkbenchError] = field(default_factory=list)


@dataclass(slots=True)
class Revoked:
    """The platforms where access was taken from a person now, and where nothing was left to take; failures."""

    taken: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failures: list[WorkbenchError] = field(default_factory=list)


@dataclass(slots=True)
class Renewed:
    """The names that sign in with a new password, by platform; the platforms without an account; failures."""

    accounts: dict[str, list[str]] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    failures: list[WorkbenchError] = field(default_factory=list)


def invite_people(workspace: Workspace, passwords: Mapping[str, SecretStr]) -> Invited:
    """Make an account on every platform for each address, make the people members, and undo earlier revocations.

    Raises:
        UsageError: one is no e-mail address, or cannot be a person's; no account was made.
        WorkbenchError: platforms do not answer, each of which it names; no account was made.
    """
    for email in passwords:
        why = why_nobody(email)
        if why or not _ADDRESS.fullmatch(email):
            raise UsageError(
                f"{email[:80]!r} is no e-mail address{f' ({why})' if why else ''}: give one such as ada@example.org"
            )
    result = Invited({email: [] for email in passwords}, {email: [] for email in passwords})
    names = workspace.config.platforms.names()
    failed: list[WorkbenchError] = []
    for name in names:
        try:
            with workspace.platform(name) as platform:
                platform.check()  # before the first account is made, so that one password serves everywhere
            result.addresses[name] = workspace.address(name)
        except WorkbenchError as error:
            failed.append(error)
    if failed:
        raise together(failed)
    for name in names:
        try:
            with workspace.platform(name) as platform:
                for email, password in passwords.items():
                    _invite(workspace, platform, email, password, result)
        except WorkbenchError as error:
            result.failures.append(error)
    return result


def _invite(
    workspace: Workspace, platform: Platform, email: str, password: SecretStr, result: Invited
) -> None:
    try:
        made = platform.invite(email, password)
    except UsageError as error:  # an address that this platform refuses
        result.failures.append(error)
        return
    if made:
        result.new_on[email].append(platform.name)
    admit_people(workspace, platform.name, [email])
    person_id = result.person_ids[email] = workspace.pseudonyms.on_platform(platform.name)(email)
    with workspace.store.read() as connection:
        revoked = is_revoked(connection, person_id, platform.name)
    if revoked:
        platform.restore(_is(workspace, person_id, platform.name))
        with workspace.exclusive(), workspace.store.write() as connection:
            note_restored(connection, person_id, platform.name)
        result.restored[email].append(platform.name)


def revoke_access(workspace: Workspace, person_id: str) -> Revoked:
    """Take access to the tasks from a person on every platform; what they answered and earned stays."""
    result = Revoked()
    for name in workspace.config.platforms.names():
        try:
            with workspace.platform(name) as platform:
                there = platform.revoke(_is(workspace, person_id, name))
        except WorkbenchError as error:
            result.failures.append(error)
            continue
        with workspace.exclusive(), workspace.store.write() as connection:
            if there:
                meet(connection, [person_id], name, utc_now(), hold=True)
            new = note_revoked(connection, person_id, name, utc_now())
        (result.taken if new else result.before).append(name)
    return result


def reset_password(workspace: Workspace, person_id: str, password: SecretStr) -> Renewed:
    """Give a person's accounts on every platform the same new password; on the page they are signed out."""
    result = Renewed()
    for name in workspace.config.platforms.names():
        try:
            with workspace.platform(name) as platform:
                accounts = platform.reset_password(_is(workspace, person_id, name), password)
        except WorkbenchError as error:
            result.failures.append(error)
            continue
        if accounts:
            result.accounts[name] = accounts
        else:
            result.without.append(name)
    with workspace.store.write() as connection:
        end_sessions_of(connection, person_id)
    return result


def _is(workspace: Workspace, person_id: str, platform: str) -> Callable[[str], bool]:
    """Return a function that tells whether an account on a platform is the person's."""
    return lambda account: workspace.pseudonyms.find(account, (platform,)) == person_id
