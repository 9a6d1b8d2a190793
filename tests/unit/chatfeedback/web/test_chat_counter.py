"""What is paid, bounded and passed on where models and clients behave in unusual ways."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from chatfeedback import steps
from chatfeedback.web import chat
from chatfeedback.web.app import application
from chatfeedback.web.chat_counter import counter_of
from chatfeedback.web.chat_state import ChatState, Turn
from chatfeedback.web.sessions import Person
from reward_engine.accounts import person_account
from reward_engine.ledger import balance, balances
from tests.unit.chatfeedback.web.browser import Browser
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with
from workspaces.records import ChatMode
from workspaces.store.chat_exchanges import answers_among, is_private
from workspaces.store.holds import hold_outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from starlette.applications import Starlette

    from workspaces.workspace import Workspace

HELLO = [{"role": "user", "content": "hello"}]


class Scripted:
    """Says one message, as a stream and as a whole."""

    def __init__(self, message: Mapping[str, Any], seconds: float = 0.0) -> None:
        self.message = {"role": "assistant", **message}
        self.seconds = seconds
        self.asked: list[Mapping[str, Any]] = []
        self.under_way = self.most = 0

    @asynccontextmanager
    async def stream(self, request: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked.append(request)

        async def events() -> AsyncIterator[bytes]:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(self.seconds)
            choice = {"index": 0, "delta": self.message, "finish_reason": "stop"}
            yield b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\ndata: [DONE]\n\n"
            self.under_way -= 1

        yield events()

    async def whole(self, request: Mapping[str, Any]) -> bytes:
        self.asked.append(request)
        return json.dumps({"choices": [{"message": self.message, "finish_reason": "stop"}]}).encode()

    async def aclose(self) -> None:
        pass


@contextmanager
def site(path: Path, upstream: Scripted, **chat: Any) -> Iterator[tuple[Workspace, Starlette]]:
    settings = {"stand_in": True, "requests_per_minute": 10_000, **chat}
    with chat_workspace(path / "w", chat=settings) as workspace:
        app = application(workspace)
        counter = counter_of(app, workspace, app.state.site.limits)
        counter.models = {name: replace(model, upstream=upstream) for name, model in counter.models.items()}
        yield workspace, app


def ask(app: Starlette, key: str, headers: Any = (), **body: Any) -> Any:
    client = TestClient(app, base_url="http://127.0.0.1")
    body = {"model": "stand-in-1", "messages": HELLO, **body}
    return client.post(
        "/v1/chat/completions", json=body, headers=[("Authorization", f"Bearer {key}"), *headers]
    )


def points_of(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, person_account(person_id))


@pytest.mark.parametrize(
    "message",
    [
        {"function_call": {"name": "f", "arguments": "{}"}},
        {"reasoning_content": "I think"},
        {"reasoning": "I think"},
        {"audio": {"transcript": "spoken", "data": "AAAA"}},
        {"audio": {"data": "AAAA"}},
        {"images": [{"type": "image_url"}]},
        {"refusal": "I will not"},
    ],
)
def test_whatever_an_answer_holds_is_paid(tmp_path: Path, message: dict[str, Any]) -> None:
    with site(tmp_path, Scripted(message)) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        key = key_of(workspace, ada)
        assert ask(app, key).status_code == 200
        assert ask(app, key, stream=True).text.endswith("data: [DONE]\n\n")
        assert points_of(workspace, ada) == 0


def test_an_answer_that_says_nothing_at_all_costs_nothing(tmp_path: Path) -> None:
    with site(tmp_path, Scripted({"content": " ", "annotations": [], "audio": None})) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        assert ask(app, key_of(workspace, ada)).status_code == 502
        assert points_of(workspace, ada) == 8


def test_an_answer_is_paid_also_when_it_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("chatfeedback.steps.chat_purchases.kept", broken)
    with site(tmp_path, Scripted({"content": "hi"})) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        answer = ask(app, key_of(workspace, ada))
        assert (answer.status_code, answer.headers["X-Chatfeedback-Recorded"]) == (200, "false")
        assert points_of(workspace, ada) == 4
        assert steps.collect_chats(workspace).outcomes == {"unreadable": 1}


def test_answers_are_looked_up_by_more_ids_than_a_query_has_variables(tmp_path: Path) -> None:
    with site(tmp_path, Scripted({"content": "hi"})) as (workspace, _), workspace.store.read() as connection:
        assert answers_among(connection, "nobody", [f"{number:024}" for number in range(300_000)]) == {}


def test_a_model_of_any_name_is_told_in_a_header(tmp_path: Path) -> None:
    with site(tmp_path, Scripted({"content": "hi"})) as (workspace, app):
        counter = counter_of(app, workspace, app.state.site.limits)
        counter.models = {"модель": replace(next(iter(counter.models.values())), name="модель")}
        ada = person_with(workspace, "ada", 8)
        for stream in (False, True):
            answer = ask(app, key_of(workspace, ada), model="модель", stream=stream)
            assert answer.status_code == 200
            assert (
                answer.headers["X-Chatfeedback-Model"]
                == "модель".encode("ascii", "backslashreplace").decode()
            )


@pytest.mark.parametrize("said", [["false", "true"], ["true", "false"], ["false, true"], ["0", "1"]])
def test_a_chat_is_private_if_any_header_says_so(tmp_path: Path, said: list[str]) -> None:
    with site(tmp_path, Scripted({"content": "hi"})) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        answer = ask(app, key_of(workspace, ada), [("X-Chatfeedback-Private", value) for value in said])
        assert answer.headers["X-Chatfeedback-Recorded"] == "false"
        assert steps.collect_chats(workspace).outcomes == {}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_tokens": 10**6},
        {"max_completion_tokens": 10**6},
        {"max_tokens": 10**6, "max_completion_tokens": None},
        {"max_tokens": None, "max_completion_tokens": 10**6},
        {"max_tokens": 10**6, "max_completion_tokens": 10**6},
        {"max_tokens": True},
        {"max_tokens": "1000000"},
    ],
)
def test_an_endpoint_is_told_a_bound_and_nothing_but_what_is_known(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    upstream = Scripted({"content": "hi"})
    others = {
        "store": True,
        "service_tier": "priority",
        "n_predict": 9,
        "models": ["x"],
        "api_base": "http://x",
    }
    with site(tmp_path, upstream) as (workspace, app):
        key = key_of(workspace, person_with(workspace, "ada", 8))
        assert ask(app, key, temperature=0.5, user="ada", **given, **others).status_code == 200
        (asked,) = upstream.asked
    limits = {name: asked[name] for name in ("max_tokens", "max_completion_tokens") if name in asked}
    assert set(limits) == {name for name, value in given.items() if value is not None} or set(limits) == {
        "max_tokens"
    }
    assert set(limits.values()) == {1_000}
    assert {name for name in asked if name not in limits} == {"model", "messages", "temperature"}


def test_answers_at_once_are_bounded_on_the_page(tmp_path: Path) -> None:
    upstream = Scripted({"content": "hi"}, 0.3)
    with site(tmp_path, upstream, at_once=2) as (workspace, app):
        browser = Browser(workspace, app)
        client = browser.signed_in(person_with(workspace, "ada", 100))
        form, cookies = {"csrf": client.token(), "do": "ask"}, dict(client.http.cookies)

        async def many() -> list[int]:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", cookies=cookies
            ) as http:
                answers = await asyncio.gather(
                    *(http.post("/chat", data=form | {"prompt": f"{number}"}) for number in range(8))
                )
            return sorted(answer.status_code for answer in answers)

        assert asyncio.run(many()) == [200] * 2 + [429] * 6
        assert upstream.most == 2
        browser.close()


def test_a_burst_of_one_person_spoils_nobody_else_and_is_refused_in_words(tmp_path: Path) -> None:
    upstream = Scripted({"content": "hi"}, 0.3)
    with site(tmp_path, upstream, at_once=2, requests_per_minute=20) as (workspace, app):
        keys = [key_of(workspace, person_with(workspace, name, 1_000)) for name in ("ada", "bo")]

        async def many() -> list[list[httpx.Response]]:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                body = {"model": "stand-in-1", "messages": HELLO, "stream": True}
                return await asyncio.gather(
                    *(
                        asyncio.gather(
                            *(
                                http.post(
                                    "/v1/chat/completions",
                                    json=body,
                                    headers={"Authorization": f"Bearer {key}"},
                                )
                                for _ in range(number)
                            )
                        )
                        for key, number in zip(keys, (50, 2), strict=True)
                    )
                )

        ada, bo = asyncio.run(many())
    assert [each.status_code for each in bo] == [200, 200]
    refused = [each for each in ada if each.status_code != 200]
    assert {each.status_code for each in refused} == {429}
    assert len(refused) == 48
    for each in refused:
        assert int(each.headers["retry-after"]) >= 1
        assert "nothing was charged" in each.json()["error"]["message"]


def open_holds(workspace: Workspace) -> int:
    with workspace.store.read() as connection:
        return sum(points for account, points in balances(connection).items() if account.startswith("held:"))


def test_whatever_is_cancelled_wherever_it_is_no_hold_is_left(tmp_path: Path) -> None:
    """Cancelled after so many steps of the loop or milliseconds: while points are reserved, asked for, captured."""
    upstream = Scripted({"content": "hi"}, 0.003)
    with site(tmp_path, upstream) as (workspace, app):
        ada = person_with(workspace, "ada", 10_000)
        counter = counter_of(app, workspace, app.state.site.limits)
        state = ChatState((Turn("user", "hello"), Turn("assistant", "hi", "x", points=2, dynamic=True)))
        person, done = Person(ada, False, ""), 0

        async def nothing(_side: int, _text: str) -> None:
            pass

        async def cancelled(steps_: int, seconds: float) -> bool:
            two = asyncio.create_task(chat._two(counter, person, state, set(), ChatMode.DYNAMIC, nothing))
            for _ in range(steps_):
                await asyncio.sleep(0)
            await asyncio.sleep(seconds)
            two.cancel()
            (outcome,) = await asyncio.gather(two, return_exceptions=True)
            assert isinstance(outcome, ChatState | asyncio.CancelledError), outcome
            return isinstance(outcome, ChatState)

        for number in range(60):
            done += asyncio.run(cancelled(number % 12, number // 12 * 0.004))
        until = time.monotonic() + 10
        while open_holds(workspace) and time.monotonic() < until:
            time.sleep(0.05)
        assert open_holds(workspace) == 0
        assert done < 60


def test_points_that_are_reserved_for_nobody_go_back_at_once(tmp_path: Path) -> None:
    upstream = Scripted({"content": "hi"})
    with site(tmp_path, upstream) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        counter = counter_of(app, workspace, app.state.site.limits)
        begun, go_on = threading.Event(), threading.Event()
        reserve = counter.till.reserve

        def slowly(*args: Any, **more: Any) -> Any:
            begun.set()
            assert go_on.wait(10)
            return reserve(*args, **more)

        counter.till.reserve = slowly  # type: ignore[method-assign]

        async def cancel() -> None:
            body: Any = {"model": "stand-in-1", "messages": HELLO}
            order = asyncio.create_task(counter.order(ada, body, private=False))
            while not begun.is_set():
                await asyncio.sleep(0.005)
            order.cancel()
            await asyncio.gather(order, return_exceptions=True)
            go_on.set()

        asyncio.run(cancel())
        until = time.monotonic() + 10
        outcomes: list[str] = []
        while not outcomes:
            assert time.monotonic() < until
            time.sleep(0.02)
            with workspace.store.read() as connection:
                outcomes = list(connection.execute(sa.select(hold_outcome.c.outcome)).scalars())
        assert (open_holds(workspace), points_of(workspace, ada)) == (0, 8)
    assert outcomes == ["released"]
    assert upstream.asked == []


@pytest.mark.parametrize("by", ["forgotten", "revoked"])
def test_a_body_that_ends_after_its_key_is_gone_buys_nothing(tmp_path: Path, by: str) -> None:
    upstream = Scripted({"content": "hi"})
    with site(tmp_path, upstream) as (workspace, app):
        ada = person_with(workspace, "ada", 8)
        key = key_of(workspace, ada)
        body = json.dumps({"model": "stand-in-1", "messages": HELLO}).encode()
        counter = counter_of(app, workspace, app.state.site.limits)
        conversation_id = counter.till.path(ada, json.loads(body)).conversation_id

        async def slowly() -> AsyncIterator[bytes]:
            yield body[:5]
            gone = steps.revoke_chat_keys if by == "revoked" else steps.forget_everywhere
            await asyncio.to_thread(gone, workspace, ada)
            yield body[5:]

        async def post() -> int:
            headers = {"Authorization": f"Bearer {key}", "X-Chatfeedback-Private": "true"}
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1"
            ) as http:
                answer = await http.post("/v1/chat/completions", content=slowly(), headers=headers)
            return answer.status_code

        assert asyncio.run(post()) == 401
        assert upstream.asked == []
        with workspace.store.read() as connection:
            assert not is_private(connection, conversation_id)
