"""What the card and the manifest say of biases, noise, duplicates and truncation."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports import Evidence, projection_of
from exports.choice_bias import Share
from exports.label_noise import label_noise
from exports.truncation import LIMITS, over_limits, quantiles, tokens
from exports.weights import Weights
from tests.unit.exports.export_records import World


def measured(made: World, name: str) -> tuple[dict[str, Any], str]:
    projection = projection_of(name)
    selection = projection.select(Evidence(made.tasks, made.annotations, made.contexts, Weights()))
    trained = [item for item in selection.items if projection.training_table.accepts(item)]
    found = projection.measure(trained)
    return dict(found.manifest), found.card


@pytest.mark.parametrize("error", [0.0, 0.05, 0.2, 0.35])
def test_the_noise_of_votes_is_told_from_how_far_they_disagree(error: float) -> None:
    draw = random.Random(7)
    votes, wrong = [], 0
    for _ in range(20_000):
        right = sum(draw.random() >= error for _ in range(3))
        votes.append((max(right, 3 - right), min(right, 3 - right)))
        wrong += right < 2
    noise = label_noise(votes)
    assert noise is not None
    assert noise.vote_error == pytest.approx(error, abs=0.01)
    assert noise.wrong_labels == pytest.approx(wrong / 20_000, abs=0.01)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_noise_is_a_share_of_any_votes(votes: list[tuple[int, int]]) -> None:
    noise = label_noise(votes)
    if noise is None:
        assert all(sum(each) < 2 for each in votes)
    else:
        assert 0 <= noise.vote_error <= 0.5
        assert 0 <= noise.wrong_labels <= 1


@given(st.integers(1, 500), st.data())
def test_the_interval_of_a_share_holds_it(of: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, of)), of)
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-9
    assert share.value - 1e-9 <= high <= 1
    assert high > low


def test_people_who_prefer_what_they_see_first_and_what_has_lists_are_reported() -> None:
    made = World()
    for number in range(20):
        responses = [f"plain {number}", f"- a list {number}\n- of two"]
        if number % 2:
            responses.reverse()
        made.votes(made.task(*made.chat(f"q{number}", *responses)), "aaa" if number < 18 else "bbb")
    manifest, card = measured(made, "dpo")
    assert manifest["position_bias"]["share"] == pytest.approx(0.9)
    assert manifest["position_bias"]["of"] == 60
    assert manifest["style_bias"]["lists"] == {**manifest["style_bias"]["lists"], "share": 0.5, "of": 20}
    assert set(manifest["style_bias"]) == {"lists"}
    assert manifest["label_noise"] == {"vote_error": 0.0, "wrong_labels": 0.0, "judged_twice": 20}
    assert manifest["duplicates"] == {"pairs": 20, "prompts": 20}
    assert "P(the side shown first is preferred): 0.900" in card


def test_labels_that_a_lead_decided_are_no_noise_and_single_votes_tell_none() -> None:
    made = World()
    made.votes(made.task(*made.chat("q", "one", "two")), "a")
    manifest, card = measured(made, "dpo")
    assert manifest["label_noise"] is None
    assert "Label noise: unknown" in card


def test_lengths_are_bytes_and_hold_everything_that_a_template_writes() -> None:
    assert tokens((("user", "abcd"),), "efgh") == 2
    assert tokens((("user", "é" * 4),), "") == 2
    assert tokens((("assistant", "", '{"tool_calls": []}'),), "") == 5
    assert over_limits([512, 513, 5000]) == {"512": 2, "1024": 1, "2048": 1, "4096": 1}
    assert quantiles(range(1, 101)) == {"50": 50, "90": 90, "99": 99, "100": 100}
    assert LIMITS[-1] == 4096


@pytest.mark.parametrize("name", ["dpo", "kto", "sft", "reward", "axolotl-kto", "llama-factory-kto"])
def test_every_training_set_says_what_is_cut_at_usual_lengths(name: str) -> None:
    made = World()
    made.votes(made.task(*made.chat("q", "word " * 1000, "short")), "aab")
    manifest, card = measured(made, name)
    assert manifest["approximate_tokens"]["over"]["1024"] == 1
    assert "over 4096" in card
