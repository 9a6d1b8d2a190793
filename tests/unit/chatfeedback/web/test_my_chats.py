"""My chats: each person sees and changes what they gave and nothing else, and can take all of it back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app as command_line
from chatfeedback.web.my_chats import hours_left
from tests.unit.chatfeedback.web.conftest import HOSTILE
from workspaces.records import SharingState
from workspaces.store.consent import events
from workspaces.store.conversation_reports import reports
from workspaces.store.conversations import conversation, entries_of, ids_given_by
from workspaces.store.tasks import all_tasks
from workspaces.store.web_sessions import web_session
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.unit.chatfeedback.web.browser import Browser
    from workspaces.workspace import Workspace


def given(workspace: Workspace, person_id: str) -> list[str]:
    with workspace.store.read() as connection:
        return ids_given_by(connection, person_id)


def states(workspace: Workspace, ids: list[str]) -> set[SharingState]:
    with workspace.store.read() as connection:
        return {entry.state for entry in entries_of(connection, ids).values()}


def test_what_one_gave_is_listed_with_its_state_and_the_hours_left(browser: Browser, ada: str) -> None:
    page = browser.signed_in(ada).get("/me/chats").text
    assert page.count('type="checkbox"') == 3
    assert "shared in 24 hours" in page
    assert "question 0 of" in page


@pytest.mark.parametrize(("seconds", "hours"), [(3600, 1), (3601, 2), (1, 1), (0, 0), (-50, 0)])
def test_hours_are_rounded_up(seconds: int, hours: int) -> None:
    from datetime import timedelta

    now = utc_now()
    assert hours_left(now + timedelta(seconds=seconds), now) == hours


@pytest.mark.parametrize(
    ("do", "state"), [("publish", SharingState.SHARED), ("private", SharingState.PRIVATE)]
)
def test_conversations_are_published_and_kept_private(
    browser: Browser, ada: str, do: str, state: SharingState
) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    ids = given(workspace, ada)
    assert (
        client.http.post("/me/chats", data={"csrf": client.token(), "id": ids, "do": do}).status_code == 303
    )
    assert states(workspace, ids) == {state}
    with workspace.store.read() as connection:
        assert {event.asked_by for event in events(connection, ids)} == {ada}


def test_a_deletion_asks_once_and_shows_its_receipt(browser: Browser, ada: str) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    name = given(workspace, ada)[0]
    asked = client.post("/me/chats", id=name, do="delete")
    assert asked.status_code == 200
    assert "for good?" in asked.text
    assert len(given(workspace, ada)) == 3, "nothing is deleted yet"
    done = client.post("/me/chats/delete", id=name, reason=HOSTILE)
    (receipt,) = steps.receipts_of_conversations(workspace, [name])
    assert f"Receipt {receipt['receipt']}" in done.text
    assert receipt["completed_at"] is not None
    assert (workspace.path / "receipts" / f"{receipt['receipt']}.json").is_file()
    assert len(given(workspace, ada)) == 2
    assert client.get(f"/me/chats/one?id={quote(name)}").status_code == 404
    assert client.post("/me/chats/delete", id=name).status_code == 404


@pytest.mark.parametrize("path", ["/me/chats/delete", "/me/forget"])
def test_a_receipt_names_what_the_lead_made_before_and_no_place_of_it(
    browser: Browser, ada: str, tmp_path: Path, path: str
) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    ids = given(workspace, ada)
    steps.change_sharing(workspace, ids, SharingState.SHARED, by="giver")
    steps.export(workspace, "sharelm", tmp_path / "of the lead" / "chats-1", any_licence=True)
    told = client.get("/me/data.json").text
    done = client.post(path, id=ids[0], confirmation="delete me")
    (receipt, *_) = steps.receipts_of_conversations(workspace, [ids[0]])
    assert str(tmp_path / "of the lead" / "chats-1") in receipt["removed"]["exports_to_make_again"]
    assert "chats-1" in done.text
    for text in (done.text, told):
        assert str(tmp_path) not in text
        assert "of the lead" not in text


@pytest.mark.parametrize("thumb", ["up", "down"])
def test_a_thumb_is_one_judgment_that_changes_and_is_taken_back(
    browser: Browser, ada: str, thumb: str
) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    name = given(workspace, ada)[0]
    response = workspace.collection.read([name])[name].responses()[0].id
    other = "down" if thumb == "up" else "up"
    for message, key in (("", None), (response, response)):
        for value in (other, thumb, thumb):
            assert client.post("/me/chats/thumb", id=name, message=message, thumb=value).status_code == 303
        chat = steps.my_chat(workspace, ada, name)
        assert chat is not None
        assert chat.thumbs[key] == thumb
        client.post("/me/chats/thumb", id=name, message=message, thumb="none")
        chat = steps.my_chat(workspace, ada, name)
        assert chat is not None
        assert key not in chat.thumbs
        client.post("/me/chats/thumb", id=name, message=message, thumb=thumb)
    with workspace.store.read() as connection:
        from workspaces.store.latest_annotations import latest_annotations

        said = [
            it for it in latest_annotations(connection) if it.person_id == ada and it.platform == "imported"
        ]
    assert sorted(tuple(it.values.values()) for it in said) == [(thumb,), (thumb,)]
    steps.evaluate(workspace)
    for wrong in ("sideways", "", "UP"):
        assert client.post("/me/chats/thumb", id=name, thumb=wrong).status_code == 422
    assert client.post("/me/chats/thumb", id=name, message="nothing", thumb="up").status_code == 422


def test_a_copy_holds_everything_of_one_and_nothing_of_another(browser: Browser, ada: str, bo: str) -> None:
    answer = browser.signed_in(ada).get("/me/data.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    data = json.loads(answer.text)
    assert {log["id"] for log in data["conversations"]} == set(given(browser.workspace, ada))
    assert len(data["wallet"]) == len(steps.explain_wallet(browser.workspace, ada).movements)
    assert data["answers"]
    assert bo not in answer.text
    assert not any(name in answer.text for name in given(browser.workspace, bo))


def test_who_asks_is_forgotten_after_typing_it_and_signed_out(browser: Browser, ada: str, bo: str) -> None:
    client, elsewhere, workspace = browser.signed_in(ada), browser.signed_in(ada), browser.workspace
    ids = given(workspace, ada)
    steps.link_giver(workspace, ada, bo)  # one human with two names
    refused = client.post("/me/forget", confirmation="yes")
    assert (refused.status_code, given(workspace, ada)) == (422, ids)
    done = client.post("/me/forget", confirmation=" Delete me ")
    assert done.status_code == 200
    assert done.text.count("Receipt") >= 2
    assert "A platform does not answer just now" in done.text, "there is no Argilla at this address"
    assert given(workspace, ada) == given(workspace, bo) == []
    assert client.get("/me").status_code == elsewhere.get("/me").status_code == 303
    with workspace.store.read() as connection:
        assert connection.execute(web_session.select()).all() == []


def test_texts_of_chats_run_nothing(browser: Browser, ada: str) -> None:
    client = browser.signed_in(ada)
    name = given(browser.workspace, ada)[0]
    pages = [client.get("/me/chats").text, client.get(f"/me/chats/one?id={quote(name)}").text]
    pages.append(client.post("/me/chats", id=name, do="delete").text)
    for page in pages:
        assert "<script>" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert " 49 " not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[1]


def test_nobody_reads_or_changes_what_another_gave(browser: Browser, ada: str, bo: str) -> None:
    """Every route under /me, with the other person's conversation and with one's own beside it."""
    thief, workspace = browser.signed_in(bo), browser.workspace
    theirs, own = given(workspace, ada), given(workspace, bo)
    response = workspace.collection.read(theirs)[theirs[0]].responses()[0].id
    assert thief.get(f"/me/chats/one?id={quote(theirs[0])}").status_code == 404
    for fields in (
        {"id": theirs[0]},
        {"id": [own[0], theirs[0]]},
        {"id": [theirs[0], own[0]]},
        {"id": ["no such conversation"]},
    ):
        for path in ("/me/chats", "/me/chats/delete", "/me/chats/thumb"):
            for do in ("publish", "private", "delete"):
                data = {"csrf": thief.token(), "do": do, "thumb": "up", "message": response, **fields}
                assert thief.http.post(path, data=data).status_code == 404, (path, fields)
    for name in ("person", "person_id", "id"):
        for path in (
            "/me",
            "/me/history",
            "/me/data.json",
            "/me/settings",
            "/me/chats",
            "/me/waiting",
            "/me/points",
        ):
            answer = thief.http.get(path, params={name: ada})
            assert not any(f"question {n} of {ada}" in answer.text for n in range(3))
            if path != "/me":  # where neighbours are shown by pseudonym
                assert ada not in answer.text, path
    thief.http.post("/me/settings", data={"csrf": thief.token(), "person_id": ada, "display_name": "Thief"})
    thief.http.post("/me/forget", data={"csrf": thief.token(), "person_id": ada, "confirmation": "no"})
    assert states(workspace, theirs) == states(workspace, own) == {SharingState.HELD}
    with workspace.store.read() as connection:
        assert events(connection, theirs) == []


def test_a_third_person_reports_and_the_lead_sees_and_closes_it(browser: Browser) -> None:
    client, workspace = browser.open(), browser.workspace
    assert client.post("/report-a-conversation", about=" ", reason="x").status_code == 422
    assert client.post("/report-a-conversation", about="x" * 4001, reason="x").status_code == 422
    done = client.post(
        "/report-a-conversation", about=HOSTILE, reason="my name is in it", contact="me@example.org"
    )
    assert done.status_code == 200
    assert "<script>" not in done.text
    number = re.search(r"number ([0-9a-f]{12})", done.text)
    assert number is not None

    def run(*arguments: str) -> Any:
        ran = CliRunner().invoke(
            command_line, ["people", "reports", *arguments, "--json", "--workspace", str(workspace.path)]
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    (report,) = run()["reports"]
    assert report["about"] == HOSTILE
    assert report["contact"] == "me@example.org"
    run("--close", number[1], "--decision", "kept private")
    assert run()["reports"] == []
    (closed,) = run("--closed")["reports"]
    assert (closed["decision"], closed["contact"]) == ("kept private", None)


def test_the_lead_reads_and_closes_a_report_on_the_page(browser: Browser) -> None:
    told = {"about": HOSTILE, "reason": "my name is in it", "contact": "me@example.org"}
    assert browser.open().post("/report-a-conversation", **told).status_code == 200
    lead = browser.signed_in(None)
    page = lead.get("/lead/review").text
    assert "my name is in it" in page
    assert "me@example.org" in page
    assert "<script>alert" not in page
    with browser.workspace.store.read() as connection:
        (report,) = reports(connection)
    done = lead.post("/lead/review/report", report=report.report_id, decision="kept private")
    assert "The report is closed" in lead.get(done.headers["location"]).text
    assert lead.post("/lead/review/report", report=report.report_id).status_code == 422
    with browser.workspace.store.read() as connection:
        (closed,) = reports(connection, closed=True)
    assert (closed.decision, closed.contact) == ("kept private", None)


def test_a_copy_holds_what_was_said_under_a_linked_name_and_what_the_lead_did(
    browser: Browser, ada: str, bo: str
) -> None:
    workspace, client = browser.workspace, browser.signed_in(ada)
    linked = given(workspace, bo)[0]
    steps.link_giver(workspace, ada, bo)
    assert client.post("/me/chats/thumb", id=linked, thumb="up").status_code == 303
    steps.change_sharing(workspace, given(workspace, ada)[:1], SharingState.PRIVATE, by="lead")
    data = json.loads(client.get("/me/data.json").text)
    assert [it["answers"] for it in data["answers"] if linked in it["conversation_ids"]] != []
    assert {event["asked_by"] for event in data["consent"]} == {"lead"}
    theirs = [it for it in data["answers"] if it["person_id"] == bo and it["platform"] != "imported"]
    assert theirs == [], "a link is about chat logs: what they answered as an annotator is not shown"


def test_reports_are_limited(browser: Browser) -> None:
    client = browser.open()
    sent = [client.post("/report-a-conversation", about="a", reason="b").status_code for _ in range(6)]
    assert sent == [200] * 5 + [429]


def test_a_link_for_the_lead_and_for_a_person_is_made_by_the_command(browser: Browser, ada: str) -> None:
    workspace, client = browser.workspace, browser.open()
    ran = CliRunner().invoke(
        command_line, ["people", "sign-in-link", ada, "--lasts", "2h", "--json", "-w", str(workspace.path)]
    )
    assert ran.exit_code == 0, ran.output
    made = json.loads(ran.stdout)
    assert client.post("/link/" + made["url"].rpartition("/")[2]).status_code == 303
    assert ada in client.get("/me").text
    assert expires_soon(made["expires_at"])
    for wrong in (["x"], ["--lead", ada], [], [ada, "--lasts", "100d"]):
        ran = CliRunner().invoke(command_line, ["people", "sign-in-link", *wrong, "-w", str(workspace.path)])
        assert ran.exit_code != 0


def expires_soon(at: str) -> bool:
    from datetime import datetime, timedelta

    moment: datetime = datetime.fromisoformat(at)
    return timedelta(0) < moment - utc_now() <= timedelta(hours=2)


def test_a_platform_that_does_not_answer_keeps_nobody_from_withdrawing(browser: Browser, ada: str) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    with workspace.store.write() as connection:
        tasks = all_tasks(connection).values()
        kept, deleted = sorted({name for task in tasks for name in task.conversation_ids})[:2]
        theirs = conversation.c.conversation_id.in_([kept, deleted])
        connection.execute(conversation.update().where(theirs).values(giver_id=ada))
    answer = client.post("/me/chats", id=kept, do="private")
    assert answer.headers["location"] == "/me/chats?done=private-later"
    assert "A platform does not answer just now" in client.get(answer.headers["location"]).text
    assert states(workspace, [kept]) == {SharingState.PRIVATE}
    done = client.post("/me/chats/delete", id=deleted)
    assert done.status_code == 200
    assert "A platform does not answer just now" in done.text
    assert "Receipt" in done.text
    assert deleted not in given(workspace, ada)
