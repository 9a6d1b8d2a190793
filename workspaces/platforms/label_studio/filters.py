"""Queries for tasks, in the language of Label Studio's data manager.

Listings are paged by id, not by offset: a task that is deleted meanwhile must not make us miss another one.
"""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from workspaces.platforms.label_studio.form import TASK_ID_KEY

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

ANSWER_COUNTS = ("total_annotations", "cancelled_annotations")
"""The columns that are zero together while nobody has answered or skipped a task."""


def after(remote_id: int) -> str:
    """Return the query for tasks with an id above ``remote_id``, in order of id."""
    return _query("and", [_number("id", "greater", remote_id)])


def answered_after(remote_id: int) -> str:
    """Return the query for tasks with an answer or a skip and an id above ``remote_id``, in order of id."""
    newer = _number("id", "greater", remote_id)
    return _query("or", [_number(count, "greater", 0) | {"child_filter": newer} for count in ANSWER_COUNTS])


def any_changed_since(moment: datetime) -> str:
    """Return the query for tasks with an answer or a skip that changed at or after a moment, in order of id."""
    changed = _changed(moment)
    return _query("or", [_number(count, "greater", 0) | {"child_filter": changed} for count in ANSWER_COUNTS])


def changed_since(moment: datetime, remote_id: int, count: str) -> str:
    """Return the query for answered tasks that changed at or after a moment and have an id above ``remote_id``.

    Args:
        moment: the earliest time.
        remote_id: the id after which they stand.
        count: which of ``ANSWER_COUNTS`` is not zero; with an id one query cannot ask for either of them.
    """
    answered = _number(count, "greater", 0)
    return _query("and", [_changed(moment), answered, _number("id", "greater", remote_id)])


def with_task_id(task_id: str) -> str:
    """Return the query for tasks whose data hold our task id."""
    column = f"filter:tasks:data.{TASK_ID_KEY}"
    return _query("and", [{"filter": column, "operator": "equal", "type": "String", "value": task_id}])


def unanswered() -> dict[str, JsonValue]:
    """Return the filter for tasks that nobody has answered or skipped."""
    return {"conjunction": "and", "items": [_number(count, "equal", 0) for count in ANSWER_COUNTS]}


def _changed(moment: datetime) -> dict[str, JsonValue]:
    at = moment.astimezone(UTC) - timedelta(microseconds=1)  # "greater" leaves out the moment itself
    return {
        "filter": "filter:tasks:updated_at",
        "operator": "greater",
        "type": "Datetime",
        "value": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z",
    }


def _query(conjunction: str, items: list[dict[str, JsonValue]]) -> str:
    return json.dumps({"filters": {"conjunction": conjunction, "items": items}})


def _number(column: str, operator: str, value: int) -> dict[str, JsonValue]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": "Number", "value": value}
