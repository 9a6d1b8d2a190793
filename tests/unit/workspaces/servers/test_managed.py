"""What is said of a server from its files, its processes and its answer."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import psutil
import pytest

from workspaces.servers.label_studio import LabelStudioServer, LabelStudioSettings
from workspaces.servers.managed import free_port
from workspaces.servers.plan import RunningProcess, ServerState
from workspaces.servers.settings import write_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = RunningProcess(os.getpid(), psutil.Process().create_time())
ANOTHER = RunningProcess(os.getpid(), psutil.Process().create_time() - 60)
"""One that had the number of this process before it."""


@contextmanager
def answering(code: int) -> Iterator[int]:
    """Answer every request with a code; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code if self.path == LabelStudioServer.health_path else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def server_at(
    folder: Path, port: int, supervisor: RunningProcess = HERE, failed: str | None = None
) -> LabelStudioServer:
    state = ServerState("running", failed, supervisor, {"api": HERE, "gone": ANOTHER})
    (folder / "state.json").write_text(state.to_json(), encoding="utf-8")
    write_settings(folder / "settings.json", LabelStudioSettings(port=port, python="python"))
    return LabelStudioServer(folder)


@pytest.mark.parametrize(("code", "well"), [(200, True), (302, False), (404, False), (503, False)])
def test_a_server_runs_when_it_answers_that_it_is_well(tmp_path: Path, code: int, well: bool) -> None:
    with answering(code) as port:
        said = server_at(tmp_path, port).status()
    assert (said.running, said.detail) == (well, f"answers {code}")
    assert said.url == f"http://127.0.0.1:{port}"
    assert said.processes == {"api": os.getpid()}


def test_a_proxy_of_the_lead_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with answering(200) as port:
        assert server_at(tmp_path, port).status().running


def test_a_server_that_does_not_answer_does_not_run(tmp_path: Path) -> None:
    said = server_at(tmp_path, free_port()).status()
    assert (said.running, said.detail) == (False, "does not answer (ConnectionRefusedError)")


def test_a_supervisor_that_is_gone_is_a_stopped_server(tmp_path: Path) -> None:
    said = server_at(tmp_path, free_port(), supervisor=ANOTHER).status()
    assert (said.running, said.url, said.processes, said.detail) == (False, None, {}, "stopped")


def test_what_ended_a_server_is_named(tmp_path: Path) -> None:
    said = server_at(tmp_path, free_port(), supervisor=ANOTHER, failed="api").status()
    assert (said.running, said.detail) == (False, "api ended")


def test_a_server_that_never_ran_is_stopped_and_cannot_be_stopped(tmp_path: Path) -> None:
    server = LabelStudioServer(tmp_path)
    assert (server.status().running, server.status().detail) == (False, "stopped")
    assert not server.stop()
