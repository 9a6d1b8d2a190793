"""The mix: how many tasks of which kind and significance are drawn, and where they go."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from task_generators import mix as mix_module
from task_generators import queues
from task_generators.allotment import allot, chosen, unit
from task_generators.candidates import TaskCandidate
from task_generators.mix import Pool, draw
from workspaces.config import MixConfig
from workspaces.records import Significance, stable_id

Q, P = "qualitative", "preference"
LOW, MEDIUM, HIGH = Significance


def some(
    count: int, kind: str = Q, significance: Significance = MEDIUM, name: str = ""
) -> list[TaskCandidate]:
    made = (stable_id(name, kind, significance, str(number)) for number in range(count))
    return [TaskCandidate(each, kind, (f"m{each}",), (f"c{each}",), significance) for each in made]


def mix(
    kinds: dict[str, float] | None = None,
    significance: dict[Significance, float] | None = None,
    limit: int | None = None,
) -> MixConfig:
    return MixConfig(
        kinds=kinds or {Q: 1, P: 1}, significance=significance or {LOW: 1, MEDIUM: 1, HIGH: 1}, limit=limit
    )


def kinds_of(drawn: list[TaskCandidate]) -> dict[str, int]:
    return dict(Counter(each.kind for each in drawn))


@pytest.mark.parametrize("scale", [1, 1e-3, 1e-6, 1e6])
def test_weights_of_significance_are_respected_and_relative(scale: float) -> None:
    everything = [each for level in Significance for each in some(4000, Q, level)]
    weights = {LOW: 1 * scale, MEDIUM: 2 * scale, HIGH: 5 * scale}
    drawn = Counter(each.significance for each in draw(everything, mix(significance=weights, limit=800), {}))
    # 1, 2 and 5 of 8 parts; 4 standard deviations of a binomial count of 800 are at most 57
    assert drawn[LOW] == pytest.approx(100, abs=40)
    assert drawn[MEDIUM] == pytest.approx(200, abs=50)
    assert drawn[HIGH] == pytest.approx(500, abs=57)


def test_the_scale_of_the_weights_changes_no_draw() -> None:
    everything = [each for level in Significance for each in some(300, Q, level)]
    draws = [
        draw(everything, mix(significance={LOW: w, MEDIUM: 2 * w, HIGH: 3 * w}, limit=100), {})
        for w in (2.0**-40, 2.0**-10, 1.0, 2.0**20)
    ]
    assert all(each == draws[0] for each in draws)


@pytest.mark.parametrize(("weights", "shares"), [({Q: 1, P: 1}, (50, 50)), ({Q: 3, P: 1}, (75, 25))])
def test_kinds_get_their_shares_exactly(weights: dict[str, float], shares: tuple[int, int]) -> None:
    drawn = draw(some(500, Q) + some(500, P), mix(weights, limit=100), {})
    assert kinds_of(drawn) == {Q: shares[0], P: shares[1]}


def test_every_beginning_of_a_draw_keeps_the_shares_of_kinds() -> None:
    drawn = draw(some(90, Q) + some(90, P), mix({Q: 2, P: 1}, limit=90), {})
    for length in range(1, len(drawn) + 1):
        made = kinds_of(drawn[:length])
        assert abs(made.get(Q, 0) - 2 * length / 3) <= 1


def test_others_fill_the_place_of_a_kind_that_has_too_few() -> None:
    assert kinds_of(draw(some(500, Q) + some(10, P), mix(limit=100), {})) == {Q: 90, P: 10}


def test_what_has_no_weight_is_never_drawn() -> None:
    everything = some(50, Q, LOW) + some(50, Q, HIGH) + some(50, P, HIGH)
    drawn = draw(everything, mix({Q: 1, P: 0}, {LOW: 0, MEDIUM: 1, HIGH: 1}), {})
    assert {(each.kind, each.significance) for each in drawn} == {(Q, HIGH)}
    drawn = draw(everything, MixConfig(kinds={P: 1}, significance={HIGH: 1}), {})
    assert kinds_of(drawn) == {P: 50}


def test_the_limit_counts_the_tasks_that_exist() -> None:
    everything = some(100)
    existing = {each.id: each.kind for each in everything[:30]}
    assert len(draw(everything, mix(limit=40), existing)) == 10
    assert draw(everything, mix(limit=30), existing) == []
    assert draw(everything, mix(limit=20), existing) == []


def test_existing_tasks_count_against_the_share_of_their_kind() -> None:
    old = {each.id: Q for each in some(40, Q, name="old")}
    assert kinds_of(draw(some(100, Q) + some(100, P), mix(limit=100), old)) == {Q: 10, P: 50}


def test_drawing_again_adds_nothing() -> None:
    everything = some(60, Q) + some(40, P)
    for limit in (None, 50, 1000):
        existing = {each.id: each.kind for each in draw(everything, mix(limit=limit), {})}
        assert draw(everything, mix(limit=limit), existing) == []


def test_without_a_limit_everything_with_weight_is_drawn_once() -> None:
    everything = some(60, Q) + some(40, P)
    drawn = draw(everything, mix(), {})
    assert sorted(each.id for each in drawn) == sorted(each.id for each in everything)


def test_no_candidates_make_no_tasks() -> None:
    assert draw([], mix(limit=10), {}) == []


def test_platforms_get_their_shares_to_the_task() -> None:
    ids = [each.id for each in some(6000)]
    went = Counter(allot(ids, {"argilla": 2, "label_studio": 1, "none": 0}, {}, "platform").values())
    assert went == {"argilla": 4000, "label_studio": 2000}


def test_the_order_of_tasks_and_the_scale_of_shares_change_no_platform() -> None:
    ids = [each.id for each in some(50)]
    places = [
        allot(order, shares, {}, "platform")
        for order, shares in ((ids, {"a": 1, "b": 3}), (ids[::-1], {"b": 0.75, "a": 0.25}))
    ]
    assert places[0] == places[1]


def test_what_stands_on_a_platform_counts_towards_its_share() -> None:
    went = Counter(allot([each.id for each in some(20)], {"a": 1, "b": 1}, {"a": 10}, "platform").values())
    assert went == {"a": 5, "b": 15}


def test_one_platform_gets_everything() -> None:
    assert set(allot([each.id for each in some(50)], {"argilla": 0.001}, {}, "p").values()) == {"argilla"}


def test_a_chosen_share_is_topped_up_and_never_taken_back() -> None:
    ids = [each.id for each in some(1000)]
    assert len(chosen(ids, 0.137, 0, 1000, "lot")) == 137
    assert len(chosen(ids, 0.137, 130, 1000, "lot")) == 7
    assert chosen(ids, 0.137, 200, 1000, "lot") == set()
    assert chosen(ids, 0.1, 0, 1000, "lot") < chosen(ids, 0.2, 0, 1000, "lot")


def test_units_are_spread_over_the_open_interval() -> None:
    units = [unit(str(number)) for number in range(10_000)]
    assert 0 < min(units) < 0.001
    assert 0.999 < max(units) < 1
    for decile in range(10):
        inside = sum(decile / 10 <= each < (decile + 1) / 10 for each in units)
        assert inside == pytest.approx(1000, abs=120)


def test_of_candidates_with_one_id_one_is_drawn() -> None:
    made = some(5)
    twins = [replace(each, conversation_ids=("another",)) for each in made]
    pool = Pool(mix({Q: 1}))
    for each in (*made, *twins):
        pool.add(each)
    drawn = pool.draw().candidates
    assert sorted(each.id for each in drawn) == sorted(each.id for each in made)


def test_what_another_mix_has_drawn_is_skipped_and_what_cannot_be_drawn_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = [*some(300), *some(300, P)]
    order = [each.id for each in draw(everything, mix(), {})]
    for module in (queues, mix_module):
        monkeypatch.setattr(module, "SPARE", 10)
    pool = Pool(mix(), most=60)
    for each in everything:
        pool.add(each)
    assert len(pool._single) < 300
    drawn = pool.draw(room=40, skip=frozenset(order[:20])).candidates
    assert [each.id for each in drawn] == order[20:60]
