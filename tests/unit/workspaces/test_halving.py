"""A batch that a server refuses is halved: exactly the rows that it does not take are told, the others go through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from workspaces.chunks import in_chunks
from workspaces.forms import TaskContent, Turn
from workspaces.platforms.argilla.connection import ArgillaConnection
from workspaces.platforms.base import RequestRefusedError, ServerFailedError
from workspaces.platforms.halving import MOST_FAILED, MOST_REFUSED, QUOTED, Halving, without_texts
from workspaces.records import Significance

if TYPE_CHECKING:
    from collections.abc import Callable


def row(number: int, text: str = "hello") -> TaskContent:
    return TaskContent(f"task {number}", {"chat": (Turn("Person", text),)}, Significance.LOW, {})


class Server:
    """Takes every row but the bad ones; a batch with one of them is refused whole."""

    def __init__(self, bad: set[int], fail: Callable[[], Exception]) -> None:
        self.bad = {f"task {number}" for number in bad}
        self.fail = fail
        self.taken: list[str] = []
        self.requests = 0

    def send(self, rows: list[TaskContent]) -> list[str]:
        self.requests += 1
        if any(it.task_id in self.bad for it in rows):
            raise self.fail()
        names = [it.task_id for it in rows]
        self.taken += names
        return names


def refused() -> Exception:
    return RequestRefusedError("HTTP 422: too long", 422)


def failed() -> Exception:
    return ServerFailedError("HTTP 500", 500)


@given(
    st.integers(1, 60).flatmap(
        lambda rows: st.tuples(st.just(rows), st.sets(st.integers(0, rows - 1), max_size=MOST_FAILED - 1))
    ),
    st.integers(1, 20),
    st.sampled_from([refused, failed]),
)
def test_whatever_rows_are_bad_they_are_told_once_each_and_all_others_go_through_once(
    drawn: tuple[int, set[int]], size: int, fail: Callable[[], Exception]
) -> None:
    rows, bad = drawn
    server, told = Server(bad, fail), dict[str, str]()
    halving = Halving(lambda name, why: told.__setitem__(name, why))
    yielded: list[str] = []

    def push() -> None:
        for batch in in_chunks(map(row, range(rows)), size):
            for names in halving.send(batch, server.send):
                yielded.extend(names)
        halving.end()

    if len(bad) == rows and fail is failed:  # then it is the server, and no row is blamed
        with pytest.raises(ServerFailedError):
            push()
        assert not told
        return
    push()
    good = [f"task {number}" for number in range(rows) if number not in bad]
    assert sorted(yielded) == sorted(server.taken) == sorted(good)
    assert told.keys() == server.bad


@pytest.mark.parametrize(("fail", "most"), [(refused, MOST_REFUSED), (failed, MOST_FAILED)])
def test_where_no_row_at_all_is_taken_nothing_is_rejected_and_few_requests_are_sent(
    fail: Callable[[], Exception], most: int
) -> None:
    server, told = Server(set(range(500)), fail), list[str]()
    halving = Halving(lambda name, _why: told.append(name))
    with pytest.raises(type(fail())):
        list(halving.send(list(map(row, range(500))), server.send))
    assert not told
    assert server.requests < 3 * most + 20


@given(st.integers(1, 4), st.integers(1, 20), st.integers(MOST_FAILED, 40))
def test_a_server_that_fails_from_some_moment_on_has_no_row_rejected(
    good: int, size: int, later: int
) -> None:
    """What went through before says nothing of the server now."""
    server, told, yielded = Server(set(range(good * size, 999)), failed), list[str](), list[str]()
    halving = Halving(lambda name, _why: told.append(name))

    def push() -> None:
        for batch in in_chunks(map(row, range(good * size + later)), size):
            for names in halving.send(batch, server.send):
                yielded.extend(names)
        halving.end()

    with pytest.raises(ServerFailedError):
        push()
    assert (told, len(yielded)) == ([], good * size)


@given(st.integers(1, 30), st.sets(st.integers(0, 29)))
def test_a_row_at_which_the_server_failed_once_is_sent_again(rows: int, once: set[int]) -> None:
    server, told = Server(once, failed), list[str]()

    def send(some: list[TaskContent]) -> list[str]:
        try:
            return server.send(some)
        finally:
            if len(some) == 1:
                server.bad.discard(some[0].task_id)

    halving = Halving(lambda name, _why: told.append(name))
    sent = [name for names in halving.send([row(number) for number in range(rows)], send) for name in names]
    halving.end()
    assert (told, sorted(sent)) == ([], sorted(f"task {number}" for number in range(rows)))


@pytest.mark.parametrize("status", [401, 403, 404, 502, 503])
def test_what_is_no_rows_fault_is_raised_at_once(status: int) -> None:
    error = RequestRefusedError("no", status) if status < 500 else ServerFailedError("no", status)

    def send(_rows: list[TaskContent]) -> None:
        raise error

    with pytest.raises(type(error)):
        list(Halving(lambda _name, _why: None).send([row(1), row(2)], send))


def test_without_somebody_to_tell_a_refusal_is_raised() -> None:
    server = Server({1}, refused)
    with pytest.raises(RequestRefusedError):
        list(Halving(None).send([row(0), row(1)], server.send))


@given(
    st.text(st.sampled_from("яжмыл 复利是指 ñß abc"), min_size=QUOTED, max_size=60).map(
        lambda it: " ".join(it.split())
    )
)
def test_what_argilla_quotes_of_a_text_is_known_as_such_in_every_script(text: str) -> None:
    answer = httpx.Response(422, json={"detail": [{"msg": f"{text} is no text", "input": text}]})
    connection = ArgillaConnection("http://argilla.example.org", SecretStr("-"))
    connection._http = httpx.Client(base_url=connection.url, transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(RequestRefusedError) as raised:
        connection.delete("/api/v1/records")
    assert len(text) < QUOTED or text not in without_texts(str(raised.value), row(1, text))


def test_a_reason_quotes_no_text_of_a_chat_log() -> None:
    text = "my address is 5 Elm Street, <b>Springfield</b>"
    for quoted in (text, "my address is 5 Elm Street, &lt;b&gt;Springfield&lt;/b&gt;"):
        told = without_texts(f"data['chat']={quoted} is of type 'str'", row(1, text))
        assert "Elm" not in told
        assert told.startswith("data['chat']=")
        assert told.endswith(" is of type 'str'")
