"""Responses that people checked against a rubric: pooled by rubric, prompt and text, and every answer is somewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.checked import Checked, checked_responses
from exports.omissions import OmissionReason, count_omissions
from exports.projections.rubric import PROJECTION
from exports.weights import Weights
from tests.unit.exports.export_records import World
from workspaces.records import AnnotationStatus, Generated

KIND = "rubric_of_exports"


def checked(world: World, decided: dict[tuple[str, str, str], str] | None = None) -> Checked:
    return checked_responses(world.tasks, world.annotations, world.contexts, Weights({}), decided or {})


def test_what_more_than_half_say_counts_and_the_score_goes_by_the_weights() -> None:
    world = World()
    task = world.task(*world.chat("q", "one"), kind=KIND)
    world.check(task, "p0", "met", "met", "not_met")
    world.check(task, "p1", "met", "na", "not_met")
    world.check(task, "p2", "not_met", "not_met", "met")
    (row,) = checked(world).rows
    assert row.answers == ("met", None, "not_met")
    assert row.score == pytest.approx(1.0)  # 2 of 2: the second is undecided
    told: Any
    (told,) = PROJECTION.training_table.rows(row)
    assert [each["criteria_met"] for each in told["rubrics"]] == [True, None, False]
    assert [each["applies"] for each in told["rubrics"]] == [True, None, True]
    (decided,) = checked(world, {(KIND, f"{KIND}_3", row.message_ids[0]): "met"}).rows
    assert decided.answers == ("met", None, "met")
    assert (decided.adjudicated, decided.score) == (True, 0.0)


def test_equal_texts_to_equal_prompts_are_one_response_and_a_person_counts_once() -> None:
    world = World()
    first, second = (world.task(*world.chat("q", "one"), kind=KIND) for _ in range(2))
    world.check(first, "p0", "met", "met", "met")
    world.check(second, "p0", "not_met", "met", "met")
    world.check(second, "p1", "not_met", "met", "met")
    made = checked(world)
    (row,) = made.rows
    assert row.message_ids == ("c1r0",)  # what nobody's latest answer is about is not counted
    assert row.answers == ("not_met", "met", "met")
    assert count_omissions(made.omissions) == {OmissionReason.ANSWERED_AGAIN: 1}


ANSWERS = st.sampled_from(["met", "not_met", "na", "", "perhaps"])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.tuples(ANSWERS, ANSWERS, ANSWERS), st.booleans()),
        max_size=12,
    )
)
def test_every_answer_is_in_a_row_or_left_out_for_one_reason(
    rows: list[tuple[int, int, tuple[str, str, str], bool]],
) -> None:
    world = World()
    tasks = [
        world.task(*world.chat("q", "one"), kind=KIND),
        world.task(*world.chat("q", "one"), kind=KIND),
        world.task(*world.chat("r", "two"), kind=KIND),
        world.task(*world.chat("s", "three")),
    ]
    for task, person, said, submitted in rows:
        if submitted:
            world.check(tasks[task], f"p{person}", *said)
        else:
            world.answer(tasks[task], f"p{person}", status=AnnotationStatus.DRAFT)
    made = checked(world)
    used = [each.annotation_id for row in made.rows for each in row.checks]
    left_out = [each.annotation_id for each in made.omissions if each.annotation_id is not None]
    assert sorted([*used, *left_out]) == sorted(each.id for each in world.annotations)
    unanswered = {each.task_id for each in made.omissions if each.annotation_id is None}
    assert unanswered == set(tasks) - {each.task_id for each in world.annotations}
    for row in made.rows:
        assert row.score is None or 0 <= row.score <= 1


def test_a_generated_response_says_so_and_has_its_licence_beside_that_of_the_log() -> None:
    world = World()
    (name,) = world.chat("q", "one")
    *before, (conversation) = world.conversations
    messages = [
        replace(it, generated=Generated("{}", "model-terms")) if it.id == name else it
        for it in conversation.messages
    ]
    world.conversations[:] = [*before, replace(conversation, messages=tuple(messages))]
    world.check(world.task(name, kind=KIND), "p0", "met", "met", "met")
    (row,) = checked(world).rows
    assert (row.origin.value, row.licences) == ("generated", ("mit", "model-terms"))
