"""Makes people members of a platform: those who got an account, and strangers whom the lead accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.store.annotations import newest_number
from workspaces.store.members import MemberStatus, admit
from workspaces.store.standing import held_answers
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

    Who has not answered yet is accepted on every platform.

    Raises:
        UsageError: nobody has a pseudonym that is given.
    """
    with workspace.store.read() as connection:
        held = held_answers(connection)
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


def _waiting(workspace: Workspace, name: str, held: Mapping[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Return where a person with this name is held as a stranger."""
    found = {workspace.pseudonyms.find(name, (platform,)) for platform in workspace.config.platforms.names()}
    return {key for key in held if key[0] in found or key[0] == name}


def _everywhere(workspace: Workspace, name: str) -> dict[str, str]:
    """Return the pseudonym of a name on every platform, made where there is none."""
    platforms = workspace.config.platforms.names()
    if workspace.pseudonyms.is_person(name):
        return dict.fromkeys(platforms, name)
    if not name.strip():
        raise UsageError("an empty name is nobody: give an e-mail address, a user name or a pseudonym")
    return {platform: workspace.pseudonyms.on_platform(platform)(name) for platform in platforms}


def _accept(
    workspace: Workspace,
    wanted: Mapping[str, set[str]],
    held: Mapping[tuple[str, str], int],
    by: str | None,
) -> list[Accepted]:
    with workspace.exclusive(), workspace.store.write() as connection:
        after = newest_number(connection)
        for platform, people in wanted.items():
            admit(connection, people, platform, MemberStatus.ACCEPTED, utc_now(), after=after, by=by)
    return [
        Accepted(person_id, platform, held.get((person_id, platform), 0))
        for platform, people in sorted(wanted.items())
        for person_id in sorted(people)
    ]
