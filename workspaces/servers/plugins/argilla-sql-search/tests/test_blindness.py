"""Annotators see their own: the table of routes, its views, the middleware, and a real server."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest
from argilla_server import app as argilla_app
from argilla_server.api.routes import api_v1
from argilla_sql_search import blindness
from argilla_sql_search.blindness import BLIND, FAILED, HEADER, Blindness, install_blindness
from argilla_sql_search.queries import QueryRefusedError, permitted_query
from argilla_sql_search.routes import RECORD, ROUTES, Closed, Public, Seen
from argilla_sql_search.viewers import Viewer
from argilla_sql_search.views import Each, EachOwn, Empty, Fields, Hidden, NotTheirsError, Own, SameAs, Whole
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from argilla_sql_search.views import View
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
PERSONAL = {
    "user_id",
    "username",
    "first_name",
    "last_name",
    "api_key",
    "agent",
    "responses",
    "users",
    "email",
}
"""Keys that say who somebody is or what somebody answered; a view that shows a whole object shows none."""


# --- the table


def routes_of_the_api() -> Iterator[str]:
    """Yield every route, documented or not."""
    for route in api_v1.routes:
        assert isinstance(route, Route | APIRoute), route
        yield from (f"{method} {route.path}" for method in route.methods or () if method != "HEAD")


def test_every_route_of_the_server_is_named_in_the_table_and_no_other() -> None:
    documented = {
        f"{method.upper()} {path}"
        for path, methods in api_v1.openapi()["paths"].items()
        for method in methods
    }
    assert documented <= set(routes_of_the_api())
    assert set(ROUTES) == set(routes_of_the_api())


def test_outside_the_api_the_server_has_pages_only() -> None:
    assert {(type(route).__name__, getattr(route, "path", "")) for route in argilla_app.routes} == {
        ("Route", "/openapi.json"),
        ("Mount", "/api/v1"),
        ("Mount", ""),  # the files of the web front end
        ("APIRoute", "/docs"),
        ("APIRoute", "/api"),
    }
    mounted = [route.app for route in argilla_app.routes if isinstance(route, Mount)]
    assert api_v1 in mounted


def schema_of_success(name: str) -> Json | None:
    method, path = name.split(" ")
    responses = api_v1.openapi()["paths"][path][method.lower()]["responses"]
    content = next(body for status, body in responses.items() if status.startswith("2")).get("content", {})
    schema: Json | None = content.get("application/json", {}).get("schema")
    return schema


def resolved(schema: Json) -> Json:
    """Return a schema itself instead of a reference to it, or what is not null of a choice of two."""
    if "$ref" in schema:
        found: Json = api_v1.openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return resolved(found)
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return resolved(choices[0]) if len(choices) == 1 else schema


def property_names(schema: Json) -> set[str]:
    """Return the names of all properties that a value can hold, however deep."""
    schema = resolved(schema)
    names: set[str] = set()
    for name, inner in schema.get("properties", {}).items():
        names |= {name} | property_names(inner)
    parts = [*schema.get("anyOf", []), *schema.get("oneOf", []), schema.get("items", {})]
    return names.union(*map(property_names, (part for part in parts if part)))


def undecided(view: View, schema: Json, place: str = "") -> list[str]:
    """Return the properties of a schema that a view neither shows nor leaves out on purpose, and the reverse."""
    schema = resolved(schema)
    if isinstance(view, Own):
        return undecided(view.fields, schema, place)
    if isinstance(view, Each):
        return undecided(view.view, schema["items"], f"{place}[]")
    if isinstance(view, EachOwn):
        return undecided(view.own, schema["items"], f"{place}[]")
    if isinstance(view, Fields):
        properties = schema.get("properties", {})
        wrong = [f"{place}.{key}" for key in view.views.keys() ^ properties.keys()]
        both = view.views.keys() & properties.keys()
        return wrong + [
            it for key in both for it in undecided(view.views[key], properties[key], f"{place}.{key}")
        ]
    return (
        [f"{place}.{name}" for name in property_names(schema) & PERSONAL] if isinstance(view, Whole) else []
    )


@pytest.mark.parametrize("name", [name for name, rule in ROUTES.items() if isinstance(rule, Seen)])
def test_every_field_of_every_answer_is_decided_on(name: str) -> None:
    rule, schema = ROUTES[name], schema_of_success(name)
    assert isinstance(rule, Seen)
    assert schema
    assert undecided(rule.view, schema) == []


def test_a_field_that_a_later_argilla_adds_is_undecided_and_unseen() -> None:
    schema: Json = {"properties": {"id": {}, "assignee": {}}}
    view = Fields({"id": Whole()})
    assert undecided(view, schema) == [".assignee"]
    assert view.see(ANN, {"id": 1, "assignee": "bob"}, {}) == {"id": 1}
    assert undecided(Whole(), {"properties": {"by": {"properties": {"username": {}}}}}) == [".username"]


def test_a_public_route_needs_no_account_and_every_other_does() -> None:
    for route in api_v1.routes:
        if isinstance(route, APIRoute):
            asks = any(
                "get_current_user" in str(dependency.call) for dependency in route.dependant.dependencies
            )
            for method in route.methods:
                assert isinstance(ROUTES[f"{method} {route.path}"], Public) != asks, route.path


# --- the views

FOREIGN = "FOREIGN"
own_or_not = st.sampled_from([ANN.id, BOB, None, ANN.id.upper(), [ANN.id], {"id": ANN.id}])
small = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@st.composite
def responses(draw: st.DrawFn) -> Json:
    user = draw(own_or_not)
    text = "mine" if user == ANN.id else FOREIGN
    extra = draw(st.dictionaries(st.sampled_from(["user", "name", "id", "note"]), st.just(text)))
    return {**extra, "user_id": user, "values": {"q": {"value": text}}, "status": "submitted"}


@st.composite
def records(draw: st.DrawFn) -> Json:
    record = {
        "id": "r",
        "dataset_id": draw(st.sampled_from(["d", "other", None])),
        "inserted_at": "then",
        "updated_at": FOREIGN,
        "fields": draw(small),
        "responses": draw(st.none() | st.lists(responses(), max_size=4)),
        "suggestions": draw(st.none() | st.just([{"value": "yes", "agent": FOREIGN, "by": FOREIGN}])),
        "assignees": [FOREIGN],
        "metadata": draw(st.none() | st.just({"shown": 1, "seed": FOREIGN})),
    }
    keys = draw(st.sets(st.sampled_from(sorted(record))))
    return {key: record[key] for key in record if key not in keys}


@given(st.lists(records(), max_size=3))
def test_of_any_records_an_annotator_holds_nothing_that_is_not_theirs(found: list[Json]) -> None:
    rule = ROUTES["POST /me/datasets/{dataset_id}/records/search"]
    assert isinstance(rule, Seen)
    body: Any = {"items": [{"record": record, "query_score": 1.0} for record in found], "total": len(found)}
    seen: Any = rule.view.see(ANN, body, {})
    assert FOREIGN not in json.dumps(seen)
    for before, item in zip(found, seen["items"], strict=True):
        after = item["record"]
        mine = [it for it in before.get("responses") or [] if it["user_id"] == ANN.id]
        assert len(after.get("responses") or []) == len(mine)
        assert all(it["user_id"] == ANN.id for it in after.get("responses") or [])
        assert ("metadata" in after) == ("metadata" in before)


@given(
    st.recursive(
        small | st.just(FOREIGN), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
    )
)
def test_a_body_of_an_unknown_form_is_held_back_whole(value: Any) -> None:
    try:
        seen = RECORD.see(ANN, value, {})
    except NotTheirsError:
        return
    assert FOREIGN not in json.dumps(seen)


def test_views_of_single_values() -> None:
    view = Fields({"a": Hidden(), "b": SameAs("c"), "d": Empty()})
    whole: Any = {"a": 1, "b": 2, "c": 3, "d": [4]}
    assert view.see(ANN, whole, {}) == {"a": None, "b": 3, "d": []}
    own = Own(Fields({"x": Whole()}), "username", "username")
    assert own.see(ANN, {"username": ANN.username, "x": 1}, {}) == {"x": 1}
    with pytest.raises(NotTheirsError):
        own.see(ANN, {"username": ANN.id, "x": 1}, {})


# --- what a search may ask


def search_for(*scopes: Json) -> bytes:
    return json.dumps(
        {
            "filters": {"and": [{"type": "terms", "scope": scope, "values": ["x"]} for scope in scopes]},
            "sort": [{"scope": scope, "order": "asc"} for scope in scopes],
        }
    ).encode()


METADATA = {"entity": "metadata", "metadata_property": "shown"}


@pytest.mark.parametrize(
    "scope",
    [
        METADATA,
        {"entity": "record", "property": "status"},
        {"entity": "record", "property": "inserted_at"},
        {"entity": "response", "property": "status"},
        {"entity": "response", "question": "q"},
        {"entity": "suggestion", "question": "q"},
        {"entity": "suggestion", "question": "q", "property": "score"},
    ],
)
def test_a_search_for_what_is_shown_stays_as_it_is(scope: Json) -> None:
    body = search_for(scope)
    assert json.loads(permitted_query(body, frozenset({"shown"}))) == json.loads(body)


@pytest.mark.parametrize(
    "scope",
    [
        {"entity": "metadata", "metadata_property": "seed"},
        {"entity": "metadata", "metadata_property": "Shown"},
        {"entity": "suggestion", "question": "q", "property": "agent"},
    ],
)
def test_a_search_that_would_tell_what_is_hidden_is_refused(scope: Json) -> None:
    for body in (
        search_for(scope),
        search_for(METADATA, scope),
        json.dumps(
            {"filters": {"and_": [], "and": json.loads(search_for(scope))["filters"]["and"]}}
        ).encode(),
        json.dumps({"sort": json.loads(search_for(scope))["sort"]}).encode("utf-16"),
    ):
        with pytest.raises(QueryRefusedError):
            permitted_query(body, frozenset({"shown"}))


def test_when_a_record_was_changed_is_when_it_was_made() -> None:
    asked = search_for({"entity": "record", "property": "updated_at"})
    meant = search_for({"entity": "record", "property": "inserted_at"})
    assert json.loads(permitted_query(asked, frozenset())) == json.loads(meant)


@given(st.binary(max_size=20) | st.just(b"[" * 100_000) | st.just(b'{"filters": 3}'))
def test_what_argilla_reads_of_a_search_is_what_was_checked(body: bytes) -> None:
    try:
        passed = permitted_query(body, frozenset())
    except QueryRefusedError:
        return
    assert passed == b"" or json.dumps(json.loads(passed))


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
    if name == "missing":
        return JSONResponse({"detail": "not found"}, 404)
    if name == "drop":

        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b'{"id": "', ANN.id.encode(), b'", "secret": "FOREIGN"}'):
                yield piece

        return StreamingResponse(pieces(), media_type="application/json; charset=utf-8")
    return JSONResponse(BODIES[name], headers={"etag": '"1"', "last-modified": "now"})


def ask(
    path: str, viewer: Viewer | None, monkeypatch: pytest.MonkeyPatch, method: str = "GET"
) -> httpx.Response:
    async def viewer_of(_scope: Scope, *, with_metadata: bool) -> Viewer | None:
        assert not with_metadata
        return viewer

    monkeypatch.setattr(blindness, "viewer_of", viewer_of)
    inner = Starlette(
        routes=[Route("/seen/{name}", say), Route("/new/{name}", say, methods=["GET", "DELETE"])]
    )
    user = Own(Fields({"id": Whole(), "username": Whole()}), "id", "id")
    wrapped = Blindness(inner, inner.routes, {"GET /seen/{name}": Seen(user)})

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
    assert ask("/seen/missing", ANN, monkeypatch).json() == {"detail": "not found"}


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


class World:
    """A dataset with answers of two annotators, whose words and names are marked with canaries."""

    def __init__(self, server: Server) -> None:
        self.server = server
        tag = secrets.token_hex(4)
        self.canary = f"canary{tag}"
        self.workspace = server.call("POST", "/workspaces", json={"name": f"blind-{tag}"})["id"]
        body = {
            "name": "blind",
            "workspace_id": self.workspace,
            "distribution": {"strategy": "overlap", "min_submitted": 2},
        }
        self.dataset = server.call("POST", "/datasets", json=body)["id"]
        path = f"/datasets/{self.dataset}"
        self.field = server.call(
            "POST",
            f"{path}/fields",
            json={
                "name": "text",
                "title": "-",
                "required": True,
                "settings": {"type": "text", "use_markdown": True},
            },
        )["id"]
        self.question = server.call(
            "POST",
            f"{path}/questions",
            json={
                "name": "why",
                "title": "-",
                "required": True,
                "settings": {"type": "text", "use_markdown": False},
            },
        )["id"]
        self.properties = [
            server.call(
                "POST",
                f"{path}/metadata-properties",
                json={
                    "name": name,
                    "title": name,
                    "settings": {"type": "terms"},
                    "visible_for_annotators": name == "shown",
                },
            )["id"]
            for name in ("shown", "seed")
        ]
        self.vectors = server.call(
            "POST", f"{path}/vectors-settings", json={"name": "vector", "title": "-", "dimensions": 2}
        )["id"]
        server.call("PUT", f"{path}/publish")
        items = [
            {
                "fields": {"text": f"number {number}"},
                "external_id": str(number),
                "metadata": {"shown": "all", "seed": f"{self.canary}-seed"},
                "suggestions": [
                    {"question_id": self.question, "value": "perhaps", "agent": f"{self.canary}-agent"}
                ],
                # of a record with vectors Argilla 2.8.0 fails to answer GET /records/{id}
                "vectors": {"vector": [1, number]} if number == 2 else None,
            }
            for number in range(4)
        ]
        self.records = [
            item["id"] for item in server.call("POST", f"{path}/records/bulk", json={"items": items})["items"]
        ]
        self.users, self.clients, self.responses = {}, {}, {}
        for name in ("ann", "bob"):
            mark = self.canary if name == "bob" else f"own{tag}"
            user = server.call(
                "POST",
                "/users",
                json={
                    "username": f"{mark}-{name}@example.org",
                    "first_name": f"{mark}-first",
                    "last_name": f"{mark}-last",
                    "role": "annotator",
                    "password": "12345678",
                },
            )
            self.users[name] = user["id"]
            server.call("POST", f"/workspaces/{self.workspace}/users", json={"user_id": user["id"]})
            token = httpx.post(
                f"{server.url}/api/v1/token", data={"username": user["username"], "password": "12345678"}
            ).json()["access_token"]
            headers = {"X-Argilla-Api-Key": user["api_key"]}, {"Authorization": f"Bearer {token}"}
            self.clients[name] = [server.client(each) for each in headers]
            for record in self.records[:2]:
                answer = self.clients[name][0].post(
                    f"/records/{record}/responses",
                    json={"values": {"why": {"value": f"{mark} says so"}}, "status": "submitted"},
                )
                assert answer.status_code == 201, answer.text
                self.responses[name] = answer.json()["id"]
        self.foreign = [self.canary, self.users["bob"], self.responses["bob"]]


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
