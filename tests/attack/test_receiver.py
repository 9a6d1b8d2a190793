"""Whoever can reach the receiver of events learns nothing, stores nothing and breaks nothing without the secret."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from tests.examples import examples
from tests.sample_records import NOW, task
from tests.stores import SQLITE, Stores
from workspaces.errors import ConfigurationError
from workspaces.records import PlacedTask
from workspaces.registry import PLATFORMS
from workspaces.store.inbox import inbox, open_hints
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.sync.receiver import LARGEST_BODY, Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.store import Store

Json = dict[str, Any]

SECRET = SecretStr(b64encode(b"s" * 32).decode())
TOKEN = SecretStr("t" * 64)
DATASET, RECORD, RESPONSE = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
NAME = "Annotator Whose Name Is Nobody's Business"
AS_JSON = {"Content-Type": "application/json"}


class Post:
    """The receiver, and what is sent to it."""

    def __init__(self, receiver: Receiver, store: Store) -> None:
        self.receiver = receiver
        self.store = store
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{receiver.port}", timeout=20.0)

    def argilla(
        self, body: Json | bytes, at: datetime | None = None, headers: dict[str, str] | None = None
    ) -> int:
        """Send an event, signed as it should be unless ``headers`` say otherwise; return the status."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        moment = at or datetime.now(UTC)
        signing = Webhook(SECRET.get_secret_value())
        signed = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": signing.sign("msg_1", moment, content.decode("utf-8", "replace")),
        }
        return self.send("argilla", content, {**signed, **(headers or {})})

    def label_studio(self, body: Json | bytes, token: str = TOKEN.get_secret_value()) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("label_studio", content, {"X-ChatFeedback-Token": token})

    def send(self, platform: str, content: bytes, headers: dict[str, str]) -> int:
        path = self.receiver.path(platform)
        return self.client.post(path, content=content, headers={**AS_JSON, **headers}).status_code

    def kept(self) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(sa.select(inbox)))


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory, sqlite_template: str) -> Iterator[Store]:
    made = Stores(SQLITE, tmp_path_factory.mktemp("receiver"), sqlite_template)
    yield made.new()
    made.close()


@pytest.fixture(scope="module")
def running(module_store: Store) -> Iterator[Post]:
    with module_store.write() as connection:
        save_tasks(connection, [task(name, {"qualities": 1}, platform=name) for name in PLATFORMS])
        save_placements(
            connection,
            [PlacedTask("argilla", RECORD, DATASET), PlacedTask("label_studio", "7", "3")],
            NOW,
        )
    ears = {name: entry.hints_in for name, entry in PLATFORMS.items()}
    with Receiver(module_store, "12345678", ears, lambda: NOW, lambda: None) as receiver:
        receiver.secrets |= {"argilla": SECRET, "label_studio": TOKEN}
        made = Post(receiver, module_store)
        with closing(made.client):
            yield made


@pytest.fixture
def post(running: Post) -> Post:
    if running.kept():
        with running.store.write() as connection:
            connection.execute(sa.delete(inbox))
    return running


def of_argilla(**changed: Any) -> Json:
    """Return an event as Argilla 2.8.0 sends it, cut short."""
    data = {
        "id": RESPONSE,
        "values": {"helpful": {"value": "yes"}},
        "status": "submitted",
        "record": {"id": RECORD, "fields": {"chat": "secret text"}, "dataset": {"id": DATASET, "name": "d"}},
        "user": {"id": RESPONSE, "username": "ada@example.org", "first_name": NAME, "role": "annotator"},
        "inserted_at": "2026-05-01T12:00:00",
        "updated_at": "2026-05-01T12:00:00.123456",
    }
    return {
        "type": "response.created",
        "version": 1,
        "timestamp": "2026-05-01T12:00:00Z",
        "data": data,
    } | changed


def of_label_studio(**changed: Any) -> Json:
    """Return an event as Label Studio 1.23.2 sends it, cut short."""
    return {
        "action": "ANNOTATION_CREATED",
        "annotation": {"id": 5, "task": 7, "updated_at": "2026-05-01T12:00:00Z", "created_username": NAME},
        "task": {"id": 7, "data": {"text": "secret text"}},
        "project": {"id": 3, "title": "p", "created_by": {"email": "lead@example.org"}},
    } | changed


def test_a_genuine_event_is_kept_once_as_ids_alone_however_often_it_comes(post: Post) -> None:
    for _ in range(3):
        assert post.argilla(of_argilla()) == 202
        assert post.label_studio(of_label_studio()) == 202
    kept = post.kept()
    assert {(row.platform, row.container_id, row.remote_id, row.response_id) for row in kept} == {
        ("argilla", DATASET, RECORD, RESPONSE),
        ("label_studio", "3", "7", "5"),
    }
    assert len(kept) == 2
    assert not any(
        word in repr(kept) for word in (NAME, "ada@example.org", "lead@example.org", "secret text")
    )


def test_a_later_change_of_the_answer_is_another_hint_and_so_is_its_deletion(post: Post) -> None:
    later = of_argilla()
    later["data"] = {**later["data"], "updated_at": "2026-05-01T12:00:01"}
    assert {post.argilla(body) for body in (of_argilla(), later, of_argilla(type="response.deleted"))} == {
        202
    }
    gone = {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 5}, {"id": 6}], "project": {"id": 3}}
    assert post.label_studio(gone) == 202
    with post.store.read() as connection:
        hints = open_hints(connection, "argilla") + open_hints(connection, "label_studio")
    assert sorted((hint.response_id, hint.is_deletion) for hint in hints) == sorted(
        [(RESPONSE, False), (RESPONSE, False), (RESPONSE, True), ("5", True), ("6", True)]
    )


OLD = timedelta(minutes=6)
FORGED: dict[str, dict[str, str]] = {
    "another secret": {"webhook-signature": "v1," + b64encode(b"x" * 32).decode()},
    "no signature": {"webhook-signature": ""},
    "a signature that is no base64": {"webhook-signature": "v1,%%%"},
    "a signature without a version": {"webhook-signature": "abc"},
    "no time": {"webhook-timestamp": ""},
    "a time that is no number": {"webhook-timestamp": "nan"},
    "another time than was signed": {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) + 1)},
    "another id than was signed": {"webhook-id": "msg_2"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
def test_what_argilla_did_not_sign_is_refused(post: Post, headers: dict[str, str]) -> None:
    assert post.argilla(of_argilla(), headers=headers) == 401
    assert post.kept() == []


def test_an_old_event_and_one_from_the_future_are_refused(post: Post) -> None:
    now = datetime.now(UTC)
    assert {post.argilla(of_argilla(), at) for at in (now - OLD, now + OLD)} == {401}
    assert post.kept() == []


@pytest.mark.parametrize("token", ["", "wrong", "t" * 63, "t" * 65, "\u00e9" * 32])
def test_an_event_without_our_token_is_refused(post: Post, token: str) -> None:
    content = json.dumps(of_label_studio()).encode()
    headers = {b"Content-Type": b"application/json", b"X-ChatFeedback-Token": token.encode("latin-1")}
    answer = post.client.post(post.receiver.path("label_studio"), content=content, headers=headers)
    assert answer.status_code == 401
    assert post.kept() == []


UNKNOWN: dict[str, tuple[Json | bytes, int]] = {
    "broken JSON": (b'{"type": "response.created", "data": {', 422),
    "no JSON": (b"hello", 422),
    "nothing": (b"", 422),
    "no text": (b"\xff\xfe", 401),
    "another type": (b"[]", 422),
    "deep": (b"[" * 100_000, 422),
    "an event that nobody asked for": (of_argilla(type="record.completed"), 422),
    "an event that there is not": (of_argilla(type="response.exploded"), 422),
    "a ping": ({"type": "ping", "version": 1, "data": {"agent": "argilla-server"}}, 422),
    "no data": (of_argilla(data=None), 422),
    "ids that are none": (of_argilla(data={**of_argilla()["data"], "id": "../../etc/passwd"}), 422),
    "a time that is none": (of_argilla(data={**of_argilla()["data"], "updated_at": "yesterday"}), 422),
    "an unknown dataset": (
        of_argilla(data={**of_argilla()["data"], "record": {"id": RECORD, "dataset": {"id": RESPONSE}}}),
        404,
    ),
}


@pytest.mark.parametrize(("body", "status"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_signed_and_no_event_of_ours_leaves_no_trace(
    post: Post, body: Json | bytes, status: int
) -> None:
    assert post.argilla(body) == status
    assert post.kept() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (of_label_studio(project={"id": 4}), 404),
        (of_label_studio(project=None), 422),
        (of_label_studio(action="PROJECT_DELETED"), 422),
        (of_label_studio(annotation={"id": "5; DROP TABLE task"}), 422),
        ({"action": "ANNOTATIONS_DELETED", "annotations": [], "project": {"id": 3}}, 404),
        (
            {
                "action": "ANNOTATIONS_DELETED",
                "annotations": [{"id": n} for n in range(6_000)],
                "project": {"id": 3},
            },
            422,
        ),
        (b"{", 422),
        (b"", 422),
    ],
)
def test_what_has_the_token_and_is_no_event_of_ours_leaves_no_trace(
    post: Post, body: Json | bytes, status: int
) -> None:
    assert post.label_studio(body) == status
    assert post.kept() == []


def test_ten_megabytes_are_refused_before_they_are_read(post: Post) -> None:
    huge = b'{"type": "' + b"x" * 10_000_000 + b'"}'
    for told in (True, False):
        with socket.create_connection(("127.0.0.1", post.receiver.port), 10) as connection:
            length = f"Content-Length: {len(huge)}" if told else "Transfer-Encoding: chunked"
            head = f"POST {post.receiver.path('argilla')} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}{length}\r\n\r\n".encode())
            sent = 0
            answer = b""
            connection.settimeout(0.3)
            try:
                if told:
                    answer = connection.recv(100)  # before a byte of it was sent
                while not answer and sent < len(huge):
                    part = huge[sent : sent + 100_000]
                    connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    sent += len(part)
                answer = answer or connection.recv(100)
            except (ConnectionError, TimeoutError):
                pass
            assert b" 413 " in answer or sent < LARGEST_BODY * 4
    assert post.kept() == []


def test_other_methods_types_paths_and_platforms_are_refused(post: Post) -> None:
    path, client = post.receiver.path("argilla"), post.client
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, path).status_code == 405
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "application/json5"):
        assert client.post(path, content=b"{}", headers={"Content-Type": kind}).status_code == 415
    for other in (
        "/",
        "/12345678",
        "/87654321/argilla",
        "/12345678/prodigy",
        "/12345678/argilla/../../x",
        "/%00",
    ):
        assert client.post(other, content=b"{}", headers=AS_JSON).status_code == 404
    assert post.kept() == []


def test_a_platform_that_was_not_asked_for_events_is_not_believed(post: Post) -> None:
    secret = post.receiver.secrets.pop("label_studio")
    try:
        assert post.label_studio(of_label_studio()) == 401
    finally:
        post.receiver.secrets["label_studio"] = secret
    assert post.kept() == []


def test_what_is_no_http_gets_no_more_than_an_answer(post: Post, capfd: pytest.CaptureFixture[str]) -> None:
    for garbage in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\r\n" * 10):
        with socket.create_connection(("127.0.0.1", post.receiver.port), 10) as connection:
            connection.sendall(garbage)
            connection.settimeout(0.2)
            with suppress(ConnectionError, TimeoutError):
                connection.recv(100)
    with socket.create_connection(("127.0.0.1", post.receiver.port), 10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")  # and gone
    assert post.argilla(of_argilla()) == 202
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out


def test_a_store_that_cannot_be_written_is_no_traceback(
    post: Post, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def locked(*_: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr("workspaces.sync.receiver.keep_hints", locked)
    assert post.argilla(of_argilla()) == 503
    assert capfd.readouterr().err == ""


def test_a_port_that_is_in_use_is_named(post: Post) -> None:
    with pytest.raises(ConfigurationError, match=f"port {post.receiver.port} is in use"):
        Receiver(post.store, "1", {}, lambda: NOW, lambda: None, post.receiver.port)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@examples(30)
@given(where=st.sampled_from(["type", "data", "record", "dataset", "id"]), value=JSON)
def test_whatever_stands_in_a_signed_event_it_is_kept_or_refused(
    running: Post, where: str, value: Any
) -> None:
    body = of_argilla()
    places = {
        "type": body, "data": body, "record": body["data"], "dataset": body["data"]["record"], "id": body["data"]
    }  # fmt: skip
    places[where][where] = value
    assert running.argilla(body) in (202, 401, 404, 422)


@examples(30)
@given(where=st.sampled_from(["action", "annotation", "annotations", "project"]), value=JSON)
def test_whatever_stands_in_an_event_with_the_token_it_is_kept_or_refused(
    running: Post, where: str, value: Any
) -> None:
    assert running.label_studio(of_label_studio(**{where: value})) in (202, 404, 422)
