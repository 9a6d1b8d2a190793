"""Makes people members of a platform: those who got an account, strangers whom the lead accepts; and bars people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.privacy.given_names import why_nobody
from workspaces.store.annotations import newest_number
from workspaces.store.members import MemberStatus, admit, bar, members
from workspaces.store.standing import held_answers
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Accepted:
    """A person who was accepted on one platform, and how many of their earlier answers count from now on."""

    person_id: str
    platform: str
    answers: int


def admit_people(workspace: Workspace, platform: str, names: Iterable[str]) -> None:
    """Make people with accounts that we made members of a platform."""
    person_id_of = workspace.pseudonyms.on_platform(platform)
    people = [person_id_of(name) for name in names]
    with workspace.store.write() as connection:
        after = newest_number(connection)
        admit(connection, people, platform, MemberStatus.INVITED, utc_now(), after=after)


def accept_people(workspace: Workspace, names: Iterable[str], *, by: str | None = None) -> list[Accepted]:
    """Accept people by e-mail address, user name or pseudonym: their answers count, those given before as well.

    Who has not answered yet is accepted on every platform. Barred people who are named count again.

    Raises:
        UsageError: a name that nobody has here cannot be a person's; nobody was accepted.
    """
    names = list(names)
    for name in names:
        _check_name(workspace, name)
    with workspace.store.read() as connection:
        held = {**held_answers(connection), **held_answers(connection, MemberStatus.BARRED)}
    wanted: dict[str, set[str]] = {}
    for name in names:
        waiting = _waiting(workspace, name, held)
        if not waiting:
            waiting = {(person_id, platform) for platform, person_id in _everywhere(workspace, name).items()}
        for person_id, platform in waiting:
            wanted.setdefault(platform, set()).add(person_id)
    return _accept(workspace, wanted, held, by)


def accept_everybody(workspace: Workspace, *, by: str | None = None) -> list[Accepted]:
    """Accept every stranger who has answered so far."""
    with workspace.store.read() as connection:
        held = held_answers(connection)
    wanted: dict[str, set[str]] = {}
    for person_id, platform in held:
        wanted.setdefault(platform, set()).add(person_id)
    return _accept(workspace, wanted, held, by)


def bar_person(workspace: Workspace, connection: sa.Connection, person_id: str, by: str | None) -> None:
    """Let a person's answers count for nothing on any platform; the next settlement takes back what they earned.

    The caller holds the lock of the workspace. ``accept_people`` lets them count again.
    """
    known = {each.platform for each in members(connection) if each.person_id == person_id}
    bar(connection, person_id, {*workspace.config.platforms.names(), *known}, utc_now(), by)


def _waiting(workspace: Workspace, name: str, held: Mapping[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Return where answers of a person with this name do not count."""
    found = {workspace.pseudonyms.find(name, (platform,)) for platform in workspace.config.platforms.names()}
    return {key for key in held if key[0] in found or key[0] == name}


def _everywhere(workspace: Workspace, name: str) -> dict[str, str]:
    """Return the pseudonym of a name on every platform, made where there is none."""
    platforms = workspace.config.platforms.names()
    if workspace.pseudonyms.is_person(name):
        return dict.fromkeys(platforms, name)
    return {platform: workspace.pseudonyms.on_platform(platform)(name) for platform in platforms}


def _check_name(workspace: Workspace, name: str) -> None:
    platforms = workspace.config.platforms.names()
    if (why := why_nobody(name)) is not None and workspace.pseudonyms.resolve(name, platforms) is None:
        raise UsageError(
            f"{name[:80]!r} is nobody: {why}. Give an e-mail address, a user name or a pseudonym "
            "('chatfeedback people list' shows them)"
        )


def _accept(
    workspace: Workspace,
    wanted: Mapping[str, set[str]],
    held: Mapping[tuple[str, str], int],
    by: str | None,
) -> list[Accepted]:
    with workspace.exclusive(), workspace.store.write() as connection:
        after = newest_number(connection)
        for platform, people in wanted.items():
            admit(
                connection,
                people,
                platform,
                MemberStatus.ACCEPTED,
                utc_now(),
                after=after,
                by=by,
                barred=True,
            )
    return [
        Accepted(person_id, platform, held.get((person_id, platform), 0))
        for platform, people in sorted(wanted.items())
        for person_id in sorted(people)
    ]
