"""The connection to Argilla against a real HTTP server that fails as told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import argilla
import pytest
from pydantic import SecretStr

from workspaces.errors import ConnectionFailedError
from workspaces.platforms.argilla.connection import ArgillaConnection
from workspaces.platforms.base import ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, pause_before_next

if TYPE_CHECKING:
    from collections.abc import Iterator

Script = list[tuple[int, dict[str, str], bytes]]

USER = json.dumps({"id": str(uuid4()), "username": "owner", "role": "owner"}).encode()


class Failing(ThreadingHTTPServer):
    """Gives the answers in ``script`` one by one, then an empty object; counts the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.script: Script = []
        self.asked = 0


class Answer(BaseHTTPRequestHandler):
    """Answers as its server says."""

    server: Failing

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked += 1
        status, headers, body = self.server.script.pop(0) if self.server.script else (200, {}, b"{}")
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Failing]:
    with Failing() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


@pytest.fixture
def connection(server: Failing) -> Iterator[ArgillaConnection]:
    made = ArgillaConnection(f"http://127.0.0.1:{server.server_address[1]}", SecretStr("key"))
    yield made
    made.close()


def test_an_answer_that_is_cut_off_or_cut_short_is_asked_for_again(
    server: Failing, connection: ArgillaConnection, pauses: list[float]
) -> None:
    server.script = [
        (200, {"Content-Length": "100"}, b'{"items": ['),
        (200, {}, b'{"items": ['),
        (500, {}, b""),
        (200, {}, b'{"a": 1}'),
    ]
    assert connection.read(dict[str, Any], "/x") == {"a": 1}
    assert pauses == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]


def test_a_busy_server_is_waited_for_as_long_as_it_says_and_asked_again_whatever_the_request(
    server: Failing, connection: ArgillaConnection, pauses: list[float]
) -> None:
    server.script = [(429, {"Retry-After": "7"}, b""), (429, {"Retry-After": "100000"}, b"")]
    assert connection.post(dict[str, Any], "/x", {}) == {}
    assert pauses == [7.0, LONGEST_PAUSE]


def test_what_may_have_been_done_is_not_done_twice_and_patience_has_an_end(
    server: Failing, connection: ArgillaConnection, pauses: list[float]
) -> None:
    server.script = [(500, {}, b"")]
    with pytest.raises(ConnectionFailedError, match="HTTP 500"):
        connection.post(dict[str, Any], "/x", {})
    assert (server.asked, pauses) == (1, [])
    server.script = [(429, {}, b"")] * 10
    with pytest.raises(ConnectionFailedError, match="HTTP 429"):
        connection.post(dict[str, Any], "/x", {})
    assert server.asked == 1 + ATTEMPTS


def test_what_fails_in_the_sdk_is_a_failure_of_the_platform_and_is_told_once(
    server: Failing, connection: ArgillaConnection, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [(200, {}, b"{}"), (200, {}, USER)]
    place = argilla.Workspace(name="ours", id=uuid4(), client=connection.sdk)
    settings = argilla.Settings(questions=[argilla.TextQuestion(name="why")])
    page = b"<html>gateway timeout</html>"
    for status, body in ((504, page), (500, page), (422, page), (200, page), (200, b"{}"), (200, b"[]")):
        failed: Script = [(status, {}, body)] * 9
        server.script = [(200, {}, b'{"items": []}'), *failed]
        with pytest.raises(ConnectionFailedError, match=f"Argilla at {connection.url} did not do as asked"):
            connection.dataset(place, "kind", settings)
        server.script = failed
        with pytest.raises(ConnectionFailedError, match="did not do as asked"):
            connection.workspace("ours")
    assert not caplog.records


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(None, FIRST_PAUSE), ("0", FIRST_PAUSE), ("3", 3.0), ("-1", FIRST_PAUSE),
     ("Wed, 21 Oct 2026 07:28:00 GMT", FIRST_PAUSE), ("9" * 400, LONGEST_PAUSE),
     ("", FIRST_PAUSE), ("\u00b2", FIRST_PAUSE)],
)  # fmt: skip
def test_what_a_server_says_of_when_to_ask_again_is_bounded(told: str | None, seconds: float) -> None:
    assert pause_before_next(1, told) == seconds
