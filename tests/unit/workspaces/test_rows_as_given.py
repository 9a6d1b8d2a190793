"""Tasks and answers as rows of either database, which are cheap to pass on, and what they are made into."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pyarrow as pa

from tests.sample_records import NOW
from workspaces.records import AnnotationStatus, Significance, Task
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.arrow_rows import ANNOTATIONS, TASKS, annotation_tables, rows_of, task_tables
from workspaces.store.latest_annotations import (
    StoredAnnotation,
    annotation_of,
    latest_annotations,
    stream_annotations,
)
from workspaces.store.tasks import StoredTask, all_tasks, save_tasks, stream_tasks, task_of, tasks_of

if TYPE_CHECKING:
    from workspaces.store import Store

AT = datetime(2026, 3, 1, 1, 2, 3, 456_789, timezone(timedelta(hours=2)))


def test_rows_become_the_same_tasks_and_answers_on_both_databases(store: Store) -> None:
    tasks = [
        Task(
            id=f"t{number}",
            kind="preference",
            message_ids=("a", "ü\u2028b"),
            conversation_ids=("c", "d"),
            significance=Significance.HIGH,
            quote={"preference": 4},
            rules_version="1",
            platform="argilla",
            overlap=3,
            created_at=NOW + timedelta(seconds=number),
            least_answers=number or None,
        )
        for number in range(3)
    ]
    revision = AnnotationRevision(
        annotation_id="n",
        revision=1,
        task_id="t1",
        person_id="p",
        platform="argilla",
        response_id="r",
        status=AnnotationStatus.SUBMITTED,
        answers={"preference": "a", "reason": 'said "é"\n'},
        content_hash="h",
        updated_at=AT,
        synced_at=NOW,
        shown_first="a",
        lead_time=1.5,
        served_at=AT,
    )
    with store.write() as connection:
        save_tasks(connection, tasks)
        save_revisions(connection, [revision])
    with store.read() as connection:
        known = all_tasks(connection)
        (annotation,) = latest_annotations(connection)
        assert known == tasks_of(connection, ["t0", "t1", "t2"]) == {task.id: task for task in tasks}
        rows = pickle.loads(pickle.dumps([tuple(row) for row in stream_tasks(connection)]))  # noqa: S301
        answers = [annotation_of(row) for row in stream_annotations(connection)]
        (of_tasks,), (of_answers,) = task_tables(connection), annotation_tables(connection)
    assert [task_of(StoredTask._make(row)) for row in rows] == tasks
    assert answers == [annotation]
    assert [task_of(row) for row in rows_of(StoredTask, of_tasks)] == tasks
    assert [annotation_of(row) for row in rows_of(StoredAnnotation, of_answers)] == answers
    assert (of_tasks.schema, of_answers.schema) == (TASKS, ANNOTATIONS)
    assert of_answers.column("updated_at").type == pa.timestamp("us", "UTC")
    assert json.loads(of_answers.column("answers")[0].as_py()) == revision.answers
    assert annotation.values == revision.answers
    assert (annotation.updated_at, annotation.updated_at.tzinfo) == (AT, UTC)
    assert (annotation.served_at, annotation.lead_time, annotation.shown_first) == (AT, 1.5, "a")
    assert annotation.status is AnnotationStatus.SUBMITTED
