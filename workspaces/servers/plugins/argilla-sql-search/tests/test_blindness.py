"""Annotators see their own: the middleware around an application of its own, and in a real server."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from argilla_server.api.routes import api_v1
from argilla_sql_search import blindness
from argilla_sql_search.blindness import BLIND, FAILED, HEADER, Blindness, install_blindness
from argilla_sql_search.routes import ROUTES, Closed, Seen
from argilla_sql_search.viewers import Viewer
from argilla_sql_search.views import Fields, Own, Whole
from blind_world import World
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from running import Server
    from starlette.requests import Request
    from starlette.types import Scope

Json = dict[str, Any]
ANN = Viewer(
    "6f9a0c5e-5a43-4a63-9c0f-0c6f3f3a1b11",
    "ann@example.org",
    is_lead=False,
    visible_metadata={"d": frozenset({"shown"})},
)
BOB = "11111111-2222-4333-8444-555555555555"
FOREIGN = "FOREIGN"


# --- the middleware, around an application of its own

BODIES = {
    "mine": {"id": ANN.id, "username": "ann"},
    "bobs": {"id": BOB, "username": FOREIGN},
    "list": [FOREIGN],
}


async def say(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "broken":
        raise RuntimeError(FOREIGN)
    if name == "error":
        return JSONResponse({"detail": FOREIGN}, 503)
    if name == "text":
        return PlainTextResponse(FOREIGN)
    if name == "encoded":
        return JSONResponse(BODIES["mine"], headers={"content-encoding": "br"})
    if name == "nothing":
        return Response(status_code=204)
    if name == "odd":
        return PlainTextResponse(FOREIGN, 404)
    if name == "lines":
        return JSONResponse({"detail": f"1 validation error\n{FOREIGN}", "input": FOREIGN}, 422)
    if name == "missing":
        return JSONResponse({"detail": "not found"}, 404)
    if name == "drop":

        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b'{"id": "', ANN.id.encode(), b'", "secret": "FOREIGN"}'):
                yield piece

        return StreamingResponse(pieces(), media_type="application/json; charset=utf-8")
    return JSONResponse(BODIES[name], headers={"etag": '"1"', "last-modified": "now"})


def ask(
    path: str,
    viewer: Viewer | None,
    monkeypatch: pytest.MonkeyPatch,
    method: str = "GET",
    *,
    serves_records: bool = False,
) -> httpx.Response:
    async def viewer_of(_scope: Scope, *, with_metadata: bool) -> Viewer | None:
        assert not with_metadata
        return viewer

    monkeypatch.setattr(blindness, "viewer_of", viewer_of)
    inner = Starlette(
        routes=[Route("/seen/{name}", say), Route("/new/{name}", say, methods=["GET", "DELETE"])]
    )
    user = Own(Fields({"id": Whole(), "username": Whole()}), "id", "id")
    wrapped = Blindness(inner, inner.routes, {"GET /seen/{name}": Seen(user, serves_records=serves_records)})

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=wrapped, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path)

    return asyncio.run(send())


LEAD = Viewer(BOB, "lead", is_lead=True)


@pytest.mark.parametrize("name", ["bobs", "list", "broken", "error", "text", "encoded"])
def test_what_is_not_the_annotators_is_held_back_with_a_reason(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ask(f"/seen/{name}", ANN, monkeypatch)
    assert FOREIGN not in answer.text
    assert answer.json()["detail"]
    assert answer.status_code == {"broken": 500, "error": 503}.get(name, 403)
    assert answer.headers[HEADER] == BLIND
    if name in ("broken", "error"):
        assert answer.json() == {"detail": FAILED}


def test_what_is_the_annotators_arrives_whole_with_its_true_length(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, pieces = ask("/seen/mine", ANN, monkeypatch), ask("/seen/drop", ANN, monkeypatch)
    assert whole.json() == BODIES["mine"]
    assert pieces.json() == {"id": ANN.id}
    for answer in (whole, pieces):
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert "etag" not in answer.headers
        assert "last-modified" not in answer.headers
    assert ask("/seen/nothing", ANN, monkeypatch).status_code == 204


def test_what_is_served_is_noted_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[tuple[str, list[UUID]]] = []

    async def note(user_id: str, records: list[UUID]) -> None:
        noted.append((user_id, records))
        raise RuntimeError  # nothing that was sent by then could be taken back

    monkeypatch.setattr(blindness, "note_served", note)
    answer = ask("/seen/mine", ANN, monkeypatch, serves_records=True)
    assert (answer.status_code, answer.json()) == (500, {"detail": FAILED})
    assert noted == [(ANN.id, [UUID(ANN.id)])]
    assert ask("/seen/mine", ANN, monkeypatch).json() == BODIES["mine"]


def test_a_refusal_is_told_in_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for viewer in (ANN, None):
        assert ask("/seen/missing", viewer, monkeypatch).json() == {"detail": "not found"}
        assert ask("/seen/lines", viewer, monkeypatch).json() == {"detail": "1 validation error"}
        odd = ask("/seen/odd", viewer, monkeypatch)
        assert (odd.status_code, odd.json()) == (404, {"detail": "refused"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/new/mine"), ("DELETE", "/new/mine")])
def test_a_route_that_the_table_does_not_name_is_for_leads(
    method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for viewer in (ANN, None):
        answer = ask(path, viewer, monkeypatch, method)
        assert answer.status_code == 403
        assert (
            answer.json()["detail"]
            == f"annotators may not use {method} /new/{{name}}: it is for owners and admins"
        )
    assert ask(path, LEAD, monkeypatch, method).json() == BODIES["mine"]


def test_a_stranger_gets_refusals_only_and_a_lead_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("/seen/mine", None, monkeypatch).status_code == 403
    assert ask("/seen/missing", None, monkeypatch).status_code == 404
    assert FOREIGN not in ask("/seen/error", None, monkeypatch).text
    assert ask("/seen/bobs", LEAD, monkeypatch).json() == BODIES["bobs"]
    assert ask("/seen/bobs", LEAD, monkeypatch).headers["etag"] == '"1"'
    assert ask("/nowhere", ANN, monkeypatch).status_code == 404


def test_it_is_installed_once_however_often() -> None:
    install_blindness(api_v1)
    installed: list[object] = [middleware.cls for middleware in api_v1.user_middleware]
    assert installed.count(Blindness) == 1


# --- a real server


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    made = World(server)
    yield made
    for client in itertools.chain(*made.clients.values()):
        client.close()


def test_no_route_gives_an_annotator_a_byte_of_anybody_else(world: World) -> None:
    ids = {
        "dataset_id": world.dataset,
        "record_id": world.records[0],
        "response_id": world.responses["bob"],
        "user_id": world.users["bob"],
        "workspace_id": world.workspace,
        "field_id": world.field,
        "question_id": world.question,
        "vector_settings_id": world.vectors,
        "metadata_property_id": world.properties[0],
        "suggestion_id": str(UUID(int=0)),
        "webhook_id": str(UUID(int=0)),
        "job_id": "job",
        "provider": "huggingface",
    }
    before = world.server.call("GET", f"/records/{world.records[0]}")
    counts: dict[int, int] = {}
    for client, name in itertools.product(world.clients["ann"], ROUTES):
        method, path = name.split(" ")
        parameters = {"include": "responses,suggestions,vectors", "limit": "100"}
        answer = client.request(method, path.format(**ids), json={}, params=parameters)
        assert not [mark for mark in world.foreign if mark in answer.text], (name, answer.text)
        assert answer.headers[HEADER] == BLIND
        if isinstance(ROUTES[name], Closed):
            assert answer.status_code == 403, (name, answer.text)
            assert "owners and admins" in answer.json()["detail"]
        counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
    print(counts)
    assert world.server.call("GET", f"/records/{world.records[0]}") == before


def test_an_annotator_holds_what_the_page_needs(world: World) -> None:
    for client in world.clients["ann"]:
        record = client.get(f"/records/{world.records[0]}").json()
        assert [it["user_id"] for it in record["responses"]] == [world.users["ann"]]
        assert record["status"] == "completed"
        assert record["updated_at"] == record["inserted_at"]
        assert record["metadata"] == {"shown": "all"}
        assert [(it["value"], it["agent"]) for it in record["suggestions"]] == [("perhaps", None)]
        progress = client.get(f"/datasets/{world.dataset}/progress").json()
        assert (progress["total"], progress["completed"], progress["pending"]) == (4, 2, 2)
        own_name = client.get("/me").json()["username"]
        assert [user["username"] for user in progress["users"]] == [own_name]
        users = client.get(f"/datasets/{world.dataset}/users/progress").json()["users"]
        assert [(user["username"], user["completed"]["submitted"]) for user in users] == [(own_name, 2)]
        options = client.get(f"/datasets/{world.dataset}/records/search/suggestions/options").json()
        assert [item["agents"] for item in options["items"]] == [[]]
    lead = world.server.call("GET", f"/datasets/{world.dataset}/users/progress")["users"]
    assert len(lead) == 2


def test_a_search_tells_an_annotator_nothing_of_others(world: World) -> None:
    path = f"/me/datasets/{world.dataset}/records/search"

    def found(client: httpx.Client, body: Json) -> httpx.Response:
        return client.post(path, json=body, params={"include": "responses", "limit": 100})

    def terms(scope: Json, *values: str) -> Json:
        return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(values)}]}}

    client = world.clients["ann"][0]
    why = {"entity": "response", "question": "why"}
    assert found(client, terms(why, f"{world.canary} says so")).json()["total"] == 0
    pending = {
        "filters": {
            "and": [
                {"type": "terms", "scope": {"entity": entity, "property": "status"}, "values": ["pending"]}
                for entity in ("response", "record")
            ]
        }
    }
    assert found(client, pending).json()["total"] == 2  # as Argilla's page asks
    assert (
        found(client, terms({"entity": "metadata", "metadata_property": "shown"}, "all")).json()["total"] == 4
    )
    for scope in (
        {"entity": "metadata", "metadata_property": "seed"},
        {"entity": "suggestion", "question": "why", "property": "agent"},
    ):
        for body in (terms(scope, "x"), {"sort": [{"scope": scope, "order": "asc"}]}):
            assert found(client, body).status_code == 403
    changed = {"entity": "record", "property": "updated_at"}
    after = world.server.call("GET", f"/records/{world.records[3]}")["inserted_at"]
    late = {"filters": {"and": [{"type": "range", "scope": changed, "ge": f"{after}Z"}]}}
    made = [item["record"]["external_id"] for item in found(client, late).json()["items"]]
    assert set(made) <= {"2", "3"}
    for item in found(client, {"sort": [{"scope": changed, "order": "desc"}]}).json()["items"]:
        assert {it["user_id"] for it in item["record"]["responses"]} <= {world.users["ann"]}


def test_leads_read_which_answers_changed_since_a_moment_each_once_whatever_the_pages(world: World) -> None:
    path = f"/datasets/{world.dataset}/responses/changed"

    def changed(since: str, limit: int = 1_000) -> list[Json]:
        rows: list[Json] = []
        after: Json = {}
        while True:
            params = {"since": since, "limit": limit, **after}
            page = world.server.call("GET", path, params=params)["items"]
            rows += page
            if len(page) < limit:
                return rows
            since, after = page[-1]["updated_at"], {"after": page[-1]["id"]}

    everything = changed("1970-01-01T00:00:00")
    records = world.server.call(
        "GET", f"/datasets/{world.dataset}/records", params={"include": "responses", "limit": 1_000}
    )["items"]
    said = {it["id"]: it for record in records for it in record["responses"]}
    assert {row["id"] for row in everything} == said.keys()
    assert len(everything) == len(said) > 2
    for row in everything:
        told = said[row["id"]]
        assert all(row[name] == told[name] for name in ("user_id", "status", "values", "record_id"))
    order = [(row["updated_at"], row["id"]) for row in everything]
    assert [moment for moment, _ in order] == sorted(moment for moment, _ in order)
    for limit in (1, 2):
        assert changed("1970-01-01T00:00:00", limit) == everything
    last = everything[-1]
    assert last in changed(last["updated_at"])
    assert changed(f"{last['updated_at']}Z") == changed(last["updated_at"])
    assert changed("2999-01-01T00:00:00") == []
    client = world.clients["ann"][0]
    assert client.get(path, params={"since": "1970-01-01T00:00:00"}).status_code == 403
    owner = world.server.clients["owner"]
    assert owner.get(f"/datasets/{BOB}/responses/changed", params={"since": "1970-01-01"}).status_code == 404


def test_it_is_noted_once_when_a_record_was_first_served_to_whom(world: World) -> None:
    def served() -> dict[tuple[str, str], str]:
        path = f"/datasets/{world.dataset}/records/served"
        pages = [world.server.call("GET", path, params={"offset": at, "limit": 3}) for at in range(0, 12, 3)]
        rows = [row for page in pages for row in page["items"]]
        assert len(rows) == len({(row["record_id"], row["user_id"]) for row in rows})
        return {(row["record_id"], row["user_id"]): row["served_at"] for row in rows}

    search = f"/me/datasets/{world.dataset}/records/search"
    client = world.clients["ann"][0]
    shown = {item["record"]["id"] for item in client.post(search, json={}).json()["items"]}
    before = served()
    assert {record for record, user in before if user == world.users["ann"]} == shown
    time.sleep(0.05)
    client.post(search, json={})
    client.get(f"/records/{world.records[0]}")
    world.server.call("GET", f"/records/{world.records[1]}")  # a lead is not noted
    assert served() == before
    assert {user for _, user in before} <= {world.users["ann"], world.users["bob"]}
    assert client.get(f"/datasets/{world.dataset}/records/served").status_code == 403
    bob = world.clients["bob"][0]
    bob.get(f"/records/{world.records[3]}")
    assert (world.records[3], world.users["bob"]) in served()
    world.server.call("DELETE", f"/users/{world.users['bob']}")  # last: what is noted goes with the account
    assert not [user for _, user in served() if user == world.users["bob"]]
