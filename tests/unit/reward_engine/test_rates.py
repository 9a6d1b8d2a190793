"""Rates: what a task offers, and what an answer earns of it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from reward_engine import earned, quote
from reward_engine.rates import multiplied
from tests.sample_records import ALL_TAGS, annotation
from workspaces.config import RatesConfig
from workspaces.records import AnnotationStatus, Quality, Significance

if TYPE_CHECKING:
    from workspaces.records import Annotation

LOW, MEDIUM, HIGH = Significance
Q, P = "qualitative", "preference"
LEAST = 20
"""Characters of a suggestion that earns something."""
OFFER = {"qualities": 6, "suggestion": 8}
REWRITE = "A better response, in full."
RESPONSE = "The response that was rated."


@pytest.mark.parametrize(
    ("kind", "significance", "offered"),
    [
        (Q, LOW, {"qualities": 6, "suggestion": 8}),
        (Q, MEDIUM, {"qualities": 9, "suggestion": 12}),
        (Q, HIGH, {"qualities": 12, "suggestion": 16}),
        (P, LOW, {"preference": 4}),
        (P, MEDIUM, {"preference": 6}),
        (P, HIGH, {"preference": 8}),
    ],
)
def test_a_task_offers_its_base_times_the_factor_of_its_significance(
    kind: str, significance: Significance, offered: dict[str, int]
) -> None:
    assert quote(kind, significance, RatesConfig()) == offered


def test_more_significant_tasks_offer_more_by_default() -> None:
    for kind in ("qualitative", "preference"):  # ratings come from chat logs alone
        totals = [sum(quote(kind, level, RatesConfig()).values()) for level in Significance]
        assert totals == sorted(set(totals))


@pytest.mark.parametrize(
    ("points", "factor", "rounded"),
    [
        (5, 0.5, 3),
        (3, 0.5, 2),
        (1, 0.49, 0),
        (0, 2.0, 0),
        (50, 1.15, 58),
        (10, 0.85, 9),
        (7, 1.0, 7),
        (1_000_000, 100.0, 100_000_000),
        (1, 1e-12, 0),
    ],
)
def test_halves_are_rounded_up_of_the_factor_as_it_is_written(
    points: int, factor: float, rounded: int
) -> None:
    assert multiplied(points, factor) == rounded


def test_rounding_is_exact_for_every_factor_of_two_digits() -> None:
    for hundredths in range(0, 300, 5):
        for points in range(101):
            exact = Fraction(points * hundredths, 100)
            assert multiplied(points, hundredths / 100) == int(exact + Fraction(1, 2))


def of_offer(answer: Annotation) -> dict[str, int]:
    """Return what an answer to a qualitative task on RESPONSE earns of OFFER."""
    return earned("qualitative", OFFER, answer, RESPONSE)


def test_a_complete_answer_earns_everything() -> None:
    answer = annotation("t", "p", ALL_TAGS | {"suggestion": REWRITE})
    assert of_offer(answer) == {"qualities": 6, "suggestion": 8}


@pytest.mark.parametrize("quality", Quality)
def test_the_six_tags_earn_together_or_not_at_all(quality: Quality) -> None:
    some = {name: tag for name, tag in ALL_TAGS.items() if name != quality.value}
    assert of_offer(annotation("t", "p", some))["qualities"] == 0
    assert of_offer(annotation("t", "p", some | {quality.value: "perhaps"}))["qualities"] == 0
    assert of_offer(annotation("t", "p", some | {quality.value: "na"}))["qualities"] == 6


@pytest.mark.parametrize(
    ("suggestion", "points"),
    [
        (REWRITE, 8),
        ("x" * LEAST, 8),
        ("x" * (LEAST - 1), 0),
        ("  x  " * 5, 0),
        (" " * 100, 0),
        ("", 0),
        (RESPONSE, 0),
        (f"  {RESPONSE.upper()}\n", 0),
        (RESPONSE.replace(" ", "\n\n"), 0),
        (RESPONSE + " Really.", 8),
    ],
)
def test_a_suggestion_earns_when_it_is_long_enough_and_not_the_response(suggestion: str, points: int) -> None:
    answer = annotation("t", "p", ALL_TAGS | {"suggestion": suggestion})
    assert of_offer(answer) == {"qualities": 6, "suggestion": points}


def test_length_is_counted_as_typed() -> None:
    answer = annotation("t", "p", {"suggestion": "ß" * (LEAST - 1)})
    assert of_offer(answer)["suggestion"] == 0


@pytest.mark.parametrize("status", [s for s in AnnotationStatus if s is not AnnotationStatus.SUBMITTED])
def test_only_a_submitted_answer_earns(status: AnnotationStatus) -> None:
    answer = annotation("t", "p", ALL_TAGS | {"suggestion": REWRITE}, status=status)
    assert of_offer(answer) == {"qualities": 0, "suggestion": 0}


@pytest.mark.parametrize(("choice", "points"), [("a", 4), ("tie", 4), ("b", 4), ("c", 0), ("", 0), ("A", 0)])
def test_any_choice_that_was_offered_earns_the_same(choice: str, points: int) -> None:
    answer = annotation("t", "p", {"preference": choice})
    assert earned("preference", {"preference": 4}, answer) == {"preference": points}


def test_what_was_not_promised_is_not_paid() -> None:
    answer = annotation("t", "p", ALL_TAGS | {"suggestion": REWRITE, "preference": "a"})
    assert earned("preference", {"preference": 4}, answer, RESPONSE) == {"preference": 4}
    assert earned("preference", {"unknown": 4}, answer, RESPONSE) == {"unknown": 0}
    assert earned("preference", {}, answer, RESPONSE) == {}
