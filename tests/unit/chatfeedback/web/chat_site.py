"""A workspace with a chat, people with points and keys, and its page on a real port."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from chatfeedback import steps
from chatfeedback.steps.chat_keys import make_chat_key
from chatfeedback.web.server import Server
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALLEST: dict[str, Any] = {"version": 1, "platforms": {"argilla": {}}}


@contextmanager
def chat_workspace(path: Path, **sections: Any) -> Iterator[Workspace]:
    """Open a workspace with the stand-ins, unless ``chat`` says otherwise."""
    settings = {**SMALLEST, "chat": {"stand_in": True, "requests_per_minute": 10_000}, **sections}
    path.mkdir(parents=True, exist_ok=True)
    (path / CONFIG_NAME).write_text(yaml.safe_dump(settings), encoding="utf-8")
    with Workspace.create(path) as workspace:
        yield workspace


def person_with(workspace: Workspace, name: str, points: int) -> str:
    """Return the pseudonym of a new person who has points."""
    person_id = workspace.pseudonyms.on_platform("argilla")(name)
    if points:
        steps.adjust_points(workspace, person_id, points, reason="for a test", author="lead")
    return person_id


def key_of(workspace: Workspace, person_id: str) -> str:
    """Return a new key of a person."""
    return make_chat_key(workspace, person_id)


@contextmanager
def running(workspace: Workspace) -> Iterator[str]:
    """Run the page of a workspace; yield its address."""
    server = Server(workspace, port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.address
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()
