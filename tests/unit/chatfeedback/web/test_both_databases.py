"""The core of every page on SQLite and on PostgreSQL: one life of a person and their lead, in one short workspace."""

from __future__ import annotations

import json
import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.app import application
from tests.stores import POSTGRESQL, Stores
from tests.unit.chatfeedback.web.browser import Browser
from tests.unit.chatfeedback.web.chat_site import chat_workspace
from tests.unit.chatfeedback.web.conftest import email
from tests.unit.chatfeedback.web.test_chat import Chatting, points_of, state_in
from workspaces.records import SharingState
from workspaces.store.conversation_reports import waiting_reports
from workspaces.store.conversations import given_by
from workspaces.store.flags import FlagStatus, flags, save_findings
from workspaces.store.identities import OIDC
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUER = "https://login.example.org"


@pytest.fixture
def site(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    sections = {}
    if stores.kind == POSTGRESQL:
        monkeypatch.setenv("SOME_STORE", stores.url())
        sections["store"] = {"url_env": "SOME_STORE"}
    with (
        chat_workspace(tmp_path / "w", **sections) as workspace,
        closing(Browser(workspace, application(workspace))) as made,
    ):
        logs = tmp_path / "logs.jsonl"
        logs.write_text("".join(json.dumps(log(number)) + "\n" for number in range(3)), "utf-8")
        steps.ingest_file(workspace, logs)
        yield made


def log(number: int) -> dict[str, object]:
    return {
        "conversation_id": f"chat-{number}",
        "conversation": [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": f"answer {number}"},
        ],
        "model_name": "a model",
        "user_id": email("Ada"),
        "timestamp": utc_now().isoformat(),
        "source": "https://chat.example.org",
        "user_metadata": {},
        "conversation_metadata": {},
    }


def states(workspace: Workspace, person_id: str) -> dict[str, SharingState]:
    with workspace.store.read() as connection:
        return {entry.conversation_id: entry.state for entry in given_by(connection, person_id)}


def test_a_life_on_the_pages(site: Browser) -> None:
    workspace = site.workspace
    ada = workspace.pseudonyms.find(email("Ada"), ("argilla",))
    assert ada is not None
    steps.adjust_points(workspace, ada, 30, reason="for a test", author="lead")

    # in and out: a link once, an account at a provider, everywhere out
    client, lead = site.signed_in(ada), site.signed_in(None)
    token = steps.make_sign_in_link(workspace, ada, timedelta(hours=1))
    assert [site.open().post(f"/link/{token}").status_code for _ in range(2)] == [303, 403]
    steps.join_oidc(workspace, ada, ISSUER, "7")
    assert steps.person_of_oidc(workspace, ISSUER, "7") == ada
    steps.leave_oidc(workspace, ada)
    assert steps.person_of_oidc(workspace, ISSUER, "7") is None
    steps.join_oidc(workspace, ada, ISSUER, "8")
    assert client.post("/sign-out/everywhere").status_code == 303
    assert client.get("/me").status_code == 303
    client = site.signed_in(ada)

    # settings, the form, messages
    assert (
        client.post("/me/settings", display_name="Countess", time_zone="Asia/Tokyo", shown="yes").status_code
        == 303
    )
    assert "Countess" in client.get("/me").text
    assert client.post("/me/form", gender="woman").status_code in (303, 422)
    assert client.post("/me/form/withdraw").status_code == 303
    assert lead.post("/lead/messages", to="person", person=ada, text="hello there").status_code == 303
    assert "hello there" in client.get("/me").text
    (message,) = (row["message_id"] for row in steps.data_about(workspace, ada)["other"]["lead_message"])
    client.post("/me/messages/read", message=str(message))
    assert "hello there" not in client.get("/me").text

    # chats: publish, keep private, thumb, delete with a receipt
    assert "question 0" in client.get("/me/chats/one?id=chat-0").text
    client.post("/me/chats", id="chat-0", do="publish")
    client.post("/me/chats", id="chat-1", do="private")
    client.post("/me/chats/thumb", id="chat-0", thumb="up")
    assert states(workspace, ada) == {
        "chat-0": SharingState.SHARED,
        "chat-1": SharingState.PRIVATE,
        "chat-2": SharingState.HELD,
    }
    assert "Receipt" in client.post("/me/chats/delete", id="chat-2").text
    assert client.get(f"/me/chats/one?id={quote('chat-2')}").status_code == 404

    # the chat, two answers and a choice, a key
    chatting = Chatting(client)
    chatting.do("ask", prompt="What is a loop?", model="dynamic")
    chatting.do("down")
    chatting.do("two")
    chatting.do("left")
    assert points_of(workspace, ada) == 24
    key = client.post("/chat/keys", do="make", name="laptop").text.partition("cfk_")[2].partition("<")[0]
    body = {"model": "dynamic", "messages": [{"role": "user", "content": "by key"}]}
    headers = {"Authorization": f"Bearer cfk_{key}"}
    assert site.open().http.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
    poor = Chatting(client)
    client.post("/chat/stream", do="ask", state=state_in(poor.page), prompt="again", model="stand-in-1")
    steps.collect_chats(workspace)
    assert len(states(workspace, ada)) == 5

    # what the lead decides, and every page of both
    assert site.open().post("/report-a-conversation", about="chat-0", reason="me").status_code == 200
    with workspace.store.write() as connection:
        assert waiting_reports(connection) == 1
        save_findings(connection, [(ada, "guessing", {"p_value": 0.001, "alpha": 0.05}, 40)], utc_now())
        (flag,) = flags(connection)
    until = time.monotonic() + 30
    while lead.get("/lead/table/kinds").status_code == 503:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert lead.post("/lead/review", id=flag.flag_id, decision="dismiss").status_code == 303
    with workspace.store.read() as connection:
        assert [each.status for each in flags(connection)] == [FlagStatus.DISMISSED]
    assert lead.post("/lead/publish", all="yes").status_code == 303
    for route in site.app.routes:
        if isinstance(route, Route) and "GET" in (route.methods or ()) and "events" not in route.path:
            for browser in (client, lead):
                path = route.path.replace("{name}", "people").replace("{token}", "0")
                assert browser.get(path).status_code < 500, path

    # all about her, and forgotten
    data = json.loads(client.get("/me/data.json").text)
    assert OIDC in {row["kind"] for row in data["other"]["person"]}
    assert len(data["conversations"]) == 5
    assert {event["conversation_id"] for event in data["consent"]} >= {"chat-0", "chat-1"}
    assert client.post("/me/forget", confirmation="delete me").text.count("Receipt") >= 1
    assert states(workspace, ada) == {}
    assert client.get("/me").status_code == 303
    assert steps.person_of_oidc(workspace, ISSUER, "8") is None
