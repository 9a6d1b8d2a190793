"""Spending: points are set aside, then captured or released; nobody goes below zero, whatever runs at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from reward_engine import (
    HoldConflictError,
    HoldError,
    NotEnoughPointsError,
    Outcome,
    Posting,
    Purchase,
    adjust,
    capture,
    find_hold,
    post,
    problems,
    quote_purchase,
    release,
    release_expired,
    reserve,
    tip,
    totals,
    verify,
    wallet,
)
from reward_engine.accounts import credit
from reward_engine.explain import explain
from reward_engine.ledger import balances
from tests.sample_records import NOW, minutes
from workspaces.config import PriceConfig, SpendingConfig
from workspaces.records import ChatMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from reward_engine import Hold
    from tests.stores import Stores
    from workspaces.store import Store

TEN = Purchase("model-x", ChatMode.DIRECT, 10, "1")


@pytest.fixture
def rich(store: Store) -> Store:
    """A store in which ada has 25 points."""
    with store.write() as connection:
        adjust(connection, "ada", 25, reason="welcome", author="Grace", rules_version="1", now=NOW)
    return store


def set_aside(
    store: Store, name: str, price: int = 10, person: str = "ada", at: int = 0, until: int = 10
) -> Hold:
    purchase = Purchase("model-x", ChatMode.DIRECT, price, "1")
    with store.write() as connection:
        return reserve(connection, person, purchase, hold_id=name, now=minutes(at), expires_at=minutes(until))


def do(store: Store, what: Callable[..., Hold], *arguments: object, at: int = 1) -> Hold:
    with store.write() as connection:
        return what(connection, *arguments, now=minutes(at))


def purse(store: Store) -> dict[str, int]:
    """Return the balances that are not zero, after a look at whether all is well."""
    with store.read() as connection:
        assert verify(connection).problems == ()
        return {account: points for account, points in balances(connection).items() if points}


def test_a_price_is_set_aside_and_what_it_came_to_is_kept(rich: Store) -> None:
    assert set_aside(rich, "h").outcome is None
    assert purse(rich) == {"treasury": -25, "person:ada": 15, "held:ada": 10}
    ended = do(rich, capture, "h", 7)
    assert (ended.outcome, ended.spent) == (Outcome.CAPTURED, 7)
    assert purse(rich) == {"treasury": -25, "person:ada": 18, "spent": 7}


def test_what_is_released_comes_back(rich: Store) -> None:
    set_aside(rich, "h")
    assert do(rich, release, "h").outcome is Outcome.RELEASED
    assert purse(rich) == {"treasury": -25, "person:ada": 25}


def test_to_capture_nothing_is_to_release(rich: Store) -> None:
    set_aside(rich, "h")
    assert do(rich, capture, "h", 0).outcome is Outcome.RELEASED
    assert do(rich, release, "h").outcome is Outcome.RELEASED
    assert purse(rich) == {"treasury": -25, "person:ada": 25}


def test_to_capture_all_leaves_nothing_to_give_back(rich: Store) -> None:
    set_aside(rich, "h")
    do(rich, capture, "h", 10)
    assert purse(rich) == {"treasury": -25, "person:ada": 15, "spent": 10}


def test_who_has_too_little_is_refused_and_told(rich: Store) -> None:
    set_aside(rich, "one")
    set_aside(rich, "two")
    with pytest.raises(NotEnoughPointsError, match="this costs 10 points, 5 are there"):
        set_aside(rich, "three")
    with pytest.raises(NotEnoughPointsError, match="0 are there"):
        set_aside(rich, "four", person="nobody")
    assert purse(rich) == {"treasury": -25, "person:ada": 5, "held:ada": 20}
    assert set_aside(rich, "five", price=5).purchase.price == 5


def test_every_call_may_be_repeated(rich: Store) -> None:
    first = set_aside(rich, "h")
    assert set_aside(rich, "h", at=3, until=30) == first  # a retry comes later; the first promise counts
    ended = do(rich, capture, "h", 7)
    with rich.read() as connection:
        before = tip(connection)
    assert do(rich, capture, "h", 7, at=99) == ended
    assert set_aside(rich, "h", at=99, until=100) == ended
    with rich.read() as connection:
        assert tip(connection) == before
        assert find_hold(connection, "h") == ended


def test_a_hold_ends_once(rich: Store) -> None:
    set_aside(rich, "h")
    do(rich, capture, "h", 7)
    for what, arguments in ((capture, ("h", 6)), (capture, ("h", 0)), (release, ("h",))):
        with pytest.raises(HoldError, match="has ended: captured, 7 points spent"):
            do(rich, what, *arguments)
    set_aside(rich, "g")
    do(rich, release, "g")
    with pytest.raises(HoldError, match="has ended: released"):
        do(rich, capture, "g", 5)
    assert purse(rich) == {"treasury": -25, "person:ada": 18, "spent": 7}


def test_each_movement_of_a_purchase_says_what_became_of_it(rich: Store) -> None:
    for name, price in (("whole", 3), ("part", 4), ("none", 5), ("open", 6)):
        set_aside(rich, name, price=price)
    do(rich, capture, "whole", 3)
    do(rich, capture, "part", 1)
    do(rich, release, "none")
    with rich.read() as connection:
        texts = [each.text for each in explain(connection, "ada")]
        (newest,) = explain(connection, "ada", limit=1)
    begun, prices = "Set aside for model-x (direct)", "By version 1 of the prices."
    assert texts[1:] == [
        f"{begun}: paid for its answer. {prices}",
        f"{begun}: 1 point of them paid for its answer. {prices}",
        f"{begun}: there was no answer, and they went back. {prices}",
        f"{begun}: the answer is under way. {prices}",
        f"Paid 1 of 4 points set aside for model-x (direct). {prices}",
        f"Released: the points set aside for model-x (direct). {prices}",
    ]
    assert newest.text == texts[-1]


def test_one_page_of_movements_reads_the_purchases_on_it_alone(rich: Store) -> None:
    for name in ("a", "b", "c"):
        set_aside(rich, name, price=3)
        do(rich, release, name)
    asked: list[Any] = []
    sa.event.listen(
        rich.engine,
        "before_cursor_execute",
        lambda _, __, said, given, *___: asked.append(given) if "hold_outcome" in said else None,
    )
    with rich.read() as connection:
        explain(connection, "ada", limit=2)
    (names,) = asked
    assert list(names.values() if isinstance(names, dict) else names) == ["c"]


def test_the_same_id_for_something_else_is_refused(rich: Store) -> None:
    set_aside(rich, "h")
    with pytest.raises(HoldConflictError):
        set_aside(rich, "h", price=9)
    with pytest.raises(HoldConflictError):
        set_aside(rich, "h", person="bo")


def test_a_hold_that_nobody_made_cannot_end(rich: Store) -> None:
    for what, arguments in ((capture, ("h", 6)), (release, ("h",))):
        with pytest.raises(HoldError, match="there is no hold 'h'"):
            do(rich, what, *arguments)


@pytest.mark.parametrize("actual", [-1, 11])
def test_no_more_than_the_price_can_be_captured(rich: Store, actual: int) -> None:
    set_aside(rich, "h")
    with pytest.raises(ValueError, match="from 0 to 10"):
        do(rich, capture, "h", actual)
    assert purse(rich)["held:ada"] == 10


@pytest.mark.parametrize(("price", "until"), [(0, 10), (-1, 10), (1, 0), (1, -1)])
def test_a_hold_without_a_price_or_without_time_is_refused(rich: Store, price: int, until: int) -> None:
    with pytest.raises(ValueError, match="a price above zero"):
        set_aside(rich, "h", price=price, until=until)


def test_an_expired_hold_goes_back_and_cannot_be_captured(rich: Store) -> None:
    set_aside(rich, "h", until=5)
    set_aside(rich, "later", until=50)
    with pytest.raises(HoldError, match="expired"):
        do(rich, capture, "h", 7, at=5)
    for expected in (1, 0):
        with rich.write() as connection:
            assert release_expired(connection, minutes(5)) == expected
    assert purse(rich) == {"treasury": -25, "person:ada": 15, "held:ada": 10}
    assert do(rich, release, "h").outcome is Outcome.EXPIRED
    with pytest.raises(HoldError, match="has ended: expired"):
        do(rich, capture, "h", 7)


def test_points_of_expired_holds_can_be_spent_at_once(rich: Store) -> None:
    set_aside(rich, "one", price=20, until=5)
    with pytest.raises(NotEnoughPointsError):
        set_aside(rich, "two", price=20, at=4)
    set_aside(rich, "two", price=20, at=5)
    assert purse(rich) == {"treasury": -25, "person:ada": 5, "held:ada": 20}


def test_what_was_spent_and_is_taken_back_is_owed_and_paid_by_the_next_credits(rich: Store) -> None:
    set_aside(rich, "h", price=20)
    do(rich, capture, "h", 20)
    earned = 25
    steps = [
        ("k1", -12, {"owed:ada": -7}),
        ("k2", 4, {"owed:ada": -3}),
        ("k2", 4, {"owed:ada": -3}),  # the same key and request
        ("k3", 9, {"person:ada": 6}),
        ("k4", -6, {}),
        ("k5", -1, {"owed:ada": -1}),
        ("k6", 1, {}),
    ]
    for number, (key, points, expected) in enumerate(steps):
        with rich.write() as connection:
            post(connection, [Posting(key, credit("ada", points), "because", "1", NOW)], NOW)
        earned += points if number != 2 else 0
        with rich.read() as connection:
            assert problems(connection) == []
            assert {k: v for k, v in balances(connection).items() if k.endswith("ada") and v} == expected
            assert list(totals(connection).values()) == [earned]
            found = wallet(connection, "ada")
        assert found.balance - found.owed == sum(movement.points for movement in found.movements)
        assert (found.balance, found.owed) == (max(earned - 20, 0), max(20 - earned, 0))
    with pytest.raises(NotEnoughPointsError):
        set_aside(rich, "g", price=1)


def test_a_price_depends_on_the_model_and_on_who_chose_it() -> None:
    spending = SpendingConfig(
        version="7",
        default=PriceConfig(dynamic=2, direct=4),
        models={"large": PriceConfig(dynamic=8, direct=20)},
    )
    prices = {
        (model, mode): quote_purchase(spending, model, mode).price
        for model in ("large", "other")
        for mode in ChatMode
    }
    assert prices == {
        ("large", ChatMode.DYNAMIC): 8,
        ("large", ChatMode.DIRECT): 20,
        ("other", ChatMode.DYNAMIC): 2,
        ("other", ChatMode.DIRECT): 4,
    }
    assert quote_purchase(spending, "large", ChatMode.DIRECT) == Purchase("large", ChatMode.DIRECT, 20, "7")


def test_the_database_itself_refuses_a_person_below_zero(rich: Store) -> None:
    statement = "UPDATE ledger_balance SET balance = -1 WHERE account = 'person:ada'"
    with pytest.raises(sa.exc.IntegrityError), rich.write() as connection:
        connection.execute(sa.text(statement))


# at once

SPENDERS = 200


def test_two_hundred_that_spend_at_once_never_go_below_zero(stores: Stores, rich: Store) -> None:
    """25 points at 2 each: twelve get something, whoever they are; each keeps it, gives back or keeps a part.

    On PostgreSQL each has a connection of its own; on SQLite they are threads that share the store.
    """
    everybody_is_here = threading.Barrier(SPENDERS)
    below: list[int] = []

    def spend(number: int) -> str:
        mine = stores.again(rich) if rich.is_shared else rich
        try:
            with mine.read() as connection:
                connection.execute(sa.select(1))
            everybody_is_here.wait()
            set_aside(mine, f"h{number}", price=2)
            if number % 3 == 0:
                do(mine, release, f"h{number}")
                return "released"
            return f"kept {do(mine, capture, f'h{number}', 1 + number % 2).spent}"
        except NotEnoughPointsError:
            return "refused"
        finally:
            with mine.read() as connection:
                below.append(min(v for k, v in balances(connection).items() if k != "treasury"))
            if mine is not rich:
                mine.close()

    with ThreadPoolExecutor(SPENDERS) as pool:
        results = list(pool.map(spend, range(SPENDERS)))
    spent = sum(int(result.removeprefix("kept ")) for result in results if result.startswith("kept"))
    assert min(below) >= 0
    found = purse(rich)
    assert found.get("spent", 0) == spent
    assert found.get("person:ada", 0) == 25 - spent
    assert "held:ada" not in found
    assert spent > 0
    print(
        f"\n{rich.engine.dialect.name}: {SPENDERS} at once, {results.count('refused')} refused, "
        f"{results.count('released')} released, {spent} points spent of 25"
    )
