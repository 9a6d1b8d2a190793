"""The report of quality: its figures for each question and person, and its next steps."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from quality import annotator_confidence, build_report, gwet_ac1, krippendorff_alpha, percent_agreement
from tests.unit.quality.answer_tables import simulated
from workspaces.records import ANONYMOUS

COLUMNS = ["kind", "question", "item", "annotator", "value", "task_id"]

if TYPE_CHECKING:
    from quality.labels import Mirror


def quality_votes(
    question: str, table: pd.DataFrame, names: tuple[str, ...] = ("no", "yes", "na")
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "kind": "qualitative",
            "question": question,
            "item": table["item"].map("m{:05d}".format),
            "annotator": table["annotator"].map("p{:02d}".format),
            "value": table["value"].map(dict(enumerate(names))),
            "task_id": table["item"].map("t{}".format),
        }
    )


def preference_votes(table: pd.DataFrame) -> pd.DataFrame:
    return quality_votes("preference", table, ("first", "tie", "second")).assign(kind="preference")


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_answers_give_a_report_that_says_so(rows: int) -> None:
    votes = quality_votes("toxic", simulated([0.9] * 2, 1, 2, seed=1))[COLUMNS].iloc[:rows]
    report = build_report(votes)
    assert report.n_votes == rows
    assert len(report.people) == rows
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["n_votes"] == rows
    assert len(report.next_steps) == 1
    assert ("no submitted answers" if rows == 0 else "two or more people") in report.next_steps[0]
    for question in report.questions:
        assert all(coefficient.sentence for coefficient in question.coefficients.values())


def test_not_applicable_is_kept_apart_from_no_and_yes() -> None:
    votes = quality_votes("factual", simulated([0.8] * 5, 100, 3, seed=2, shares=(0.5, 0.3, 0.2)))
    (question,) = build_report(votes).questions
    applies = votes["value"] != "na"
    expected = {
        "applicability": krippendorff_alpha(votes.assign(value=applies)),
        "answered": krippendorff_alpha(votes[applies]),
        "three_way": krippendorff_alpha(votes),
        "percent_agreement": percent_agreement(votes),
        "ac1": gwet_ac1(votes, ["na", "no", "yes"]),
    }
    assert {name: one.value for name, one in question.coefficients.items()} == {
        name: one.value for name, one in expected.items()
    }
    assert (question.n_votes, question.n_items, question.n_voters) == (300, 100, 5)


def test_a_preference_is_ordered_and_counted_with_and_without_ties() -> None:
    votes = preference_votes(simulated([0.8] * 5, 100, 3, seed=3, shares=(0.4, 0.2, 0.4)))
    coefficients = build_report(votes).questions[0].coefficients
    sides: Mirror = {"first": "second", "second": "first"}
    ordinal = krippendorff_alpha(votes, "ordinal", ["first", "tie", "second"], mirror=sides)
    assert coefficients["ordinal"].value == ordinal.value
    assert coefficients["nominal"].value == krippendorff_alpha(votes, mirror=sides).value
    assert coefficients["percent_agreement"].n_pairs == 300
    assert coefficients["percent_without_ties"].n_pairs < 300


def test_people_carry_their_confidence_over_all_questions_and_on_each() -> None:
    toxic = quality_votes("toxic", simulated([0.9] * 4, 60, 3, seed=4))
    helpful = quality_votes("helpful", simulated([0.9] * 3, 40, 3, seed=5))
    report = build_report(pd.concat([toxic, helpful]))
    assert [person.person for person in report.people] == ["p00", "p01", "p02", "p03"]
    assert list(report.people[0].by_question) == ["helpful", "toxic"]
    assert list(report.people[3].by_question) == ["toxic"]
    assert report.people[3].n_votes == (toxic["annotator"] == "p03").sum()
    alone = annotator_confidence(toxic).set_index("annotator")
    assert report.people[1].by_question["toxic"].value == alone["value"]["p01"]


def test_next_steps_name_the_unclear_question_the_person_and_the_thin_question() -> None:
    clear = quality_votes("toxic", simulated([0.97] * 8 + [0.5], 1500, 4, seed=6))
    unclear = quality_votes("style", simulated([0.62] * 8, 300, 4, seed=7))
    thin = quality_votes("factual", simulated([0.9] * 8, 5, 4, seed=8))
    steps = build_report(pd.concat([clear, unclear, thin])).next_steps
    assert [step.split(":")[0] for step in steps[:2]] == ["Make 'style' clearer", "Talk to p08"]
    assert "'factual' (5)" in steps[2]
    assert len(steps) == 3


def test_several_unclear_questions_are_one_step_the_least_clear_first() -> None:
    clearer = quality_votes("style", simulated([0.75] * 8, 300, 4, seed=7))
    unclear = quality_votes("toxic", simulated([0.62] * 8, 300, 4, seed=8))
    (step,) = build_report(pd.concat([clearer, unclear])).next_steps
    assert re.fullmatch(
        r"Make 2 questions clearer: people disagree about 'toxic' \(alpha 0\.\d\d on 300 items\); 'style' "
        r"\(alpha 0\.\d\d on 300 items\)\. Discuss .*",
        step,
    )


def test_a_skewed_question_with_low_alpha_is_not_called_unclear() -> None:
    votes = quality_votes("toxic", simulated([0.96] * 8, 500, 3, seed=9, shares=(0.99, 0.01)))
    report = build_report(votes)
    assert float(report.questions[0].headline) < 0.5
    assert float(report.questions[0].coefficients["ac1"]) > 0.8
    assert report.next_steps[0].startswith("Look at the items of 'toxic'")


def test_agreement_on_everything_leaves_nothing_urgent() -> None:
    votes = quality_votes("toxic", simulated([1.0] * 4, 50, 3, seed=10))
    assert build_report(votes).next_steps == ("Nothing is urgent: people agree on every question.",)


def test_votes_on_several_responses_of_a_task_are_answers_of_their_own_and_rankings_keep_their_counts() -> (
    None
):
    """A task asks six people about three responses. The last of them differs from the others everywhere."""
    rows = [
        (f"m{task}{place}", f"p{person}", "up" if (person < 5) == (task % 2 == 0) else "down", f"t{task}")
        for task in range(20)
        for place in range(3)
        for person in range(6)
    ]
    several = pd.DataFrame(rows, columns=["item", "annotator", "value", "task_id"])
    several = several.assign(kind="response_rating", question="thumb")
    alone = several.assign(task_id=several["item"])
    assert build_report(several).people == build_report(alone).people

    sides = several["value"].map({"up": "first", "down": "second"})
    ranked = several.assign(kind="ranking", question="ranking", value=sides)
    ranked["item"] = ranked["item"].map(lambda item: f"{item[:-1]}a|{item}")
    (*_, against) = build_report(ranked).people
    (*_, as_often) = build_report(alone).people
    assert against.confidence.n_compared == against.confidence.n_divergent == 60
    assert against.confidence.multiplier > as_often.confidence.multiplier


def test_who_answered_nothing_but_gold_is_in_the_report_and_changes_nothing_else() -> None:
    votes = quality_votes("toxic", simulated([0.9] * 5, 40, 3, seed=3))
    gold = votes[votes["item"] < "m00006"].assign(gold="yes")
    new = gold.drop_duplicates("item").iloc[:2].assign(annotator="new", value="yes")
    nameless = gold.iloc[:1].assign(annotator=f"{ANONYMOUS}1")
    before, after = build_report(votes, gold=gold), build_report(votes, gold=pd.concat([gold, new, nameless]))
    (person,) = [each for each in after.people if each.person == "new"]
    assert (person.n_votes, person.confidence.n_compared, person.confidence.multiplier) == (0, 0, 1.0)
    assert person.confidence.gold_accuracy is not None
    assert (person.confidence.gold_accuracy.n_matching, person.confidence.gold_accuracy.n_items) == (2, 2)
    assert person.by_question.keys() == {"toxic"}
    plain = [
        [(it.person, it.n_votes, replace(it.confidence, gold_accuracy=None)) for it in report.people]
        for report in (before, after)
    ]
    assert plain[0] == [row for row in plain[1] if row[0] != "new"]
    assert (before.n_voters, before.prior) == (after.n_voters, after.prior)


def test_gold_and_repeats_of_two_kinds_with_a_question_of_one_name_count_apart() -> None:
    kinds = ("rating", "response_rating")
    votes = pd.DataFrame(
        [(kind, "thumb", f"m{n}", f"p{who}", "up", "t") for kind in kinds for n in range(4) for who in "ab"],
        columns=["kind", "question", "item", "annotator", "value", "task_id"],
    )
    gold = votes.assign(gold=votes["kind"].map({"rating": "up", "response_rating": "down"}))
    repeats = votes.assign(first="up", second=gold["gold"])
    for person in build_report(votes, gold=gold, repeats=repeats).people:
        for check in (person.confidence.gold_accuracy, person.confidence.self_consistency):
            assert check is not None
            assert (check.n_matching, check.n_items) == (4, 8)
