"""Routing on a real server: queues, figures, and the resource of leads."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from argilla_server.database import AsyncSessionLocal
from argilla_server.models import User, WorkspaceUser
from argilla_sql_search import routing, served, tables
from argilla_sql_search.assignments import utc_now
from argilla_sql_search.gate import NOT_YOURS
from argilla_sql_search.memberships import remembered_memberships
from argilla_sql_search.routing import AssignmentsWrite, PairsWithdraw
from argilla_sql_search.tables import ASSIGNMENTS, ROUTED, SERVED, make_tables
from fastapi import HTTPException
from routed_world import NOWHERE, QUEUE, RECORDS, SECRET, Json, World, body_of, only
from sqlalchemy import event, func, inspect, select, text
from sqlalchemy.schema import DropTable
from worlds import RecordSpec, create_world

if TYPE_CHECKING:
    import httpx
    from sqlalchemy.orm import Session
    from worlds import Run


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


def test_what_was_served_stays_where_only_unseen_records_are_withdrawn(world: World) -> None:
    world.assign(("bob", 7, 1))
    assert 7 in world.found("bob")
    world.assign(("bob", 6, 2))
    assert world.withdraw(("bob", 6), ("bob", 7), unless_served=True) == 1
    assert world.withdraw(("bob", 7)) == 1


def test_what_could_not_be_noted_as_served_is_noted_later_but_for_what_was_deleted(
    database: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(create_world([RecordSpec(), RecordSpec()]))
    user, (first, second) = made.users[0].id, [record.id for record in made.records]
    note, failures = served._note, [RuntimeError("no disk"), RuntimeError("no disk")]

    async def fail_at_first(rows: list[Json]) -> None:
        if failures:
            raise failures.pop()
        await note(rows)

    async def serve() -> dict[object, datetime]:
        await served.note_served(str(user), [first])
        begun = utc_now()
        monkeypatch.setattr(served, "_note", fail_at_first)
        await served.note_served(str(user), [first, UUID(NOWHERE), second])
        assert await noted() == {first}
        await asyncio.gather(*served._later)
        async with AsyncSessionLocal() as session:
            rows = await session.execute(select(SERVED).where(SERVED.c.user_id == user))
            at = {row.record_id: row.served_at for row in rows}
        assert at[first] <= begun <= at[second]
        return at

    async def noted() -> set[object]:
        async with AsyncSessionLocal() as session:
            return set(await session.scalars(select(SERVED.c.record_id).where(SERVED.c.user_id == user)))

    monkeypatch.setattr(served, "PAUSES", (0.0, 0.0))
    assert run(serve()).keys() == {first, second}


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
