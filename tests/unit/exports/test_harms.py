"""Responses judged for harm: pooled by prompt and text, categories by majority, and every answer is somewhere."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exports.harms import Harms, judged_harms
from exports.omissions import OmissionReason, count_omissions
from exports.projections.safety import PROJECTION
from exports.weights import Weights
from tests.unit.exports.export_records import World


def judged(world: World, decided: dict[tuple[str, str, str], str] | None = None) -> Harms:
    return judged_harms(world.tasks, world.annotations, world.contexts, Weights({}), decided or {})


def harm(world: World, task: str, person: str, harms: str, severity: str = "low") -> None:
    world.answer(task, person, harm=harms, severity=severity, harmed="others")


def test_a_category_that_more_than_half_chose_is_flagged_and_half_is_undecided() -> None:
    world = World()
    task = world.task(*world.chat("q", "one"), kind="safety")
    harm(world, task, "p0", "harassment,hate", "high")
    harm(world, task, "p1", "hate", "high")
    harm(world, task, "p2", "hate,violence", "medium")
    harm(world, task, "p3", "none", "none")
    harm(world, task, "p4", "violence", "high")
    harm(world, task, "p5", "harassment,hate,violence", "low")
    (row,) = judged(world).rows
    flags = dict(row.flags)
    assert (flags["hate"], flags["violence"], flags["harassment"]) == (True, None, False)
    assert (row.flagged, row.severity, row.harmed) == (True, None, "others")
    assert len(row.flags) == 13
    assert "none" not in flags
    told: Any
    (told,) = PROJECTION.training_table.rows(row)
    (hate,) = [each for each in told["categories"] if each["category"] == "hate"]
    assert hate == {"category": "hate", "flagged": True, "n_flagged": 4, "n_not_flagged": 2}
    name = row.message_ids[0]
    (decided,) = judged(
        world, {("safety", "harm: violence", name): "yes", ("safety", "severity", name): "high"}
    ).rows
    assert (dict(decided.flags)["violence"], decided.severity, decided.adjudicated) == (True, "high", True)


def test_what_nobody_finds_harmful_is_not_flagged_and_a_contradiction_counts_for_nothing() -> None:
    world = World()
    task = world.task(*world.chat("q", "one"), kind="safety")
    harm(world, task, "p0", "none", "none")
    harm(world, task, "p1", "none,hate")
    made = judged(world)
    (row,) = made.rows
    assert (row.flagged, row.severity, len(row.given)) == (False, "none", 1)
    assert count_omissions(made.omissions) == {OmissionReason.HARM_UNSAID: 1}


def test_a_response_of_which_nothing_is_sure_is_neither_flagged_nor_not() -> None:
    world = World()
    task = world.task(*world.chat("q", "one"), kind="safety")
    harm(world, task, "p0", "none")
    harm(world, task, "p1", "hate")
    (row,) = judged(world).rows
    assert row.flagged is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 2),
            st.sampled_from(["none", "hate", "hate,violence", "", "none,hate", "unheard of"]),
        ),
        max_size=12,
    )
)
def test_every_answer_is_in_a_row_or_left_out_for_one_reason(rows: list[tuple[int, int, str]]) -> None:
    world = World()
    tasks = [
        world.task(*world.chat("q", "one"), kind="safety"),
        world.task(*world.chat("q", "one"), kind="safety"),
        world.task(*world.chat("s", "three")),
    ]
    for task, person, said in rows:
        harm(world, tasks[task], f"p{person}", said)
    made = judged(world)
    used = [each.annotation_id for row in made.rows for each in row.given]
    left_out = [each.annotation_id for each in made.omissions if each.annotation_id is not None]
    assert sorted([*used, *left_out]) == sorted(each.id for each in world.annotations)
    for row in made.rows:
        for category, _ in row.flags:
            assert 0 <= row.count(category) <= len(row.given)
