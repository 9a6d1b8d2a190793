"""Strengths become margins, rankings become pairs that weigh as one, and whole rankings are kept."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.labelling import completion_labels
from exports.omissions import OmissionReason, count_omissions
from exports.pairing import Pairs, preference_pairs
from exports.pairs import Decision
from exports.projections import helpsteer3
from exports.projections.ranking import PROJECTION
from exports.projections.reward import rows
from exports.rankings import Rankings, ranked_responses
from exports.weights import Weights
from task_generators.chat_logs.readers import helpsteer_preference, ranked_completions
from tests.unit.exports.export_records import NOW, World
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from random import Random

    from exports.pairs import PreferencePair, Vote


def pairs_of(world: World, weights: dict[str, float] | None = None) -> Pairs:
    return preference_pairs(world.tasks, world.annotations, world.contexts, Weights(weights or {}))


def rankings_of(world: World, weights: dict[str, float] | None = None) -> Rankings:
    return ranked_responses(world.tasks, world.annotations, world.contexts, Weights(weights or {}))


@given(st.sampled_from(["-3", "-2", "-1", "1", "2", "3"]), st.booleans())
def test_the_sign_chooses_and_the_strength_is_the_margin(answer: str, turned: bool) -> None:
    world = World()
    first, second = world.chat("q", "one", "two")
    shown = (second, first) if turned else (first, second)
    world.answer(world.task(*shown, kind="preference_strength"), "p0", strength=answer)
    (pair,) = pairs_of(world).decided
    texts = ("two", "one") if turned else ("one", "two")
    assert pair.chosen.text == texts[0 if answer.startswith("-") else 1]
    assert pair.margin == pytest.approx(abs(int(answer)))
    assert rows(pair)[0]["margin"] == pytest.approx(abs(int(answer)))


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=9))
def test_a_strength_that_all_give_is_the_margin_whatever_they_weigh(weights: list[float]) -> None:
    """By rounding alone the weighted mean of equal numbers can be another one, below min_margin or beyond 3."""
    world = World()
    task = world.task(*world.chat("q", "one", "two"), kind="preference_strength")
    for number in range(len(weights)):
        world.answer(task, f"p{number}", strength="3")
    people = {f"p{number}": weight for number, weight in enumerate(weights)}
    (pair,) = pairs_of(world, people).decided
    assert pair.margin == 3.0


def test_strengths_are_averaged_by_weight_and_a_vote_without_one_counts_one() -> None:
    world = World()
    ids = world.chat("q", "one", "two")
    strong = world.task(*ids, kind="preference_strength")
    world.answer(strong, "p0", strength="-3")
    world.answer(strong, "p1", strength="-1")
    world.answer(strong, "p2", strength="2")
    world.answer(world.task(*ids), "p3", preference="a")
    (pair,) = pairs_of(world).decided
    assert pair.margin == pytest.approx((3 + 1 - 2 + 1) / 4)
    assert sorted(vote.strength is None for vote in pair.votes) == [False, False, False, True]
    (pair,) = pairs_of(world, {"p0": 0.5, "p1": 1.0, "p2": 1.0, "p3": 1.0}).decided
    assert pair.margin == pytest.approx((1.5 + 1 - 2 + 1) / 3.5)


@given(
    st.lists(
        st.sampled_from(["-3", "-2", "-1", "0", "1", "2", "3", "both_bad", "a", "b", "tie"]),
        min_size=1,
        max_size=4,
    ),
    st.randoms(use_true_random=False),
)
def test_of_what_one_person_says_at_one_time_a_side_stays_and_its_mildest_strength(
    said: list[str], draw: Random
) -> None:
    """Whatever the order and the ids; a comparison without a strength says nothing against one that has some."""

    def vote_of(answers: list[str]) -> tuple[PreferencePair, Vote]:
        world = World()
        ids = world.chat("q", "one", "two")
        for answer in answers:
            if answer in ("a", "b", "tie"):
                world.answer(world.task(*ids), "p0", preference=answer)
            else:
                task = world.task(*ids, kind="preference_strength")
                world.answer(task, "p0", strength=answer, strength_reason="Because.")
        world.annotations[:] = [replace(it, updated_at=NOW) for it in world.annotations]
        found = pairs_of(world)
        (pair,) = (*found.decided, *found.tied)
        (vote,) = pair.votes
        assert len(found.omissions) == len(answers) - 1
        return pair, vote

    pair, vote = vote_of(said)
    sides = {
        {"a": 0, "b": 1, "tie": None, "0": None}.get(
            it, "bad" if it == "both_bad" else int(not it.startswith("-"))
        )
        for it in said
    }
    strengths = [abs(int(it)) for it in said if it.lstrip("-").isdigit()]
    if len(sides) > 1:
        assert (vote.preferred, vote.both_bad, vote.reason) == (None, False, "")
        assert vote.strength == (0 if strengths else None)
    else:
        (side,) = sides
        assert vote.both_bad == (side == "bad")
        assert vote.strength == (min(strengths) if strengths else None)
        if side in (0, 1):
            assert pair.chosen.text == ("one", "two")[side]
            assert pair.margin == pytest.approx(min(strengths) if strengths else 1)
    draw.shuffle(said)
    other = vote_of(said)[1]
    assert (other.preferred, other.both_bad, other.strength) == (vote.preferred, vote.both_bad, vote.strength)


def test_both_bad_is_two_unwanted_completions_and_no_pair() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"), kind="preference_strength")
    for person in ("p0", "p1"):
        world.answer(task, person, strength="both_bad", strength_reason="Neither answers the question.")
    world.answer(task, "p2", strength="0")
    pairs = pairs_of(world)
    (pair,) = pairs.tied
    assert (pair.n_both_bad, pair.count(None), pairs.decided) == (2, 1, ())
    labels = completion_labels(world.tasks, world.annotations, world.contexts, Weights({}))
    assert [
        (row.completion.text, row.label) for row in sorted(labels.rows, key=lambda it: it.completion.text)
    ] == [
        ("one", False),
        ("two", False),
    ]


TEXTS = ("one", "two", "three", "four", "five")


@given(st.integers(3, 5).flatmap(lambda n: st.lists(st.integers(1, n), min_size=n, max_size=n)))
def test_a_ranking_is_a_pair_for_each_two_and_weighs_as_one_person(places: list[int]) -> None:
    world = World()
    ids = world.chat("q", *TEXTS[: len(places)])
    groups = [
        [name for name, at in zip("abcde", places, strict=False) if at == place]
        for place in sorted(set(places))
    ]
    world.answer(world.task(*ids), "p0", ranking=" > ".join(" = ".join(group) for group in groups))
    pairs = pairs_of(world)
    every = (*pairs.decided, *pairs.tied)
    assert len(every) == len(places) * (len(places) - 1) // 2
    assert sum(vote.weight for pair in every for vote in pair.votes) == pytest.approx(1)
    place = dict(zip(TEXTS, places, strict=False))
    for pair in pairs.decided:
        assert place[pair.chosen.text] < place[pair.rejected.text]
        assert pair.margin == pytest.approx(1)
    for pair in pairs.tied:
        assert place[pair.sides[0].text] == place[pair.sides[1].text]
    assert pairs.omissions == ()
    (row,) = rankings_of(world).rows
    steps = sorted(set(places))
    assert {side.text: rank for side, rank in zip(row.sides, row.ranks, strict=True)} == {
        text: steps.index(at) for text, at in place.items()
    }
    assert list(row.ranks) == sorted(row.ranks)
    assert row.agreement == 1


def test_a_pair_that_was_compared_and_ranked_is_one_pair_with_the_latest_vote_of_each() -> None:
    world = World()
    ids = world.chat("q", "one", "two", "three")
    compared = world.task(ids[0], ids[1])
    world.answer(compared, "p0", preference="b")
    world.answer(compared, "p1", preference="b")
    world.answer(world.task(*ids), "p0", ranking="a > b > c")
    pairs = pairs_of(world)
    assert len(pairs.decided) + len(pairs.tied) == 3
    (first,) = (
        pair for pair in (*pairs.decided, *pairs.tied) if {it.text for it in pair.sides} == {"one", "two"}
    )
    assert sorted((vote.person_id, pair_side(first, vote.preferred)) for vote in first.votes) == [
        ("p0", "one"),
        ("p1", "two"),
    ]
    assert count_omissions(pairs.omissions) == {OmissionReason.ANSWERED_AGAIN.value: 1}
    world.answer(compared, "p0", preference="b")
    assert count_omissions(pairs_of(world).omissions) == {OmissionReason.ANSWERED_AGAIN.value: 1}


def pair_side(pair: object, side: int | None) -> str:
    return pair.sides[side].text  # type: ignore[attr-defined,no-any-return]


def test_a_ranking_of_part_of_the_responses_is_omitted_and_a_discarded_one_is_a_skip_of_each_pair() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two", "three"))
    world.answer(task, "p0", ranking="a > b")
    world.answer(task, "p1", status=AnnotationStatus.DISCARDED)
    world.answer(task, "p2", ranking="a = b = c")
    pairs = pairs_of(world)
    assert [pair.skips for pair in pairs.tied] == [1, 1, 1]
    expected = {OmissionReason.NO_PREFERENCE.value: 1, OmissionReason.NOT_SUBMITTED.value: 1}
    assert count_omissions(pairs.omissions) == expected
    assert count_omissions(rankings_of(world).omissions) == expected


def test_a_rewrite_that_does_not_stand_any_more_takes_no_judgment_of_other_responses_along() -> None:
    """Its writer was set aside, say: what others say of the models' responses beside it is about these."""
    world = World()
    one, two, three = world.chat("q", "one", "two", "three")
    ranked, alone = world.task(one, two, "gone", three), world.task("gone", one, "gone too", kind="ranking")
    compared, deleted = world.task(one, "gone"), world.task(one, "deleted")
    for task in (ranked, alone, compared):
        world.tasks[task] = replace(world.tasks[task], rewrites=("gone", "gone too"))
    world.answer(ranked, "p0", ranking="c > b > a = d")
    world.answer(alone, "p0", ranking="a > b > c")
    world.answer(compared, "p0", preference="a")
    world.answer(deleted, "p0", preference="a")
    pairs = pairs_of(world)
    assert {(it.chosen.text, it.rejected.text) for it in pairs.decided} == {("two", "one"), ("two", "three")}
    assert [(it.chosen.text, it.rejected.text) for it in pairs.tied] == [("one", "three")]
    assert {vote.weight for it in (*pairs.decided, *pairs.tied) for vote in it.votes} == {1 / 6}
    gone, not_shared = OmissionReason.REWRITE_GONE.value, OmissionReason.NOT_SHARED.value
    assert count_omissions(pairs.omissions) == {gone: 2, not_shared: 1}
    assert rankings_of(world).rows == ()
    assert count_omissions(rankings_of(world).omissions)[gone] == 2


def test_a_response_that_is_deleted_or_empty_takes_no_judgment_of_the_others_of_a_ranking_along() -> None:
    world = World()
    one, two, empty = world.chat("q", "one", "two", " ")
    for names in ([one, "deleted", two], [one, empty, two], [one, "deleted", empty]):
        world.answer(world.task(*names, kind="ranking"), f"p{names}", ranking="c > b > a")
    pairs = pairs_of(world)
    (pair,) = pairs.decided
    assert (pair.chosen.text, pair.rejected.text) == ("two", "one")
    assert [vote.weight for vote in pair.votes] == [1 / 3, 1 / 3]
    assert count_omissions(pairs.omissions) == {OmissionReason.NOT_SHARED.value: 1}
    reasons = {OmissionReason.NOT_SHARED.value: 2, OmissionReason.EMPTY_SIDE.value: 1}
    assert count_omissions(rankings_of(world).omissions) == reasons


@given(st.lists(st.permutations("abc"), min_size=1, max_size=5))
def test_rankings_of_several_people_are_pooled_whatever_their_order(orders: list[list[str]]) -> None:
    told = set()
    for turn in list(permutations(range(len(orders))))[:6]:
        world = World()
        task = world.task(*world.chat("q", "one", "two", "three"))
        for number in turn:
            world.answer(task, f"p{number}", ranking=" > ".join(orders[number]))
        (row,) = rankings_of(world).rows
        assert len(row.rankings) == len(orders)
        assert 0 <= row.agreement <= 1
        told.add((tuple(side.text for side in row.sides), row.ranks))
    assert len(told) == 1


def test_the_row_of_a_ranking_is_read_back_as_its_comparisons() -> None:
    world = World()
    world.answer(world.task(*world.chat("q", "one", "two", "three")), "p0", ranking="c > a = b")
    (item,) = rankings_of(world).rows
    (row,) = PROJECTION.training_table.rows(item)
    assert ranked_completions.matches(dict(row))
    read = ranked_completions.read(dict(row))
    texts = {message.id: message.content for message in read.conversation.messages}
    said = {
        (frozenset(texts[it] for it in each.message_ids), each.values["preference"]) for each in read.feedback
    }
    assert len(said) == 3
    assert {frozenset({"one", "two"})} == {texts_ for texts_, answer in said if answer == "tie"}


def test_each_persons_strength_and_reason_stand_in_the_columns_of_helpsteer_3_and_are_read_back() -> None:
    world = World()
    ids = world.chat("q", "one", "two")
    task = world.task(ids[1], ids[0], kind="preference_strength")
    world.answer(task, "p0", strength="-3", strength_reason=" Two is\nright. ")
    world.answer(task, "p1", strength="1")
    world.answer(task, "p2", strength="both_bad")
    world.answer(world.task(*ids), "p3", preference="a")
    (pair,) = (*pairs_of(world).decided, *pairs_of(world).tied)
    (row,) = helpsteer3.PROJECTION.training_table.rows(pair)
    assert (row["response1"], row["response2"], row["overall_preference"]) == ("one", "two", 1)
    assert row["individual_preference"] == [
        {"score": 3, "reasoning": "Two is\nright."},
        {"score": -1, "reasoning": ""},
    ]
    for decided, winner, overall in (
        (Decision.FIRST, 0, -1),
        (Decision.SECOND, 1, 1),
        (Decision.BOTH_BAD, None, 0),
    ):
        told = replace(pair, adjudicated=decided, winner=winner)
        (other,) = helpsteer3.PROJECTION.training_table.rows(told)
        assert other["overall_preference"] == overall, "what a lead decided is what trainers read"
    assert helpsteer_preference.matches(dict(row))
    read = helpsteer_preference.read(dict(row))
    texts = {message.id: message.content for message in read.conversation.messages}
    better = [texts[each.message_ids[0 if each.values["preference"] == "a" else 1]] for each in read.feedback]
    assert better == ["two", "one"]
