"""The connection to Label Studio against a real HTTP server that fails as told."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.platforms.base import ATTEMPTS, LONGEST_PAUSE, RequestRefusedError
from workspaces.platforms.label_studio.connection import LabelStudioConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAIMS = base64.urlsafe_b64encode(json.dumps({"token_type": "refresh"}).encode()).decode().rstrip("=")
KEY = SecretStr(f"head.{CLAIMS}.signature")


class Failing(ThreadingHTTPServer):
    """Gives the answers in ``script`` (status and body) one by one, then 200; remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.script: list[tuple[int, str]] = []
        self.asked: list[tuple[str, str | None]] = []
        self.renewals = 0
        self.retry_after: list[str] = []


class Answer(BaseHTTPRequestHandler):
    """Gives a token, and then fails as its server says."""

    server: Failing

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/api/token/refresh/":
            assert json.loads(body) == {"refresh": KEY.get_secret_value()}
            self.server.renewals += 1
            status, text = 200, json.dumps({"access": f"access-{self.server.renewals}"})
        else:
            self.server.asked.append((self.command, self.headers.get("Authorization")))
            status, text = self.server.script.pop(0) if self.server.script else (200, '{"ok": true}')
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if status == 429 and self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after.pop(0))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Failing]:
    with Failing() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def connection(server: Failing, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabelStudioConnection]:
    monkeypatch.setattr("workspaces.platforms.base.FIRST_PAUSE", 0.001)
    made = LabelStudioConnection(f"http://127.0.0.1:{server.server_address[1]}/", KEY)
    yield made
    made.close()


def test_reading_is_repeated_while_the_server_fails(
    server: Failing, connection: LabelStudioConnection
) -> None:
    server.script = [(502, "<html>bad gateway"), (200, "<html>not JSON"), (429, "")]
    assert connection.get("/x") == {"ok": True}
    assert len(server.asked) == 4


def test_reading_is_given_up_after_some_attempts(server: Failing, connection: LabelStudioConnection) -> None:
    server.script = [(503, "")] * 10
    with pytest.raises(ConnectionFailedError, match="HTTP 503"):
        connection.get("/x")
    assert len(server.asked) == ATTEMPTS


def test_an_import_is_never_sent_twice(server: Failing, connection: LabelStudioConnection) -> None:
    server.script = [(500, "")]
    with pytest.raises(ConnectionFailedError, match="HTTP 500"):
        connection.call(lambda: connection.sdk.projects.import_tasks(1, request=[]), idempotent=False)
    assert [method for method, _ in server.asked] == ["POST"]


def test_a_busy_server_is_waited_for_as_long_as_it_says_and_asked_again_whatever_the_request(
    server: Failing, connection: LabelStudioConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    server.script = [(429, ""), (429, ""), (200, '{"task_ids": [7]}')]
    server.retry_after = ["7", "100000"]
    connection.call(
        lambda: connection._http.post(f"{connection.url}/import").raise_for_status(), idempotent=False
    )
    assert pauses == [7.0, LONGEST_PAUSE]


def test_an_access_token_that_ran_out_is_renewed_once(
    server: Failing, connection: LabelStudioConnection
) -> None:
    server.script = [(200, "{}"), (401, "{}")]
    connection.get("/x")
    assert connection.get("/x") == {"ok": True}
    assert [token for _, token in server.asked] == ["Bearer access-1", "Bearer access-1", "Bearer access-2"]


def test_a_key_without_permission_is_not_tried_again(
    server: Failing, connection: LabelStudioConnection
) -> None:
    server.script = [(403, '{"detail": "no permission"}')]
    with pytest.raises(CredentialsError, match="no permission"):
        connection.get("/x")
    assert len(server.asked) == 1


def test_a_refused_request_is_told(server: Failing, connection: LabelStudioConnection) -> None:
    server.script = [
        (400, json.dumps({"detail": "Validation error", "validation_errors": {"title": "short"}}))
    ]
    with pytest.raises(RequestRefusedError, match="short"):
        connection.post("/x", {"title": "x"})
    assert connection.post("/x", {"title": "xyz"}) == {"ok": True}


def test_no_secret_is_shown(connection: LabelStudioConnection) -> None:
    assert KEY.get_secret_value() not in repr(vars(connection)) + repr(vars(connection.sdk))
