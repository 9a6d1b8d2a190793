"""The budget: what open tasks will cost, what a total still pays, and what LLM calls cost."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
import sqlalchemy as sa

from chatfeedback.steps.metering import SaveSpending, metered
from reward_engine.budget import Forecast, Taken, forecast, most, within
from reward_engine.overlap import remaining
from task_generators.llm.meter import Meter
from tests.sample_records import NOW, task
from workspaces.config import LLMConfig
from workspaces.store import Store
from workspaces.store.spending import Spent, Tokens, cost_micros, save_usage, spent
from workspaces.store.tables import metadata

TASKS = {
    "t1": task("t1", {"qualities": 6, "suggestion": 8}),
    "t2": task("t2", {"preference": 4}, kind="preference"),
    "t3": replace(task("t3", {"qualities": 12, "suggestion": 16}), overlap=1),
}


def llm(**prices: float | str) -> LLMConfig:
    return LLMConfig.model_validate({"base_url": "http://localhost/", "model": "m", **prices})


def test_an_open_task_asks_for_what_its_overlap_misses() -> None:
    left = remaining(TASKS.values(), {"t1": 1, "t3": 2})
    assert left == {"t1": 2, "t2": 3}
    assert most(TASKS, left) == 2 * 14 + 3 * 4


def test_without_answers_anything_between_nothing_and_all_may_come() -> None:
    assert forecast(TASKS, {"t1": 2, "t2": 3}, {}, 1.0) == Forecast(40, 0, 40, 40)
    assert forecast({}, {}, {}, 1.0) == Forecast(0, 0, 0, 0)


def test_the_forecast_is_the_mean_and_spread_of_a_beta_binomial() -> None:
    """Nine of ten took the tags, one of ten a rewrite: by hand from the formula of the docstring."""
    taken = {("qualitative", "qualities"): Taken(9, 10), ("qualitative", "suggestion"): Taken(1, 10)}
    found = forecast(TASKS, {"t1": 3, "t3": 1}, taken, 0.5)

    def moments(k: int, offers: list[int]) -> tuple[float, float]:
        a, b = k + 0.5, 10 - k + 0.5
        m, v = a / 11, a * b / (11**2 * 12)
        total, squares = sum(offers), sum(offer**2 for offer in offers)
        return m * total, v * total**2 + (m * (1 - m) - v) * squares

    (tags, tags_variance), (text, text_variance) = moments(9, [6, 6, 6, 12]), moments(1, [8, 8, 8, 16])
    mean, margin = tags + text, 1.96 * sqrt(tags_variance + text_variance)
    assert found == Forecast(
        round(0.5 * mean), round(0.5 * (mean - margin)), round(0.5 * min(70, mean + margin)), 70
    )
    assert found == Forecast(expected=16, low=6, high=25, most=70)


def test_the_range_holds_what_comes_nineteen_times_of_twenty() -> None:
    """Simulated people with a rate of their own kind: the range must hold what their answers came to."""
    rng = np.random.default_rng(7)
    tasks = {f"t{i}": task(f"t{i}", {"qualities": 6, "suggestion": 8 + i % 9}) for i in range(40)}
    left = {name: 1 + i % 3 for i, name in enumerate(tasks)}
    held, rounds = 0, 1000
    for _ in range(rounds):
        rate = rng.beta(2, 3)
        taken = {
            ("qualitative", "qualities"): Taken(30, 30),
            ("qualitative", "suggestion"): Taken(int(rng.binomial(30, rate)), 30),
        }
        found = forecast(tasks, left, taken, 1.0)
        came = sum(
            6 * count + tasks[name].quote["suggestion"] * rng.binomial(count, rate)
            for name, count in left.items()
        )
        held += found.low <= came <= found.high
    assert 0.92 <= held / rounds <= 0.98


def test_a_total_pays_for_the_first_tasks_in_full() -> None:
    drawn = list(TASKS.values())  # 42, 12 and 28 points
    assert [it.id for it in within(drawn, None)] == ["t1", "t2", "t3"]
    assert [it.id for it in within(drawn, 82)] == ["t1", "t2", "t3"]
    assert [it.id for it in within(drawn, 81)] == ["t1", "t2"]
    assert [it.id for it in within(drawn, 41)] == []  # t2 would fit, but the draw keeps its mix
    assert within(drawn, -5) == []


@pytest.mark.parametrize(
    ("tokens", "prices", "micros"),
    [
        (Tokens(1, 0, 1_000_000, 0), {"input_price": 0.15, "output_price": 0.6}, 150_000),
        (Tokens(1, 0, 700, 60), {"input_price": 0.15, "output_price": 0.6}, 141),
        (Tokens(1, 0, 1, 0), {"input_price": 0.5, "output_price": 0.0}, 1),
        (Tokens(1, 0, 700, 60), {}, None),
    ],
)
def test_a_price_is_for_a_million_tokens(
    tokens: Tokens, prices: dict[str, float | str], micros: int | None
) -> None:
    assert cost_micros(tokens, llm(**prices)) == micros


def test_what_was_spent_keeps_the_price_it_was_spent_at() -> None:
    store = Store("sqlite://")
    metadata.create_all(store.engine)
    with store.write() as connection:
        assert spent(connection) == []
        save_usage(connection, "1", "seed", llm(input_price=2.0, output_price=4.0), Tokens(3, 1, 10, 5), NOW)
        save_usage(connection, "2", "seed", llm(input_price=1.0, output_price=1.0), Tokens(2, 0, 10, 5), NOW)
        save_usage(connection, "3", "seed", llm(), Tokens(4, 1, 100, 50), NOW)
        euros = llm(input_price=1.0, output_price=1.0, currency="EUR")
        save_usage(connection, "4", "seed", euros, Tokens(1, 0, 7, 0), NOW)
        assert spent(connection) == [
            Spent("seed", "m", "EUR", 1, 0, 7, 0, 7),
            Spent("seed", "m", "USD", 9, 5, 120, 60, 55),
        ]
    store.close()


def test_what_replies_cost_outlives_a_transaction_that_fails_and_counts_once(store: Store) -> None:
    meter = Meter()
    prices = llm(input_price=1.0, output_price=1.0)
    with metered(store, "topics", prices, meter) as save:
        meter.count(10, 5)
        with pytest.raises(sa.exc.DBAPIError, match="no_such_table"):
            fail(store, save)
        for _ in range(2):
            meter.count(1, 1)
            with store.write() as connection:
                save(connection)
    with store.read() as connection:
        (found,) = spent(connection)
    assert (found.requests, found.input_tokens, found.output_tokens, found.cost_micros) == (3, 12, 7, 19)


def fail(store: Store, save: SaveSpending) -> None:
    with store.write() as connection:
        save(connection)
        connection.execute(sa.text("SELECT * FROM no_such_table"))
