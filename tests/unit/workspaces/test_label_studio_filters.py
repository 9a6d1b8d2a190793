"""The queries that Label Studio's data manager is asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from workspaces.platforms.label_studio.filters import ANSWER_COUNTS, any_changed_since, changed_since


@pytest.mark.parametrize("count", ANSWER_COUNTS)
def test_what_changed_is_asked_of_answered_tasks_alone(count: str) -> None:
    """A task changes when it is pushed, too: without this each look would read all that nobody has answered yet."""
    query = json.loads(changed_since(datetime(2026, 11, 26, 12, tzinfo=UTC), 7, count))
    asked = {item["filter"]: (item["operator"], item["value"]) for item in query["filters"]["items"]}
    assert query["filters"]["conjunction"] == "and"
    assert asked == {
        "filter:tasks:updated_at": ("greater", "2026-11-26T11:59:59.999999Z"),
        f"filter:tasks:{count}": ("greater", 0),
        "filter:tasks:id": ("greater", 7),
    }


def test_one_query_asks_for_every_answered_task_that_changed() -> None:
    query = json.loads(any_changed_since(datetime(2026, 11, 26, 12, tzinfo=UTC)))
    assert query["filters"]["conjunction"] == "or"
    asked = {item["filter"]: item["child_filter"]["value"] for item in query["filters"]["items"]}
    assert asked == {f"filter:tasks:{count}": "2026-11-26T11:59:59.999999Z" for count in ANSWER_COUNTS}
