"""What stands of the work on platforms: who answered which task, by status, without what they answered.

An **answer** is what one person submitted to one task of a platform and what is in force: the newest genuine revision,
neither a draft nor discarded nor deleted, and not a stranger's. Two annotations of one person to one task are one
answer. What came with a chat log is imported feedback and never an answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import annotation_revision, latest_genuine
from workspaces.store.members import is_stranger

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    Place = tuple[str, str, str]
    """A person, a platform and a task."""

_SAID = (
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
    discarded something, by (person, platform). ``imported`` counts judgments that came with chat logs, and ``raters``
    are those who gave them.
    """

    answers: AbstractSet[Place]
    drafts: AbstractSet[Place]
    discarded: AbstractSet[Place]
    deleted: AbstractSet[Place]
    held: AbstractSet[Place]
    strangers: AbstractSet[tuple[str, str]]
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
    stranger = is_stranger(person, platform).label("stranger")
    query = latest_genuine().with_only_columns(
        person, platform, annotation_revision.c.task_id, annotation_revision.c.status, stranger
    )
    sets: dict[AnnotationStatus, set[Place]] = {status: set() for status in _SAID}
    held: set[Place] = set()
    strangers: set[tuple[str, str]] = set()
    raters: set[str] = set()
    imported = 0
    for person_id, name, task_id, status, is_held in connection.execute(query):
        if name == IMPORTED:
            imported += status == AnnotationStatus.SUBMITTED
            raters.add(person_id)
        elif not is_held:
            sets[AnnotationStatus(status)].add((person_id, name, task_id))
        elif status != AnnotationStatus.DELETED:
            strangers.add((person_id, name))
            if status == AnnotationStatus.SUBMITTED:
                held.add((person_id, name, task_id))
    for first, status in enumerate(_SAID):
        for other in _SAID[:first]:
            sets[status] -= sets[other]
    return Standing(
        answers=sets[AnnotationStatus.SUBMITTED],
        drafts=sets[AnnotationStatus.DRAFT],
        discarded=sets[AnnotationStatus.DISCARDED],
        deleted=sets[AnnotationStatus.DELETED],
        held=held,
        strangers=strangers,
        imported=imported,
        raters=raters,
    )


def held_answers(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """Return how many answers of each stranger wait, by (person, platform); 0 where there are drafts alone."""
    stands = standing(connection)
    waiting = Counter((person_id, platform) for person_id, platform, _ in stands.held)
    return {key: waiting[key] for key in sorted(stands.strangers, key=lambda key: (key[1], key[0]))}
