"""What an annotator with a raw HTTP client can do to an Argilla of ours: waste their own time."""

from __future__ import annotations

import gc
import http.client
import itertools
import json
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.attack.argilla_attacks import READS, WRITES, Attack, fill
from tests.attack.argilla_bench import ANSWERED, Bench, argilla_bench
from workspaces.records import Quality
from workspaces.servers.environments import ensure_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.shared_servers import TestServer

pytestmark = [
    pytest.mark.servers,
    # the Argilla SDK 2.8.0 says so when it is imported
    pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning"),
    # the SDK's own client stays open
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

CREDENTIALS = ["key", "token"]
LEAST_ATTACKS = 40


@pytest.fixture(scope="module")
def bench(argilla_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with argilla_bench(argilla_server, tmp_path_factory.mktemp("attack")) as made:
        yield made
    gc.collect()  # the SDK's open sockets are noticed here, where they are expected


def send(bench: Bench, attack: Attack, headers: dict[str, str]) -> tuple[int, str]:
    """Send an attack byte for byte; return the status, and the head and body of the answer as text."""
    address = urlsplit(bench.server.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    own = {name: fill(value.encode(), bench.places).decode() for name, value in attack.headers.items()}
    try:
        connection.putrequest(
            attack.method,
            fill(attack.target.encode(), bench.places).decode(),
            skip_accept_encoding=True,
        )
        content = attack.content(bench.places)
        for name, value in {**headers, **own, "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        connection.endheaders(content)
        answer = connection.getresponse()
        body = answer.read()
        if answer.getheader("Content-Encoding") == "br":
            body = _unpacked(body)
        return answer.status, f"{answer.getheaders()}\n{body.decode(errors='replace')}"
    finally:
        connection.close()


def _unpacked(body: bytes) -> bytes:
    """Unpack brotli, which only the server's own environment can."""
    script = "import sys, brotli; sys.stdout.buffer.write(brotli.decompress(sys.stdin.buffer.read()))"
    command: list[str | Path] = [ensure_environment("argilla"), "-c", script]
    return subprocess.run(command, input=body, capture_output=True, check=True).stdout


def credentials(bench: Bench, kind: str) -> dict[str, str]:
    headers = bench.attacker.clients[kind].headers
    return {name: headers[name] for name in ("X-Argilla-Api-Key", "Authorization") if name in headers}


def said_by_the_attacker(attack: Attack, bench: Bench) -> bytes:
    return fill(attack.target.encode(), bench.places) + attack.content(bench.places)


def assert_nothing_foreign(bench: Bench, attack: Attack, answer: str) -> None:
    """Fail if an answer holds what is somebody else's, apart from what the attack itself said."""
    said = said_by_the_attacker(attack, bench).decode(errors="replace")
    told = [mark for mark in bench.foreign if mark in answer and mark not in said]
    assert not told, f"{attack.name}: {answer}"
    assert "Traceback" not in answer
    assert "SELECT" not in answer


def test_the_lead_reads_by_the_same_requests_what_the_attacker_does_not(bench: Bench) -> None:
    """A check that the canaries would be seen: each of these holds one for whoever may see everything."""
    headers = {"X-Argilla-Api-Key": bench.server.api_key.get_secret_value()}
    names = {
        "a record",
        "a record in brotli",
        "a record with a suggestion",
        "all records",
        "all records by search",
        "everybody's progress",
        "the dataset's progress",
        "agents of suggestions",
        "suggestions of a record",
        "metrics of hidden metadata",
        "a user",
        "members of the workspace",
        "a dataset of another workspace",
    }
    attacks = [attack for attack in READS if attack.name in names]
    assert len(attacks) == len(names)
    for attack in attacks:
        _, answer = send(bench, attack, headers)
        assert bench.canary in answer, attack.name


def test_there_are_enough_attacks_and_each_is_another() -> None:
    names = [attack.name for attack in (*READS, *WRITES)]
    assert len(set(names)) == len(names)
    assert len(names) * len(CREDENTIALS) > 2 * LEAST_ATTACKS


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_no_request_reads_what_is_somebody_elses(bench: Bench, kind: str) -> None:
    before = bench.state()
    assert bench.canary in json.dumps(before), "the canaries are where the lead sees them"
    statuses: dict[int, int] = {}
    for attack in READS:
        status, answer = send(bench, attack, credentials(bench, kind))
        assert_nothing_foreign(bench, attack, answer)
        # what Elasticsearch refuses with 400, Argilla answers with 500
        assert status < 500 or "records/search" in attack.target, (attack.name, answer)
        assert status < 500 or '{"detail":"the server failed; its log says why"}' in answer
        statuses[status] = statuses.get(status, 0) + 1
    print(f"{len(READS)} reads with a {kind}: {statuses}")
    assert bench.state() == before


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_no_request_changes_what_is_somebody_elses(bench: Bench, kind: str) -> None:
    statuses: dict[int, int] = {}
    before = bench.state()
    for attack in WRITES:
        status, answer = send(bench, attack, credentials(bench, kind))
        assert_nothing_foreign(bench, attack, answer)
        assert status < 500, (attack.name, answer)
        assert bench.state() == before, attack.name
        statuses[status] = statuses.get(status, 0) + 1
    print(f"{len(WRITES)} writes with a {kind}: {statuses}")
    counts = bench.collect()
    assert counts["deleted"] == 0


def test_no_forged_credentials_are_accepted(bench: Bench) -> None:
    import base64

    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    claims = {"username": bench.victim.username, "exp": 4_000_000_000}
    own = credentials(bench, "token")["Authorization"].partition(" ")[2]
    head, _, seal = own.split(".")
    tokens = [
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.",
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.AAAA",
        f"{head}.{part(claims)}.{seal}",
        f"{head}.{part({**claims, 'username': None})}.{seal}",
        "",
    ]
    forged = [{"Authorization": f"Bearer {token}"} for token in tokens]
    forged += [
        {"X-Argilla-Api-Key": key} for key in ("argilla.apikey", "owner.apikey", "' OR '1'='1", "null", "%")
    ]
    record = Attack("a record", "GET", "/api/v1/records/<record>")
    for headers in forged:
        status, answer = send(bench, record, headers)
        assert status == 401, (headers, answer)
        assert_nothing_foreign(bench, record, answer)
        # beside one's own key they change nothing: the key says who asks
        status, answer = send(bench, record, {**credentials(bench, "key"), **headers})
        assert_nothing_foreign(bench, record, answer)


def test_every_route_of_the_server_holds_nothing_foreign_for_an_annotator(bench: Bench) -> None:
    """Walks the OpenAPI of the running server, whatever version it is."""
    paths = bench.attacker.clients["key"].get("/api/v1/openapi.json").json()["paths"]
    by_name = {
        "dataset_id": "dataset", "record_id": "record", "response_id": "response", "user_id": "victim",
        "workspace_id": "workspace", "field_id": "field", "question_id": "question",
        "metadata_property_id": "property", "suggestion_id": "suggestion",
    }  # fmt: skip
    before, walked = bench.state(), 0
    for path, methods in paths.items():
        target = path
        for parameter, place in by_name.items():
            target = target.replace("{" + parameter + "}", f"<{place}>")
        for method, kind in itertools.product(methods, CREDENTIALS):
            attack = Attack(
                f"{method} {path}",
                method.upper(),
                f"/api/v1{target}?include=responses,suggestions",
                {},
                {"Content-Type": "application/json"},
            )
            _, answer = send(bench, attack, credentials(bench, kind))
            assert_nothing_foreign(bench, attack, answer)
            walked += 1
    print(f"{walked} requests over {len(paths)} paths")
    assert walked > 100
    assert bench.state() == before


ODD_TEXTS = [
    "\x00",
    "\ud800 half a character",
    "\x1b]0;owned\x07\x1b[2J",
    "=1+1",
    "‮evil",
    "<script>alert(1)</script>",
    '{"value": {"value": "x"}}',
    "x" * 1_000_000,
    " ",
    "﻿",
    "🦓" * 1000,
]


def respond(client: httpx.Client, record: str, status: str, values: Any) -> httpx.Response:
    body = json.dumps({"items": [{"record_id": record, "status": status, "values": values}]})
    headers = {"Content-Type": "application/json"}
    return client.post("/api/v1/me/responses/bulk", content=body, headers=headers)


def test_odd_answers_of_ones_own_stop_nothing_and_cost_nobody_else(bench: Bench) -> None:
    client = bench.attacker.clients["token"]
    victims, points = bench.answers_of(bench.victim), bench.balance(bench.victim)
    assert len(victims) == ANSWERED
    assert points > 0
    tags = {quality.value: {"value": "yes"} for quality in Quality}
    record = bench.places["open"]
    for text in ODD_TEXTS:
        respond(client, record, "submitted", {**tags, "suggestion": {"value": text}})
        bench.collect()
    odd_values: list[Any] = [
        None, {}, [], "x", {"suggestion": None}, {"suggestion": {"value": None}}, {"suggestion": {"value": 3}},
        {"suggestion": {"value": ["a"]}}, {"unknown": {"value": "x"}}, {"task": {"value": "x"}},
        {**tags, "toxic": {"value": "perhaps"}}, {"suggestion": {"value": "x", "user_id": bench.victim.id}},
    ]  # fmt: skip
    for status, values in itertools.product(("draft", "discarded", "submitted", "deleted"), odd_values):
        answer = respond(client, record, status, values)
        assert answer.status_code < 500, (status, values, answer.text)
    bench.collect()
    record_of_own = client.get(f"/api/v1/records/{record}").json()
    for mine in record_of_own["responses"]:
        assert client.delete(f"/api/v1/responses/{mine['id']}").status_code == 200
        assert client.delete(f"/api/v1/responses/{mine['id']}").status_code == 404
    bench.collect()
    respond(client, record, "submitted", {**tags, "suggestion": {"value": "again"}})
    bench.collect()
    assert bench.answers_of(bench.attacker)[bench.tasks[ANSWERED].task_id]["suggestion"] == "again"
    assert bench.answers_of(bench.victim) == victims
    assert bench.balance(bench.victim) == points


def test_what_the_page_shows_an_annotator_is_theirs_and_right(bench: Bench) -> None:
    client = bench.attacker.clients["token"]
    dataset = bench.places["dataset"]
    progress = client.get(f"/api/v1/datasets/{dataset}/progress").json()
    truth = bench.ask(f"/datasets/{dataset}/progress")
    assert {name: progress[name] for name in ("total", "completed", "pending")} == {
        name: truth[name] for name in ("total", "completed", "pending")
    }
    assert bench.victim.username in [user["username"] for user in truth["users"]]
    assert {user["username"] for user in progress["users"]} <= {bench.attacker.username}
    scopes = [{"entity": entity, "property": "status"} for entity in ("response", "record")]
    pending = {"filters": {"and": [{"type": "terms", "scope": it, "values": ["pending"]} for it in scopes]}}
    path = f"/api/v1/me/datasets/{dataset}/records/search"
    queue = client.post(path, json=pending, params={"include": "responses", "limit": 1000}).json()
    assert queue["total"] == len(queue["items"]) > 0
    metadata = queue["items"][0]["record"]["metadata"]
    assert metadata.keys() == {"significance", "points", "language"} & metadata.keys()
    assert "points" in metadata
    shown = client.get(f"/api/v1/records/{bench.places['record']}").json()
    assert shown["external_id"] == bench.places["task"]
    assert {it["user_id"] for it in shown["responses"]} <= {bench.attacker.id}
