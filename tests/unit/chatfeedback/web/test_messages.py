"""Messages from the lead on the page: shown until read, escaped, and nobody's but their person's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from tests.unit.chatfeedback.web.conftest import HOSTILE, email
from workspaces.errors import UsageError
from workspaces.records import stable_id
from workspaces.store.deletions import open_deletion
from workspaces.store.groups import set_group
from workspaces.store.lead_messages import unread_by_person
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from tests.unit.chatfeedback.web.browser import Browser, Client
    from workspaces.workspace import Workspace


def unread(workspace: Workspace, person_id: str) -> frozenset[str]:
    with workspace.store.read() as connection:
        return unread_by_person(connection).get(person_id, frozenset())


def send(lead: Client, text: str, to: str = "everybody", person: str = "") -> str:
    answer = lead.post("/lead/messages", to=to, person=person, text=text)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_message_stands_on_the_page_until_it_is_read_and_runs_nothing(
    browser: Browser, ada: str, bo: str
) -> None:
    lead, mine, other = browser.signed_in(None), browser.signed_in(ada), browser.signed_in(bo)
    text = f"First line {HOSTILE}\nsecond line"
    place = send(lead, text, "person", ada)
    assert "The message went to 1 person." in lead.get(place).text
    assert "1 person had it already" in lead.get(send(lead, text, "person", ada)).text
    for page in (mine.get("/me").text, mine.get("/me/messages").text, lead.get("/lead/messages").text):
        assert "First line &lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        assert "{{ 7 * 7 }}" in page
        assert "\nsecond line" in page
    assert "First line" not in other.get("/me").text
    assert "First line" not in other.get("/me/messages").text
    (message_id,) = unread(browser.workspace, ada)
    assert f'value="{message_id}"' in mine.get("/me").text
    other.post("/me/messages/read", message=message_id)
    assert unread(browser.workspace, ada) == {message_id}, "nobody reads a message for another"
    assert other.post("/lead/messages/withdraw", message=message_id).status_code == 404
    assert mine.post("/lead/messages", to="everybody", text="I lead").status_code == 404
    assert mine.http.post("/me/messages/read", data={"message": message_id}).status_code == 403, "no token"
    assert unread(browser.workspace, ada) == {message_id}
    for _ in range(2):
        assert mine.post("/me/messages/read", message=message_id).status_code == 303
    assert "First line" not in mine.get("/me").text
    assert "1 of 1 person read it" in lead.get("/lead/messages").text
    assert "First line" in str(steps.data_about(browser.workspace, ada)["other"]["lead_message"])


def test_a_message_goes_to_everybody_or_a_group_and_is_taken_back(
    browser: Browser, ada: str, bo: str
) -> None:
    workspace, lead = browser.workspace, browser.signed_in(None)
    everybody = re.search(r"went to (\d+) people", lead.get(send(lead, "To all")).text)
    assert everybody is not None
    assert int(everybody[1]) > 2
    assert unread(workspace, ada) == unread(workspace, bo) != frozenset()
    (message_id,) = unread(workspace, ada)
    assert (
        "is deleted"
        in lead.get(lead.post("/lead/messages/withdraw", message=message_id).headers["location"]).text
    )
    assert unread(workspace, ada) == frozenset()
    assert lead.post("/lead/messages/withdraw", message=message_id).status_code == 422
    workspace.config.routing.groups["nurses"] = ("default",)
    with workspace.store.write() as connection:
        set_group(connection, ada, "nurses", utc_now())
    assert steps.send_message(workspace, "To nurses", group="nurses") == steps.Delivery(1, 0, 0)
    assert len(unread(workspace, ada)) == 1
    assert unread(workspace, bo) == frozenset()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"to": "everybody", "text": " \r\n "}, "is empty"),
        ({"to": "everybody", "text": "x" * (steps.LONGEST_MESSAGE + 1)}, "2,001 characters"),
        ({"to": "everybody", "text": "a\x00b"}, "not plain text"),
        ({"to": "everybody", "text": f"ask {email('Ada').upper()}, please"}, "address here"),
        ({"to": "person", "person": "ada@example.org", "text": "x"}, "pseudonym"),
        ({"to": "person", "person": "'; drop table", "text": "x"}, "pseudonym"),
        ({"to": "group:<b>", "text": "x"}, "there is no group"),
        ({"to": "nobody", "text": "x"}, "choose"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(
    browser: Browser, ada: str, fields: dict[str, str], words: str
) -> None:
    answer = browser.signed_in(None).post("/lead/messages", **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert unread(browser.workspace, ada) == frozenset()


def test_who_is_to_be_forgotten_gets_none_and_what_waits_is_bounded(
    filled_workspace: Workspace, ada: str, bo: str
) -> None:
    steps.send_message(filled_workspace, "Kept until then", person_id=ada)
    with filled_workspace.store.write() as connection:
        open_deletion(
            connection, stable_id("r"), person_id=ada, asked_at=utc_now(), asked_by="lead", reason=None
        )
    with pytest.raises(UsageError, match="about to be forgotten"):
        steps.send_message(filled_workspace, "Hello", person_id=ada)
    for number in range(25):
        last = steps.send_message(filled_workspace, f"Number {number}", person_id=bo)
    assert last == steps.Delivery(0, 0, 1)
    assert len(unread(filled_workspace, bo)) == 20
