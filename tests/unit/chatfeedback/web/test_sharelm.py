"""Posts shaped as ShareLM's plug-in sends them (background.js, commit f9aac7a): kept, read, withdrawn; by strangers."""

from __future__ import annotations

import copy
import json
import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from chatfeedback.steps import plugin_posts
from workspaces.records import SharingState
from workspaces.store.conversations import entries_of, ids_given_by
from workspaces.store.omissions import all_omissions
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.unit.chatfeedback.web.browser import Browser, Client

USER = "0b8cf9a1-1c1e-4f0e-9d1b-6a1f3e0c2b4d"
OTHER = "5f3a2b1c-7d6e-4a5b-8c9d-0e1f2a3b4c5d"
CHAT = "d2719a3c-52a4-4ad8-b9f5-43d0e7f8a6b1"
POST = {
    "conversation_id": CHAT,
    "bot_msgs": [
        "A kettle boils water.\n\n<CANVAS title=\"Plan\">\nBuy one.\n</CANVAS>",
        "Write to me at nobody@example.com then.",
    ],
    "user_msgs": ["What does a kettle do?", "And where do I get one? I am at person@example.com", "Thanks"],
    "page_url": "https://huggingface.co/chat/conversation/65f0c0ffee",
    "user_id": USER,
    "user_metadata": {"age": "30", "gender": "female", "location": "Israel"},
    "timestamp": utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "conversation_metadata": {"message_ratings": [1, -1], "rate": "thumbdown"},
}  # fmt: skip


@pytest.fixture
def taking(filled_workspace: Workspace) -> Workspace:
    """A workspace whose page takes posts."""
    web = filled_workspace.config.web.model_copy(update={"sharelm_plugin": True})
    filled_workspace.config = filled_workspace.config.model_copy(update={"web": web})
    return filled_workspace


def changed(**fields: object) -> dict[str, object]:
    return {**copy.deepcopy(POST), **fields}


def send(client: Client, post: object) -> Response:
    """Post as the service worker of the extension does: from its own origin, with whatever cookies there are."""
    return client.http.post(
        "/api/endpoint",
        content=json.dumps(post),
        headers={
            "Content-Type": "application/json",
            "Origin": "chrome-extension://nldoebkdaiidhceaphmipeclmlcbljmh",
        },
    )


def remove(client: Client, user_id: str, conversation_id: str = CHAT) -> Response:
    body = json.dumps({"user_id": user_id, "conversation_id": conversation_id})
    return client.http.request("DELETE", "/api/endpoint", content=body)


def stored(workspace: Workspace, user_id: str = USER, conversation_id: str = CHAT) -> str:
    named = plugin_posts.Named(user_id=user_id, conversation_id=conversation_id)
    return plugin_posts.id_of_post(workspace, named)


def messages(workspace: Workspace, name: str) -> list[str]:
    return [str(message.content) for message in workspace.collection.read([name])[name].logged()]


def state(workspace: Workspace, name: str | None = None) -> SharingState | None:
    name = name or stored(workspace)
    with workspace.store.read() as connection:
        entry = entries_of(connection, [name]).get(name)
    return entry.state if entry else None


@pytest.mark.usefixtures("filled_workspace")
def test_nothing_is_taken_until_the_lead_switches_it_on(browser: Browser) -> None:
    client = browser.open()
    assert send(client, POST).status_code == 404
    assert remove(client, USER).status_code == 404
    assert client.http.options("/api/endpoint").status_code == 404
    assert client.get("/sign-in/sharelm").status_code == 404
    assert "plug-in" not in client.get("/sign-in").text


def test_a_post_is_held_redacted_and_rated_and_sent_twice_it_is_there_once(
    taking: Workspace, browser: Browser
) -> None:
    client = browser.open()
    for _ in range(2):
        answer = send(client, POST)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"message": "Conversation saved successfully", "conversation_id": CHAT}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert state(taking) is SharingState.HELD
    said = messages(taking, stored(taking))
    assert len(said) >= 4
    assert "example.com" not in " ".join(said)
    giver = plugin_posts.giver_of_plugin(taking, USER)
    assert giver is not None
    chat = steps.my_chat(taking, giver, stored(taking))
    assert chat is not None
    assert set(chat.thumbs.values()) == {"up", "down"}
    grown = changed(bot_msgs=[*POST["bot_msgs"], "You are welcome."])
    assert send(client, grown).status_code == 200
    assert "You are welcome." in messages(taking, stored(taking))[-1]
    assert plugin_posts.waiting_posts(taking) == []
    kept = b"".join(path.read_bytes() for path in taking.path.rglob("*") if path.is_file())
    assert USER.encode() not in kept, "the id that proves whose it is"
    assert CHAT.encode() not in kept, "an id from the same numbers"
    assert b"person@example.com" not in kept


@pytest.mark.parametrize("stamp", ["2026-06-15T18:22:37.123Z", "1970-01-01", "", "9999-12-31T23:59:59-14:00"])
def test_the_delay_counts_from_the_receipt_whatever_time_a_stranger_wrote(
    taking: Workspace, browser: Browser, stamp: str
) -> None:
    client, begun = browser.open(), utc_now()
    delay = timedelta(hours=taking.config.consent.delay_hours)
    for answers in (POST["bot_msgs"], [*POST["bot_msgs"], "You are welcome."]):
        assert send(client, changed(timestamp=stamp, bot_msgs=answers)).status_code == 200
        with taking.store.read() as connection:
            entry = entries_of(connection, [stored(taking)])[stored(taking)]
        assert entry.state is SharingState.HELD
        assert begun + delay <= entry.share_at <= utc_now() + delay
        stamp = stamp and "2026-07-15T18:22:37.123Z"


def test_nobody_changes_or_deletes_what_another_user_gave(taking: Workspace, browser: Browser) -> None:
    client = browser.open()
    send(client, POST)
    before = messages(taking, stored(taking))
    assert remove(client, OTHER).status_code == 404
    assert send(client, changed(user_id=OTHER, bot_msgs=["Something else", "and more"])).status_code == 200
    assert messages(taking, stored(taking)) == before
    assert remove(client, OTHER).status_code == 200
    assert remove(client, USER, str(uuid.uuid4())).status_code == 404
    assert state(taking) is SharingState.HELD
    with taking.store.read() as connection:
        entry = entries_of(connection, [stored(taking)])[stored(taking)]
    assert entry.giver_id == plugin_posts.giver_of_plugin(taking, USER)


def test_a_user_of_a_published_chat_log_is_another_person(taking: Workspace, browser: Browser) -> None:
    log = taking.path.parent / "published.jsonl"
    log.write_text(json.dumps(changed(user_id=OTHER)) + "\n", "utf-8")
    steps.ingest_file(taking, log)
    client = browser.open()
    assert remove(client, OTHER).status_code == 404
    assert client.post("/sign-in/sharelm", user_id=OTHER).status_code == 403
    assert state(taking, f"sharelm-plugin-{CHAT}") is SharingState.HELD


def test_a_deletion_gives_its_receipt_again_and_the_chat_does_not_come_back(
    taking: Workspace, browser: Browser
) -> None:
    client = browser.open()
    send(client, POST)
    first, again = remove(client, USER), remove(client, USER)
    assert first.status_code == again.status_code == 200, first.text
    (receipt,) = first.json()["receipts"]
    assert first.json()["complete"]
    assert again.json()["receipts"] == [receipt]
    assert "path" not in receipt
    assert str(taking.path) not in first.text
    assert send(client, POST).status_code == 200
    assert state(taking) in (None, SharingState.DELETED)
    assert not taking.collection.read([stored(taking)])


def test_with_the_user_id_one_stands_before_what_one_gave(taking: Workspace, browser: Browser) -> None:
    client = browser.open()
    send(client, POST)
    assert "/sign-in/sharelm" in client.get("/sign-in").text
    assert client.post("/sign-in/sharelm", user_id=OTHER).status_code == 403
    assert client.post("/sign-in/sharelm", user_id="ada@example.org").status_code == 403
    answer = client.post("/sign-in/sharelm", user_id=f" {USER.upper()} ")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/me/chats"
    page = client.get("/me/chats").text
    assert "kettle" in page
    assert USER not in page
    assert client.get("/lead").status_code == 404
    answer = client.post("/me/chats", id=stored(taking), do="private")
    assert answer.status_code == 303
    assert state(taking) is SharingState.PRIVATE
    send(client, changed(conversation_metadata={}))
    assert state(taking) is SharingState.PRIVATE


@pytest.mark.parametrize(
    "post",
    [
        [],
        "text",
        {},
        changed(user_id="ada@example.org"),
        changed(user_id=7),
        changed(conversation_id="chat-1"),
        changed(user_msgs=[["nested"]]),
        changed(bot_msgs={"a": "b"}),
        changed(user_msgs=["x"] * 2001),
        changed(conversation_metadata={"rate": "a" * 100_000}),
        changed(conversation_metadata={"message_ratings": [5]}),
        changed(user_metadata={"location": "x" * 101}),
    ],
)
def test_another_shape_is_refused_in_words_that_repeat_nothing(
    taking: Workspace, browser: Browser, post: object
) -> None:
    answer = send(browser.open(), post)
    assert answer.status_code == 422
    assert len(answer.text) < 300
    assert "@" not in answer.text
    assert plugin_posts.waiting_posts(taking) == []


def test_strangers_are_bounded(taking: Workspace, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser.open()
    assert send(client, changed(user_msgs=["x" * 2**20])).status_code == 413
    assert client.http.post("/api/endpoint", content="[" * 100_000).status_code == 422
    assert client.http.post("/api/endpoint", content=b'{"user_id": "\\ud800"}').status_code == 422
    monkeypatch.setattr("chatfeedback.web.sharelm._collect", lambda workspace: None)
    monkeypatch.setattr("chatfeedback.steps.plugin_posts.MOST_WAITING", 2)
    codes = [send(client, changed(conversation_id=str(uuid.uuid4()))).status_code for _ in range(4)]
    assert codes == [200, 200, 503, 503]
    many = [send(client, changed(conversation_id=str(uuid.uuid4()))).status_code for _ in range(130)]
    assert many[-1] == 429
    assert len(plugin_posts.waiting_posts(taking)) == 2


def test_one_stranger_who_fills_the_inbox_leaves_room_for_others(
    taking: Workspace, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, ids = browser.open(), iter(lambda: str(uuid.uuid4()), None)
    monkeypatch.setattr("chatfeedback.web.sharelm._collect", lambda workspace: None)
    monkeypatch.setattr(plugin_posts, "MOST_WAITING_OF_USER", 3)
    monkeypatch.setattr(plugin_posts, "CROWDED", 5)
    codes = [send(client, changed(conversation_id=next(ids))).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 503]
    assert send(client, changed(conversation_id=next(ids), user_id=OTHER)).status_code == 200
    codes = [
        send(client, changed(conversation_id=next(ids), user_id=next(ids))).status_code for _ in range(22)
    ]
    assert codes == [200] * 21 + [429]
    assert len(plugin_posts.waiting_posts(taking)) == 25
    monkeypatch.setattr("chatfeedback.web.sharelm.writing", lambda: pytest.fail("no such conversation"))
    assert remove(client, USER, next(ids)).status_code == 404


def test_a_post_that_cannot_be_read_is_set_aside_and_keeps_no_other_waiting(
    taking: Workspace, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, folder = browser.open(), taking.path / plugin_posts.WAITING
    with monkeypatch.context() as patched:
        patched.setattr("chatfeedback.web.sharelm._collect", lambda workspace: None)
        for user in (USER, OTHER):
            assert (
                send(client, changed(user_id=user, user_msgs=[f"I am {user[:3]}", "b", "c"])).status_code
                == 200
            )
    bad = next(path for path in folder.iterdir() if OTHER[:3] in path.read_text("utf-8"))
    bad.write_bytes(b"\xff not JSON")
    (folder / f"x.json.0.{os.getpid()}.tmp").touch()
    half = folder / "x.json.0.999999999.tmp"
    half.touch()
    for _ in range(2):
        plugin_posts.collect_posts(taking)
    assert state(taking) is SharingState.HELD
    assert plugin_posts.waiting_posts(taking) == []
    assert {path.suffix for path in folder.iterdir()} == {plugin_posts.SET_ASIDE, ".tmp"}
    assert not half.exists()
    with taking.store.read() as connection:
        (counted,) = [it for it in all_omissions(connection) if it.reason == plugin_posts.UNREADABLE]
    assert counted.count == 1
    assert remove(client, OTHER).json() == {"receipts": [], "complete": True}
    assert [path for path in folder.iterdir() if path.suffix == plugin_posts.SET_ASIDE] == []
    assert remove(client, OTHER).status_code == 404


def test_what_names_no_file_is_set_aside_and_followed_nowhere(taking: Workspace) -> None:
    folder = taking.path / plugin_posts.WAITING
    folder.mkdir(parents=True)
    os.mkfifo(folder / "a.json")
    (folder / "b.json").mkdir()
    (folder / "c.json").symlink_to("/dev/zero")
    plugin_posts.collect_posts(taking)
    assert {path.suffix for path in folder.iterdir()} == {plugin_posts.SET_ASIDE}


def test_two_processes_collect_each_post_once(taking: Workspace, browser: Browser) -> None:
    client = browser.open()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chatfeedback.web.sharelm._collect", lambda workspace: None)
        for number in range(6):
            post = changed(
                conversation_id=str(uuid.uuid4()), user_msgs=[f"This is chat {number} of mine"] * 3
            )
            assert send(client, post).status_code == 200
    with Workspace.open(taking.path) as other, ThreadPoolExecutor(2) as pool:
        counts = [
            each.result() for each in [pool.submit(plugin_posts.collect_posts, it) for it in (taking, other)]
        ]
    assert sorted(counts) == [0, 6]
    giver = plugin_posts.giver_of_plugin(taking, USER)
    assert giver is not None
    with taking.store.read() as connection:
        assert len(ids_given_by(connection, giver)) == 6


def test_what_waits_is_read_by_sync_after_a_run_that_was_killed(
    taking: Workspace, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = taking.path / plugin_posts.WAITING
    with monkeypatch.context() as patched:
        patched.setattr("chatfeedback.web.sharelm._collect", lambda workspace: None)
        assert send(browser.open(), POST).status_code == 200
    left = folder / f"{plugin_posts.READING}left"
    left.mkdir()
    shutil.copy(plugin_posts.waiting_posts(taking)[0], left / "log.jsonl")
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    assert plugin_posts.collect_posts(taking) == 1
    assert list(folder.iterdir()) == []
    assert state(taking) is SharingState.HELD
