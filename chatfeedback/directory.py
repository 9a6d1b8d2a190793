"""The people of a workspace: everybody with an account on a platform or points, and what they did.

An imported rater, whose judgments came with a chat log, is no person of it. Nobody is named but by their pseudonym.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reward_engine import totals
from workspaces.records import PersonState
from workspaces.store.deletions import forgotten_people
from workspaces.store.members import MemberStatus, members
from workspaces.store.people import latest_settings
from workspaces.store.standing import standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from workspaces.store.members import Member
    from workspaces.store.standing import Standing


@dataclass(frozen=True, slots=True)
class OnPlatform:
    """A person on one platform: how they came, since when, whether they have access, and their answers there."""

    status: MemberStatus
    since: datetime | None
    revoked_at: datetime | None
    answers: int
    held_answers: int


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One person. ``answers`` are in force, ``held_answers`` wait for the lead, ``points`` were ever credited."""

    person_id: str
    name: str | None
    state: PersonState
    answers: int
    held_answers: int
    points: int
    hidden: bool
    platforms: Mapping[str, OnPlatform] = field(default_factory=dict)


def directory(connection: sa.Connection, stands: Standing | None = None) -> list[PersonEntry]:
    """Return everybody, those with most answers first, then by pseudonym. ``stands`` is what ``standing`` returned."""
    stands = stands or standing(connection)
    worked = {(person_id, platform) for person_id, platform, _ in _everything(stands)}
    return directory_of(
        connection,
        answers=_by_place(stands.answers),
        held=_by_place(stands.held),
        worked={*worked, *stands.strangers, *stands.barred},
    )


def directory_of(
    connection: sa.Connection,
    *,
    answers: Counter[tuple[str, str]],
    held: Counter[tuple[str, str]],
    worked: Collection[tuple[str, str]],
) -> list[PersonEntry]:
    """Return the same from numbers of answers by (person, platform).

    Args:
        connection: a connection to the store.
        answers: those in force.
        held: those that wait for the lead.
        worked: where people did anything at all.
    """
    known = members(connection)
    points, settings = totals(connection), latest_settings(connection)
    forgotten = forgotten_people(connection)
    on_platforms: dict[str, dict[str, OnPlatform]] = {}
    rows = {(each.person_id, each.platform): each for each in known}
    for key in sorted({*rows, *worked}, key=lambda key: (key[1], key[0])):
        person_id, platform = key
        on_platforms.setdefault(person_id, {})[platform] = _on_platform(
            rows.get(key), answers[key], held[key]
        )
    entries = []
    for person_id in {*on_platforms, *points, *(forgotten & {*on_platforms, *points})}:
        platforms = on_platforms.get(person_id, {})
        own = settings.get(person_id)
        n_answers = sum(each.answers for each in platforms.values())
        entries.append(
            PersonEntry(
                person_id=person_id,
                name=own.display_name if own else None,
                state=_state(platforms, n_answers, forgotten=person_id in forgotten),
                answers=n_answers,
                held_answers=sum(each.held_answers for each in platforms.values()),
                points=points.get(person_id, 0),
                hidden=own.hidden if own else False,
                platforms=platforms,
            )
        )
    return sorted(entries, key=lambda entry: (-entry.answers, entry.person_id))


def states(entries: Iterable[PersonEntry]) -> dict[PersonState, int]:
    """Return how many people are in each state that occurs."""
    found = Counter(entry.state for entry in entries)
    return {state: found[state] for state in PersonState if found[state]}


def _state(platforms: Mapping[str, OnPlatform], answers: int, *, forgotten: bool) -> PersonState:
    statuses = {each.status for each in platforms.values()}
    if forgotten:
        return PersonState.FORGOTTEN
    if not platforms:
        return PersonState.GIVER
    if all(each.revoked_at is not None for each in platforms.values()):
        return PersonState.REVOKED
    if MemberStatus.BARRED in statuses:
        return PersonState.BARRED
    if MemberStatus.STRANGER in statuses:
        return PersonState.HELD
    if answers:
        return PersonState.ACTIVE
    return PersonState.INVITED if MemberStatus.INVITED in statuses else PersonState.ACCEPTED


def _on_platform(row: Member | None, answers: int, held: int) -> OnPlatform:
    if row is None:  # answers of before there were members
        return OnPlatform(MemberStatus.ACCEPTED, None, None, answers, held)
    return OnPlatform(row.status, row.since, row.revoked_at, answers, held)


def _by_place(places: Iterable[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    return Counter((person_id, platform) for person_id, platform, _ in places)


def _everything(stands: Standing) -> set[tuple[str, str, str]]:
    return {*stands.answers, *stands.drafts, *stands.discarded, *stands.deleted}
