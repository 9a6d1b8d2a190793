"""Votes on rewrites: what holds whatever people say, in whatever order they say it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from exports import contexts_of
from exports.labelling import completion_labels
from exports.omissions import OmissionReason
from exports.pairing import preference_pairs
from exports.pairs import Origin
from exports.verdicts import RewriteOutcomes
from exports.weights import Weights
from reward_engine.acceptance import Outcome, Tally, tally
from tests.defined import defined
from tests.examples import examples
from tests.sample_records import NOW, annotation, task
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus, Conversation, Message, Role

CHECK = "suggestion_check"
COMPARISON = defined(kind_of(CHECK).comparison)
COUNTS = st.integers(0, 6)
STATUSES = st.sampled_from(AnnotationStatus)
VOTES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cat", "dee"]),
        st.sampled_from([*COMPARISON.answers, "neither"]),
        STATUSES,
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=9,
)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 4))
@examples(100)
def test_the_outcome_says_whether_enough_and_most_prefer_the_rewrite(
    better: int, worse: int, ties: int, needed: int
) -> None:
    votes = Tally(better, worse, ties)
    outcome = votes.outcome(needed)
    assert (outcome is Outcome.ACCEPTED) == (better >= needed and better > worse + ties)
    assert (outcome is Outcome.UNDECIDED) == (better + worse + ties < needed)
    if outcome is Outcome.ACCEPTED:  # a further vote for it never takes it back
        assert Tally(better + 1, worse, ties).outcome(needed) is Outcome.ACCEPTED


@given(VOTES, st.booleans(), st.randoms())
@examples(100)
def test_votes_are_counted_once_for_each_person_whatever_the_order_and_the_sides(
    votes: list[tuple[str, str, AnnotationStatus, int, bool]], rewrite_first: bool, random: object
) -> None:
    shown = ("rewrite", "m") if rewrite_first else ("m", "rewrite")
    tasks = {
        "t": replace(task("t", {}, kind=CHECK), message_ids=shown),
        "again": replace(task("again", {}, kind=CHECK), message_ids=shown, reask_of="t"),
    }
    given_ = [
        replace(
            annotation(
                "again" if again else "t", person, {COMPARISON.name: said}, at=NOW + timedelta(minutes=at)
            ),
            id=f"a{number}",
            status=status,
        )
        for number, (person, said, status, at, again) in enumerate(votes)
    ]
    counted = tally(given_, tasks, frozenset({"rewrite"}))
    shuffled = sorted(given_, key=lambda it: (it.values[COMPARISON.name], it.id), reverse=True)
    assert tally(shuffled, tasks, frozenset({"rewrite"})) == counted
    turned = {name: replace(each, message_ids=each.message_ids[::-1]) for name, each in tasks.items()}
    mirrored = [
        replace(it, values={COMPARISON.name: COMPARISON.mirrored(it.values[COMPARISON.name])})
        if COMPARISON.is_complete(it.values[COMPARISON.name])
        else it
        for it in given_
    ]
    assert tally(mirrored, turned, frozenset({"rewrite"})) == counted
    standing = [
        it
        for it in given_
        if it.status is AnnotationStatus.SUBMITTED
        and it.task_id == "t"
        and COMPARISON.is_complete(it.values[COMPARISON.name])
    ]
    assert counted["rewrite"].voters == len({it.person_id for it in standing})


@given(
    VOTES,
    st.lists(st.tuples(st.sampled_from(["ann", "bob", "eve"]), STATUSES), min_size=1, max_size=3),
    st.sampled_from(Outcome),
    st.sampled_from(["better", "worse", " ", ""]),
)
@examples(150)
def test_every_answer_is_a_vote_or_a_writers_or_omitted_and_only_accepted_rewrites_are_in_rows(
    votes: list[tuple[str, str, AnnotationStatus, int, bool]],
    writers: list[tuple[str, AnnotationStatus]],
    outcome: Outcome,
    text: str,
) -> None:
    asked = Message("u", None, Role.USER, "Why?")
    response = Message("m", "u", Role.ASSISTANT, "worse", model_name="model")
    rewrite = replace(response, id="rewrite", content=text, model_name=None, rewrite_of="m")
    contexts = contexts_of([Conversation("c", (asked, response, rewrite), source="any", model_name="model")])
    tasks = {
        "t": replace(task("t", {}, kind=CHECK), message_ids=("m", "rewrite")),
        "again": replace(task("again", {}, kind=CHECK), message_ids=("m", "rewrite"), reask_of="t"),
        "w": replace(task("w", {}, kind="suggestion"), message_ids=("m",)),
    }
    given_ = [
        replace(
            annotation(
                "again" if again else "t", person, {COMPARISON.name: said}, at=NOW + timedelta(minutes=at)
            ),
            id=f"a{number}",
            status=status,
        )
        for number, (person, said, status, at, again) in enumerate(votes)
    ]
    wrote = [
        replace(annotation("w", person, {"rewrite": text}), id=f"w{number}", status=status)
        for number, (person, status) in enumerate(writers)
    ]
    outcomes = RewriteOutcomes({"rewrite": outcome}, {it.id: "rewrite" for it in wrote})
    everything = [*given_, *wrote]
    pairs = preference_pairs(tasks, everything, contexts, Weights({}), outcomes)
    used = [it.annotation_id for pair in (*pairs.decided, *pairs.tied) for it in pair.judgments]
    left_out = [it.annotation_id for it in pairs.omissions if it.annotation_id]
    assert Counter([*used, *left_out]) == Counter(it.id for it in everything)
    assert {vote.annotation_id for pair in (*pairs.decided, *pairs.tied) for vote in pair.votes}.isdisjoint(
        it.id for it in wrote
    )
    if outcome is not Outcome.ACCEPTED:
        assert used == []
    for pair in (*pairs.decided, *pairs.tied):
        (side,) = [side for side in pair.sides if side.origin is not Origin.MODEL]
        assert (side.text, side.origin, side.models) == (text, Origin.ACCEPTED_REWRITE, ())
    labels = completion_labels(tasks, everything, contexts, Weights({}), outcomes)
    named = Counter(it.annotation_id for it in labels.omissions if it.annotation_id)
    rows = {it.annotation_id for row in labels.rows for it in row.judgments}
    assert named.keys() | rows == {it.id for it in everything}
    assert named.keys().isdisjoint(rows)
    assert max(named.values(), default=1) == 1
    if outcome is not Outcome.ACCEPTED and given_:
        allowed = {OmissionReason.REWRITE_REJECTED, OmissionReason.REWRITE_UNDECIDED}
        reasons = {it.reason for it in pairs.omissions if it.annotation_id in {w.id for w in wrote}}
        assert reasons <= allowed | {
            OmissionReason.NOT_SUBMITTED, OmissionReason.NO_REWRITE,
        }  # fmt: skip
