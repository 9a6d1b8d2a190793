"""A ranking is one line, and one comparison of each two responses."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.report.people import _information
from quality.votes import votes
from tests.sample_records import NOW
from tests.sample_records import task as sample_task
from workspaces.forms import Form
from workspaces.kinds import FIRST, SECOND, TIE, Kind, RankingQuestion, kind_of
from workspaces.platforms.argilla.form import given as for_argilla
from workspaces.platforms.argilla.form import plain
from workspaces.platforms.label_studio.form import asked_questions, labeling_config, result_of, values_of
from workspaces.records import Annotation, AnnotationStatus

KIND = kind_of("ranking")
(QUESTION,) = (question for question in KIND.questions if isinstance(question, RankingQuestion))
PLACES = st.integers(3, 5).flatmap(lambda size: st.lists(st.integers(1, size), min_size=size, max_size=size))


def line(places: list[int]) -> str:
    return QUESTION.answer_of(dict(zip("abcde", places, strict=False)))


@given(PLACES)
def test_a_ranking_is_read_back_from_its_line_and_gaps_mean_nothing(places: list[int]) -> None:
    answer = line(places)
    read = QUESTION.places_of(answer)
    assert list(read) == list("abcde"[: len(places)])
    steps = sorted(set(places))
    assert list(read.values()) == [1 + steps.index(place) for place in places]
    assert QUESTION.answer_of(read) == answer == QUESTION.canonical(answer.replace(" ", ""))
    question = QUESTION.showing(len(places))
    assert question.is_complete(answer)
    assert not question.is_complete(answer[: answer.rindex(" ") - 1])


@pytest.mark.parametrize(
    "answer", ["", "a", "a > b", "a > b > b", "a > b > f", "a > > b", "a ~ b > c", "a > c > d"]
)
def test_what_does_not_rank_the_responses_from_the_first_on_is_no_ranking(answer: str) -> None:
    assert not QUESTION.is_complete(answer)
    assert list(KIND.votes({"ranking": answer}, ("m", "n", "o"))) == []
    with pytest.raises(ValueError, match="is no answer to 'ranking'"):
        list(QUESTION.comparisons(answer, ("m", "n", "o")))


@given(PLACES, st.randoms(use_true_random=False))
def test_the_votes_of_a_ranking_do_not_depend_on_the_order_of_display(
    places: list[int], random: object
) -> None:
    ids = [f"m{number}" for number in range(len(places))]
    turned = list(range(len(places)))
    random.shuffle(turned)  # type: ignore[attr-defined]
    given_ = set(KIND.votes({"ranking": line(places)}, ids))
    other = set(KIND.votes({"ranking": line([places[it] for it in turned])}, [ids[it] for it in turned]))
    assert given_ == other
    expected = {
        (
            "ranking",
            f"{ids[i]}|{ids[j]}",
            TIE if places[i] == places[j] else FIRST if places[i] < places[j] else SECOND,
        )
        for i, j in combinations(range(len(places)), 2)
    }
    assert given_ == expected
    assert {item for _, item, _ in given_} == set(KIND.items(ids))


@given(PLACES)
def test_both_platforms_keep_a_ranking_as_it_was_given(places: list[int]) -> None:
    form, values = Form.of(KIND.showing(len(places))), {"ranking": line(places)}
    assert plain({name: {"value": value} for name, value in for_argilla(form, values).items()}) == values
    assert values_of(result_of(form, values), asked_questions()) == values


def test_each_number_of_responses_has_a_form_of_its_own() -> None:
    assert list(KIND.forms) == ["ranking_3", "ranking_4", "ranking_5"]
    for size in KIND.sizes:
        form = Form.of(KIND.showing(size))
        assert (form.container, len(form.fields)) == (f"ranking_{size}", size + 1)
        config = labeling_config(form)
        assert config.count('required="true"') == size
        assert config.count('cfw-place"') == size
    assert list(kind_of("preference").forms) == ["preference"]


def test_a_ranking_of_part_of_the_responses_earns_nothing() -> None:
    assert KIND.is_done("ranking", {"ranking": "b > a = c"}, responses=3)
    assert not KIND.is_done("ranking", {"ranking": "b > a = c"}, responses=4)
    assert not KIND.is_done("ranking", {"ranking": "b > a"}, responses=3)


def test_a_kind_that_ranks_names_an_option_for_each_response() -> None:
    with pytest.raises(ValueError, match="an option for each response"):
        Kind("k", "K", responses=4, fewest=2, questions=(QUESTION,))


def test_the_comparisons_of_one_ranking_are_worth_as_much_as_the_fewest_that_it_follows_from() -> None:
    tasks = {
        "r": sample_task("r", {"ranking": 8}),
        "p": sample_task("p", {"preference": 4}),
    }
    tasks["r"] = replace(tasks["r"], kind="ranking", message_ids=("a", "b", "c", "d"))
    tasks["p"] = replace(tasks["p"], kind="preference", message_ids=("a", "b"))
    said = {"r": {"ranking": "a > b > c > d"}, "p": {"preference": "a"}}
    table = votes(
        [
            Annotation(
                id=name,
                task_id=name,
                person_id="p",
                platform="argilla",
                status=AnnotationStatus.SUBMITTED,
                revision=1,
                values=values,
                updated_at=NOW,
            )
            for name, values in said.items()
        ],
        tasks,
    )
    assert len(table) == 7
    worth = _information(table, {"ranking"})
    assert worth is not None
    assert dict(worth) == {("ranking", "p"): pytest.approx(3 / 6)}
    assert _information(table, ()) is None
