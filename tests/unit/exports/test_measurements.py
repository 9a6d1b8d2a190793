"""What the card and the manifest say of biases, noise, duplicates and truncation."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exports
from exports import Evidence, projection_of
from exports.choice_bias import Share, clusters_of, position_bias
from exports.label_noise import LabelVotes, label_noise
from exports.measurements import with_label_noise
from exports.pairs import PreferencePair
from exports.truncation import LIMITS, over_limits, quantiles, tokens
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.config import ExportsConfig

if TYPE_CHECKING:
    from pathlib import Path


def measured(made: World, name: str) -> tuple[dict[str, Any], str]:
    projection = projection_of(name)
    selection = projection.select(Evidence(made.tasks, made.annotations, made.contexts, Weights()))
    trained = [item for item in selection.items if projection.training_table.accepts(item)]
    measure = projection.measure()
    measure.see(trained)
    found = with_label_noise(measure.measurements(), by_agreement=False)
    return dict(found.manifest), found.card


@pytest.mark.parametrize("error", [0.0, 0.05, 0.2, 0.35])
def test_the_noise_of_votes_is_told_from_how_far_they_disagree(error: float) -> None:
    draw = random.Random(7)
    votes, wrong = [], 0
    for _ in range(20_000):
        right = sum(draw.random() >= error for _ in range(3))
        votes.append(LabelVotes(max(right, 3 - right), min(right, 3 - right)))
        wrong += right < 2
    noise = label_noise(Counter(votes))
    assert noise is not None
    assert noise.vote_error == pytest.approx(error, abs=0.01)
    assert noise.wrong_labels == pytest.approx(wrong / 20_000, abs=0.01)


COUNTS = st.integers(0, 5)


@given(st.lists(st.builds(LabelVotes, COUNTS, COUNTS, st.integers(0, 1), st.integers(1, 2)), max_size=20))
def test_noise_is_a_share_of_any_votes(votes: list[LabelVotes]) -> None:
    noise = label_noise(Counter(votes))
    if noise is None:
        assert not any(each.always_labelled and each.for_it + each.against > 1 for each in votes)
    else:
        assert 0 <= noise.vote_error <= 0.5
        assert 0 <= noise.wrong_labels <= 1


def drawn(people: int, items: int = 200, error: float = 0.2, indifferent: float = 0.0) -> World:
    """People err alone and with one probability about which of two responses is better."""
    draw = random.Random(people)
    made = World()
    for number in range(items):
        votes = (
            "t" if draw.random() < indifferent else "b" if draw.random() < error else "a"
            for _ in range(people)
        )
        made.votes(made.task(*made.chat(f"q{number}", f"one {number}", f"two {number}")), "".join(votes))
    return made


@pytest.mark.parametrize("name", ["dpo", "kto"])
@pytest.mark.parametrize("people", [2, 3, 4])
@pytest.mark.parametrize("indifferent", [0.0, 0.2])
def test_noise_is_told_from_items_that_have_a_label_however_people_vote(
    name: str, people: int, indifferent: float
) -> None:
    manifest, card = measured(drawn(people, indifferent=indifferent), name)
    if people == 3:
        assert manifest["label_noise"]["vote_error"] == pytest.approx(0.2, abs=0.04)
    else:
        assert manifest["label_noise"] is None
        assert "Label noise: unknown, no item has three votes" in card


def test_ties_that_are_in_no_training_set_make_votes_no_surer() -> None:
    """Items of two people and of three: those of two that disagree are gone."""
    draw = random.Random(3)
    made = World()
    for number in range(600):
        votes = "".join("b" if draw.random() < 0.2 else "a" for _ in range(2 + number % 2))
        made.votes(made.task(*made.chat(f"q{number}", f"one {number}", f"two {number}")), votes)
    for name, each in (("dpo", 1), ("kto", 2)):
        manifest, _ = measured(made, name)
        assert manifest["label_noise"]["vote_error"] == pytest.approx(0.2, abs=0.04)
        assert manifest["label_noise"]["told_from"] == 300 * each


def test_a_rule_about_agreement_leaves_the_noise_unknown(tmp_path: Path) -> None:
    made = drawn(3, items=20)
    evidence = Evidence(made.tasks, made.annotations, made.contexts, Weights())
    for number, rules in enumerate(
        (ExportsConfig(min_agreement=0.9), ExportsConfig(min_margin=0.5), ExportsConfig())
    ):
        folder = tmp_path / str(number)
        exports.export(folder, projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW, rules=rules)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert (manifest["label_noise"] is None) == (rules != ExportsConfig())
        assert (
            "a rule leaves out what people disagree about" in (folder / "README.md").read_text("utf-8")
        ) == (rules != ExportsConfig())


@given(st.integers(1, 500), st.data())
def test_the_interval_of_a_share_holds_it(of: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, of)), of, data.draw(st.floats(1, of)))
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-9
    assert share.value - 1e-9 <= high <= 1
    assert high > low


@pytest.mark.parametrize("people", [1, 3, 5])
@pytest.mark.parametrize("error", [0.1, 0.3])
def test_the_interval_holds_the_true_share_where_people_who_see_one_order_agree(
    people: int, error: float
) -> None:
    """The better response is shown first in half of all tasks, so that the true share is 0.5."""
    draw = random.Random(5)
    held = 0
    for _ in range(600):
        clusters = []
        for _ in range(60):
            better_first = draw.random() < 0.5
            clusters.append((sum(better_first == (draw.random() >= error) for _ in range(people)), people))
        share = clusters_of(clusters).share
        assert share is not None
        assert share.of == 60 * people
        held += share.interval[0] <= 0.5 <= share.interval[1]
    assert held / 600 == pytest.approx(0.95, abs=0.025)


@given(st.lists(st.integers(0, 1), min_size=1))
def test_cases_that_are_alone_in_their_clusters_are_independent(cases: list[int]) -> None:
    share = clusters_of((case, 1) for case in cases).share
    assert share is not None
    assert share.effective == pytest.approx(len(cases))


@pytest.mark.parametrize("cluster", [(1, 3), (3, 7), (5, 5), (0, 2)])
def test_clusters_that_are_all_alike_count_once_each(cluster: tuple[int, int]) -> None:
    share = clusters_of([cluster] * 10).share
    assert share is not None
    assert share.effective == 10


def test_votes_on_one_prompt_are_one_cluster_of_position_bias() -> None:
    """Ten people who agree about each of four pairs, two of each prompt, tell as much as four votes at most."""
    made = World()
    for number in range(4):
        made.votes(
            made.task(*made.chat(f"q{number // 2}", f"one {number}", f"two {number}")), "ab"[number // 2] * 10
        )
    selection = projection_of("dpo").select(Evidence(made.tasks, made.annotations, made.contexts, Weights()))
    share = position_bias([pair for pair in selection.items if isinstance(pair, PreferencePair)]).share
    assert share is not None
    assert (share.count, share.of, share.effective) == (20, 40, 2)


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
    assert manifest["label_noise"] == {"vote_error": 0.0, "wrong_labels": 0.0, "told_from": 20}
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
    assert over_limits(Counter([512, 513, 5000])) == {"512": 2, "1024": 1, "2048": 1, "4096": 1}
    assert quantiles(Counter(range(1, 101))) == {"50": 50, "90": 90, "99": 99, "100": 100}
    assert LIMITS[-1] == 4096


@pytest.mark.parametrize("name", ["dpo", "kto", "sft", "reward", "axolotl-kto", "llama-factory-kto"])
def test_every_training_set_says_what_is_cut_at_usual_lengths(name: str) -> None:
    made = World()
    made.votes(made.task(*made.chat("q", "word " * 1000, "short")), "aab")
    manifest, card = measured(made, name)
    assert manifest["approximate_tokens"]["over"]["1024"] == 1
    assert "over 4096" in card
