"""Routing on a real server: the resource of leads, and what an annotator with an HTTP client cannot do."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from argilla_server.api.routes import api_v1
from argilla_server.database import AsyncSessionLocal
from argilla_server.models import User, WorkspaceUser
from argilla_server.settings import settings as argilla_settings
from argilla_sql_search import routing, tables
from argilla_sql_search.errors import RefusedError
from argilla_sql_search.gate import NOT_YOURS, RESPONSE_NOT_YOURS, let_through
from argilla_sql_search.memberships import remembered_memberships
from argilla_sql_search.routes import ROUTES, About, Seen
from argilla_sql_search.routing import AssignmentsWrite, PairsWithdraw, RoutingWrite
from argilla_sql_search.tables import ASSIGNMENTS, ROUTED, make_tables
from argilla_sql_search.viewers import Viewer
from fastapi import HTTPException
from sqlalchemy import event, func, inspect, select, text
from sqlalchemy.schema import DropTable
from worlds import RecordSpec, create_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from running import Server
    from sqlalchemy.orm import Session
    from worlds import Run

Json = dict[str, Any]
RECORDS = 8
NOWHERE = str(uuid4())
SECRET = "secretword"


class World:
    """A routed dataset: of its records Ann has 0 to 3 and Bob has 3 to 5; 6 and 7 are nobody's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        tag = secrets.token_hex(4)
        self.workspace = server.call("POST", "/workspaces", json={"name": f"routed-{tag}"})["id"]
        self.users: dict[str, str] = {}
        self.clients: dict[str, httpx.Client] = {"owner": server.clients["owner"]}
        for name, role in (("ann", "annotator"), ("bob", "annotator"), ("eve", "admin")):
            user = server.call(
                "POST",
                "/users",
                json={
                    "username": f"{name}-{tag}",
                    "first_name": name,
                    "role": role,
                    "password": "12345678",
                },
            )
            self.users[name] = user["id"]
            self.clients[name] = server.client({"X-Argilla-Api-Key": user["api_key"]})
            if name != "eve":  # the admin of another workspace
                self.join(name)
        self.dataset, self.records = self.new_dataset("routed")
        self.property = self.call("GET", f"/me/datasets/{self.dataset}/metadata-properties")["items"][0]["id"]
        self.path = f"/datasets/{self.dataset}"
        self.responses = {
            (who, number): self.answer(who, number)
            for who, number in (("ann", 2), ("bob", 3), ("bob", 4), ("ann", 6))
        }
        assigned = [("ann", number, -number) for number in range(4)]
        assigned += [("bob", number, number) for number in range(3, 6)]
        self.assign(*assigned)
        self.call("PUT", f"{self.path}/routing", json={"routed": True})
        self.withdraw(("ann", 6))  # which Ann had answered before

    def new_dataset(self, name: str) -> tuple[str, list[str]]:
        body = {
            "name": name,
            "workspace_id": self.workspace,
            "distribution": {"strategy": "overlap", "min_submitted": 1},
        }
        dataset = self.call("POST", "/datasets", json=body)["id"]
        path = f"/datasets/{dataset}"
        words = {"type": "text", "use_markdown": False}
        field = {"name": "text", "title": "-", "required": True, "settings": words}
        self.call("POST", f"{path}/fields", json=field)
        question = {"name": "why", "title": "-", "required": True, "settings": words}
        asked = self.call("POST", f"{path}/questions", json=question)["id"]
        shown = {"name": "shown", "title": "-", "settings": {"type": "terms"}, "visible_for_annotators": True}
        self.call("POST", f"{path}/metadata-properties", json=shown)
        self.call("POST", f"{path}/vectors-settings", json={"name": "vector", "title": "-", "dimensions": 2})
        self.call("PUT", f"{path}/publish")
        items = [
            {
                "fields": {"text": f"number {number} {SECRET if number > 3 else 'plain'}"},
                "external_id": f"ext-{number}",
                "metadata": {"shown": f"{SECRET}-meta" if number > 3 else "open"},
                "suggestions": [{"question_id": asked, "value": SECRET if number > 3 else "perhaps"}],
                # of a record with vectors Argilla 2.8.0 fails to answer GET /records/{id}
                "vectors": {"vector": [1, number]} if number in (1, 5, 7) else None,
            }
            for number in range(RECORDS)
        ]
        made = self.call("POST", f"{path}/records/bulk", json={"items": items})["items"]
        return dataset, [record["id"] for record in made]

    def call(self, method: str, path: str, who: str = "owner", **options: Any) -> Any:
        response = self.clients[who].request(method, path, **options)
        assert response.status_code < 300, (method, path, response.status_code, response.text)
        return response.json() if response.content else None

    def join(self, name: str) -> None:
        self.call("POST", f"/workspaces/{self.workspace}/users", json={"user_id": self.users[name]})

    def answer(self, who: str, number: int, status: str = "submitted") -> str:
        record = self.records[number]
        return str(self.call("POST", f"/records/{record}/responses", who, json=body_of(status))["id"])

    def pair(self, who: str, number: int) -> Json:
        return {"record_id": self.records[number], "user_id": self.users[who]}

    def assign(self, *items: tuple[str, int, int], expires_at: datetime | None = None) -> None:
        expiry = None if expires_at is None else expires_at.isoformat()
        rows = [
            {**self.pair(who, number), "position": position, "expires_at": expiry}
            for who, number, position in items
        ]
        assert self.call("PUT", f"{self.path}/assignments", json={"items": rows}) == {"written": len(rows)}

    def withdraw(self, *pairs: tuple[str, int]) -> int:
        body = {"items": [self.pair(*pair) for pair in pairs]}
        return int(self.call("POST", f"{self.path}/assignments/withdraw", json=body)["withdrawn"])

    def search(self, who: str, body: Json | None = None, **parameters: Any) -> httpx.Response:
        path = f"/me/datasets/{self.dataset}/records/search"
        return self.clients[who].post(path, json=body or {}, params={"limit": 100, **parameters})

    def found(self, who: str, body: Json | None = None, **parameters: Any) -> list[int]:
        answer = self.search(who, body, **parameters)
        assert answer.status_code == 200, answer.text
        items = [int(item["record"]["external_id"][4:]) for item in answer.json()["items"]]
        assert answer.json()["total"] >= len(items)
        return items


def body_of(status: str = "submitted", text: str = "because") -> Json:
    return {"values": {"why": {"value": text}}, "status": status}


def only(*statuses: str) -> Json:
    scope = {"entity": "response", "property": "status"}
    return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(statuses)}]}}


QUEUE = {
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": entity, "property": "status"}, "values": ["pending"]}
            for entity in ("response", "record")
        ]
    }
}


@pytest.fixture(scope="module")
def world(server: Server) -> Iterator[World]:
    made = World(server)
    yield made
    for name in made.users:
        made.clients[name].close()


def test_a_client_can_tell_that_routing_is_offered(world: World) -> None:
    assert world.call("GET", "/status", "ann")["search_engine"]["routing"] == "assignments"


def test_each_annotator_sees_their_own_queue_in_its_order(world: World) -> None:
    assert world.found("ann", QUEUE) == [3, 1, 0]  # 3 was completed by Bob, and is to do for Ann
    assert world.found("ann") == [3, 2, 1, 0]
    assert world.found("ann", only("submitted")) == [2]
    answer = world.search("ann", QUEUE, include="responses").json()
    assert [item["record"]["status"] for item in answer["items"]] == ["pending"] * 3
    assert world.call("GET", f"/records/{world.records[2]}", "ann")["status"] == "completed"
    assert world.call("GET", f"/records/{world.records[3]}", "ann")["status"] == "pending"
    assert world.found("bob", QUEUE) == [5]
    assert world.found("bob", only("submitted")) == [3, 4]
    assert sorted(world.found("owner")) == list(range(RECORDS))
    assert world.found("ann", {"query": {"text": {"q": SECRET}}}) == []
    assert world.found("ann", {"query": {"text": {"q": "number"}}}) == [3, 2, 1, 0]
    assert world.found("ann", {"query": {"vector": {"name": "vector", "value": [0, 1]}}}) == [1]
    by_id = {"sort": [{"scope": {"entity": "record", "property": "external_id"}, "order": "asc"}]}
    assert world.found("ann", by_id) == [0, 1, 2, 3]
    of_others = {
        "filters": {
            "and": [
                {
                    "type": "terms",
                    "scope": {"entity": "record", "property": "external_id"},
                    "values": [f"ext-{number}" for number in range(3, RECORDS)],
                }
            ]
        }
    }
    assert world.found("ann", of_others) == [3]
    assert [world.found("ann", offset=at, limit=2) for at in (0, 2, 4)] == [[3, 2], [1, 0], []]


def test_both_figures_count_what_is_assigned_and_answered(world: World) -> None:
    mine = world.call("GET", f"/me/datasets/{world.dataset}/metrics", "ann")["responses"]
    assert mine == {"total": 4, "submitted": 1, "discarded": 0, "draft": 0, "pending": 3}
    team = world.call("GET", f"{world.path}/progress", "ann")
    assert (team["total"], team["completed"], team["pending"]) == (4, 1, 3)
    lead = world.call("GET", f"{world.path}/progress")
    assert (lead["total"], lead["completed"], lead["pending"]) == (RECORDS, 4, 4)
    terms = world.call("GET", f"/metadata-properties/{world.property}/metrics", "ann")
    assert terms["values"] == [{"term": "open", "count": 4}]


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


# --- the resource


def test_the_resource_is_for_the_leads_of_the_workspace(world: World) -> None:
    for method, path, body in (
        ("GET", "/routing", None),
        ("PUT", "/routing", {"routed": False}),
        ("GET", "/assignments", None),
        ("PUT", "/assignments", {"items": [{**world.pair("ann", 5), "position": 0}]}),
        ("POST", "/assignments/withdraw", {"items": [world.pair("bob", 5)]}),
        ("GET", "/records/served", None),
    ):
        for who in ("ann", "eve"):
            answer = world.clients[who].request(method, f"{world.path}{path}", json=body)
            assert answer.status_code == 403, (who, path, answer.text)
        elsewhere = world.clients["owner"].request(method, f"/datasets/{NOWHERE}{path}", json=body)
        assert elsewhere.status_code == 404
        stranger = world.server.client({}).request(method, f"{world.path}{path}", json=body)
        assert stranger.status_code == 401
    assert world.call("GET", f"{world.path}/routing") == {
        "routed": True,
        "open": 4,
        "answered": 3,
        "expired": 0,
    }


def test_assignments_are_read_in_pages_with_their_state_and_when_they_were_served(world: World) -> None:
    assert world.found("ann", only("submitted")) == [2]
    world.found("ann")
    pages = [
        world.call("GET", f"{world.path}/assignments", params={"offset": at, "limit": 3}) for at in (0, 3, 6)
    ]
    assert {page["total"] for page in pages} == {7}
    items = list(itertools.chain.from_iterable(page["items"] for page in pages))
    pairs = {(item["user_id"], item["record_id"]): item for item in items}
    assert len(pairs) == len(items) == 7
    mine = world.call("GET", f"{world.path}/assignments", params={"user_id": world.users["ann"]})
    assert mine["total"] == 4
    states = {
        world.records.index(item["record_id"]): (item["state"], item["position"]) for item in mine["items"]
    }
    assert states == {0: ("open", 0), 1: ("open", -1), 2: ("answered", -2), 3: ("open", -3)}
    for item in mine["items"]:
        assert datetime.fromisoformat(item["served_at"]).utcoffset() == timedelta(0)
        assert item["expires_at"] is None
    assert {key for item in items for key in item} == {
        "record_id",
        "user_id",
        "position",
        "expires_at",
        "state",
        "served_at",
    }
    assert pairs[world.users["bob"], world.records[3]]["state"] == "answered"
    for limit in (0, 10_001):
        answer = world.clients["owner"].get(f"{world.path}/assignments", params={"limit": limit})
        assert answer.status_code == 422


def test_writing_is_whole_or_not_at_all_and_names_what_is_wrong(world: World) -> None:
    def put(*items: Json) -> httpx.Response:
        return world.clients["owner"].put(f"{world.path}/assignments", json={"items": list(items)})

    before = world.call("GET", f"{world.path}/assignments")
    _, elsewhere = world.new_dataset(f"other-{secrets.token_hex(4)}")
    good = {**world.pair("ann", 4), "position": 1}
    refused = put(
        good,
        {**good, "record_id": NOWHERE},
        {**good, "record_id": elsewhere[0]},
        {**good, "user_id": NOWHERE},
        {**good, "user_id": world.users["eve"]},
    )
    assert refused.status_code == 422
    for named in (NOWHERE, elsewhere[0], world.users["eve"]):
        assert named in refused.json()["detail"]
    assert world.users["ann"] not in refused.json()["detail"]
    for bad in (
        {**good, "position": 1.5},
        {**good, "position": 2**63},
        {**good, "expires_at": "soon"},
        {**good, "expires_at": "0001-01-01T00:00:00+14:00"},
        {**good, "record_id": "x"},
        world.pair("ann", 4),
    ):
        assert put(bad).status_code == 422, bad
    assert put(*[good] * 1001).status_code == 422
    assert put().json() == {"written": 0}
    assert world.call("GET", f"{world.path}/assignments") == before


def test_writing_twice_changes_nothing_and_the_last_of_two_counts(world: World) -> None:
    until = datetime(2031, 5, 17, 8, 30, 12, 345678, tzinfo=UTC)
    local = until.astimezone(UTC).isoformat().replace("+00:00", "Z")
    item = {**world.pair("bob", 7), "position": 4, "expires_at": local}
    for _ in range(2):
        body = {"items": [{**item, "position": 9}, item]}
        assert world.call("PUT", f"{world.path}/assignments", json=body) == {"written": 1}
        found = world.call("GET", f"{world.path}/assignments", params={"user_id": world.users["bob"]})
        (row,) = [it for it in found["items"] if it["record_id"] == world.records[7]]
        assert (row["position"], datetime.fromisoformat(row["expires_at"])) == (4, until)
    assert world.withdraw(("bob", 7), ("bob", 7), ("bob", 0)) == 1
    assert world.withdraw(("bob", 7)) == 0
    assert world.withdraw() == 0


def test_a_dataset_that_is_not_routed_is_everybodys_also_beside_one_that_is(world: World) -> None:
    dataset, records = world.new_dataset(f"plain-{secrets.token_hex(4)}")
    path = f"/me/datasets/{dataset}/records/search"
    found = world.clients["ann"].post(path, json={}, params={"limit": 100}).json()
    assert (found["total"], len(found["items"])) == (RECORDS, RECORDS)
    assert world.clients["ann"].get(f"/records/{records[6]}").status_code == 200
    answer = world.clients["ann"].post(f"/records/{records[6]}/responses", json=body_of())
    assert answer.status_code == 201
    bulk = [{**body_of(), "record_id": record} for record in (records[5], world.records[5])]
    items = world.clients["ann"].post("/me/responses/bulk", json={"items": bulk}).json()["items"]
    assert [item["error"] for item in items] == [None, {"detail": NOT_YOURS}]
    state = world.call("GET", f"/datasets/{dataset}/routing")
    assert state == {"routed": False, "open": 0, "answered": 0, "expired": 0}
    switched = world.call("PUT", f"/datasets/{dataset}/routing", json={"routed": True})
    assert switched == {"routed": True, "open": 0, "answered": 2, "expired": 0}
    found = world.clients["ann"].post(path, json={}, params={"limit": 100}).json()
    assert {item["record"]["id"] for item in found["items"]} == {records[5], records[6]}
    assert world.clients["bob"].post(path, json={}).json() == {"items": [], "total": 0}
    world.call("DELETE", f"/datasets/{dataset}")


def test_a_record_that_is_deleted_while_it_is_assigned_leaves_nothing_written(
    database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_away(*_arguments: object) -> None:
        """Stands for a check that ended just before the record was deleted."""

    monkeypatch.setattr(routing, "_check", look_away)
    made = run(create_world([RecordSpec()]))
    user, there = made.users[0].id, made.records[0].id
    body = {"items": [{"record_id": record, "user_id": user, "position": 0} for record in (there, NOWHERE)]}

    async def put() -> None:
        async with AsyncSessionLocal() as session:
            await make_tables()
            await routing.put_assignments(session, made.dataset, AssignmentsWrite.model_validate(body))

    async def count() -> int:
        async with AsyncSessionLocal() as session:
            of_user = ASSIGNMENTS.c.user_id == user
            found = await session.scalar(select(func.count()).select_from(ASSIGNMENTS).where(of_user))
            return int(found or 0)

    with pytest.raises(HTTPException) as refused:
        run(put())
    assert (refused.value.status_code, run(count())) == (409, 0)


def test_as_many_as_one_request_may_hold_are_written_read_and_withdrawn(database: str, run: Run) -> None:
    made = run(create_world([RecordSpec() for _ in range(routing.MOST_WRITTEN // 2)], users=2))
    pairs = [{"record_id": record.id, "user_id": user.id} for user in made.users for record in made.records]
    rows = [{**pair, "position": number} for number, pair in enumerate(pairs)]

    async def use() -> tuple[int, int, int]:
        async with AsyncSessionLocal() as session:
            for user in made.users:
                session.add(WorkspaceUser(workspace_id=made.dataset.workspace_id, user_id=user.id))
            await session.commit()
            written = await routing.put_assignments(
                session, made.dataset, AssignmentsWrite.model_validate({"items": rows})
            )
            page = await routing.list_assignments(session, made.dataset, limit=routing.MOST_READ)
            gone = await routing.withdraw_assignments(
                session, made.dataset, PairsWithdraw.model_validate({"items": pairs})
            )
            return written.written, len(page.items), gone.withdrawn

    assert run(use()) == (1000, 1000, 1000)


def test_membership_is_asked_once_in_a_request_and_anew_in_the_next(database: str, run: Run) -> None:
    made = run(create_world([], users=1))
    workspace, asked = made.dataset.workspace_id, []

    async def ask(change: type[WorkspaceUser] | None = None) -> list[bool]:
        async with AsyncSessionLocal() as session:
            user = (await session.scalars(select(User).where(User.id == made.users[0].id))).one()
            engine = session.get_bind().engine
            if change:
                session.add(change(workspace_id=workspace, user_id=user.id))
                await session.commit()
            event.listen(engine, "before_cursor_execute", count)
            try:
                return [await user.is_member(workspace) for _ in range(3)]
            finally:
                event.remove(engine, "before_cursor_execute", count)

    def count(*arguments: object) -> None:
        asked.append(arguments)

    async def use() -> tuple[list[bool], list[bool]]:
        with remembered_memberships():
            before = await ask()
        with remembered_memberships():
            return before, await ask(WorkspaceUser)

    assert run(use()) == ([False] * 3, [True] * 3)
    assert len(asked) == 2
    run(ask())
    assert len(asked) == 5


def test_the_tables_are_made_once_whoever_comes_first(database: str, run: Run) -> None:
    def names(session: Session) -> set[str | None]:
        there = inspect(session.connection())
        found: set[str | None] = set(there.get_table_names())
        for table in ("sql_search_assignments", "sql_search_served"):
            found.update(index["name"] for index in there.get_indexes(table))
        return found

    async def make() -> set[str | None]:
        async with AsyncSessionLocal() as session:
            engine = session.get_bind().engine
            for table in (ASSIGNMENTS, ROUTED):
                await session.execute(DropTable(table, if_exists=True))
            await session.execute(text("DROP INDEX IF EXISTS sql_search_served_record_id"))  # as of before
            await session.commit()
        for _ in range(2):
            tables._made.discard(engine)
            await asyncio.gather(*(make_tables() for _ in range(4)))
        async with AsyncSessionLocal() as session:
            return await session.run_sync(names)

    assert run(make()) >= {
        "sql_search_assignments",
        "sql_search_assignments_record_id",
        "sql_search_assignments_user_id",
        "sql_search_routed",
        "sql_search_served",
        "sql_search_served_record_id",
    }


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
