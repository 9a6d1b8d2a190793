"""The chat page: what is asked, said and chosen there, without JavaScript and as a stream."""

from __future__ import annotations

import html
import json
import random
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from starlette.exceptions import HTTPException

from chatfeedback import steps
from chatfeedback.steps.chat_choices import NotYoursError, choose_answer, rate_answer
from chatfeedback.web.app import application
from chatfeedback.web.chat_state import ChatState
from exports.release import NothingToExportError
from reward_engine.accounts import person_account
from reward_engine.ledger import balance
from task_generators.llm.stand_in import SENTENCES
from tests.unit.chatfeedback.web.browser import Browser
from tests.unit.chatfeedback.web.chat_site import chat_workspace, person_with
from workspaces.records import CHAT, IMPORTED, SharingState
from workspaces.store.conversations import given_by
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.chatfeedback.web.browser import Client
    from workspaces.workspace import Workspace

STATE = re.compile(r'name="state" value="([^"]*)"')


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with chat_workspace(tmp_path_factory.mktemp("chat") / "w") as opened:
        yield opened


@pytest.fixture(scope="module")
def site(workspace: Workspace) -> Iterator[Browser]:
    made = Browser(workspace, application(workspace))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_waits(workspace: Workspace) -> None:
    steps.collect_chats(workspace)


def state_in(page: str) -> str:
    found = STATE.search(page)
    assert found is not None, page
    return html.unescape(found[1])


def text_in(state: str) -> str:
    return zlib.decompress(urlsafe_b64decode(state.partition(":")[2])).decode()


def packed(text: str) -> str:
    return urlsafe_b64encode(zlib.compress(text.encode())).decode()


class Chatting:
    """One person's chat page."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.page = client.get("/chat").text
        self.status = 200

    @property
    def state(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(text_in(state_in(self.page)))
        return held

    def do(self, wish: str, **fields: str) -> str:
        answer = self.client.post("/chat", do=wish, state=state_in(self.page), **fields)
        self.page, self.status = answer.text, answer.status_code
        return self.page


def points_of(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, person_account(person_id))


def test_a_low_score_brings_two_other_answers_and_the_choice_is_a_pair_of_the_next_export(
    workspace: Workspace, site: Browser, tmp_path: Path
) -> None:
    ada = person_with(workspace, "ada", 20)
    chatting = Chatting(site.signed_in(ada))
    assert "recorded" in chatting.page
    chatting.do("ask", prompt="What is <b>bold</b>?", model="dynamic")
    (_, answer) = chatting.state["turns"]
    assert answer["model"] in SENTENCES
    assert "<b>" not in chatting.page.partition("<main")[2]
    assert 'value="two"' not in chatting.page
    chatting.do("down")
    assert 'value="two"' in chatting.page
    chatting.do("two")
    left, right = chatting.state["two"]
    assert {left["model"], right["model"], answer["model"]} == set(SENTENCES)
    chatting.do("right")
    assert chatting.state["two"] == []
    assert 'value="again"' not in chatting.page  # all three have answered this
    assert chatting.state["turns"][-1]["response_id"] == right["response_id"]
    chatting.do("ask", prompt="Go on", model="stand-in-1")
    assert points_of(workspace, ada) == 20 - 3 * 2 - 4
    steps.collect_chats(workspace)
    with workspace.store.read() as connection:
        (entry,) = given_by(connection, ada)
        tasks = {
            it: task
            for it, task in all_tasks(connection).items()
            if entry.conversation_id in task.conversation_ids
        }
        answers = {it.task_id: it for it in latest_annotations(connection) if it.task_id in tasks}
    assert {(task.kind, task.platform, task.rules_version) for task in tasks.values()} == {
        ("rating", IMPORTED, CHAT),
        ("preference", IMPORTED, CHAT),
    }
    assert {it.person_id for it in answers.values()} == {ada}
    compared = next(it for it, task in tasks.items() if task.kind == "preference")
    assert answers[compared].shown_first == left["response_id"]
    steps.change_sharing(workspace, [entry.conversation_id], SharingState.SHARED, by="giver")
    steps.export(workspace, "dpo", tmp_path / "dpo")
    (row,) = rows_of(tmp_path / "dpo" / "data" / "trl")
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == (right["content"], left["content"])
    (whence,) = rows_of(tmp_path / "dpo" / "data" / "provenance")
    assert whence["rules_versions"] == [CHAT]
    rules = workspace.config.exports.model_copy(update={"chat": "exclude"})
    with pytest.raises(NothingToExportError, match="2 judgments from the chat of the workbench"):
        steps.export(workspace, "dpo", tmp_path / "without", rules=rules)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of one table of an export."""
    return [row for file in sorted(folder.glob("train*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_another_models_answer_costs_no_more_and_takes_the_place_of_the_last(
    workspace: Workspace, site: Browser
) -> None:
    bo = person_with(workspace, "bo", 20)
    chatting = Chatting(site.signed_in(bo))
    chatting.do("ask", prompt="Hello", model="stand-in-2")
    chatting.do("again")
    assert len(chatting.state["turns"]) == 2
    assert chatting.state["turns"][-1]["model"] in {"stand-in-1", "stand-in-3"}
    assert points_of(workspace, bo) == 12
    chatting.do("again")
    chatting.do("again")
    assert chatting.status == 404
    assert points_of(workspace, bo) == 8


def test_without_points_it_is_said_kindly_and_what_was_typed_stays(
    workspace: Workspace, site: Browser
) -> None:
    cy = person_with(workspace, "cy", 1)
    chatting = Chatting(site.signed_in(cy))
    chatting.do("ask", prompt="A long question", model="dynamic")
    assert chatting.status == 402
    assert "this costs 2 points, 1 is there" in chatting.page
    assert "A long question</textarea>" in chatting.page
    assert 'href="/me"' in chatting.page
    assert points_of(workspace, cy) == 1


def test_a_draft_outlives_thumbs_and_choices_and_the_page_opens_at_what_is_new(
    workspace: Workspace, site: Browser
) -> None:
    chatting = Chatting(site.signed_in(person_with(workspace, "drafting", 20)))
    draft = {"prompt": "first line\r\nsecond <line>"}  # as browsers send it
    drafted = "first line\nsecond &lt;line&gt;"
    chatting.do("ask", prompt="Hello")
    assert 'rows="4"></textarea>' in chatting.page
    for wish in ("up", "down", "two", "left", "new"):
        assert drafted in chatting.do(wish, **draft), wish
        assert chatting.page.count('id="newest"') == (wish != "new"), wish
        draft = {"prompt": html.unescape(drafted)}
    assert chatting.page.index('value="ask" hidden') < chatting.page.index(
        'id="prompt"'
    )  # what Enter presses
    chatting.do("ask", prompt="")
    assert 'role="alert" id="newest"' in chatting.page


def test_a_private_chat_is_rated_and_chosen_in_without_a_trace(workspace: Workspace, site: Browser) -> None:
    eve = person_with(workspace, "eve", 40)
    chatting = Chatting(site.signed_in(eve))
    chatting.do("ask", prompt="huitzilopochtli", model="dynamic", private="yes")
    assert "private" in chatting.page
    for wish in ("down", "two", "left"):
        chatting.do(wish)
    chatting.do("ask", prompt="more", model="dynamic")
    assert steps.collect_chats(workspace).outcomes == {}
    with workspace.store.read() as connection:
        assert given_by(connection, eve) == []
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if b"huitzilopochtli" in path.read_bytes()] == []


def test_nobody_rates_or_chooses_answers_of_another(workspace: Workspace, site: Browser) -> None:
    fay, gil = person_with(workspace, "fay", 40), person_with(workspace, "gil", 40)
    theirs = Chatting(site.signed_in(fay))
    theirs.do("ask", prompt="Hi", model="dynamic")
    theirs.do("down")
    theirs.do("two")
    mine = site.signed_in(gil)
    before = steps.collect_chats(workspace).choices
    for wish in ("left", "tie", "up", "down"):
        answer = mine.post("/chat", do=wish, state=state_in(theirs.page))
        assert answer.status_code == 400, wish
    left, right = (turn["response_id"] for turn in theirs.state["two"])
    with pytest.raises(NotYoursError):
        choose_answer(workspace, gil, (left, right), left)
    with pytest.raises(NotYoursError):
        rate_answer(workspace, gil, left, "up")
    assert steps.collect_chats(workspace).choices == 0
    assert before == 1
    key = site.signed_in(fay).post("/chat/keys", do="make", name="<script>").text
    assert "<script>" not in key.partition("<main")[2]
    (listed,) = steps.list_chat_keys(workspace, fay)
    assert mine.post("/chat/keys", do="revoke", prefix=listed.prefix).status_code == 422
    assert steps.list_chat_keys(workspace, fay) == [listed]


def test_a_stream_shows_both_sides_and_ends_with_the_page(workspace: Workspace, site: Browser) -> None:
    hal = person_with(workspace, "hal", 40)
    client = site.signed_in(hal)
    chatting = Chatting(client)
    chatting.do("ask", prompt="Hi", model="dynamic")
    chatting.do("down")
    answer = client.post("/chat/stream", do="two", state=state_in(chatting.page))
    events = [json.loads(part.removeprefix("data: ")) for part in answer.text.split("\n\n") if part]
    two = json.loads(text_in(state_in(events[-1]["page"])))["two"]
    for side in (0, 1):
        said = "".join(event["text"] for event in events if event.get("side") == side)
        assert said == two[side]["content"]


@pytest.mark.parametrize(
    "state", ["{", "[]", '{"turns": 3}', '{"turns": [{"role": "system"}]}', "[" * 10_000]
)
def test_a_state_that_is_none_is_refused(workspace: Workspace, site: Browser, state: str) -> None:
    ida = person_with(workspace, "ida", 0)
    client = site.signed_in(ida)
    assert client.post("/chat", do="ask", prompt="x", state=state).status_code == 400
    assert "Begin a new one" in client.post("/chat/stream", do="ask", prompt="x", state=state).text
    assert site.open().post("/chat", do="ask").status_code == 303


@pytest.mark.parametrize("points", ["1e999", "NaN", '"x"', "null", "[]"])
def test_a_state_with_points_that_are_no_number_is_none(points: str) -> None:
    fields = '"role": "user", "content": "", "model": "", "response_id": "", "dynamic": false, "thumb": ""'
    turn = f'{{{fields}, "points": %s}}'
    text = '{"turns": [%s], "two": [], "tried": [], "model": "dynamic", "private": false}'
    assert ChatState.unpacked(packed(text % (turn % "3"))).turns[0].points == 3
    for wrong in (packed(text % (turn % points)), text % (turn % "3"), "x", "eJwD"):
        with pytest.raises(HTTPException):
            ChatState.unpacked(wrong)


def test_a_long_chat_in_any_script_goes_on(workspace: Workspace, site: Browser) -> None:
    mei = person_with(workspace, "mei", 40)
    chatting = Chatting(site.signed_in(mei))
    words = random.Random(1).choices([chr(code) for code in range(0x4E00, 0x5200)], k=6_000)
    for number in range(8):
        chatting.do("ask", prompt=f"{number} {''.join(words)}", model="stand-in-1")
        assert chatting.status == 200, number
    assert points_of(workspace, mei) == 40 - 8 * 4


def test_a_chat_asks_for_no_more_at_once_than_a_program_may(workspace: Workspace, site: Browser) -> None:
    """Its page carries it packed, and text that repeats packs well: the models get all of it each time."""
    ned = person_with(workspace, "ned", 40)
    chatting = Chatting(site.signed_in(ned))
    prompt = "word " * 46_000
    for _ in range(workspace.config.chat.max_body_kib * 1024 // len(prompt)):
        chatting.do("ask", prompt=prompt, model="stand-in-1")
        assert chatting.status == 200
    before = points_of(workspace, ned)
    chatting.do("ask", prompt=prompt, model="stand-in-1")
    assert (chatting.status, points_of(workspace, ned)) == (413, before)
    assert "The chat has become too long. Begin a new one." in chatting.page


def test_a_chat_that_its_page_did_not_get_so_asks_no_model(workspace: Workspace, site: Browser) -> None:
    jo = person_with(workspace, "jo", 40)
    chatting = Chatting(site.signed_in(jo))
    chatting.do("ask", prompt="Hello", model="dynamic")
    signed = state_in(chatting.page)
    signature, text = signed.partition(":")[0], text_in(signed)
    for changed in (
        f"{signature}:" + packed(text.replace('"tried":[', '"tried":["stand-in-1","stand-in-2",')),
        f"{signature}:" + packed(text.replace('"points":2', '"points":9')),
        f"{signature}:" + packed(text.replace('"dynamic":true', '"dynamic":false')),
        signed.partition(":")[2],
        f":{signed.partition(':')[2]}",
    ):
        assert changed != signed
        assert chatting.client.post("/chat", do="again", state=changed).status_code == 400
    assert points_of(workspace, jo) == 38
    assert chatting.client.post("/chat", do="again", state=signed).status_code == 200
