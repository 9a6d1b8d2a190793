"""The same responses are one task, whatever became of their texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from task_generators.asked import Asked
from task_generators.candidates import candidates
from tests.sample_records import NOW, chat, seeds_of, siblings
from workspaces.records import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from task_generators.candidates import TaskCandidate
    from workspaces.records import Conversation

KINDS = ("qualitative", "preference")


def found(*conversations: Conversation, trivial: bool = False) -> list[TaskCandidate]:
    return list(candidates(KINDS, conversations, seeds_of(conversations), trivial=trivial))


def tasks_of(made: Iterable[TaskCandidate]) -> list[Task]:
    return [
        Task(
            id=each.id,
            kind=each.kind,
            message_ids=each.message_ids,
            conversation_ids=each.conversation_ids,
            significance=each.significance,
            quote={"part": 3},
            rules_version="1",
            platform="argilla",
            overlap=3,
            created_at=NOW,
        )
        for each in made
    ]


def not_asked(existing: Iterable[Task], possible: Iterable[TaskCandidate]) -> list[TaskCandidate]:
    asked = Asked(existing)
    return [left for each in possible if (left := asked.rest(each)) is not None]


def new(existing: Iterable[Task], *conversations: Conversation, trivial: bool = False) -> set[frozenset[str]]:
    shown = not_asked(existing, found(*conversations, trivial=trivial))
    return {frozenset(each.message_ids) for each in shown if each.kind == "preference"}


BEFORE = [chat(name, "Who is Ada?", f"Ada, says {name}") for name in "abc"]
AFTER = [chat(name, "Who is [NAME_1]?", f"[NAME_1], says {name}") for name in "abc"]


@pytest.mark.parametrize(("old", "today"), [(BEFORE, AFTER), (AFTER, BEFORE)])
def test_a_changed_text_makes_no_second_task_of_the_same_responses(
    old: list[Conversation], today: list[Conversation]
) -> None:
    existing = tasks_of(found(*old))
    assert len(existing) == 6
    assert not_asked(existing, found(*today)) == []


def test_a_task_is_known_by_its_responses_in_any_order_and_by_its_kind() -> None:
    existing = [
        replace(task, id=f"old {task.id}", message_ids=task.message_ids[::-1])
        for task in tasks_of(found(*BEFORE))
    ]
    assert not_asked(existing, found(*BEFORE)) == []
    others = [replace(task, kind="another") for task in existing]
    assert not_asked(others, found(*BEFORE)) == found(*BEFORE)


def test_a_new_answer_after_a_changed_text_is_compared_with_all_others() -> None:
    existing = tasks_of(found(*BEFORE))
    added = chat("d", "Who is [NAME_1]?", "[NAME_1], says d")
    assert new(existing, *AFTER, added) == {frozenset((f"{name}#1", "d#1")) for name in "abc"}


def test_answers_that_look_the_same_today_are_not_asked_about_again() -> None:
    before = siblings("t", "Who?", "Ada", "Bob", "nobody")
    after = siblings("t", "Who?", "[NAME_1]", "[NAME_1]", "nobody")
    for asked in ({"t#1", "t#3"}, {"t#2", "t#3"}):
        existing = [task for task in tasks_of(found(before)) if set(task.message_ids) == asked]
        assert len(existing) == 1
        assert new(existing, after) == set()


def test_another_answer_with_the_same_text_is_not_asked_about_after_a_change() -> None:
    existing = tasks_of(found(*BEFORE))
    copy = chat("a-copy", "Who is [NAME_1]?", "[NAME_1], says a")
    first = replace(
        copy,
        id="_",
        messages=tuple(
            replace(m, id=f"_{m.id}", parent_id=m.parent_id and f"_{m.parent_id}") for m in copy.messages
        ),
    )
    assert new(existing, first, *AFTER) == set()


def test_what_becomes_trivial_or_no_longer_is_stays_one_task() -> None:
    different = siblings("t", "Who?", "Ada", "Bob", "nobody")
    equal = siblings("t", "Who?", "[NAME_1]", "[NAME_1]", "nobody")
    for old, today in ((different, equal), (equal, different)):
        assert new(tasks_of(found(old, trivial=True)), today, trivial=True) == set()
        assert new(tasks_of(found(old, trivial=True)), today) == set()


def test_a_group_is_asked_again_only_when_most_of_its_comparisons_are_new() -> None:
    def ranked(existing: list[Task], count: int) -> list[TaskCandidate]:
        tree = siblings("t", "Who is Ada?", *(f"answer {number}" for number in range(count)))
        return not_asked(existing, candidates(["ranking"], [tree], seeds_of([tree])))

    three = tasks_of(ranked([], 3))
    assert [len(task.message_ids) for task in three] == [3]
    assert ranked(three, 3) == []
    four = tasks_of(ranked(three, 4))
    assert [len(task.message_ids) for task in four] == [4], "three of six comparisons are new"
    assert ranked([*three, *four], 5) == [], "four of ten comparisons are new"
