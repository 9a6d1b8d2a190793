"""What is one's own: the tasks, annotations and drafts that an annotator may touch, in Label Studio's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.utils import timezone

from label_studio_door.refusal import Refused

if TYPE_CHECKING:
    from label_studio_door.people import Person


def _rows(model: str) -> Any:
    application, name = model.split(".")
    return apps.get_model(application, name)._default_manager


def project(person: Person, project_id: object) -> int:
    """Return a project's id.

    Raises:
        Refused: the person's organization has no such project.
    """
    number = _number(project_id)
    projects = _rows("projects.Project").filter(pk=number, organization_id=person.organization_id)
    if number is None or not projects.exists():
        raise Refused("There is no such project of yours.")
    return number


def readable_task(person: Person, task_id: int) -> Any:
    """Return a task that the person was given, has answered, or can be given: it does not have all its answers yet.

    Raises:
        Refused: it is none of these.
    """
    task = _task(person, task_id)
    if (
        task.is_labeled
        and not annotation_ids(person, task_id)
        and not _has_lock(person, task)
        and task_id not in _given(person, task.project_id)
    ):
        raise Refused("There is no such task of yours.")
    return task


def answerable_task(person: Person, task_id: int) -> Any:
    """Return a task that waits for the person's answer.

    Raises:
        Refused: it has all its answers, or one of the person's, or is no task of the person's organization.
    """
    task = _task(person, task_id)
    if annotation_ids(person, task_id):
        raise Refused("You have answered this task: change your answer.")
    see_that_it_waits(person, task)
    return task


def see_that_it_waits(person: Person, task: Any) -> None:
    """Refuse a new answer to a task that has all its answers, or is given to as many others as it needs.

    Raises:
        Refused: it is so, and the task was not given to the person.
    """
    if not _has_lock(person, task) and (task.is_labeled or task.has_lock(person.user)):
        raise Refused("This task has all its answers, or others are at it: take the next one.")


def annotation(person: Person, annotation_id: int) -> Any:
    """Return an annotation of the person's own.

    Raises:
        Refused: it is somebody else's, or there is none.
    """
    found = _rows("tasks.Annotation").filter(
        pk=annotation_id,
        completed_by_id=person.id,
        task__project__organization_id=person.organization_id,
    )
    own = found.first()
    if own is None:
        raise Refused("There is no such annotation of yours.")
    return own


def draft(person: Person, draft_id: object, task_id: int | None = None) -> Any:
    """Return a draft of the person's own, of one task if ``task_id`` names one.

    Raises:
        Refused: it is somebody else's, of another task, or there is none.
    """
    found = _rows("tasks.AnnotationDraft").filter(
        pk=_number(draft_id), user_id=person.id, task__project__organization_id=person.organization_id
    )
    own = (found if task_id is None else found.filter(task_id=task_id)).first()
    if own is None:
        raise Refused("There is no such draft of yours.")
    return own


def annotation_ids(person: Person, task_id: int) -> set[int]:
    """Return the ids of the person's annotations of a task."""
    return set(
        _rows("tasks.Annotation")
        .filter(task_id=task_id, completed_by_id=person.id)
        .values_list("id", flat=True)
    )


def draft_ids(person: Person, task_id: int) -> set[int]:
    """Return the ids of the person's drafts of a task."""
    return set(
        _rows("tasks.AnnotationDraft").filter(task_id=task_id, user_id=person.id).values_list("id", flat=True)
    )


def answered_tasks(person: Person, project_id: int) -> Any:
    """Return the tasks of a project that the person has answered or skipped, the newest first."""
    return (
        _rows("tasks.Task")
        .filter(project_id=project_id, annotations__completed_by_id=person.id)
        .distinct()
        .order_by("-id")
    )


def holds_token(person: Person, token: object) -> bool:
    """Return whether a personal access token, or its readable beginning, is the person's own."""
    if not isinstance(token, str) or token.count(".") not in (1, 2):
        return False
    tokens = _rows("token_blacklist.OutstandingToken").filter(user_id=person.id)
    beginnings = (".".join(str(own).split(".")[:2]) for own in tokens.values_list("token", flat=True))
    return ".".join(token.split(".")[:2]) in beginnings


def release(person: Person, task_id: int) -> None:
    """Let others have a task that the person puts off; else it would wait for them for a day."""
    _rows("tasks.TaskLock").filter(task_id=task_id, user_id=person.id).delete()


def _task(person: Person, task_id: int) -> Any:
    task = _rows("tasks.Task").filter(pk=task_id, project__organization_id=person.organization_id).first()
    if task is None:
        raise Refused("There is no such task of yours.")
    return task


def _has_lock(person: Person, task: Any) -> bool:
    """Return whether the task was given to the person and waits for them."""
    locks = _rows("tasks.TaskLock").filter(task=task, user_id=person.id, expire_at__gt=timezone.now())
    return bool(locks.exists())


def _given(person: Person, project_id: int) -> set[object]:
    history = _rows("projects.LabelStreamHistory").filter(user_id=person.id, project_id=project_id).first()
    return {item.get("taskId") for item in history.data} if history else set()


def _number(value: object) -> int | None:
    """Return an id; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
