"""What a model said of its own answer, in the store: beside the answer until that is collected, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workspaces.store.chat_exchanges import (
    COLLECTED,
    Exchange,
    close_exchanges,
    keep_exchange,
    keep_rating,
    take_ratings,
)

if TYPE_CHECKING:
    from workspaces.store import Store

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_rating_is_taken_once_and_one_without_its_answer_is_nobodys(store: Store) -> None:
    with store.write() as connection:
        for name in ("a", "b"):
            keep_exchange(connection, Exchange(name, "ada", f"c{name}", "p", f"r{name}", "small", "[]", NOW))
        assert keep_rating(connection, "a", {"helpful": "yes"}) is None
        assert keep_rating(connection, "gone", {"helpful": "yes"}) is None
        assert take_ratings(connection, ["a", "b", "gone"]) == [("ra", "small", {"helpful": "yes"})]
        assert take_ratings(connection, ["a", "b"]) == []
        close_exchanges(connection, ["a"], COLLECTED, NOW)
        close_exchanges(connection, ["b"], "duplicate", NOW)
        assert keep_rating(connection, "a", {"helpful": "no"}) == "ra"
        assert keep_rating(connection, "b", {"helpful": "no"}) is None
        assert take_ratings(connection, ["a", "b"]) == []
