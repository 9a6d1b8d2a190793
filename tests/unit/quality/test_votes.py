from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quality import votes
from workspaces.records import Annotation, AnnotationStatus, Significance, Task

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def task(id_: str, *message_ids: str) -> Task:
    kind = "qualitative" if len(message_ids) == 1 else "preference"
    return Task(id_, kind, message_ids, ("c",), Significance.LOW, {}, "1", "argilla", 3, NOW)


def answer(
    task_id: str,
    person: str,
    values: dict[str, str],
    *,
    minutes: int = 0,
    status: AnnotationStatus = AnnotationStatus.SUBMITTED,
) -> Annotation:
    time = NOW + timedelta(minutes=minutes)
    return Annotation(f"{task_id}-{person}", task_id, person, "argilla", status, 1, values, time)


TASKS = {
    one.id: one
    for one in (task("t1", "m1"), task("t2", "m1"), task("ab", "m1", "m2"), task("ba", "m2", "m1"))
}


def test_a_quality_is_one_row_and_a_rewrite_none() -> None:
    rows = votes([answer("t1", "p", {"toxic": "no", "helpful": "na", "suggestion": "Better so."})], TASKS)
    assert rows.to_dict("records") == [
        {
            "kind": "qualitative",
            "question": "helpful",
            "item": "m1",
            "annotator": "p",
            "value": "na",
            "task_id": "t1",
        },
        {
            "kind": "qualitative",
            "question": "toxic",
            "item": "m1",
            "annotator": "p",
            "value": "no",
            "task_id": "t1",
        },
    ]


@pytest.mark.parametrize(
    ("task_id", "displayed", "value"),
    [
        ("ab", "a", "first"),
        ("ab", "b", "second"),
        ("ab", "tie", "tie"),
        ("ba", "a", "second"),
        ("ba", "b", "first"),
        ("ba", "tie", "tie"),
    ],
)
def test_a_preference_is_freed_of_its_display_order(task_id: str, displayed: str, value: str) -> None:
    rows = votes([answer(task_id, "p", {"preference": displayed, "suggestion": "x"})], TASKS)
    assert rows[["kind", "question", "item", "value"]].to_numpy().tolist() == [
        ["preference", "preference", "m1|m2", value]
    ]


@pytest.mark.parametrize(
    "status", [AnnotationStatus.DRAFT, AnnotationStatus.DISCARDED, AnnotationStatus.DELETED]
)
def test_only_submitted_answers_count(status: AnnotationStatus) -> None:
    assert votes([answer("t1", "p", {"toxic": "no"}, status=status)], TASKS).empty


def test_of_a_person_who_answered_an_item_twice_the_later_answer_counts() -> None:
    late = answer("t1", "p", {"toxic": "yes"}, minutes=5)
    early = answer("t2", "p", {"toxic": "no", "helpful": "yes"}, minutes=1)
    rows = votes([late, early], TASKS)
    assert rows[["question", "value", "task_id"]].to_numpy().tolist() == [
        ["helpful", "yes", "t2"],
        ["toxic", "yes", "t1"],
    ]
    swapped = votes(
        [answer("ab", "p", {"preference": "a"}), answer("ba", "p", {"preference": "a"}, minutes=1)], TASKS
    )
    assert swapped["value"].tolist() == ["second"]


def test_what_cannot_be_placed_is_refused() -> None:
    with pytest.raises(KeyError, match="lost"):
        votes([answer("lost", "p", {"toxic": "no"})], TASKS)
    with pytest.raises(ValueError, match="perhaps"):
        votes([answer("t1", "p", {"toxic": "perhaps"})], TASKS)


def test_no_annotations_give_an_empty_table_with_its_columns() -> None:
    assert votes([], {}).columns.tolist() == ["kind", "question", "item", "annotator", "value", "task_id"]
