"""What an annotator with an HTTP client cannot do to records that are not theirs, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from argilla_server.api.routes import api_v1
from argilla_server.database import AsyncSessionLocal
from argilla_server.settings import settings as argilla_settings
from argilla_sql_search import routing
from argilla_sql_search.errors import RefusedError
from argilla_sql_search.gate import NOT_YOURS, RESPONSE_NOT_YOURS, let_through
from argilla_sql_search.routes import ROUTES, About, Seen
from argilla_sql_search.routing import RoutingWrite
from argilla_sql_search.viewers import Viewer
from fastapi import HTTPException
from routed_world import NOWHERE, QUEUE, SECRET, Json, World, body_of, only
from worlds import RecordSpec, create_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worlds import Run


def attempts(ids: Json) -> Iterator[tuple[str, str, str, Json]]:
    """Yield every route that annotators have, as a request about what `ids` name."""
    for name, rule in ROUTES.items():
        if not isinstance(rule, Seen):
            continue
        method, path = name.split(" ")
        record = ids["record_id"]
        body: Json = body_of(text="forged")
        if rule.about is About.BULK:
            body = {"items": [{**body, "record_id": record}]}
        elif rule.about is About.SEARCH:
            body = {"query": {"vector": {"name": "vector", "record_id": record}}}
        yield name, method, path.format(**ids), body


@pytest.mark.parametrize("number", [4, 5, 6, 7])
def test_no_endpoint_tells_or_takes_anything_of_a_record_that_is_not_theirs(
    world: World, number: int
) -> None:
    """4 and 5 are Bob's, 6 was Ann's, 7 is nobody's; 5 and 7 have vectors."""
    record = world.records[number]
    ids = {
        "dataset_id": world.dataset,
        "workspace_id": world.workspace,
        "metadata_property_id": world.property,
        "record_id": record,
        "response_id": world.responses.get(("ann" if number == 6 else "bob", number), NOWHERE),
    }
    nowhere = ids | {"record_id": NOWHERE, "response_id": NOWHERE}
    path = f"/datasets/{world.dataset}/records"
    before = world.call("GET", path, params={"include": "responses", "limit": 100})
    tried = 0
    for here, there in zip(attempts(ids), attempts(nowhere), strict=True):
        name, method, path_here, body_here = here
        _, _, path_there, body_there = there
        client = world.clients["ann"]
        parameters = {"include": "responses,suggestions,vectors", "limit": "100"}
        answer = client.request(method, path_here, json=body_here, params=parameters)
        assert SECRET not in answer.text, (name, answer.text)
        assert record not in answer.text, (name, answer.text)
        rule = ROUTES[name]
        assert isinstance(rule, Seen)
        if rule.about in {About.RECORD, About.RESPONSE, About.BULK, About.SEARCH}:
            tried += 1
            other = client.request(method, path_there, json=body_there, params=parameters)
            assert (answer.status_code, answer.json()) == (other.status_code, other.json()), name
            if rule.about is About.BULK:
                assert answer.json() == {"items": [{"item": None, "error": {"detail": NOT_YOURS}}]}
            else:
                words = RESPONSE_NOT_YOURS if rule.about is About.RESPONSE else NOT_YOURS
                assert (answer.status_code, answer.json()) == (403, {"detail": words}), name
    assert tried == 7
    assert world.call("GET", path, params={"include": "responses", "limit": 100}) == before


@pytest.mark.parametrize("form", [str.upper, lambda it: it.replace("-", ""), lambda it: f"urn:uuid:{it}"])
def test_another_way_to_write_an_id_opens_nothing(world: World, form: Any) -> None:
    client, bobs = world.clients["ann"], form(world.records[5])
    assert client.get(f"/records/{bobs}").status_code == 403
    assert client.post(f"/records/{bobs}/responses", json=body_of()).status_code == 403
    forged = client.post("/me/responses/bulk", json={"items": [{**body_of(), "record_id": bobs}]})
    assert forged.json()["items"][0]["error"] == {"detail": NOT_YOURS}
    like = {"query": {"vector": {"name": "vector", "record_id": bobs}}}
    assert world.search("ann", like).status_code == 403
    assert client.get(f"/records/{form(world.records[0])}").status_code == 200
    for odd in (f"/records//{bobs}", f"/records/{bobs}/", f"/records/x/../{bobs}", f"//records/{bobs}"):
        assert SECRET not in client.get(odd, follow_redirects=True).text


def test_in_bulk_what_is_theirs_is_written_and_the_rest_refused_in_its_place(world: World) -> None:
    client = world.clients["ann"]
    numbers = [4, 0, 5, 7, 2, 6]
    items = [{**body_of("draft", f"bulk {number}"), "record_id": world.records[number]} for number in numbers]
    items.insert(3, {**body_of(), "record_id": NOWHERE})
    answer = client.post("/me/responses/bulk", json={"items": items})
    assert answer.status_code == 200
    came = answer.json()["items"]
    assert [bool(item["item"]) for item in came] == [False, True, False, False, False, True, False]
    for item in came:
        if item["item"] is None:
            assert item["error"] == {"detail": NOT_YOURS}
    assert [item["item"]["record_id"] for item in came if item["item"]] == [
        world.records[0],
        world.records[2],
    ]
    stored = {
        record["id"]: [it for it in record["responses"] if it["user_id"] == world.users["ann"]]
        for record in world.call(
            "GET", f"/datasets/{world.dataset}/records", params={"include": "responses", "limit": 100}
        )["items"]
    }
    for number in (4, 5, 7):
        assert stored[world.records[number]] == []
    assert stored[world.records[6]][0]["values"] == body_of()["values"]
    # and back to how it was
    again = {**body_of(), "record_id": world.records[2]}
    client.post("/me/responses/bulk", json={"items": [again]})
    (draft,) = stored[world.records[0]]
    assert client.delete(f"/responses/{draft['id']}").status_code == 200
    # a body with two meanings: the last one counts, for the check and for Argilla
    raw = f'{{"items": [], "items": [{{"record_id": "{world.records[0]}", "record_id": "{world.records[5]}", '
    raw += '"values": {"why": {"value": "x"}}, "status": "submitted"}]}'
    two = client.post("/me/responses/bulk", content=raw, headers={"content-type": "application/json"})
    assert two.json() == {"items": [{"item": None, "error": {"detail": NOT_YOURS}}]}
    for broken in ("{", "[]", '{"items": []}', '{"items": [{"record_id": 3}]}', '{"items": "x"}'):
        refused = client.post(
            "/me/responses/bulk", content=broken, headers={"content-type": "application/json"}
        )
        assert refused.status_code == 422, broken


def test_own_answers_can_be_edited_until_the_record_is_withdrawn(world: World) -> None:
    client = world.clients["ann"]
    mine, withdrawn = world.responses["ann", 2], world.responses["ann", 6]
    edited = client.put(f"/responses/{mine}", json=body_of(text="on second thoughts"))
    assert edited.status_code == 200
    assert client.get(f"/records/{world.records[2]}").json()["responses"][0]["values"]["why"]["value"] == (
        "on second thoughts"
    )
    for method in ("PUT", "DELETE"):
        answer = client.request(method, f"/responses/{withdrawn}", json=body_of(text="too late"))
        assert (answer.status_code, answer.json()) == (403, {"detail": RESPONSE_NOT_YOURS})


def test_an_expired_assignment_leaves_the_queue_but_nobody_loses_work_to_the_clock(world: World) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    client = world.clients["ann"]
    world.assign(("ann", 0, 0), ("ann", 1, -1), expires_at=past)
    try:
        assert world.found("ann", QUEUE) == [3]
        assert world.call("GET", f"/me/datasets/{world.dataset}/metrics", "ann")["responses"]["total"] == 2
        assert client.get(f"/records/{world.records[1]}").status_code in (200, 500)  # Argilla's fault
        draft = world.answer("ann", 0, "draft")
        assert world.found("ann", only("draft")) == [0]
        assert world.call("GET", f"/me/datasets/{world.dataset}/metrics", "ann")["responses"]["draft"] == 1
        assert client.put(f"/responses/{draft}", json=body_of()).status_code == 200
        assert world.found("ann", only("submitted")) == [2, 0]
        assert client.delete(f"/responses/{draft}").status_code == 200
        assert 0 not in world.found("ann")
    finally:
        world.assign(("ann", 0, 0), ("ann", 1, -1))


def test_another_search_engine_cannot_route_and_says_so(
    database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(argilla_settings, "search_engine", "elasticsearch")
    made = run(create_world([RecordSpec()]))

    async def switch_on() -> None:
        async with AsyncSessionLocal() as session:
            await routing.put_routing(session, made.dataset, RoutingWrite(routed=True))

    with pytest.raises(HTTPException) as refused:
        run(switch_on())
    assert refused.value.status_code == 409
    assert "elasticsearch" in str(refused.value.detail)
    ann = Viewer(str(made.users[0].id), "ann", is_lead=False, routed=frozenset({str(made.dataset.id)}))
    for about in (About.SEARCH, About.FIGURES):
        with pytest.raises(RefusedError, match="routed"):
            run(let_through(about, ann, {}, b"{}"))
    unrouted = Viewer(ann.id, "ann", is_lead=False)
    assert run(let_through(About.SEARCH, unrouted, {}, b"{}")).body == b"{}"


def test_every_route_that_names_a_record_or_a_response_is_held_to_what_is_theirs() -> None:
    """Also one that a later Argilla adds, or one whose body names a record."""
    schemas = api_v1.openapi()["components"]["schemas"]
    for name, rule in ROUTES.items():
        method, path = name.split(" ")
        if not isinstance(rule, Seen):
            continue
        operation = str(api_v1.openapi()["paths"][path][method.lower()].get("requestBody", ""))
        named = [schema for schema in schemas if f"/{schema}'" in operation]
        text = path + "".join(reachable(schemas, schema) for schema in named)
        if "record_id" in text or "response_id" in text:
            assert rule.about is not None, name
        if "records" in path and method == "POST":
            assert rule.about is not None, name


def reachable(schemas: Json, name: str, seen: frozenset[str] = frozenset()) -> str:
    text = str(schemas[name])
    inner = [schema for schema in schemas if f"/{schema}'" in text and schema not in seen | {name}]
    return text + "".join(reachable(schemas, schema, seen | {name}) for schema in inner)


def test_ids_in_the_answers_are_ids(world: World) -> None:
    for item in world.call("GET", f"{world.path}/assignments")["items"]:
        assert str(UUID(item["record_id"])) == item["record_id"]
