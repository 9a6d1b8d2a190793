"""Labels of responses: the rule, the majority of those who answered, and what rewrites add."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exports import projection_of
from exports.accounting import account
from exports.completions import Basis
from exports.label_rules import label_rules
from exports.labelling import CompletionLabels, completion_labels
from exports.omissions import OmissionReason, count_omissions
from exports.pairs import Origin
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.records import AnnotationStatus, Quality, Tag


def labels_of(world: World, weights: dict[str, float] | None = None) -> CompletionLabels:
    return completion_labels(world.tasks, world.annotations, world.contexts, Weights(weights or {}))


@pytest.mark.parametrize(
    ("tags", "label"),
    [
        ("instruction=yes helpful=yes", True),
        ("instruction=yes helpful=yes factual=yes toxic=no", True),
        ("instruction=yes helpful=yes factual=na toxic=na", True),
        ("instruction=yes helpful=yes factual=no", False),
        ("instruction=yes helpful=yes toxic=yes", False),
        ("instruction=no helpful=yes", False),
        ("instruction=yes helpful=no", False),
        ("factual=no", False),
        ("toxic=yes", False),
        ("instruction=yes", None),
        ("instruction=na helpful=yes", None),
        ("factual=yes toxic=no", None),
        ("", None),
    ],
)
def test_a_label_follows_the_rule(tags: str, label: bool | None) -> None:
    given: dict[str, str | None] = {
        Quality(name): Tag(tag) for name, tag in (each.split("=") for each in tags.split())
    }
    assert label_rules().label_of(given) is label


def test_each_quality_goes_by_the_majority_of_those_who_answered_it() -> None:
    world = World()
    task = world.task(*world.chat("q", "an answer"))
    world.answer(task, "p0", instruction="yes", helpful="yes", toxic="yes")
    world.answer(task, "p1", instruction="yes", helpful="no", toxic="no")
    world.answer(task, "p2", helpful="yes", toxic="no")
    (row,) = labels_of(world, {"p0": 0.5, "p1": 0.5, "p2": 0.5}).rows
    assert row.label is True
    assert row.n_annotators == 3
    assert row.count("helpful", "yes") == 2
    # p0 alone says False (toxic), p1 False (not helpful), p2 nothing
    assert (row.agreement, row.weight) == (0.0, 0.0)


def test_agreement_counts_people_whose_answers_alone_give_the_label() -> None:
    world = World()
    task = world.task(*world.chat("q", "an answer"))
    world.answer(task, "p0", instruction="yes", helpful="yes")
    world.answer(task, "p1", instruction="yes", helpful="yes")
    world.answer(task, "p2", instruction="yes", helpful="no")
    (row,) = labels_of(world, {"p0": 0.5}).rows
    assert row.agreement == pytest.approx(2 / 3)
    assert row.weight == pytest.approx(1.5 / 3)


def test_an_undecided_response_is_dropped_even_if_a_pair_would_decide_it() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.answer(world.task(one), "p0", helpful="yes")
    world.answer(world.task(one, two), "p0", preference="a")
    labels = labels_of(world)
    assert [(row.completion.text, row.label) for row in labels.rows] == [("two", False)]
    assert count_omissions(labels.omissions) == {OmissionReason.UNDECIDED: 1}
    for name, trained, left_out in (("kto", 1, {}), ("sft", 0, {OmissionReason.UNWANTED.value: 1})):
        projection, evidence = projection_of(name), world.evidence()
        found = account(projection, projection.select(evidence), evidence)
        assert (found.items, found.items_trained) == (2, trained)
        assert found.items_left_out == {OmissionReason.UNDECIDED.value: 1, **left_out}


def test_untagged_responses_take_the_outcome_of_their_pairs() -> None:
    world = World()
    one, two, three = world.chat("q", "one", "two", "three")
    world.votes(world.task(one, two), "aa")
    world.votes(world.task(two, three), "aab")
    found = labels_of(world)
    assert found.undecided == 1
    labels = {row.completion.text: row for row in found.rows}
    assert {text: row.label for text, row in labels.items()} == {"one": True, "three": False}
    assert labels["three"].basis is Basis.PAIRS
    assert labels["three"].agreement == pytest.approx(2 / 3)


def test_tags_outrank_pairs() -> None:
    world = World()
    one, two = world.chat("q", "one", "two")
    world.answer(world.task(one), "p0", instruction="yes", helpful="yes")
    world.answer(world.task(two), "p0", instruction="yes", helpful="yes")
    world.answer(world.task(one, two), "p0", preference="a")
    labels = labels_of(world)
    assert [(row.label, row.basis) for row in labels.rows] == [(True, Basis.TAGS)] * 2
    assert count_omissions(labels.omissions) == {OmissionReason.TAGS_DECIDE: 1}


def test_a_rewrite_is_wanted_and_what_it_replaced_goes_by_its_tags() -> None:
    world = World()
    world.answer(
        world.task(*world.chat("q", "poor")), "p0", instruction="yes", helpful="no", suggestion="good"
    )
    labels = {row.completion.text: row for row in labels_of(world).rows}
    assert {text: row.label for text, row in labels.items()} == {"poor": False, "good": True}
    assert labels["good"].completion.origin is Origin.HUMAN_EDIT


def test_of_one_person_the_later_tags_count() -> None:
    world = World()
    (one,) = world.chat("q", "one")
    world.answer(world.task(one), "p0", toxic="yes")
    world.answer(world.task(one), "p0", instruction="yes", helpful="yes")
    labels = labels_of(world)
    assert [row.label for row in labels.rows] == [True]
    assert count_omissions(labels.omissions) == {OmissionReason.ANSWERED_AGAIN: 1}


def test_an_answer_that_says_nothing_is_dropped() -> None:
    world = World()
    task = world.task(*world.chat("q", "one"))
    world.answer(task, "p0", style="yes")
    world.task(*world.chat("q", "two"))
    assert count_omissions(labels_of(world).omissions) == {
        OmissionReason.NO_VERDICT: 1,
        OmissionReason.NOT_ANSWERED: 1,
    }


def test_two_bad_responses_are_two_unwanted_completions() -> None:
    world = World()
    task = world.task(*world.chat("q", "one", "two"))
    world.answer(task, "p0", preference="tie", both_bad="yes")
    rows = labels_of(world).rows
    assert sorted((row.completion.text, row.label, row.agreement) for row in rows) == [
        ("one", False, 1.0),
        ("two", False, 1.0),
    ]
    assert {verdict.answer for row in rows for verdict in row.verdicts} == {"both_bad"}
    world.answer(task, "p1", preference="tie")
    assert labels_of(world).rows == ()
    assert count_omissions(labels_of(world).omissions) == {OmissionReason.UNDECIDED: 2}


def test_tags_of_one_person_at_one_time_count_where_they_do_not_differ() -> None:
    world = World()
    task = world.task(*world.chat("q", "an answer"))
    world.answer(task, "p0", instruction="yes", helpful="yes")
    world.answer(task, "p0", instruction="yes", helpful="no")
    world.answer(task, "p1", instruction="yes", helpful="yes")
    world.annotations = [replace(each, updated_at=NOW) for each in world.annotations]
    (row,) = labels_of(world).rows
    assert (row.label, row.n_annotators, row.count("helpful", "yes"), row.count("helpful", "no")) == (
        True,
        2,
        1,
        0,
    )
    assert count_omissions(labels_of(world).omissions) == {OmissionReason.CONTRADICTED: 1}


def test_a_person_who_only_contradicts_themselves_says_nothing() -> None:
    world = World()
    task = world.task(*world.chat("q", "an answer"))
    world.answer(task, "p0", toxic="yes")
    world.answer(task, "p0", toxic="no")
    world.annotations = [replace(each, updated_at=NOW) for each in world.annotations]
    assert labels_of(world).rows == ()
    assert count_omissions(labels_of(world).omissions) == {OmissionReason.CONTRADICTED: 2}


def test_a_later_thumb_replaces_no_tags_and_later_tags_no_thumb() -> None:
    """One person said both of one response, in one order or the other: none of it is a new version of the rest."""
    for thumb_first in (True, False):
        world = World()
        (response,) = world.chat("q", "a")
        ask = [
            ("response_rating", {"thumb_1": "up"}),
            ("qualitative", {"instruction": "no", "helpful": "no"}),
        ]
        for kind, said in ask if thumb_first else reversed(ask):
            task = world.task(response, kind=kind)
            world.answer(task, "p0", status=AnnotationStatus.SUBMITTED, **said)
        labels = labels_of(world)
        (row,) = labels.rows
        assert (row.label, row.basis, row.agreement) == (False, Basis.TAGS, 1.0)
        assert {(it.question, it.answer) for it in row.verdicts} == {
            ("instruction", "no"),
            ("helpful", "no"),
            ("thumb", "yes"),
        }
        assert labels.omissions == ()
        assert (row.n_annotators, row.weight) == (1, 1.0)
