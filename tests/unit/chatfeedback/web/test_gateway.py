"""The gateway, asked by the official client: what it answers, costs, refuses and keeps."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from chatfeedback import steps
from reward_engine.accounts import person_account
from reward_engine.ledger import balance
from task_generators.llm.stand_in import SENTENCES
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with, running
from workspaces.errors import UsageError
from workspaces.records import SharingState
from workspaces.store.consent import events
from workspaces.store.conversations import given_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with chat_workspace(tmp_path_factory.mktemp("gateway") / "w") as opened:
        yield opened


@pytest.fixture(scope="module")
def address(workspace: Workspace) -> Iterator[str]:
    with running(workspace) as at:
        yield at


def client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def points_of(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, person_account(person_id))


def test_the_official_client_streams_an_answer_and_pays_for_it(workspace: Workspace, address: str) -> None:
    ada = person_with(workspace, "ada", 10)
    with client(address, key_of(workspace, ada)) as asking:
        events = asking.chat.completions.create(
            model="dynamic", messages=[{"role": "user", "content": "Hello there"}], stream=True
        )
        text = "".join(event.choices[0].delta.content or "" for event in events)
    assert "stand-in" in text
    assert "Hello there" in text
    assert points_of(workspace, ada) == 8


@pytest.fixture(autouse=True)
def nothing_waits(workspace: Workspace) -> None:
    steps.collect_chats(workspace)


def chat(asking: openai.OpenAI, *messages: str, **options: Any) -> str:
    """Ask with prompts and answers in turn; return the answer."""
    turns: Any = [
        {"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(messages)
    ]
    reply = asking.chat.completions.create(model="dynamic", messages=turns, **options)
    return str(reply.choices[0].message.content)


def test_a_chat_becomes_one_held_conversation_that_grows_by_its_turns_redacted(
    workspace: Workspace, address: str
) -> None:
    bo = person_with(workspace, "bo", 100)
    with client(address, key_of(workspace, bo)) as asking:
        first = chat(asking, "My address is bo@example.org, write a poem")
        assert steps.collect_chats(workspace).outcomes == {"collected": 1}
        second = chat(asking, "My address is bo@example.org, write a poem", first, "Shorter, bo@example.org")
        chat(
            asking,
            "My address is bo@example.org, write a poem",
            first,
            "Shorter, bo@example.org",
            second,
            "!",
        )
    assert steps.collect_chats(workspace).outcomes == {"collected": 2}
    assert steps.collect_chats(workspace).outcomes == {}
    with workspace.store.read() as connection:
        (entry,) = given_by(connection, bo)
        (event,) = events(connection, [entry.conversation_id])
    assert entry.state is SharingState.HELD
    assert (event.asked_by, event.state) == (bo, SharingState.HELD)
    steps.change_sharing(workspace, [entry.conversation_id], SharingState.SHARED, by="giver")
    conversation = workspace.collection.get({entry.conversation_id})[entry.conversation_id]
    assert [message.role.value for message in conversation.messages] == ["user", "assistant"] * 3
    assert {message.model_name for message in conversation.messages[1::2]} <= set(SENTENCES)
    assert "bo@example.org" not in "".join(message.content for message in conversation.messages)
    assert conversation.messages[2].content == "Shorter, [EMAIL_1]"


def test_another_answer_to_the_same_prompt_is_a_sibling_and_words_put_into_a_mouth_have_no_model(
    workspace: Workspace, address: str
) -> None:
    cy = person_with(workspace, "cy", 100)
    with client(address, key_of(workspace, cy)) as asking:
        for name in sorted(SENTENCES):
            asking.chat.completions.create(model=name, messages=[{"role": "user", "content": "Say it, cy"}])
        chat(asking, "Say it, cy", "I am a parrot", "Again")
    steps.collect_chats(workspace)
    with workspace.store.read() as connection:
        (entry,) = given_by(connection, cy)
    steps.change_sharing(workspace, [entry.conversation_id], SharingState.SHARED, by="giver")
    conversation = workspace.collection.get({entry.conversation_id})[entry.conversation_id]
    root = conversation.messages[0]
    beside = [message for message in conversation.messages if message.parent_id == root.id]
    assert sorted(str(message.model_name) for message in beside) == ["None", *sorted(SENTENCES)]
    forged = next(message for message in beside if message.model_name is None)
    assert forged.content == "I am a parrot"


@pytest.mark.parametrize("stream", [False, True])
def test_a_private_chat_is_stored_nowhere_not_even_when_a_later_request_forgets_to_say_so(
    workspace: Workspace, address: str, stream: bool
) -> None:
    eve = person_with(workspace, f"eve {stream}", 100)
    secret = f"quetzalcoatl{stream}"
    turns: list[Any] = [{"role": "user", "content": secret}]
    with client(address, key_of(workspace, eve)) as asking:
        headers = {"X-Chatfeedback-Private": "true"}
        first: Any = asking.chat.completions.create(
            model="dynamic", messages=turns, extra_headers=headers, stream=stream
        )
        text = (
            "".join(event.choices[0].delta.content or "" for event in first)
            if stream
            else first.choices[0].message.content
        )
        turns += [{"role": "assistant", "content": text}, {"role": "user", "content": f"more {secret}"}]
        asking.chat.completions.create(model="dynamic", messages=turns)
    steps.collect_chats(workspace)
    assert points_of(workspace, eve) == 96
    with workspace.store.read() as connection:
        assert given_by(connection, eve) == []
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert any(path.name == "chatfeedback.db" for path in files)
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_what_is_deleted_stays_away_also_when_its_chat_goes_on(workspace: Workspace, address: str) -> None:
    fay = person_with(workspace, "fay", 100)
    with client(address, key_of(workspace, fay)) as asking:
        first = chat(asking, "delete this, fay")
        steps.collect_chats(workspace)
        with workspace.store.read() as connection:
            (entry,) = given_by(connection, fay)
        steps.delete_conversations(workspace, [entry.conversation_id], by="giver")
        told = asking.chat.completions.with_raw_response.create(
            model="dynamic",
            messages=[
                {"role": "user", "content": "delete this, fay"},
                {"role": "assistant", "content": first},
                {"role": "user", "content": "and go on with xochiquetzal"},
            ],
        )
    assert told.headers["X-Chatfeedback-Recorded"] == "false"
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if b"xochiquetzal" in path.read_bytes()] == []
    assert steps.collect_chats(workspace).outcomes == {}


def error_of(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str, str]:
    body = caught.value.body
    assert isinstance(body, dict)
    assert set(body) == {"message", "type", "param", "code"}
    return caught.value.status_code, body["code"], body["message"]


def test_errors_have_the_shape_of_openai_and_cost_nothing(workspace: Workspace, address: str) -> None:
    gil = person_with(workspace, "gil", 1)
    ask: Any = {"messages": [{"role": "user", "content": "hi"}]}
    with client(address, "cfk_wrong") as asking, pytest.raises(openai.AuthenticationError) as unknown:
        asking.chat.completions.create(model="dynamic", **ask)
    assert error_of(unknown)[:2] == (401, "invalid_api_key")
    with client(address, key_of(workspace, gil)) as asking:
        with pytest.raises(openai.APIStatusError) as poor:
            asking.chat.completions.create(model="dynamic", **ask)
        assert error_of(poor)[:2] == (402, "insufficient_quota")
        assert "this costs 2 points, 1 is there" in error_of(poor)[2]
        with pytest.raises(openai.NotFoundError) as missing:
            asking.chat.completions.create(model="http://169.254.169.254/latest", **ask)
        assert error_of(missing)[:2] == (404, "model_not_found")
        wrongs: Any = (
            {"n": 2},
            {"tools": [{"type": "mcp", "server_url": "http://169.254.169.254"}]},
            {"tools": [{"googleSearch": {}}]},
            {"tools": [{"type": "function", "function": {"name": "f"}, "googleSearch": {}}]},
            {"tools": {"type": "web_search"}},
            {"tools": ["web_search"]},
            {"tools": [[{"type": "mcp"}]]},
            {"messages": []},
            {"messages": "x"},
            {"messages": [{"role": "system", "content": "x"}]},
        )
        for wrong in wrongs:
            with pytest.raises(openai.BadRequestError):
                asking.chat.completions.create(model="dynamic", **(ask | wrong))
        with pytest.raises(openai.APIStatusError) as long:
            asking.chat.completions.create(
                model="dynamic", messages=[{"role": "user", "content": "x" * 1024 * 1024}]
            )
        assert long.value.status_code == 413
    assert points_of(workspace, gil) == 1


def test_bodies_that_are_no_request_are_refused(workspace: Workspace, address: str) -> None:
    hal = person_with(workspace, "hal", 10)
    headers = {"Authorization": f"Bearer {key_of(workspace, hal)}"}
    bodies = [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"model": "dynamic", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ]
    for body in bodies:
        answer = httpx.post(f"{address}/v1/chat/completions", content=body, headers=headers)
        assert answer.status_code == 400, body[:20]
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert points_of(workspace, hal) == 10


def test_a_request_of_two_lengths_ends_its_connection(workspace: Workspace, address: str) -> None:
    at = urlsplit(address)
    next_one = f"GET /v1/models HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n"
    for path in ("/v1/chat/completions", "/sign-in"):
        lengths = "Content-Length: 5\r\nTransfer-Encoding: chunked"
        head = f"POST {path} HTTP/1.1\r\nHost: {at.netloc}\r\n{lengths}\r\n\r\n"
        with socket.create_connection((at.hostname, at.port), timeout=10) as connection:
            connection.sendall(f"{head}0\r\n\r\n{next_one}".encode())
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        assert said.startswith(b"HTTP/1.1 400")
        assert said.count(b"HTTP/1.1") == 1


def test_a_key_is_one_persons_until_it_is_revoked_and_no_file_holds_it(
    workspace: Workspace, address: str
) -> None:
    ida, jon = person_with(workspace, "ida", 10), person_with(workspace, "jon", 10)
    key = key_of(workspace, ida)
    with client(address, key) as asking:
        assert {model.id for model in asking.models.list()} == {"dynamic", *SENTENCES}
        chat(asking, "as ida")
    assert (points_of(workspace, ida), points_of(workspace, jon)) == (8, 10)
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if key.encode() in path.read_bytes()] == []
    (listed,) = steps.list_chat_keys(workspace, ida)
    assert key.startswith(listed.prefix)
    with pytest.raises(UsageError, match="no good key"):
        steps.revoke_chat_keys(workspace, jon, listed.prefix)
    assert steps.revoke_chat_keys(workspace, ida) == [listed.prefix]
    with client(address, key) as asking, pytest.raises(openai.AuthenticationError):
        chat(asking, "as ida")


def test_who_is_forgotten_has_no_key_and_leaves_no_chat(workspace: Workspace, address: str) -> None:
    kim = person_with(workspace, "kim", 10)
    key = key_of(workspace, kim)
    with client(address, key) as asking:
        chat(asking, "remember xylophonist")
        steps.forget_person(workspace, kim, by="giver")
        with pytest.raises(openai.AuthenticationError):
            chat(asking, "again")
    assert steps.collect_chats(workspace).outcomes == {}
    files = [path for path in workspace.path.rglob("*") if path.is_file()]
    assert [path for path in files if b"xylophonist" in path.read_bytes()] == []


def test_the_same_chat_of_another_person_is_said_to_be_a_duplicate(
    workspace: Workspace, address: str
) -> None:
    outcomes = []
    for name in ("ann", "ben"):
        person = person_with(workspace, name, 20)
        with client(address, key_of(workspace, person)) as asking:
            asking.chat.completions.create(
                model="stand-in-1", messages=[{"role": "user", "content": "Word for word the same"}]
            )
        outcomes.append(steps.collect_chats(workspace).outcomes)
    assert outcomes == [{"collected": 1}, {"duplicate": 1}]
