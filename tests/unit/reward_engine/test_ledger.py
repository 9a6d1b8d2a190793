"""The ledger: what can be posted, what cannot, and that nothing changes unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from reward_engine import Posting, Tip, board, post, problems, tip, totals, wallet
from reward_engine.accounts import credit, person_account
from reward_engine.chain import GENESIS
from reward_engine.ledger import LedgerConflictError, balances
from tests.sample_records import NOW, minutes
from tests.stores import unguarded
from workspaces.store.ledger import ledger_transaction

if TYPE_CHECKING:
    from tests.stores import Stores
    from workspaces.store import Store


def posting(number: int, points: int = 5, person: str = "p", **changes: Any) -> Posting:
    made = Posting(f"key-{number}", credit(person, points), f"reason {number}", "1", minutes(number))
    return replace(made, **changes)


def posted(store: Store, *postings: Posting) -> list[int]:
    with store.write() as connection:
        return post(connection, postings, NOW)


def wrong(store: Store) -> list[str]:
    with store.read() as connection:
        return problems(connection)


def tip_of(store: Store) -> Tip:
    with store.read() as connection:
        return tip(connection)


def test_an_empty_ledger_is_whole_and_has_the_genesis_tip(store: Store) -> None:
    assert tip_of(store) == Tip(0, GENESIS)
    assert wrong(store) == []
    assert posted(store) == []


def test_transactions_are_numbered_without_a_gap(store: Store) -> None:
    assert posted(store, *(posting(n) for n in range(3))) == [1, 2, 3]
    assert posted(store, posting(7)) == [4]
    assert tip_of(store).sequence == 4
    assert wrong(store) == []


def test_the_same_key_and_request_is_the_same_transaction(store: Store) -> None:
    posted(store, *(posting(n) for n in range(3)))
    before = tip_of(store)
    assert posted(store, posting(2), posting(0), posting(2)) == [3, 1, 3]
    elsewhere = minutes(1).astimezone(timezone(timedelta(hours=9)))
    assert posted(store, posting(1, event_at=elsewhere)) == [2]
    with store.write() as connection:
        assert post(connection, [posting(1)], NOW + timedelta(days=9)) == [2]
    assert tip_of(store) == before
    assert posted(store, posting(8), posting(8)) == [4, 4]


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": credit("p", 6)},
        {"entries": credit("q", 5)},
        {"entries": credit("p", -5)},
        {"reason": "another"},
        {"rules_version": "2"},
        {"event_at": minutes(99)},
    ],
)
def test_the_same_key_with_another_request_is_refused(store: Store, changes: dict[str, Any]) -> None:
    posted(store, posting(1))
    before = tip_of(store)
    with pytest.raises(LedgerConflictError, match="has 'key-1' already, with another content"):
        posted(store, posting(2), posting(1, **changes))
    assert tip_of(store) == before  # nothing of the batch was kept
    with pytest.raises(LedgerConflictError):
        posted(store, posting(3), replace(posting(3), **changes))
    assert tip_of(store) == before


@pytest.mark.parametrize(
    "entries",
    [{}, {"a": 0}, {"a": 5}, {"a": 5, "b": -4}, {"a": 5, "b": -5, "c": 0}, {"a": 0, "b": 0}],
)
def test_entries_that_are_zero_or_do_not_sum_to_zero_are_refused(
    store: Store, entries: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="must be non-zero and sum to zero"):
        posted(store, posting(1), posting(2, entries=entries))
    assert tip_of(store) == Tip(0, GENESIS)


def test_points_move_between_any_number_of_accounts(store: Store) -> None:
    posted(store, posting(1, entries={"person:a": 3, "person:b": 4, "treasury": -7}), posting(2, 5, "a"))
    with store.read() as connection:
        assert balances(connection) == {"person:a": 8, "person:b": 4, "treasury": -12}


def test_the_order_in_which_entries_are_named_does_not_matter(store: Store) -> None:
    entries = {"treasury": -7, "person:b": 4, "person:a": 3}
    posted(store, posting(1, entries=entries))
    assert posted(store, posting(1, entries=dict(sorted(entries.items())))) == [1]
    assert wrong(store) == []


def test_a_tip_depends_on_everything_before_it(stores: Stores) -> None:
    tips = []
    for first in (posting(1), posting(1, 6), posting(1, reason="other")):
        alone = stores.new()
        posted(alone, first, posting(2))
        tips.append(tip_of(alone).hash)
    store = stores.new()
    assert len(set(tips)) == 3
    posted(store, posting(1))
    posted(store, posting(2))
    assert tip_of(store).hash == tips[0]


def test_more_keys_than_one_query_takes_are_looked_up(store: Store) -> None:
    many = [posting(n) for n in range(1201)]
    assert posted(store, *many) == list(range(1, 1202))
    assert posted(store, *many) == list(range(1, 1202))
    assert wrong(store) == []


def test_threads_that_post_at_once_make_one_chain(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(
            pool.map(lambda n: posted(store, posting(n), posting(n + 100), posting(777)), range(8))
        )
    assert len({number for triple in numbers for number in triple[:2]}) == 16
    assert len({triple[2] for triple in numbers}) == 1
    assert tip_of(store).sequence == 17
    assert wrong(store) == []


# what a person with the database file and SQL can do


TAMPERINGS = {
    "an amount": ["UPDATE ledger_entry SET amount = amount * 2 WHERE sequence = 2"],
    "one side": ["UPDATE ledger_entry SET amount = 500 WHERE sequence = 2 AND amount > 0"],
    "an account": ["UPDATE ledger_entry SET account = 'person:thief' WHERE sequence = 2 AND amount > 0"],
    "a reason": ["UPDATE ledger_transaction SET reason = 'gift' WHERE sequence = 3"],
    "a key": ["UPDATE ledger_transaction SET key = 'other' WHERE sequence = 3"],
    "a request hash": ["UPDATE ledger_transaction SET request_hash = 'x' WHERE sequence = 3"],
    "the rules": ["UPDATE ledger_transaction SET rules_version = '9' WHERE sequence = 1"],
    "the event's time": ["UPDATE ledger_transaction SET event_at = '2020-01-01 00:00:00' WHERE sequence = 1"],
    "the time of creation": [
        "UPDATE ledger_transaction SET created_at = '2020-01-01 00:00:00' WHERE sequence = 4"
    ],
    "a time that is none": ["UPDATE ledger_transaction SET event_at = 'yesterday' WHERE sequence = 2"],
    "a time without end": ["UPDATE ledger_transaction SET event_at = 'infinity' WHERE sequence = 2"],
    "an amount that is none": ["UPDATE ledger_entry SET amount = 'much' WHERE sequence = 2 AND amount > 0"],
    "a hash": ["UPDATE ledger_transaction SET hash = 'x' WHERE sequence = 2"],
    "the last hash": ["UPDATE ledger_transaction SET hash = 'x' WHERE sequence = 4"],
    "a link": ["UPDATE ledger_transaction SET previous_hash = 'x' WHERE sequence = 2"],
    "the first one gone": [
        "DELETE FROM ledger_entry WHERE sequence = 1",
        "DELETE FROM ledger_transaction WHERE sequence = 1",
    ],
    "one in the middle gone": [
        "DELETE FROM ledger_entry WHERE sequence = 2",
        "DELETE FROM ledger_transaction WHERE sequence = 2",
    ],
    "one gone and the others moved up": [
        "DELETE FROM ledger_entry WHERE sequence = 2",
        "DELETE FROM ledger_transaction WHERE sequence = 2",
        "UPDATE ledger_transaction SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger_entry SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger_transaction SET sequence = 3 WHERE sequence = 4",
        "UPDATE ledger_entry SET sequence = 3 WHERE sequence = 4",
    ],
    "entries gone": ["DELETE FROM ledger_entry WHERE sequence = 4"],
    "a transaction without its entries gone": ["DELETE FROM ledger_transaction WHERE sequence = 4"],
    "two swapped": [
        f"UPDATE {table} SET sequence = {after} WHERE sequence = {before}"
        for before, after in ((2, 99), (3, 2), (99, 3))
        for table in ("ledger_transaction", "ledger_entry")
    ],
    "amounts of two swapped": [
        "UPDATE ledger_entry SET amount = 7 * amount / abs(amount) WHERE sequence = 1",
        "UPDATE ledger_entry SET amount = 5 * amount / abs(amount) WHERE sequence = 2",
    ],
    "an entry slipped in": ["INSERT INTO ledger_entry VALUES (2, 'person:thief', 5)"],
    "two entries slipped in": [
        "INSERT INTO ledger_entry VALUES (2, 'person:thief', 5)",
        "INSERT INTO ledger_entry VALUES (2, 'fund', -5)",
    ],
    "entries of no transaction": [
        "INSERT INTO ledger_entry VALUES (77, 'person:thief', 5)",
        "INSERT INTO ledger_entry VALUES (77, 'treasury', -5)",
    ],
    "a transaction slipped in at the end": [
        "INSERT INTO ledger_transaction SELECT 5, 'k', request_hash, reason, rules_version, event_at, created_at, hash, 'h' FROM ledger_transaction WHERE sequence = 4",  # noqa: E501
        "INSERT INTO ledger_entry VALUES (5, 'person:thief', 5)",
        "INSERT INTO ledger_entry VALUES (5, 'treasury', -5)",
    ],
    "a transaction slipped in before the first": [
        "INSERT INTO ledger_transaction SELECT 0, 'k', request_hash, reason, rules_version, event_at, created_at, previous_hash, 'h' FROM ledger_transaction WHERE sequence = 1",  # noqa: E501
        "INSERT INTO ledger_entry VALUES (0, 'person:thief', 5)",
        "INSERT INTO ledger_entry VALUES (0, 'treasury', -5)",
    ],
}


@pytest.mark.parametrize("statements", TAMPERINGS.values(), ids=TAMPERINGS)
def test_tampering_is_found(store: Store, statements: list[str]) -> None:
    if store.is_shared and "'much'" in statements[0]:
        pytest.skip("PostgreSQL keeps nothing but numbers in a column of numbers")
    posted(store, posting(1, 5), posting(2, 7), posting(3, 9), posting(4, -2))
    assert wrong(store) == []
    with unguarded(store) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    found = wrong(store)
    assert found
    assert all("\n" not in each for each in found)


# wallets and the leaderboard


def test_a_wallet_holds_every_movement_and_their_sum(store: Store) -> None:
    posted(store, posting(1, 5), posting(2, 7, "q"), posting(3, -2))
    with store.read() as connection:
        found = wallet(connection, "p")
        assert found.balance == 3
        assert [(m.points, m.reason, m.at) for m in found.movements] == [
            (5, "reason 1", minutes(1)),
            (-2, "reason 3", minutes(3)),
        ]
        assert wallet(connection, "nobody").balance == 0
        assert wallet(connection, "nobody").movements == ()


def test_people_with_the_same_points_share_a_rank(store: Store) -> None:
    points = {"a": 9, "b": 7, "c": 7, "d": 7, "e": 2, "f": 2, "g": 1}
    posted(store, *(posting(n, points[name], name) for n, name in enumerate(reversed(points))))
    with store.read() as connection:
        places = board(totals(connection))
        assert [(s.rank, s.person_id, s.points) for s in places] == [
            (1, "a", 9),
            (2, "b", 7),
            (2, "c", 7),
            (2, "d", 7),
            (5, "e", 2),
            (5, "f", 2),
            (7, "g", 1),
        ]


def test_the_leaderboard_shows_people_alone_and_only_those_with_points(store: Store) -> None:
    assert earned_in(store) == {}
    posted(store, posting(1, 5, "a"), posting(2, 5, "b"), posting(3, -5, "b"))
    posted(store, posting(4, entries={"fund": 5, "treasury": -5}))
    assert earned_in(store) == {"a": 5}


def earned_in(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return totals(connection)


def test_accounts_of_people_are_told_apart_from_others() -> None:
    assert credit("x", 4) == {"person:x": 4, "treasury": -4}
    assert person_account("treasury") != "treasury"


def test_the_ledgers_own_columns_are_all_under_the_hash(store: Store) -> None:
    """A column added to the table without a thought for the chain would fail here."""
    posted(store, posting(1))
    assert {column.name for column in ledger_transaction.columns} == {
        "sequence",
        "key",
        "request_hash",
        "reason",
        "rules_version",
        "event_at",
        "created_at",
        "previous_hash",
        "hash",
    }
    with store.read() as connection:
        assert connection.execute(sa.select(ledger_transaction.c.previous_hash)).scalar_one() == GENESIS
