"""What the doctor says of a server that lets annotators see more than is theirs, and of one that does not."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:Support for class-based:DeprecationWarning"  # the Argilla SDK 2.8.0 says so when it is imported
)


class Argilla(BaseHTTPRequestHandler):
    """As much of an Argilla as ``check`` asks for. The tests in ``tests/attack`` ask a real one."""

    is_blind = False

    def do_GET(self) -> None:
        """Answer as an owner's key sees it."""
        answer = {"id": "1", "username": "owner", "role": "owner", "version": "2.8.0", "items": []}
        self.send_response(200)
        if self.is_blind:
            self.send_header("X-Argilla-Annotators", "blind")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Print nothing."""


@pytest.fixture(params=[False, True])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """The address of a server, and whether argilla-sql-search runs in it."""
    handler = type("Handler", (Argilla,), {"is_blind": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", request.param
        server.shutdown()
        thread.join()


def test_the_doctor_names_the_open_doors_of_an_argilla_without_our_middleware(
    address: tuple[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, is_blind = address
    monkeypatch.setenv("SOME_KEY", "key")
    configuration: dict[str, Any] = {
        "version": 1,
        "platforms": {"argilla": {"url": url, "api_key_env": "SOME_KEY"}},
    }
    Workspace.create(tmp_path / "w", json.dumps(configuration)).close()
    ran = CliRunner().invoke(app, ["doctor", "--workspace", str(tmp_path / "w"), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["argilla"]
    assert found["ok"]
    assert bool(found["open_doors"]) != is_blind
    shown = " ".join(CliRunner().invoke(app, ["doctor", "--workspace", str(tmp_path / "w")]).stdout.split())
    assert ("OPEN DOOR" in shown) != is_blind
    if not is_blind:
        assert "pip install argilla-sql-search" in found["open_doors"][0]
