"""What open pages hear of: balances are followed, and one look that fails ends one page's events alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from chatfeedback.web import live
from chatfeedback.web.balances import Balances
from chatfeedback.web.sessions import Person
from reward_engine import Posting, post
from reward_engine.accounts import credit
from reward_engine.ledger import balances
from tests.sample_records import NOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from tests.stores import Stores
    from workspaces.store import Store


def pay(store: Store, person_id: str, points: int, key: str) -> None:
    with store.write() as connection:
        post(connection, [Posting(key, credit(person_id, points), "", "1", NOW)], NOW)


def test_balances_follow_the_ledger_also_where_the_store_was_restored(stores: Stores) -> None:
    store, other = stores.new(), stores.new()
    followed = Balances(store)
    assert followed.read() == {}
    pay(store, "ada", 3, "first")
    before = followed.read()
    assert before["person:ada"] == 3
    pay(store, "bo", 4, "second")
    pay(store, "ada", -1, "third")
    with store.read() as connection:
        assert followed.read() == balances(connection)
    assert before["person:ada"] == 3, "who has a mapping keeps it as it was"
    assert followed.read() is followed.read()
    for number in range(5):
        pay(other, "cy", 1, f"other {number}")
    followed._store = other
    with other.read() as connection:
        assert followed.read() == balances(connection)


def heard_by(looks: dict[str, Callable[[], object]]) -> AsyncIterator[str]:
    return live._stream(live._Listener(None, Person("ada", False, ""), looks))  # type: ignore[arg-type]


def test_a_look_that_fails_and_a_person_who_may_not_stay_end_their_own_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(live, "ASK_AGAIN_LOOKS", 3)
    there = iter([True, True])
    monkeypatch.setattr(live, "still_signed_in", lambda _site, _person: next(there, False))
    numbers, values = iter(range(2)), iter(range(1000))

    async def hear() -> tuple[list[str], list[str]]:
        broken, other = heard_by({"x": lambda: next(numbers)}), heard_by({"y": lambda: next(values)})
        return [each async for each in broken], [each async for each in other]

    broken, other = asyncio.run(asyncio.wait_for(hear(), 20))
    assert broken == [": hello\n\n", "event: x\ndata: changed\n\n"]
    assert other[0] == ": hello\n\n"
    assert "".join(other).count(": still here") == 2
    assert "event: y" in "".join(other)
    assert not live._open


def test_pages_that_open_at_once_are_not_asked_for_their_people_in_one_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(live, "ASK_AGAIN_LOOKS", 3)
    looks: list[set[str]] = []

    def asked_for(_site: object, person: Person) -> bool:
        looks[-1].add(person.person_id)
        return True

    def last() -> int:
        """Begin the next look: the last page is looked at last."""
        looks.append(set())
        return len(looks) // 9

    monkeypatch.setattr(live, "still_signed_in", asked_for)
    people = [f"person {number}" for number in range(6)]

    async def hear() -> None:
        watch = live._watch()
        listeners = [
            live._Listener(None, Person(each, False, ""), {"x": last} if each == people[-1] else {})  # type: ignore[arg-type]
            for each in people
        ]
        looks.append(set())
        for each in listeners:
            await watch.join(each)
        while "event: x" not in await listeners[-1].heard():
            pass
        for each in listeners:
            watch.leave(each)

    asyncio.run(asyncio.wait_for(hear(), 20))
    assert set().union(*looks) == set(people)
    assert max(map(len, looks)) <= 2


def test_a_burst_of_pages_of_one_person_is_refused_in_words_and_nobody_elses() -> None:
    """A browser has six connections to a host: as many open streams would keep it from loading any further page."""
    sent: list[tuple[str, int]] = []

    async def page(person_id: str, session: str, is_over: asyncio.Event) -> None:
        listener = live._Listener(None, Person(person_id, False, session), {})  # type: ignore[arg-type]

        async def receive() -> dict[str, str]:
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent.append((person_id, message["status"]))
                assert message["status"] == 200 or (b"retry-after", b"60") in message["headers"]

        await live._Events(listener)({"type": "http"}, receive, send)

    async def burst() -> None:
        is_over = asyncio.Event()
        pages = [page("ada", f"browser {number % 4}", is_over) for number in range(40)]
        opened = [asyncio.create_task(each) for each in (*pages, page("bo", "another", is_over))]
        await asyncio.sleep(0.2)
        is_over.set()
        await asyncio.wait_for(asyncio.gather(*opened), 20)

    asyncio.run(burst())
    assert sent.count(("ada", 200)) == live.MOST_OF_ONE_PERSON
    assert sent.count(("ada", 429)) == 40 - live.MOST_OF_ONE_PERSON
    assert sent.count(("bo", 200)) == 1
    assert not live._open
    assert live.MOST_OF_ONE_BROWSER < 6
