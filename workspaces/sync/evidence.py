"""What an answer on a platform proves, given what is known of it. Pure.

An answer counts as its author's when the author was also the last to change it. Whose answer it is, and to which task,
never changes once it is known. What a platform says against this is disputed, and changes nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from workspaces.records import AnnotationStatus
from workspaces.store.disputes import DisputeReason

if TYPE_CHECKING:
    from datetime import datetime

    from workspaces.platforms.base import RemoteAnswer
    from workspaces.records import PlacedTask
    from workspaces.store.annotations import AnnotationRevision


class News(Enum):
    """What is to be stored of a genuine answer.

    ``EARLIER`` says something else than what stands, with a time before it: an old page or an older copy shows it, or
    the clock of the platform was set back before its author changed it.
    """

    NEW = auto()
    CHANGED = auto()
    EARLIER = auto()
    NOTHING = auto()
    NOT_OURS = auto()


def judge(
    answer: RemoteAnswer, task_id: str | None, content: str, before: AnnotationRevision | None
) -> News | DisputeReason:
    """Return what an answer brings.

    Args:
        answer: as the platform tells it.
        task_id: the task that we placed where the answer stands; None for a place that is not ours.
        content: the hash of its status and values.
        before: the latest genuine revision of this answer; None where it is not known. Its time is the platform's too;
            that of a deletion is not, so an answer that was deleted and exists again is a change.
    """
    is_own = answer.editor_id == answer.person_id
    if before is None:
        if task_id is None:
            return News.NOT_OURS
        return News.NEW if is_own else DisputeReason.FORGED
    if before.person_id != answer.person_id or _moved(answer, task_id, before):
        return DisputeReason.MOVED
    if task_id is None:
        return News.NOT_OURS  # it stands where the task was placed before
    if content == before.content_hash:
        return News.NOTHING
    if before.status is not AnnotationStatus.DELETED and answer.updated_at < before.updated_at:
        return News.EARLIER if is_own else News.NOTHING
    return News.CHANGED if is_own else DisputeReason.CHANGED


def _moved(answer: RemoteAnswer, task_id: str | None, before: AnnotationRevision) -> bool:
    if before.remote_id is not None and before.remote_id != answer.remote_id:
        return True
    return task_id is not None and task_id != before.task_id


def stands_at(answer: RemoteAnswer, place: PlacedTask) -> bool:
    """Return whether an answer stands at the very copy of a task that we placed, and that copy says that it is ours."""
    return answer.task_id == place.task_id and place.made_at in (None, answer.task_made_at)


def was_given_at(revision: AnnotationRevision, place: PlacedTask) -> bool:
    """Return whether an answer was given at this copy of its task, and not at an earlier one with the same number.

    Both times are the platform's. An answer that was read before such times were kept is older than a later copy.
    """
    if revision.remote_id != place.remote_id:
        return False
    if revision.task_made_at is not None:
        return revision.task_made_at == place.made_at
    return place.made_at is None or place.made_at <= revision.updated_at


def is_same_answer(answer: RemoteAnswer, before: AnnotationRevision, first_read: datetime) -> bool:
    """Return whether an answer is the one that is known under its number, and not a later one with that number."""
    if before.made_at is not None:
        return before.made_at == answer.made_at
    return answer.made_at is None or answer.made_at <= first_read
