"""What of Label Studio's answers an annotator gets: the fields named here, of their own rows.

A field that a later Label Studio adds is left out until it is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from label_studio_door import own

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from label_studio_door.call import Call
    from label_studio_door.people import Person

PROJECT = frozenset({
    "id", "title", "description", "color", "is_published", "is_draft", "created_at", "pinned_at",
    "label_config", "parsed_label_config", "config_has_control_tags", "config_suitable_for_bulk_annotation",
    "expert_instruction", "show_instruction", "show_skip_button", "skip_queue", "enable_empty_annotation",
    "maximum_annotations", "sampling", "show_overlap_first", "overlap_cohort_percentage",
    "show_annotation_history", "show_collab_predictions", "reveal_preannotations_interactively",
    "evaluate_predictions_automatically", "queue_total", "queue_done",
})  # fmt: skip
"""What the pages need of a project; none of it counts or names what others did."""

TASK = frozenset({
    "id", "inner_id", "project", "data", "created_at", "allow_skip", "allow_postpone",
    "unique_lock_id", "queue",
})  # fmt: skip
ANNOTATION = frozenset({
    "id", "task", "project", "result", "lead_time", "was_cancelled", "ground_truth", "completed_by",
    "created_username", "created_ago", "created_at", "updated_at", "draft_created_at", "parent_prediction",
})  # fmt: skip
DRAFT = frozenset({
    "id", "task", "result", "lead_time", "was_postponed", "created_username", "created_ago", "created_at",
    "updated_at",
})  # fmt: skip
USER = frozenset({
    "id", "first_name", "last_name", "username", "email", "initials", "avatar", "phone", "date_joined",
    "last_activity", "active_organization", "allow_newsletters", "custom_hotkeys",
})  # fmt: skip
PERMISSIONS = ("annotations.create", "annotations.view", "annotations.change", "annotations.delete")
"""What a page is told that the person may do; it hides some of the rest."""

CLOSED = (
    "can_delete_tasks",
    "can_manage_annotations",
    "can_manage_tasks",
    "source_syncing",
    "target_syncing",
)
"""What the page of a project's tasks is told that nobody can do."""

FAILED = "Label Studio failed; try again, and tell the project's lead if it fails again."
BUSY = "Label Studio's database is busy; try again (database-is-locked-error)."
"""By the word in brackets Label Studio's ``DatabaseIsLockedRetryMiddleware`` knows what it shall try again."""

COLUMN_OF_TEXTS = "data"
DATA_MANAGER_COLUMNS = frozenset(
    {"id", "inner_id", "total_annotations", "cancelled_annotations", COLUMN_OF_TEXTS}
)


def project(_call: Call, answer: Any) -> dict[str, Any]:
    """Return a project as an annotator sees it."""
    return _project(answer)


def projects(_call: Call, answer: Any) -> dict[str, Any]:
    """Return a page of projects."""
    kept = {name: answer.get(name) for name in ("count", "next", "previous")}
    return {**kept, "results": [_project(item) for item in answer["results"]]}


def data_manager_project(call: Call, answer: Any) -> dict[str, Any]:
    """Return a project as the page of its tasks asks for it; the counts are those of the person's own queue."""
    queue, done = answer.get("queue_total") or 0, answer.get("queue_done") or 0
    counts = {
        "task_count": queue,
        "task_number": queue,
        "annotation_count": done,
        "num_tasks_with_annotations": done,
    }
    return {**project(call, answer), **counts, **dict.fromkeys(CLOSED, False)}


def task(call: Call, answer: Any) -> dict[str, Any]:
    """Return a task with the person's own annotations and drafts."""
    task_id = int(answer["id"])
    annotations = _own(answer.get("annotations"), own.annotation_ids(call.person, task_id))
    drafts = _own(answer.get("drafts"), own.draft_ids(call.person, task_id))
    return {
        **_only(TASK, answer),
        "meta": {},
        "predictions": [],
        "annotations": [annotation(call, item) for item in annotations],
        "drafts": [draft(call, item) for item in drafts],
    }


def annotation(call: Call, answer: Any) -> dict[str, Any]:
    """Return an annotation of the person's own, with nobody else's name on it."""
    return {**_only(ANNOTATION, answer), "completed_by": call.person.id}


def annotation_list(call: Call, answer: Any) -> list[dict[str, Any]]:
    """Return the person's own annotations of a list."""
    return [annotation(call, item) for item in _own(answer, own.annotation_ids(call.person, call.ids["pk"]))]


def draft(_call: Call, answer: Any) -> dict[str, Any]:
    """Return a draft of the person's own."""
    return _only(DRAFT, answer)


def draft_list(call: Call, answer: Any) -> list[dict[str, Any]]:
    """Return the person's own drafts of a list."""
    return [draft(call, item) for item in _own(answer, own.draft_ids(call.person, call.ids["pk"]))]


def whoami(_call: Call, answer: Any) -> dict[str, Any]:
    """Return the person's own account."""
    return {
        **_only(USER, answer),
        "active_organization_meta": {"title": "", "email": ""},
        "permissions": PERMISSIONS,
    }


def history(call: Call, answer: Any) -> list[dict[str, Any]]:
    """Return which tasks the person was given, with the ids of their own annotations."""
    return [
        {
            "taskId": item["taskId"],
            "annotationId": item["annotationId"]
            if item["annotationId"] in own.annotation_ids(call.person, item["taskId"])
            else None,
        }
        for item in answer
    ]


def columns(_call: Call, answer: Any) -> dict[str, Any]:
    """Return the columns of the list of tasks that tell nothing of others."""
    return {
        "columns": [
            {**column, "visibility_defaults": {"explore": True, "labeling": column.get("id") != "inner_id"}}
            for column in answer["columns"]
            if column.get("id") in DATA_MANAGER_COLUMNS or column.get("parent") == COLUMN_OF_TEXTS
        ]
    }


def tokens(_call: Call, answer: Any) -> Any:
    """Return personal access tokens, which Label Studio lists of the person alone."""
    return (
        [_only({"token"}, item) for item in answer] if isinstance(answer, list) else _only({"token"}, answer)
    )


def nothing(_call: Call, _answer: Any) -> None:
    """Return no content."""


def refusal(answer: Any, status: int) -> dict[str, Any]:
    """Return what Label Studio says of a request that it refuses itself."""
    kept = _only({"detail", "validation_errors"}, answer) if isinstance(answer, dict) else {}
    if status >= 500:
        kept = {"detail": BUSY if "database-is-locked-error" in str(kept.get("detail")) else FAILED}
    return {**kept, "status_code": status}


def task_row(person: Person, task: Any) -> dict[str, Any]:
    """Return a task that the person has answered, for the list of their tasks."""
    mine = list(task.annotations.filter(completed_by_id=person.id).values_list("was_cancelled", flat=True))
    return {
        "id": task.pk,
        "inner_id": task.inner_id,
        "project": task.project_id,
        "data": task.data,
        "created_at": task.created_at.isoformat(),
        "total_annotations": mine.count(False),
        "cancelled_annotations": mine.count(True),
        "total_predictions": 0,
        "annotators": [person.id],
        "meta": {},
        "predictions": [],
        "annotations": [],
        "drafts": [],
    }


def user_row(person: Person) -> dict[str, Any]:
    """Return the person as a member, for pages that ask who there is."""
    user = person.user
    return {
        "id": person.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "username": user.username,
        "email": user.email,
        "initials": user.get_initials(),
        "avatar": None,
    }


VIEW = {
    "id": 1,
    "order": 0,
    "data": {
        "title": "Your answers",
        "type": "list",
        "target": "tasks",
        "ordering": [],
        "filters": {"conjunction": "and", "items": []},
        "hiddenColumns": {"explore": ["tasks:inner_id", "tasks:data.task_id"], "labeling": []},
        "columnsWidth": {},
        "columnsDisplayType": {},
        "gridWidth": 4,
    },
}
"""The one tab of the list of tasks; there is nothing to save in it."""


def _project(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_only(PROJECT, answer),
        "created_by": {"id": 0, "first_name": "", "last_name": "", "email": "", "avatar": None},
    }


def _own(items: Any, own_ids: set[int]) -> Iterable[Mapping[str, Any]]:
    return [item for item in items or () if item.get("id") in own_ids]


def _only(names: Iterable[str], answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in names if name in answer}
