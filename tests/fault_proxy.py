"""Proxies that stand between the workbench and a real server, and go wrong as a script says.

``FaultProxy`` stands before a platform's REST API, ``EventProxy`` before our receiver of events. What goes wrong with
which request is drawn from the seed of a script, so a script that failed can be run again.
"""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REST_FAULTS = (
    "busy",
    "error before",
    "error after",
    "reset before",
    "reset after",
    "stall",
    "cut off",
    "cut short",
    "duplicate",
)
EVENT_FAULTS = ("drop", "duplicate", "reorder", "replay", "error after")
PAGES = ("/records/search", "/responses/changed", "/records/served", "/api/tasks/")
"""The paths of listings, whose pages may come twice."""

STALL_SECONDS = 0.7
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "host", "date", "server"}


@dataclass(slots=True)
class Script:
    """What goes wrong: each request with the chance ``share``, by one of ``faults``. ``down``: nothing listens."""

    seed: int
    share: float = 0.0
    faults: tuple[str, ...] = ()
    happened: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def next_fault(self, known: tuple[str, ...]) -> str | None:
        """Return what goes wrong with the next request."""
        possible = [fault for fault in self.faults if fault in known]
        if not possible or self._random.random() >= self.share:
            return None
        fault = self._random.choice(possible)
        self.happened.append(fault)
        return fault


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class Proxy:
    """Forwards requests to ``target`` (a URL without a path); use it as a context manager."""

    known: tuple[str, ...] = ()

    def __init__(self, target: str) -> None:
        self.target = target
        self.script = Script(0)
        self.is_down = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request on and return the answer; 502 where nobody answers."""
        address = urlsplit(self.target)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(
                method, path, body, {**kept, "Host": address.netloc, "Accept-Encoding": "identity"}
            )
            answer = connection.getresponse()
            told = [it for it in answer.getheaders() if it[0].lower() not in HOP_BY_HOP]
            return Answer(answer.status, told, answer.read())
        except OSError:
            return Answer(502, (), b"")
        finally:
            connection.close()

    def handle(self, request: Request, body: bytes) -> None:
        """Answer a request, well or badly."""
        raise NotImplementedError

    def _handler(self) -> type[Request]:
        proxy = self

        class Handler(Request):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with suppress(ConnectionError):
                    if proxy.is_down:
                        self.reset()
                    else:
                        proxy.handle(self, body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        return Handler


class Request(BaseHTTPRequestHandler):
    """One request to a proxy."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the client to acknowledge its head

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""

    def send(self, answer: Answer, *, told: int | None = None) -> None:
        """Send an answer; ``told`` is the length that it claims to have, if not its own."""
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if told is None else told))
        self.end_headers()
        self.wfile.write(answer.body)

    def reset(self) -> None:
        """Break the connection off, as a server that dies."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        raise ConnectionResetError


class FaultProxy(Proxy):
    """Before a platform: busy, broken, slow, and with pages that are cut off, cut short, or come twice."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._last_page: dict[str, Answer] = {}

    def handle(self, request: Request, body: bytes) -> None:
        fault = self.script.next_fault(REST_FAULTS)
        path = urlsplit(request.path).path
        if fault == "busy":
            request.send(Answer(429, [("Retry-After", "0")], b"busy"))
            return
        if fault == "error before":
            request.send(Answer(500, (), b"<h1>Internal Server Error</h1>"))
            return
        if fault == "reset before":
            request.reset()
        if fault == "duplicate" and (page := self._last_page.get(path)) is not None:
            request.send(page)
            return
        answer = self.forward(request.command, request.path, dict(request.headers.items()), body)
        if fault == "stall":
            time.sleep(STALL_SECONDS)
            request.reset()
        elif fault == "error after":
            request.send(Answer(500, (), b""))
        elif fault == "reset after":
            request.reset()
        elif fault == "cut off":  # the length tells
            request.send(
                Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2]),
                told=len(answer.body) + 1,
            )
            request.reset()
        elif fault == "cut short":  # nothing tells but the JSON
            request.send(Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2]))
        else:
            if answer.status == 200 and any(path.endswith(page) for page in PAGES):
                self._last_page[path] = answer
            request.send(answer)


class EventProxy(Proxy):
    """Before our receiver: events are lost, come twice, in another order, and again much later."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self._held: list[tuple[str, str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    def handle(self, request: Request, body: bytes) -> None:
        event = (request.command, request.path, dict(request.headers.items()), body)
        fault = self.script.next_fault(EVENT_FAULTS)
        self._seen.append(event)
        now = [event]
        if fault == "drop":
            now = []
        elif fault == "duplicate":
            now = [event, event]
        elif fault == "reorder" and not self._held:
            self._held, now = [event], []
        elif fault == "replay":
            now = [event, *self._seen[-5:]]
        if now and self._held:
            now, self._held = [*now, *self._held], []
        answers = [self.forward(*each) for each in now]
        self.statuses += [answer.status for answer in answers]
        request.send(Answer(500 if fault == "error after" else 202, (), b""))
