"""A stand-in for OpenAI's Batch API on a real HTTP server: files, batches, and the files of results and errors.

It proves that we follow the protocol as OpenAI documents it and as its client's types say (every answer is built by
``openai.types``), and what we do when things go wrong. No real batch was ever submitted by these tests.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from openai.types import Batch, FileObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Line = dict[str, Any]


class Batches(ThreadingHTTPServer):
    """Keeps files and batches; ``end`` answers the requests of a batch.

    ``half_way`` is called with method and path once half of an answer is sent, when all that was asked is done.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.keys: set[str | None] = set()
        self.lose_next_answer = False
        self.half_way: Callable[[str], None] = lambda _: None

    @property
    def url(self) -> str:
        """The base address that a client is given."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def requests(self, batch_id: str) -> list[Line]:
        """Return the requests of a batch."""
        lines = self.files[self.batches[batch_id].input_file_id].splitlines()
        return [json.loads(line) for line in lines]

    def end(self, batch_id: str, answer: Callable[[Line], Line], status: str = "completed") -> None:
        """End a batch: ``answer`` returns ``response`` or ``error`` for each request, or nothing for none."""
        good: list[str] = []
        bad: list[str] = []
        for number, request in enumerate(self.requests(batch_id)):
            if line := answer(request):
                whole = {
                    "id": f"batch_req_{number}",
                    "custom_id": request["custom_id"],
                    "response": None,
                    "error": None,
                }
                is_good = (line.get("response") or {}).get("status_code") == 200
                (good if is_good else bad).append(json.dumps(whole | line))
        names = {}
        for kind, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                names[kind] = self.keep("\n".join(reversed(lines)).encode() + b"\n")
        self.batches[batch_id] = self.batches[batch_id].model_copy(update={"status": status, **names})

    def keep(self, content: bytes) -> str:
        """Keep a file and return its id."""
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return name

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that gave up."""


class _Answer(BaseHTTPRequestHandler):
    server: Batches
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.server.keys.add(self.headers["Authorization"])
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/files":
            head = f"Content-Type: {self.headers['Content-Type']}\n\n".encode()
            fields = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                for part in BytesParser().parsebytes(head + body).walk()
                if not part.is_multipart()
            }
            assert fields["purpose"] == b"batch"
            content = fields["file"]
            assert isinstance(content, bytes)
            made = FileObject(
                id=self.server.keep(content),
                bytes=len(content),
                created_at=0,
                filename="requests.jsonl",
                object="file",
                purpose="batch",
                status="processed",
            )
            self.reply(made.model_dump_json())
        elif self.path == "/v1/batches":
            asked = json.loads(body)
            assert asked["endpoint"] == "/v1/chat/completions"
            assert asked["completion_window"] == "24h"
            assert asked["input_file_id"] in self.server.files
            name = f"batch_{len(self.server.batches)}"
            batch = Batch(id=name, created_at=int(time.time()), object="batch", status="in_progress", **asked)
            self.server.batches[name] = batch
            if self.server.lose_next_answer:
                self.server.lose_next_answer = False
                self.close_connection = True
                return
            self.reply(batch.model_dump_json())
        else:
            self.reply("{}", 404)

    def do_GET(self) -> None:
        self.server.keys.add(self.headers["Authorization"])
        address = urlsplit(self.path)
        _, _, kind, *rest = address.path.split("/")
        if kind == "batches" and rest:
            self.reply(self.server.batches[rest[0]].model_dump_json())
        elif kind == "batches":  # two on a page, newest first
            names = sorted(self.server.batches, reverse=True)
            after = parse_qs(address.query).get("after", [""])[0]
            left = names[names.index(after) + 1 :] if after else names
            data = [json.loads(self.server.batches[name].model_dump_json()) for name in left[:2]]
            self.reply(json.dumps({"object": "list", "data": data, "has_more": len(left) > 2}))
        elif kind == "files" and rest[1:] == ["content"]:
            self.reply(self.server.files[rest[0]].decode())
        else:
            self.reply("{}", 404)

    def reply(self, text: str, status: int = 200) -> None:
        sent = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent[: len(sent) // 2])
        self.server.half_way(f"{self.command} {self.path}")
        self.wfile.write(sent[len(sent) // 2 :])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def batches() -> Iterator[Batches]:
    """Run the stand-in."""
    with Batches() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()
