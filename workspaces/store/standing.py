"""What stands of the work on platforms: who answered which task, by status, without what they answered.

An **answer** is what one person submitted to one task of a platform and what is in force: the newest genuine revision,
neither a draft nor discarded nor deleted, and neither a stranger's nor a barred person's. Two annotations of one
person to one task are one answer. What came with a chat log is imported feedback and never an answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import annotation_revision, latest_genuine
from workspaces.store.members import OUTSIDE, MemberStatus, is_outside

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    Place = tuple[str, str, str]
    """A person, a platform and a task."""

SAID = (
    AnnotationStatus.SUBMITTED,
    AnnotationStatus.DRAFT,
    AnnotationStatus.DISCARDED,
    AnnotationStatus.DELETED,
)
"""Of several annotations of one person to one task, the status that comes first here is what the person says."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who answered which task, each (person, platform, task) in one of these sets.

    ``held`` are strangers' submitted answers, which wait for the lead; ``strangers`` are all who answered, saved or
    discarded something, by (person, platform). ``set_aside`` and ``barred`` are the same of people whom the lead
    barred. ``imported`` counts judgments that came with chat logs, and ``raters`` are those who gave them.
    """

    answers: AbstractSet[Place]
    drafts: AbstractSet[Place]
    discarded: AbstractSet[Place]
    deleted: AbstractSet[Place]
    held: AbstractSet[Place]
    strangers: AbstractSet[tuple[str, str]]
    set_aside: AbstractSet[Place]
    barred: AbstractSet[tuple[str, str]]
    imported: int
    raters: AbstractSet[str]

    def by_task(self) -> Counter[str]:
        """Return how many answers each task has."""
        return Counter(task_id for _, _, task_id in self.answers)

    def by_platform(self) -> Counter[str]:
        """Return how many answers were given on each platform."""
        return Counter(platform for _, platform, _ in self.answers)


def standing(connection: sa.Connection) -> Standing:
    """Read what stands now."""
    person, platform = annotation_revision.c.person_id, annotation_revision.c.platform
    outside = {status: is_outside(person, platform, {status}).label(status.value) for status in OUTSIDE}
    query = latest_genuine().with_only_columns(
        person,
        platform,
        annotation_revision.c.task_id,
        annotation_revision.c.status,
        outside[MemberStatus.STRANGER],
        outside[MemberStatus.BARRED],
    )
    sets: dict[AnnotationStatus, set[Place]] = {status: set() for status in SAID}
    waiting: dict[MemberStatus, set[Place]] = {status: set() for status in OUTSIDE}
    there: dict[MemberStatus, set[tuple[str, str]]] = {status: set() for status in OUTSIDE}
    raters: set[str] = set()
    imported = 0
    for person_id, name, task_id, status, is_stranger, is_barred in connection.execute(query):
        if name == IMPORTED:
            imported += status == AnnotationStatus.SUBMITTED
            raters.add(person_id)
        elif not is_stranger and not is_barred:
            sets[AnnotationStatus(status)].add((person_id, name, task_id))
        elif status != AnnotationStatus.DELETED:
            why = MemberStatus.STRANGER if is_stranger else MemberStatus.BARRED
            there[why].add((person_id, name))
            if status == AnnotationStatus.SUBMITTED:
                waiting[why].add((person_id, name, task_id))
    for first, status in enumerate(SAID):
        for other in SAID[:first]:
            sets[status] -= sets[other]
    return Standing(
        answers=sets[AnnotationStatus.SUBMITTED],
        drafts=sets[AnnotationStatus.DRAFT],
        discarded=sets[AnnotationStatus.DISCARDED],
        deleted=sets[AnnotationStatus.DELETED],
        held=waiting[MemberStatus.STRANGER],
        strangers=there[MemberStatus.STRANGER],
        set_aside=waiting[MemberStatus.BARRED],
        barred=there[MemberStatus.BARRED],
        imported=imported,
        raters=raters,
    )


def held_answers(
    connection: sa.Connection, status: MemberStatus = MemberStatus.STRANGER
) -> dict[tuple[str, str], int]:
    """Return how many answers of each stranger wait, by (person, platform); 0 where there are drafts alone.

    With the status ``BARRED``: how many answers of each barred person are set aside.
    """
    stands = standing(connection)
    barred = status is MemberStatus.BARRED
    waiting = Counter(
        (person_id, platform) for person_id, platform, _ in (stands.set_aside if barred else stands.held)
    )
    people = stands.barred if barred else stands.strangers
    return {key: waiting[key] for key in sorted(people, key=lambda key: (key[1], key[0]))}
