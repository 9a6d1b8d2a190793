"""The table of routes: every route and field is decided on, and what views and searches let through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from argilla_server import app as argilla_app
from argilla_server.api.routes import api_v1
from argilla_sql_search.queries import QueryRefusedError, permitted_query
from argilla_sql_search.routes import RECORD, ROUTES, Public, Seen
from argilla_sql_search.viewers import Viewer
from argilla_sql_search.views import (
    Each,
    EachOwn,
    Empty,
    Fields,
    FirstLine,
    Hidden,
    NotTheirsError,
    Own,
    SameAs,
    Whole,
)
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Mount, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argilla_sql_search.views import View
    from fastapi.dependencies.models import Dependant

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


def asks_who(dependant: Dependant) -> bool:
    """Return whether a route asks, itself or by what it depends on, who sends the request."""
    return any(
        "get_current_user" in str(needed.call) or asks_who(needed) for needed in dependant.dependencies
    )


def test_a_public_route_needs_no_account_and_every_other_does() -> None:
    for route in api_v1.routes:
        if isinstance(route, APIRoute):
            asks = asks_who(route.dependant)
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


any_json: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        small
        | st.just(FOREIGN)
        | st.lists(any_json, max_size=3)
        | st.dictionaries(st.text(max_size=3), any_json, max_size=3)
    )
)


@given(any_json)
def test_a_body_of_an_unknown_form_is_held_back_whole(value: Any) -> None:
    try:
        seen = RECORD.see(ANN, value, {})
    except NotTheirsError:
        return
    assert FOREIGN not in json.dumps(seen)


def test_the_status_of_a_routed_record_is_whether_one_has_answered_it() -> None:
    ann = Viewer(ANN.id, ANN.username, is_lead=False, routed=frozenset({"d"}))
    for dataset, responses, seen in (
        ("other", [], "whatever"),
        ("d", None, "whatever"),
        ("d", [], "pending"),
        ("d", [{"user_id": ANN.id, "status": "draft"}], "pending"),
        ("d", [{"user_id": BOB, "status": "submitted"}], "pending"),
        ("d", [{"user_id": ANN.id, "status": "discarded"}], "completed"),
    ):
        record: Any = {"dataset_id": dataset, "status": "whatever", "responses": responses}
        after: Any = RECORD.see(ann, record, {})
        assert after["status"] == seen, record


def test_views_of_single_values() -> None:
    view = Fields({"a": Hidden(), "b": SameAs("c"), "d": Empty()})
    whole: Any = {"a": 1, "b": 2, "c": 3, "d": [4]}
    assert view.see(ANN, whole, {}) == {"a": None, "b": 3, "d": []}
    assert (
        FirstLine().see(ANN, f"(OperationalError) locked\n[SQL: {FOREIGN}]", {})
        == "(OperationalError) locked"
    )
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
