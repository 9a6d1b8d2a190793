"""Time on task: what platforms tell, upper bounds where they do not, and who is far too fast for the text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.screening import FlagReason
from quality.screening.finding import in_words
from quality.screening.speed import too_fast
from quality.time_on_task import BREAK_SECONDS, COLUMNS, medians, time_table
from tests.examples import examples
from tests.sample_records import NOW, annotation, task
from workspaces.records import IMPORTED, AnnotationStatus

TASKS = {f"t{number}": task(f"t{number}", {}) for number in range(8)}
CHARACTERS = {"c#1": 500}


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_a_lead_time_counts_as_told_and_other_times_are_upper_bounds() -> None:
    answers = [
        replace(annotation("t0", "ada"), lead_time=12.5),
        annotation("t1", "bo", at=NOW),
        annotation("t2", "bo", at=NOW + seconds(40)),
        replace(annotation("t3", "bo", at=NOW + seconds(100)), served_at=NOW + seconds(90)),
        annotation("t4", "bo", at=NOW + seconds(101 + BREAK_SECONDS)),
        annotation("t5", "bo", status=AnnotationStatus.DISCARDED),
        replace(annotation("t6", "bo"), platform=IMPORTED, lead_time=3.0),
    ]
    found = time_table(answers, TASKS, {}, CHARACTERS)
    rows = {row.task_id: (row.seconds, row.is_bound, row.characters) for row in found.itertuples()}
    assert rows == {"t0": (12.5, False, 500), "t2": (40.0, True, 500), "t3": (10.0, True, 500)}


def test_an_edit_changes_no_time_and_answers_sent_together_share_theirs() -> None:
    answers = [annotation(f"t{number}", "bo", at=NOW + seconds(60 + number / 10)) for number in range(1, 4)]
    answers.append(annotation("t0", "bo", at=NOW + seconds(500)))
    first = {("bo", "t0"): NOW}
    found = time_table(answers, TASKS, first, {})
    assert sorted(found["task_id"]) == ["t1", "t2", "t3"]
    assert found["seconds"].tolist() == pytest.approx([60.3 / 3] * 3)
    (row,) = medians(found).to_dict("records")
    assert (row["person"], row["answers"], row["is_bound"]) == ("bo", 3, True)


def test_a_median_of_told_times_and_of_upper_bounds_is_an_upper_bound() -> None:
    answers = [replace(annotation(f"t{number}", "bo"), lead_time=5.0) for number in range(2)]
    answers += [annotation("t2", "bo", at=NOW), annotation("t3", "bo", at=NOW + seconds(40))]
    answers.append(replace(annotation("t4", "cy"), lead_time=3.0))
    rows = medians(time_table(answers, TASKS, {}, {}))
    assert rows[["person", "answers", "seconds", "is_bound"]].to_numpy().tolist() == [
        ["cy", 1, 3.0, False],
        ["bo", 3, 5.0, True],
    ]


@given(st.lists(st.tuples(st.floats(0, 5_000), st.floats(0.5, 60)), max_size=8))
@examples(80)
def test_what_a_platform_does_not_tell_is_never_taken_for_less_than_it_was(
    work: list[tuple[float, float]],
) -> None:
    """A person pauses and then works, task after task: over a batch, no bound is below their work."""
    at, answers, truth = NOW, [], {}
    for number, (pause, working) in enumerate(work):
        at += seconds(pause + working)
        answers.append(annotation(f"t{number}", "bo", at=at))
        truth[f"t{number}"] = working
    found = time_table(answers, TASKS, {}, {})
    assert found["seconds"].sum() + 1e-4 >= sum(truth[name] for name in found["task_id"])
    assert (found["seconds"] <= BREAK_SECONDS).all()


def crowd(rng: np.random.Generator, hasty: float, people: int = 30, answers: int = 60) -> pd.DataFrame:
    rows = []
    for person in range(people):
        pace = rng.normal(0, 0.4) if person else np.log(hasty)
        for number in range(answers):
            length = int(rng.lognormal(6, 0.8))
            usual = 5 + length / 30
            rows.append((
                f"p{person:02}", "label_studio", "qualitative", f"t{number}",
                float(usual * np.exp(pace + rng.normal(0, 0.5))), False, length,
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_who_is_far_too_fast_for_the_length_of_the_text_is_found() -> None:
    found = too_fast(crowd(np.random.default_rng(1), hasty=0.1), 0.0125)
    assert [it.person for it in found] == ["p00"]
    assert found[0].reason is FlagReason.TOO_FAST
    assert "seconds in the median of 60 answers" in in_words(found[0].reason, found[0].evidence)


@pytest.mark.parametrize("hasty", [1.0, 0.6])
def test_people_who_are_quick_and_not_far_from_others_are_left_alone(hasty: float) -> None:
    found = [it for seed in range(5) for it in too_fast(crowd(np.random.default_rng(seed), hasty), 0.0125)]
    assert found == []


def test_who_got_short_texts_is_not_fast() -> None:
    times = crowd(np.random.default_rng(2), hasty=1.0)
    short = times["person"] == "p00"
    shortened = np.maximum(1, times["characters"] // 8)
    quicker = times["seconds"] * (5 + shortened / 30) / (5 + times["characters"] / 30)
    times = times.assign(
        characters=times["characters"].where(~short, shortened),
        seconds=times["seconds"].where(~short, quicker),
    )
    assert too_fast(times, 0.0125) == []


@pytest.mark.parametrize(("people", "answers"), [(0, 0), (1, 100), (4, 100), (30, 5)])
def test_hardly_any_times_flag_nobody(people: int, answers: int) -> None:
    assert too_fast(crowd(np.random.default_rng(3), 0.01, people, answers), 0.0125) == []
