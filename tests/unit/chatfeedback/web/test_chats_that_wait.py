"""A chat that waits for the collection is its giver's as any other: listed, changed, deleted, copied."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from filelock import FileLock
from starlette.testclient import TestClient
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app as command_line
from chatfeedback.steps import chats_that_wait
from chatfeedback.steps.chats_that_wait import collect_waiting
from chatfeedback.web import background
from chatfeedback.web.app import application
from tests.unit.chatfeedback.web.browser import ADDRESS, Browser
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with, running
from workspaces.errors import WorkbenchError
from workspaces.records import SharingState
from workspaces.store.chat_exchanges import chat_exchange, waiting_chats
from workspaces.store.conversations import entries_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workspaces.workspace import Workspace


@pytest.fixture
def chatting(tmp_path: Path) -> Iterator[Browser]:
    """Opens browsers at the page of a workspace with a chat."""
    with (
        chat_workspace(tmp_path / "w") as workspace,
        closing(Browser(workspace, application(workspace))) as made,
    ):
        yield made


def asked(browser: Browser, person_id: str, prompt: str) -> str:
    """Ask a model, as a program does; return the chat's id, which waits."""
    with TestClient(browser.app, base_url=ADDRESS) as http:
        answer = http.post(
            "/v1/chat/completions",
            json={"model": "stand-in-1", "messages": [{"role": "user", "content": prompt}]},
            headers={"Authorization": f"Bearer {key_of(browser.workspace, person_id)}"},
        )
    assert answer.status_code == 200, answer.text
    with browser.workspace.store.read() as connection:
        (name,) = waiting_chats(connection, people=[person_id])
    return name


def state(workspace: Workspace, name: str) -> SharingState | None:
    with workspace.store.read() as connection:
        entry = entries_of(connection, [name]).get(name)
    return entry.state if entry else None


@pytest.mark.parametrize("do", ["private", "publish"])
def test_it_is_changed_on_the_page(chatting: Browser, do: str) -> None:
    ada, bo = (person_with(chatting.workspace, name, 20) for name in ("ada", "bo"))
    name, client = asked(chatting, ada, "a violet secret"), chatting.signed_in(ada)
    assert chatting.signed_in(bo).post("/me/chats", id=name, do=do).status_code == 404
    assert client.post("/me/chats", id=name, do=do).status_code == 303
    wanted = {"private": SharingState.PRIVATE, "publish": SharingState.SHARED}[do]
    assert state(chatting.workspace, name) is wanted


def test_it_is_listed_shown_copied_and_deleted(chatting: Browser) -> None:
    ada = person_with(chatting.workspace, "ada", 20)
    name, client = asked(chatting, ada, "a violet secret"), chatting.signed_in(ada)
    assert "a violet secret" in client.get("/me/chats").text
    steps.delete_conversations(chatting.workspace, [name], by="giver")
    name = asked(chatting, ada, "another violet secret")
    assert client.get(f"/me/chats/one?id={name}").status_code == 200
    steps.delete_conversations(chatting.workspace, [name], by="giver")
    name = asked(chatting, ada, "a third violet secret")
    assert [each["id"] for each in client.get("/me/data.json").json()["conversations"]] == [name]
    steps.delete_conversations(chatting.workspace, [name], by="giver")
    name = asked(chatting, ada, "the last violet secret")
    assert client.post("/me/chats/delete", id=name).status_code == 200
    files = [path for path in chatting.workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if b"violet" in path.read_bytes()] == []


def by_id(name: str, _: str) -> tuple[str, ...]:
    return (name,)


def by_giver(_: str, person_id: str) -> tuple[str, ...]:
    return ("--giver", person_id)


@pytest.mark.parametrize("named", [by_id, by_giver])
def test_the_lead_deletes_and_keeps_private_what_waits(
    chatting: Browser, named: Callable[[str, str], tuple[str, ...]]
) -> None:
    workspace, runner = chatting.workspace, CliRunner()
    ada = person_with(workspace, "ada", 20)
    name = asked(chatting, ada, "a violet secret")
    place = ("--workspace", str(workspace.path))
    done = runner.invoke(command_line, ["consent", "keep-private", *named(name, ada), *place])
    assert done.exit_code == 0, done.output
    assert state(workspace, name) is SharingState.PRIVATE
    name = asked(chatting, ada, "another one")
    done = runner.invoke(
        command_line, ["consent", "delete", *named(name, ada), "--by", "lead", "--yes", *place]
    )
    assert done.exit_code == 0, done.output
    with workspace.store.read() as connection:
        left = connection.execute(sa.select(chat_exchange.c.conversation_id)).scalars().all()
    assert name not in left
    assert state(workspace, name) is None


def test_the_lead_names_what_waits_by_its_source_and_among_all(chatting: Browser) -> None:
    workspace, runner = chatting.workspace, CliRunner()
    name = asked(chatting, person_with(workspace, "ada", 20), "a violet secret")
    place = ("--workspace", str(workspace.path))
    done = runner.invoke(command_line, ["consent", "publish", "--all", *place])
    assert done.exit_code == 0, done.output
    assert state(workspace, name) is SharingState.SHARED
    name = asked(chatting, person_with(workspace, "bo", 20), "another one")
    done = runner.invoke(
        command_line, ["consent", "delete", "--source", "chatfeedback-chat", "--yes", *place]
    )
    assert done.exit_code == 0, done.output
    assert state(workspace, name) is None
    with workspace.store.read() as connection:
        assert connection.execute(sa.select(chat_exchange)).all() == []


def test_what_waits_is_collected_while_the_page_runs(
    chatting: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = chatting.workspace
    name = asked(chatting, person_with(workspace, "ada", 20), "a violet secret")
    monkeypatch.setattr(background, "COLLECT_SECONDS", 0.05)
    tried: list[float] = []

    def collect(workspace: Workspace) -> None:
        tried.append(time.monotonic())
        if len(tried) < 3:
            raise (WorkbenchError("busy"), ValueError("broken"))[len(tried) - 1]
        collect_waiting(workspace)

    monkeypatch.setattr(background, "collect_waiting", collect)
    with running(workspace):
        while state(workspace, name) is None:
            time.sleep(0.02)
    assert state(workspace, name) is SharingState.HELD
    assert len(tried) >= 3


def test_a_person_is_copied_and_forgotten_with_what_waits(chatting: Browser, tmp_path: Path) -> None:
    workspace = chatting.workspace
    ada = person_with(workspace, "ada", 20)
    name = asked(chatting, ada, "a violet secret")
    steps.export_person(workspace, ada, tmp_path / "copy")
    (row,) = (tmp_path / "copy" / "conversations.jsonl").read_text("utf-8").splitlines()
    assert json.loads(row)["id"] == name
    steps.forget_person(workspace, ada, by="lead")
    name = asked(chatting, bo := person_with(workspace, "bo", 20), "a violet secret of another")
    steps.forget_everywhere(workspace, bo)
    assert steps.collect_chats(workspace).outcomes == {}
    assert state(workspace, name) is None
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if b"violet" in path.read_bytes()] == []


def test_a_workspace_that_is_busy_keeps_no_page_from_being_read(
    chatting: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bo = (person_with(chatting.workspace, name, 20) for name in ("ada", "bo"))
    name, client, other = asked(chatting, ada, "a secret"), chatting.signed_in(ada), chatting.signed_in(bo)
    monkeypatch.setattr(chats_that_wait, "LOCK_TIMEOUT_SECONDS", 0.1)
    with FileLock(chatting.workspace.path / ".lock"):
        page = client.get("/me/chats")
        assert page.status_code == 200
        assert "1 chat of yours is not listed yet" in page.text
        assert "not listed yet" not in other.get("/me/chats").text
        assert client.get("/me/data.json").status_code == 200
        for path, fields in (("/me/chats", {"do": "private"}), ("/me/chats/delete", {})):
            answer = client.post(path, id=name, **fields)
            assert answer.status_code == 503
            assert "another step of the project is at work" in answer.text
            assert other.post(path, id=name, **fields).status_code == 404
    assert client.post("/me/chats/delete", id=name).status_code == 200
