"""What an annotator of a routed dataset finds, and in which order; on both databases, without a server."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import MetadataPropertyType
from argilla_server.models import MetadataProperty, Record, User
from argilla_server.search_engine import (
    AndFilter,
    MetadataFilterScope,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
    TermsMetrics,
    TextQuery,
)
from argilla_sql_search.assignments import utc_now
from argilla_sql_search.tables import ASSIGNMENTS, ROUTED, make_tables
from argilla_sql_search.viewers import ASKER
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update
from worlds import RecordSpec, create_world, sorted_by

if TYPE_CHECKING:
    from uuid import UUID

    from argilla_server.search_engine import Filter, SearchResponses
    from worlds import Run, World

PAST, FUTURE = timedelta(hours=-1), timedelta(hours=1)
ANN, BOB, LEAD = 0, 1, 2
Json = dict[str, Any]
STARS = {"stars": 5}


async def route(world: World, assigned: dict[int, dict[int, tuple[int, timedelta | None]]]) -> None:
    """Route a dataset: for each user (by place) the position and the expiry of each record (by place)."""
    await make_tables()
    now = utc_now()
    rows = [
        {
            "dataset_id": world.dataset.id,
            "user_id": world.users[user].id,
            "record_id": world.records[record].id,
            "position": position,
            "expires_at": None if expiry is None else now + expiry,
        }
        for user, records in assigned.items()
        for record, (position, expiry) in records.items()
    ]
    async with AsyncSessionLocal() as session:
        await session.execute(insert(ROUTED), [{"dataset_id": world.dataset.id, "routed": True}])
        if rows:
            await session.execute(insert(ASSIGNMENTS), rows)
        await session.execute(update(User).where(User.id == world.users[LEAD].id).values(role="admin"))
        await session.commit()


def find(run: Run, world: World, who: int | None = ANN, query: Any = None, **arguments: Any) -> list[int]:
    user_id = None if who is None else world.users[who].id
    return world.places(run(world.engine.search(world.dataset, query=query, user_id=user_id, **arguments)))


async def as_annotator(world: World, who: int, call: Any, *arguments: Any, **named: Any) -> Any:
    """Call the engine as Argilla does where it does not say who asks."""
    token = ASKER.set(str(world.users[who].id))
    try:
        return await call(*arguments, **named)
    finally:
        ASKER.reset(token)


def with_status(world: World, who: int, *statuses: str) -> Filter:
    scope = ResponseFilterScope(property="status", user=world.users[who])
    return TermsFilter(scope, list(statuses))


def queue_filter(world: World, who: int) -> Filter:
    """Return the filter by which Argilla's page asks for the queue."""
    record = TermsFilter(RecordFilterScope(property="status"), ["pending"])
    return AndFilter([with_status(world, who, "pending"), record])


@pytest.fixture(scope="module")
def world(database: str, run: Run) -> World:
    """Twelve records: Ann has 0 to 7, Bob has 6 to 9; nobody has 10 and 11."""
    specs = [
        RecordSpec(
            fields={"prompt": f"word{number} common"},
            metadata={"tags": f"tag{number}", "count": number},
            suggestions={"label": {"value": "Good", "agent": "model", "score": number / 12}},
            vector=[1.0, number / 12, 0.0],
        )
        for number in range(12)
    ]
    specs[1].responses = {ANN: ("submitted", STARS)}
    specs[2].responses = {ANN: ("discarded", {})}
    specs[3].responses = {ANN: ("draft", STARS)}
    specs[4].responses = {ANN: ("draft", STARS)}
    specs[5].status = "completed"  # by others: for Ann it is still to do
    specs[8].responses = {ANN: ("submitted", STARS), BOB: ("submitted", STARS)}  # 8 is not Ann's any more
    world = run(create_world(specs))
    ann = {
        0: (30, None),
        1: (5, None),
        2: (6, PAST),
        3: (7, FUTURE),
        4: (8, PAST),
        5: (10, FUTURE),
        6: (-3, None),
        7: (1, PAST),
    }
    run(route(world, {ANN: ann, BOB: {number: (-number, None) for number in range(6, 10)}}))
    return world


def test_the_queue_is_what_is_assigned_and_open_in_its_order(world: World, run: Run) -> None:
    assert find(run, world, filter=queue_filter(world, ANN)) == [6, 5, 0]
    assert find(run, world, BOB, filter=queue_filter(world, BOB)) == [9, 7, 6]
    assert find(run, world) == [6, 1, 2, 3, 4, 5, 0]
    pages = [find(run, world, offset=offset, limit=3) for offset in range(0, 9, 3)]
    assert list(itertools.chain(*pages)) == find(run, world)


def test_what_one_answered_or_drafted_is_found_by_its_status_after_it_expired(world: World, run: Run) -> None:
    assert find(run, world, filter=with_status(world, ANN, "draft")) == [3, 4]
    assert find(run, world, filter=with_status(world, ANN, "submitted", "discarded")) == [1, 2]
    assert find(run, world, BOB, filter=with_status(world, BOB, "submitted")) == [8]


def test_no_search_finds_what_is_not_the_annotators(world: World, run: Run) -> None:
    mine = {0, 1, 2, 3, 4, 5, 6}
    count = MetadataFilterScope(metadata_property="count")
    score = SuggestionFilterScope(question="label", property="score")
    for arguments in (
        {"query": "common"},
        {"query": TextQuery(q="word* | -nothing", field="prompt")},
        {"sort": [sorted_by(count, "desc")]},
        {"sort": [sorted_by(score, "asc")], "query": "common"},
        {"sort": [sorted_by(RecordFilterScope(property="status"), "asc")]},
        {"filter": TermsFilter(SuggestionFilterScope(question="label", property="value"), ["Good"])},
        {"filter": TermsFilter(SuggestionFilterScope(question="label", property="agent"), ["model"])},
        {"filter": AndFilter([])},
    ):
        assert set(find(run, world, **arguments)) == mine, arguments
        assert set(find(run, world, None, **arguments)) == set(range(12))
        assert set(find(run, world, LEAD, **arguments)) == set(range(12))
        asked = as_annotator(world, ANN, world.engine.search, world.dataset, **arguments)
        assert set(world.places(run(asked))) == mine
    assert find(run, world, query="word9") == find(run, world, query="word7") == []
    assert find(run, world, query="common") == find(run, world)
    assert find(run, world, sort=[sorted_by(count, "desc")]) == [6, 5, 4, 3, 2, 1, 0]
    assert find(run, world, filter=TermsFilter(count, ["9"])) == []
    completed = TermsFilter(RecordFilterScope(property="status"), ["completed"])
    assert find(run, world, filter=completed) == [1, 2]
    assert find(run, world, LEAD, filter=completed) == [5]


def test_what_is_like_a_record_is_sought_among_the_annotators(world: World, run: Run) -> None:
    async def nearest(who: int | None, **arguments: Any) -> SearchResponses:
        token = ASKER.set(None if who is None else str(world.users[who].id))
        try:
            return await world.engine.similarity_search(
                world.dataset, world.vector_settings, value=[0.0, 1.0, 0.0], **arguments
            )
        finally:
            ASKER.reset(token)

    assert world.places(run(nearest(ANN))) == [6, 5, 4, 3, 2, 1, 0]
    assert world.places(run(nearest(ANN, query="common", max_results=2))) == [6, 5]
    assert world.places(run(nearest(BOB))) == [9, 8, 7, 6]
    assert run(nearest(BOB)).total == 4
    assert world.places(run(nearest(LEAD))) == world.places(run(nearest(None))) == list(range(11, -1, -1))


def test_the_figures_count_what_is_assigned_and_answered(world: World, run: Run) -> None:
    def figures(who: int) -> tuple[dict[str, int], dict[str, int]]:
        of_all = as_annotator(world, who, world.engine.get_dataset_progress, world.dataset)
        own = as_annotator(
            world, who, world.engine.get_dataset_user_progress, world.dataset, world.users[who]
        )
        return run(of_all), run(own)

    of_all, own = figures(ANN)
    assert of_all == {"total": 7, "completed": 2, "pending": 5}
    assert own == {"total": 4, "submitted": 1, "discarded": 1, "draft": 2}
    assert figures(BOB) == ({"total": 4, "completed": 1, "pending": 3}, {"total": 1, "submitted": 1})
    assert figures(LEAD) == ({"total": 12, "completed": 1, "pending": 11}, {"total": 0})
    assert run(world.engine.get_dataset_progress(world.dataset))["total"] == 12


def test_figures_of_metadata_tell_of_nobody_elses_records(world: World, run: Run) -> None:
    async def terms_of(who: int) -> list[str]:
        async with AsyncSessionLocal() as session:
            of_dataset = MetadataProperty.dataset_id == world.dataset.id, MetadataProperty.name == "tags"
            tags = (await session.scalars(select(MetadataProperty).where(*of_dataset))).one()
        assert tags.type == MetadataPropertyType.terms
        metrics = await as_annotator(world, who, world.engine.compute_metrics_for, tags)
        assert isinstance(metrics, TermsMetrics)
        return sorted(term.term for term in metrics.values)

    assert run(terms_of(BOB)) == ["tag6", "tag7", "tag8", "tag9"]
    assert len(run(terms_of(LEAD))) == 12


def test_a_score_tells_nothing_of_how_often_others_records_have_a_word(database: str, run: Run) -> None:
    def score(*others: str) -> float:
        texts = ["fox and hound", "hound", *others]
        world = run(create_world([RecordSpec(fields={"prompt": text}) for text in texts]))
        run(route(world, {ANN: {0: (0, None), 1: (1, None)}}))
        found = run(world.engine.search(world.dataset, query="fox", user_id=world.users[ANN].id))
        assert world.places(found) == [0]
        return found.items[0].score or 0.0

    assert score("fox", "fox", "fox", "fox fox fox") == score("cat") == score()


def test_a_dataset_that_is_routed_no_more_is_everybodys(database: str, run: Run) -> None:
    async def switch(world: World, routed: bool) -> None:
        async with AsyncSessionLocal() as session:
            of_dataset = ROUTED.c.dataset_id == world.dataset.id
            await session.execute(update(ROUTED).where(of_dataset).values(routed=routed))
            await session.commit()

    world = run(create_world([RecordSpec() for _ in range(20)]))
    before = find(run, world)
    assert sorted(before) == list(range(20))
    run(route(world, {ANN: {3: (0, None)}}))
    assert find(run, world) == [3]
    assert find(run, world, BOB) == []
    run(switch(world, False))
    assert find(run, world) == before
    run(switch(world, True))
    assert find(run, world) == [3]


def test_assignments_go_with_their_record_user_and_dataset(database: str, run: Run) -> None:
    async def left(world: World) -> int:
        async with AsyncSessionLocal() as session:
            of_dataset = ASSIGNMENTS.c.dataset_id == world.dataset.id
            count = await session.scalar(select(func.count()).select_from(ASSIGNMENTS).where(of_dataset))
            return count or 0

    async def remove(model: Any, row: UUID) -> None:
        async with AsyncSessionLocal() as session:
            await session.execute(delete(model).where(model.id == row))
            await session.commit()

    world = run(create_world([RecordSpec() for _ in range(3)]))
    run(route(world, {who: {0: (0, None), 1: (1, None)} for who in (ANN, BOB)}))
    run(remove(Record, world.records[0].id))
    assert run(left(world)) == 2
    run(remove(User, world.users[BOB].id))
    assert run(left(world)) == 1
    run(remove(type(world.dataset), world.dataset.id))
    assert run(left(world)) == 0


# --- any assignments, any search: what a plain model finds

WORDS = ["red", "green", "blue"]
STATUSES = [None, "draft", "submitted", "discarded"]
EXPIRIES = st.sampled_from([None, PAST, FUTURE])


@st.composite
def routed_worlds(draw: st.DrawFn) -> tuple[list[RecordSpec], dict[int, tuple[int, timedelta | None]]]:
    specs, assigned = [], {}
    for number in range(draw(st.integers(1, 8))):
        status = draw(st.sampled_from(STATUSES))
        others = draw(st.sampled_from(STATUSES))
        responses: dict[int, tuple[str, Json]] = {
            who: (of, {}) for who, of in ((ANN, status), (BOB, others)) if of
        }
        specs.append(
            RecordSpec(
                fields={"prompt": " ".join(draw(st.lists(st.sampled_from(WORDS), max_size=3))) or "none"},
                metadata={"count": draw(st.integers(0, 3))},
                responses=responses,
                status=draw(st.sampled_from(["pending", "completed"])),
            )
        )
        if draw(st.booleans()):
            assigned[number] = (draw(st.integers(-2, 2)), draw(EXPIRIES))
    return specs, assigned


@settings(max_examples=10)
@given(routed_worlds())
def test_of_any_search_an_annotator_finds_what_a_plain_model_finds(
    database: str, run: Run, drawn: tuple[list[RecordSpec], dict[int, tuple[int, timedelta | None]]]
) -> None:
    specs, assigned = drawn
    world = run(create_world(specs))
    count = MetadataFilterScope(metadata_property="count")
    searches: list[dict[str, Any]] = [
        {"query": query, "filter": search_filter, "sort": sort}
        for query in (None, "red", "red | -green")
        for search_filter in (
            None,
            with_status(world, ANN, "pending"),
            with_status(world, ANN, "pending", "draft"),
            TermsFilter(count, ["1", "2"]),
        )
        for sort in (None, [sorted_by(count, "desc")])
    ]
    unrouted = [find(run, world, **search) for search in searches]
    run(route(world, {ANN: assigned, BOB: {0: (0, None)}}))
    theirs = {
        place for place, (_, expiry) in assigned.items() if expiry != PAST or ANN in specs[place].responses
    }
    for search, before in zip(searches, unrouted, strict=True):
        expected = [place for place in before if place in theirs]
        if not search["sort"]:
            expected.sort(key=lambda place: (assigned[place][0], place))
        assert find(run, world, **search) == expected, search
    answered = {place for place in theirs if specs[place].responses.get(ANN, ("draft",))[0] != "draft"}
    progress = run(as_annotator(world, ANN, world.engine.get_dataset_progress, world.dataset))
    assert progress["total"] == len(theirs)
    assert progress.get("completed", 0) == len(answered)
    queue = find(run, world, filter=queue_filter(world, ANN))
    assert set(queue) == {place for place in theirs if ANN not in specs[place].responses}
