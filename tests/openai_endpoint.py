"""A real HTTP server that speaks OpenAI's protocols as it is told.

It stands in for endpoints that cannot run here: it proves how we ask, what we understand, and what we do when things
go wrong. It proves nothing about how well a model rates.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEY = "sk-very-secret-key"
Reply = tuple[int, dict[str, str], str]


def ok(text: str, usage: object = None) -> Reply:
    """Return a completion that says ``text``."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    return 200, {}, json.dumps(body | ({"usage": usage} if usage is not None else {}))


def refusal(status: int, **headers: str) -> Reply:
    """Return an error as OpenAI words it, with the key in it as some proxies do."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, json.dumps({"error": {"message": f"no, {KEY}", "type": "x", "code": "x"}})


def marked(request: dict[str, Any]) -> dict[int, str]:
    """Return the responses that a request for seed feedback wants rated, by their number in it."""
    text = request["messages"][1]["content"]
    marker = re.escape(text.partition("\n")[0].removeprefix("marker: "))
    shown = re.findall(
        rf"^{marker} (\d+) assistant([^\n]*)\n(.*?)(?=\n{marker} )", text, re.MULTILINE | re.DOTALL
    )
    return {int(number): said for number, words, said in shown if words.endswith("RATE")}


def ratings(request: dict[str, Any], answers: Mapping[str, str] | Callable[[str], Mapping[str, str]]) -> str:
    """Return seed feedback on what a request wants rated: the same of all, or by the response."""
    rated = [
        {"message": number, **(answers(said) if callable(answers) else answers)}
        for number, said in marked(request).items()
    ]
    return json.dumps({"ratings": rated})


class Endpoint(ThreadingHTTPServer):
    """Answers by ``respond``, which gets the request's JSON; remembers what was asked, and how many at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Callable[[dict[str, Any]], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.respond = self.good = respond
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.lock = threading.Lock()
        self.running = self.most = 0

    @property
    def url(self) -> str:
        """The base address that a client is given."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that gave up waiting."""

    def script(self, *replies: Reply) -> None:
        """Give these replies one by one, then good ones."""
        waiting = list(replies)
        self.respond = lambda request: waiting.pop(0) if waiting else self.good(request)


class _Answer(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets, and the second would wait

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(request)
            self.server.keys.add(self.headers.get("Authorization"))
            self.server.running += 1
            self.server.most = max(self.server.most, self.server.running)
        status, headers, body = self.server.respond(request)
        with self.server.lock:
            self.server.running -= 1
        sent = body.encode()
        usual = {"Content-Type": "application/json", "Content-Length": str(len(sent))}
        self.send_response(status)
        for name, value in (usual | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = "Content-Length" in headers  # it may promise more than comes

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(respond: Callable[[dict[str, Any]], Reply]) -> Iterator[Endpoint]:
    """Run an endpoint."""
    with Endpoint(respond) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()
