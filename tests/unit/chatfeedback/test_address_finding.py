"""What the doctor says of where people open a platform: whether anything answers there."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from chatfeedback.steps import address_finding
from workspaces.servers.managed import free_port
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """\
version: 1
platforms:
  argilla: {{url: "http://127.0.0.1:{here}", address: "http://127.0.0.1:{address}"}}
  label_studio: {{url: "http://127.0.0.1:{here}"}}
"""


@contextmanager
def answering(code: int) -> Iterator[int]:
    """Run a server that answers everything with this code; yield its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()

        def log_request(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("code", "warns"),
    [(200, False), (302, False), (401, False), (502, True), (None, True)],
    ids=["page", "elsewhere", "who are you", "proxy without a server", "nothing"],
)
def test_an_address_where_nothing_answers_is_a_warning(tmp_path: Path, code: int | None, warns: bool) -> None:
    here = free_port()
    with answering(code or 200) as port:
        address = port if code else free_port()
        text = CONFIGURATION.format(here=here, address=address)
        with Workspace.create(tmp_path / "w", text) as workspace:
            found = address_finding(workspace, "argilla")
            assert address_finding(workspace, "label_studio") is None
    assert found is not None
    assert (found.name, found.ok, found.warning) == ("Argilla address", True, warns)
    assert found.detail.startswith(f"http://127.0.0.1:{address}")
    assert (f"http://127.0.0.1:{here}" in found.detail) == warns
