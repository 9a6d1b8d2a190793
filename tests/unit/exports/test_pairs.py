"""Preference pairs: who is chosen, who is rejected, and what is left out with which reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.omissions import OmissionReason, count_omissions
from exports.pairing import Pairs, preference_pairs
from exports.pairs import Origin
from exports.weights import Weighting, Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.records import IMPORTED, AnnotationStatus, Conversation, Message, Role


def pairs_of(world: World, weights: dict[str, float] | None = None) -> Pairs:
    return preference_pairs(world.tasks, world.annotations, world.contexts, Weights(weights or {}))


def reasons_of(world: World) -> dict[str, int]:
    return count_omissions(pairs_of(world).omissions)


def test_the_majority_decides_and_the_vote_distribution_is_kept() -> None:
    world = World()
    good, bad = world.chat("Why is the sky blue?", "Rayleigh scattering.", "Because.")
    world.votes(world.task(bad, good), "bbat")
    world.annotations.pop()
    (pair,) = pairs_of(world).decided
    assert (pair.chosen.text, pair.rejected.text) == ("Rayleigh scattering.", "Because.")
    assert pair.prompt == (("user", "Why is the sky blue?"),)
    winner = pair.winner
    assert winner is not None
    assert (pair.count(winner), pair.count(1 - winner), pair.count(None)) == (2, 1, 0)
    assert pair.agreement == pytest.approx(2 / 3)
    assert pair.strength == pytest.approx(1 / 3)
    assert pair.chosen.models == ("model-0",)
    assert pair.chosen.origin is Origin.MODEL
    assert pair.licences == ("mit",)
    assert [vote.shown_first for vote in pair.votes] == [1 - winner] * 3


@pytest.mark.parametrize(
    ("weighting", "weight", "margin"),
    [
        (Weighting.CONFIDENCE, (0.8 + 0.6) / 3, (0.8 + 0.6 - 0.5) / (0.8 + 0.6 + 0.5)),
        (Weighting.NONE, 2 / 3, 1 / 3),
        (Weighting.POSTERIOR, 0.75, 0.75 - 0.125),
    ],
)
def test_a_pair_weighs_by_confidence_by_posterior_or_like_any_other(
    weighting: Weighting, weight: float, margin: float
) -> None:
    """Two tasks show the responses in opposite orders, and copies of them with ids that sort the other way."""
    world = World()
    good, bad = world.chat("q", "good", "bad")
    later, sooner = world.chat("q", "bad", "good")
    world.votes(world.task(good, bad), "a")
    world.answer(world.task(sooner, later), "p1", preference="a")
    world.answer(world.task(bad, good), "p2", preference="a")
    posteriors = {
        ("preference", "preference", f"{good}|{bad}"): {"first": 0.7, "second": 0.1, "tie": 0.2},
        ("preference", "preference", f"{later}|{sooner}"): {"first": 0.175, "second": 0.85},
        ("ranking", "ranking", f"{good}|{bad}"): {"first": 0.0, "second": 1.0},
    }
    weights = Weights({"p0": 0.8, "p1": 0.6, "p2": 0.5}, posteriors=posteriors, weighting=weighting)
    (pair,) = preference_pairs(world.tasks, world.annotations, world.contexts, weights).decided
    assert pair.chosen.text == "good"
    assert pair.posterior == pytest.approx((0.7 + 0.7 + 0.85) / 3)
    assert pair.weight == pytest.approx(weight)
    assert pair.margin == pytest.approx(margin)


def test_what_no_report_has_computed_weighs_by_confidence() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "good", "bad")), "a")
    weights = Weights({"p0": 0.8}, weighting=Weighting.POSTERIOR)
    (pair,) = preference_pairs(world.tasks, world.annotations, world.contexts, weights).decided
    assert pair.posterior is None
    assert (pair.weight, pair.margin) == pytest.approx((0.8, 1.0))


@pytest.mark.parametrize(("decided", "posterior"), [("first", 1.0), ("second", 1.0), ("tie", 0.0)])
def test_what_a_lead_decided_is_certain_whatever_else_was_asked(decided: str, posterior: float) -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.votes(world.task(one, two), "ab")
    for person in ("p3", "p4"):
        world.answer(world.task(one, two, kind="preference_strength"), person, strength="3")
    asked = ("preference", "preference", f"{one}|{two}")
    posteriors = {asked: {decided: 1.0}, ("preference_strength", "strength", asked[2]): {"second": 0.9}}
    weights = Weights(posteriors=posteriors, weighting=Weighting.POSTERIOR)
    made = preference_pairs(
        world.tasks, world.annotations, world.contexts, weights, decisions={asked: decided}
    )
    (pair,) = (*made.decided, *made.tied)
    assert (pair.posterior, pair.weight) == (posterior, posterior)
    assert abs(pair.margin) == posterior


def test_half_of_the_votes_is_no_majority() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "aatb")
    result = pairs_of(world)
    assert result.decided == ()
    assert [pair.agreement for pair in result.tied] == [0.5]


def test_ties_are_kept_apart() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "tta")
    assert [len(pair.votes) for pair in pairs_of(world).tied] == [3]


def test_tasks_in_opposite_display_order_meet_in_one_pair() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.answer(world.task(one, two), "p0", preference="a")
    world.answer(world.task(two, one), "p1", preference="b")
    (pair,) = pairs_of(world).decided
    assert pair.chosen.text == "one"
    assert sorted(vote.shown_first == pair.winner for vote in pair.votes) == [False, True]


def test_equal_texts_of_two_conversations_meet_in_one_pair() -> None:
    world = World()
    for licence in ("mit", None):
        world.votes(world.task(*world.chat("q", "one", "two", licence=licence)), "a")
    (pair,) = pairs_of(world).decided
    assert pair.conversation_ids == ("c1",)  # p0 answered both: the later answer counts
    world.answer("t0", "p9", preference="b")
    (pair,) = pairs_of(world).tied
    assert pair.conversation_ids == ("c0", "c1")
    assert pair.licences == ("mit", "unknown")


def test_of_one_person_the_later_vote_counts() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.answer(world.task(one, two), "p0", preference="a")
    world.answer(world.task(two, one), "p0", preference="a")
    (pair,) = pairs_of(world).decided
    assert pair.chosen.text == "two"
    assert reasons_of(world) == {OmissionReason.ANSWERED_AGAIN: 1}


def test_confidence_weighs_votes_but_does_not_outvote_people() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "aab")
    (pair,) = pairs_of(world, {"p0": 0.2, "p1": 0.2, "p2": 1.6}).decided
    assert pair.chosen.text == "one"
    assert pair.weight == pytest.approx(0.4 / 3)
    assert pair.margin == pytest.approx((0.4 - 1.6) / 2.0)


def test_weights_of_zero_give_a_margin_of_zero() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "a")
    (pair,) = pairs_of(world, {"p0": 0.0}).decided
    assert (pair.weight, pair.margin) == (0.0, 0.0)


def test_a_rewrite_is_chosen_over_the_response() -> None:
    world = World()
    (response,) = world.chat("q", "A poor answer.")
    world.answer(world.task(response), "p0", helpful="no", suggestion="A good answer.")
    (pair,) = pairs_of(world).decided
    assert (pair.chosen.text, pair.rejected.text) == ("A good answer.", "A poor answer.")
    assert (pair.chosen.origin, pair.chosen.message_ids, pair.chosen.models) == (Origin.HUMAN_EDIT, (), ())
    assert pair.rejected.message_ids == (response,)
    assert pair.votes[0].shown_first is None


def test_a_rewrite_into_another_response_is_a_vote_between_the_two() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.answer(world.task(one, two), "p0", preference="a")
    world.answer(world.task(one), "p1", suggestion="two")
    result = pairs_of(world)
    assert result.decided == ()
    assert len(result.tied) == 1


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        ("  an\n answer ", OmissionReason.UNCHANGED_REWRITE),
        (" \n", OmissionReason.NO_REWRITE),
        ("", OmissionReason.NO_REWRITE),
    ],
)
def test_a_rewrite_that_says_nothing_new_is_dropped(rewrite: str, reason: OmissionReason) -> None:
    world = World()
    world.answer(world.task(*world.chat("q", "an answer")), "p0", suggestion=rewrite)
    assert reasons_of(world) == {reason: 1}


def test_identical_responses_are_dropped() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "same", "same\n")), "ab")
    assert reasons_of(world) == {OmissionReason.SAME_TEXT: 2}


def test_texts_that_only_a_lone_surrogate_tells_apart_are_identical() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "x\ud800", "x\ud801")), "a")
    assert reasons_of(world) == {OmissionReason.SAME_TEXT: 1}


def test_empty_responses_are_dropped() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", " \n")), "a")
    assert reasons_of(world) == {OmissionReason.EMPTY_SIDE: 1}


def test_responses_to_different_prompts_are_dropped() -> None:
    world = World()
    (one,) = world.chat("q", "one")
    (two,) = world.chat("q", "two", system="Be brief.")
    world.votes(world.task(one, two), "a")
    assert reasons_of(world) == {OmissionReason.DIFFERENT_PROMPTS: 1}


def test_only_submitted_answers_with_a_preference_count() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    for status in (AnnotationStatus.DRAFT, AnnotationStatus.DISCARDED, AnnotationStatus.DELETED):
        world.answer(task, status.value, status=status, preference="a")
    world.answer(task, "p0", preference="c")
    world.answer("elsewhere", "p0", preference="a")
    world.task(*world.chat("q2", "one", "two"))
    assert reasons_of(world) == {
        OmissionReason.NOT_SUBMITTED: 3,
        OmissionReason.NO_PREFERENCE: 1,
        OmissionReason.UNKNOWN_TASK: 1,
        OmissionReason.NOT_ANSWERED: 1,
    }


def test_a_conversation_no_longer_shared_gives_nothing() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "ab")
    world.conversations.clear()
    assert reasons_of(world) == {OmissionReason.NOT_SHARED: 2}


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ([Role.ASSISTANT], OmissionReason.NO_PROMPT),
        ([Role.SYSTEM, Role.ASSISTANT], OmissionReason.NO_PROMPT),
        ([Role.USER, Role.ASSISTANT, Role.ASSISTANT], OmissionReason.NO_PROMPT),
        ([Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT], None),
    ],
)
def test_a_trainer_needs_a_turn_to_answer(roles: list[Role], reason: OmissionReason | None) -> None:
    messages = [
        Message(f"m{i}", f"m{i - 1}" if i else None, role, f"text {i}") for i, role in enumerate(roles)
    ]
    world = World([Conversation("c", tuple(messages), source="test logs")])
    world.answer(world.task(messages[-1].id), "p0", suggestion="better")
    assert reasons_of(world) == ({reason: 1} if reason else {})


def test_an_empty_user_turn_is_no_prompt() -> None:
    world = World()
    world.votes(world.task(*world.chat(" ", "one", "two")), "a")
    assert reasons_of(world) == {OmissionReason.EMPTY_PROMPT: 1}


def test_the_prompt_of_a_later_turn_holds_the_branch_that_led_to_it() -> None:
    messages = (
        Message("u1", None, Role.USER, "hello"),
        Message("r1", "u1", Role.ASSISTANT, "hi"),
        Message("r2", "u1", Role.ASSISTANT, "good day"),
        Message("u2", "r2", Role.USER, "and?"),
        Message("r3", "u2", Role.ASSISTANT, "well"),
    )
    world = World([Conversation("c", messages, source="test logs")])
    world.answer(world.task("r3"), "p0", suggestion="ask me")
    (pair,) = pairs_of(world).decided
    assert pair.prompt == (("user", "hello"), ("assistant", "good day"), ("user", "and?"))


def test_the_id_of_a_pair_outlives_a_change_of_winner() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    world.answer(task, "p0", preference="a")
    (before,) = pairs_of(world).decided
    world.answer(task, "p1", preference="b")
    world.answer(task, "p2", preference="b")
    (after,) = pairs_of(world).decided
    assert before.chosen.text != after.chosen.text
    assert before.pair_id == after.pair_id


def test_differing_votes_of_one_person_at_one_time_are_a_tie() -> None:
    for preferences in (("a", "b"), ("b", "a"), ("a", "tie"), ("a", "a", "b")):
        world = World()
        task = world.task(*world.chat("q", "one", "two"))
        for preference in preferences:
            world.answer(task, "p0", preference=preference)
        world.annotations = [replace(each, updated_at=NOW) for each in world.annotations]
        (pair,) = pairs_of(world).tied
        assert (pair.count(None), len(pair.votes)) == (1, 1)
        assert reasons_of(world) == {OmissionReason.CONTRADICTED: len(preferences) - 1}


def test_equal_votes_of_one_person_at_one_time_are_one_vote() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    for _ in range(2):
        world.answer(task, "p0", preference="a")
    world.annotations = [replace(each, updated_at=NOW) for each in world.annotations]
    assert [len(pair.votes) for pair in pairs_of(world).decided] == [1]
    assert reasons_of(world) == {OmissionReason.ANSWERED_AGAIN: 1}


def test_both_bad_is_no_tie_and_no_victory() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    world.answer(task, "p0", preference="tie", both_bad="yes")
    world.answer(task, "p1", preference="tie", both_bad="yes")
    world.answer(task, "p2", preference="tie")
    world.answer(task, "p3", preference="a")
    (pair,) = pairs_of(world).tied
    assert (pair.count(0), pair.count(1), pair.count(None), pair.n_both_bad) == (1, 0, 1, 2)
    assert (pair.agreement, pair.is_both_bad) == (0.5, False)
    world.answer(task, "p4", preference="tie", both_bad="yes")
    (pair,) = pairs_of(world).tied
    assert pair.is_both_bad


def test_who_discarded_a_comparison_is_counted_beside_its_votes() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    world.answer(task, "p0", preference="a")
    for person in ("p0", "p1", "p2"):
        world.answer(task, person, status=AnnotationStatus.DISCARDED)
    (pair,) = pairs_of(world).decided
    assert (len(pair.votes), pair.skips) == (1, 2)
    assert reasons_of(world) == {OmissionReason.NOT_SUBMITTED: 3}


def test_of_an_answer_from_a_log_the_display_order_is_what_the_log_says() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    task = world.task(one, two)
    world.tasks[task] = replace(world.tasks[task], platform=IMPORTED)
    for person in ("p0", "p1", "p2"):
        world.answer(task, person, preference="a")
    world.annotations[0] = replace(world.annotations[0], shown_first=one)
    world.annotations[1] = replace(world.annotations[1], shown_first=two)
    (pair,) = pairs_of(world).decided
    texts = [None if vote.shown_first is None else pair.sides[vote.shown_first].text for vote in pair.votes]
    assert texts == ["one", "two", None]


@given(
    people=st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1)),
    priors=st.dictionaries(st.sampled_from(["preference", "helpful"]), st.floats(0, 1)),
    prior=st.none() | st.floats(0, 1),
)
def test_a_person_who_was_not_measured_weighs_what_the_prior_says(
    people: dict[str, float], priors: dict[str, float], prior: float | None
) -> None:
    weights = Weights(people, prior=prior, priors=priors)
    for person in "abcde":
        for question in ("preference", None):
            expected = people.get(person)
            if expected is None:
                expected = priors.get(question or "")
            if expected is None:
                expected = 1.0 if prior is None else prior
            assert weights.of(person, question) == expected


def test_confidence_on_the_question_itself_is_the_weight() -> None:
    world = World()
    world.votes(world.task(*world.chat("q", "one", "two")), "aa")
    weights = Weights({"p0": 0.3}, {("p0", "preference"): 0.8}, prior=0.5, priors={"preference": 0.65})
    (pair,) = preference_pairs(world.tasks, world.annotations, world.contexts, weights).decided
    assert [vote.weight for vote in pair.votes] == [0.8, 0.65]
