"""What the engine promises beyond agreeing with Elasticsearch: order, freshness, and what it refuses."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import Record, Response, Suggestion, Vector
from argilla_server.search_engine import (
    AndFilter,
    IntegerMetadataMetrics,
    MetadataFilterScope,
    RecordFilterScope,
    ResponseFilterScope,
    SearchEngine,
    SuggestionFilterScope,
    TermsFilter,
    TermsMetrics,
    TextQuery,
)
from argilla_sql_search.errors import SearchRejectedError
from sqlalchemy import delete, update
from worlds import RecordSpec, between, execute, sorted_by

if TYPE_CHECKING:
    from argilla_server.search_engine import SearchResponses
    from worlds import MakeWorld, Places, Run


def test_the_engine_is_registered_and_answers(database: str, run: Run) -> None:
    async def use() -> tuple[bool, dict[str, str | None]]:
        async with SearchEngine.get_by_name("sql") as engine:
            return await engine.ping(), await engine.info()

    alive, info = run(use())
    assert alive
    assert info["database"] == database


def test_each_person_has_an_order_of_their_own_that_stays_over_pages_and_writes(
    make_world: MakeWorld, places: Places, run: Run
) -> None:
    world = make_world(*(RecordSpec() for _ in range(40)), users=3)
    whole = {user.id: places(world, user_id=user.id) for user in world.users}
    for user, order in whole.items():
        pages = [places(world, user_id=user, offset=offset, limit=7) for offset in range(0, 49, 7)]
        assert list(itertools.chain(*pages)) == order
        assert sorted(order) == list(range(40))
        assert order != list(range(40))
    assert len({tuple(order) for order in whole.values()}) == 3

    run(execute(update(Record).where(Record.id == world.records[5].id).values(status="completed")))
    assert places(world, user_id=world.users[0].id) == whole[world.users[0].id]
    pending = TermsFilter(RecordFilterScope("status"), ["pending"])
    assert places(world, user_id=world.users[0].id, filter=pending) == [
        p for p in whole[world.users[0].id] if p != 5
    ]


def test_pages_of_equal_records_neither_repeat_nor_skip(make_world: MakeWorld, places: Places) -> None:
    world = make_world(*(RecordSpec(metadata={"count": 1}) for _ in range(25)))
    for sort in (
        None,
        [sorted_by(MetadataFilterScope("count"), "desc")],
        [sorted_by(MetadataFilterScope("ratio"), "asc")],
    ):
        pages = [places(world, sort=sort, offset=offset, limit=4) for offset in range(0, 28, 4)]
        assert list(itertools.chain(*pages)) == list(range(25))


def test_a_similarity_search_sees_every_write_at_once(make_world: MakeWorld, run: Run) -> None:
    world = make_world(*(RecordSpec(vector=vector) for vector in ([1, 0, 0], [0, 1, 0], [-1, 0, 0])))

    def nearest() -> list[int]:
        answer = run(
            world.engine.similarity_search(world.dataset, world.vector_settings, value=[1.0, 0.1, 0.0])
        )
        return world.places(answer)

    assert nearest() == [0, 1, 2]
    run(execute(update(Vector).where(Vector.record_id == world.records[2].id).values(value=[1.0, 0.1, 0.0])))
    assert nearest() == [2, 0, 1]
    run(execute(delete(Vector).where(Vector.record_id == world.records[0].id)))
    assert nearest() == [2, 1]


def test_similarity_scores_are_those_of_elasticsearch(make_world: MakeWorld, run: Run) -> None:
    world = make_world(
        *(RecordSpec(vector=vector) for vector in ([1, 0, 0], [0, 2, 0], [-3, 0, 0])), RecordSpec()
    )

    def scores(**arguments: Any) -> tuple[Any, int]:
        answer = run(world.engine.similarity_search(world.dataset, world.vector_settings, **arguments))
        return dict(
            zip(world.places(answer), (item.score for item in answer.items), strict=True)
        ), answer.total

    assert scores(value=[5.0, 0.0, 0.0]) == (pytest.approx({0: 1, 1: 0.5, 2: 0}), 3)
    least = {"order": SimilarityOrder.least_similar}
    assert scores(value=[5.0, 0.0, 0.0], **least) == (pytest.approx({2: 1, 1: 0.5, 0: 0}), 3)
    assert scores(record=world.records[0]) == (pytest.approx({1: 0.5, 2: 0}), 2)
    assert scores(value=[5.0, 0.0, 0.0], threshold=0.4) == (pytest.approx({0: 1, 1: 0.5}), 3)
    assert scores(value=[5.0, 0.0, 0.0], max_results=1) == ({0: 1}, 1)
    with pytest.raises(ValueError, match="either vector value or record"):
        scores()
    with pytest.raises(ValueError, match="Cannot find a vector value"):
        scores(record=world.records[3])
    for rejected in ([1.0], [0.0, 0.0, 0.0]):
        with pytest.raises(SearchRejectedError):
            scores(value=rejected)


def test_user_progress_counts_only_what_that_user_did(make_world: MakeWorld, run: Run) -> None:
    """Unlike Elasticsearch, which counts everyone's responses to the records that the user answered."""
    world = make_world(
        RecordSpec(responses={0: ("submitted", {}), 1: ("draft", {})}),
        RecordSpec(responses={1: ("draft", {})}),
    )
    progress = [run(world.engine.get_dataset_user_progress(world.dataset, user)) for user in world.users]
    assert progress == [{"total": 1, "submitted": 1}, {"total": 2, "draft": 2}, {"total": 0}]
    expected = run(world.reference.get_dataset_user_progress(world.dataset, world.users[0]))
    assert expected == {"total": 2, "draft": 1, "submitted": 1}


def test_an_empty_dataset_has_nothing_to_find(make_world: MakeWorld, places: Places, run: Run) -> None:
    world = make_world()
    assert places(world) == places(world, "hello") == places(world, user_id=world.users[0].id) == []
    assert (
        run(world.engine.similarity_search(world.dataset, world.vector_settings, value=[1.0, 0.0, 0.0])).items
        == []
    )
    assert run(world.engine.get_dataset_progress(world.dataset)) == {"total": 0}


def test_metrics_of_a_property_without_values_are_empty(make_world: MakeWorld, run: Run) -> None:
    world = make_world(RecordSpec())
    metrics = {p.name: run(world.engine.compute_metrics_for(p)) for p in world.dataset.metadata_properties}
    assert metrics["tags"] == TermsMetrics(total=0, values=[])
    assert metrics["count"] == IntegerMetadataMetrics(type=MetadataPropertyType.integer, min=None, max=None)


def test_metadata_of_the_wrong_type_is_as_good_as_missing(
    make_world: MakeWorld, places: Places, run: Run
) -> None:
    """A property can be declared after records were logged with anything under its name."""
    world = make_world(
        RecordSpec(metadata={"count": "many", "ratio": [1, "x"]}), RecordSpec(metadata={"count": 3})
    )
    assert places(world, filter=between(MetadataFilterScope("count"), ge=0)) == [1]
    assert places(world, sort=[sorted_by(MetadataFilterScope("count"), "desc")]) == [1, 0]
    metrics: dict[str, Any] = {
        p.name: run(world.engine.compute_metrics_for(p)) for p in world.dataset.metadata_properties
    }
    assert (metrics["count"].min, metrics["count"].max) == (3, 3)


@pytest.mark.parametrize("large", [2**31, 2**62, 2**63, 10**30])
def test_an_integer_of_any_size_is_compared(make_world: MakeWorld, places: Places, large: int) -> None:
    world = make_world(RecordSpec(metadata={"count": 7}), RecordSpec(metadata={"count": 2**40}))
    count = MetadataFilterScope("count")
    assert places(world, filter=TermsFilter(count, ["7", str(large)])) == [0]
    assert places(world, filter=TermsFilter(count, [str(2**40)])) == [1]
    assert places(world, filter=between(count, ge=large)) == ([1] if large < 2**40 else [])
    assert places(world, filter=between(count, ge=-large, le=2**39)) == [0]


@pytest.mark.parametrize(
    "name", ['it\'s "quoted"', "dotted.name", "naïve ☃", "back\\slash", "$[0]", "a%b:c", "' OR 1=1 --"]
)
def test_names_from_strangers_are_only_names(
    make_world: MakeWorld, places: Places, run: Run, name: str
) -> None:
    rating = {"type": "rating", "options": [{"value": 1}]}
    world = make_world(
        RecordSpec(
            metadata={name: ["x", "y"]},
            responses={0: ("submitted", {name: 1})},
            suggestions={name: {"value": 1, "score": 0.5}},
        ),
        RecordSpec(metadata={name: name}),
        questions={name: rating},
        metadata={name: "terms"},
    )
    assert places(world, filter=TermsFilter(MetadataFilterScope(name), ["x"])) == [0]
    assert places(world, filter=TermsFilter(MetadataFilterScope(name), [name])) == [1]
    for user in (None, world.users[0]):
        scope = ResponseFilterScope(question=name, user=user)
        assert places(world, filter=TermsFilter(scope, ["1"])) == [0]
        assert places(world, sort=[sorted_by(scope, "desc")]) == [0, 1]
    assert places(world, filter=between(SuggestionFilterScope(name, "score"), ge=0.5)) == [0]
    metrics = run(world.engine.compute_metrics_for(world.dataset.metadata_properties[0]))
    assert isinstance(metrics, TermsMetrics)
    assert {term_count.term: term_count.count for term_count in metrics.values} == {"x": 1, "y": 1, name: 1}


def test_dates_are_compared_as_elasticsearch_reads_them(make_world: MakeWorld, places: Places) -> None:
    world = make_world(RecordSpec(), RecordSpec())
    inserted_at = RecordFilterScope("inserted_at")
    exact = [record.inserted_at.isoformat() for record in world.records]
    assert places(world, filter=between(inserted_at, ge=exact[1])) == [1]
    assert places(world, filter=between(inserted_at, le=exact[0])) == [0]
    assert places(world, filter=TermsFilter(inserted_at, [exact[0]])) == [0]
    assert places(world, filter=between(inserted_at, ge="2026", le="2026-03")) == [0, 1]
    assert places(world, filter=between(inserted_at, ge=f"{exact[1]}+00:00", le=f"{exact[1]}Z")) == [1]
    assert places(world, filter=between(inserted_at, ge="2026-03-02||-1d/d", le="2026-03-01||/d")) == [0, 1]
    assert places(world, filter=between(inserted_at, le="1000")) == []
    milliseconds = 1_772_366_400_000  # 2026-03-01T12:00:00Z
    assert places(world, filter=between(inserted_at, ge=milliseconds)) == [0, 1]
    assert places(world, filter=between(RecordFilterScope("updated_at"), ge="now+1y")) == []


def test_several_values_sort_by_their_least_or_greatest(
    make_world: MakeWorld, places: Places, run: Run
) -> None:
    world = make_world(*(RecordSpec(metadata={"tags": tags}) for tags in (["a", "z"], ["b", "c"], "m", None)))
    for order, expected in (("asc", [0, 1, 2, 3]), ("desc", [0, 2, 1, 3])):
        sort = [sorted_by(MetadataFilterScope("tags"), order)]
        assert places(world, sort=sort) == expected
        assert world.places(run(world.reference.search(world.dataset, sort=sort))) == expected


def test_a_float_is_compared_with_the_precision_of_32_bits(
    make_world: MakeWorld, places: Places, run: Run
) -> None:
    """0.1 lies below its nearest 32-bit float, 16777217 above: both must equal themselves."""
    world = make_world(*(RecordSpec(metadata={"ratio": ratio}) for ratio in (0.1, 16777217.0, 0.2)))
    ratio = MetadataFilterScope("ratio")
    for condition, expected in (
        (between(ratio, ge=0.1, le=0.1), [0]),
        (between(ratio, ge="16777217", le=16777216.0), [1]),
        (TermsFilter(ratio, ["0.1", "0.2"]), [0, 2]),
        (TermsFilter(ratio, ["0.1000001"]), []),
    ):
        assert places(world, filter=condition) == expected
        assert world.places(run(world.reference.search(world.dataset, filter=condition))) == expected


def test_an_average_is_rounded_before_the_next_order_decides(
    make_world: MakeWorld, places: Places, run: Run
) -> None:
    """Elasticsearch sorts by an integer field's average as an integer: 1.5 and 2 and 2.4 are equal."""
    world = make_world(
        RecordSpec(responses={0: ("submitted", {"stars": 1}), 1: ("draft", {"stars": 2})}),
        RecordSpec(responses={0: ("submitted", {"stars": 2})}),
        RecordSpec(
            responses={place: ("discarded", {"stars": stars}) for place, stars in enumerate((2, 2, 3))}
        ),
        RecordSpec(responses={0: ("submitted", {"stars": 3})}),
        RecordSpec(),
    )
    newest_first = sorted_by(RecordFilterScope("inserted_at"), "desc")
    for order, expected in (("asc", [2, 1, 0, 3, 4]), ("desc", [3, 2, 1, 0, 4])):
        sort = [sorted_by(ResponseFilterScope(question="stars"), order), newest_first]
        assert places(world, sort=sort) == expected
        assert world.places(run(world.reference.search(world.dataset, sort=sort))) == expected


def test_what_elasticsearch_rejects_is_rejected(make_world: MakeWorld, run: Run) -> None:
    world = make_world(RecordSpec())
    count, label = MetadataFilterScope("count"), ResponseFilterScope(question="label")
    rejected: list[dict[str, Any]] = [
        {"filter": TermsFilter(count, ["many"])},
        {"filter": between(count, ge="many")},
        {"filter": between(MetadataFilterScope("ratio"), ge=1e300)},
        {"filter": between(RecordFilterScope("inserted_at"), ge="yesterday")},
        {"filter": TermsFilter(ResponseFilterScope(), ["submitted"])},
        {"filter": between(ResponseFilterScope(property="status"), ge=1)},
        {"sort": [sorted_by(label, "asc")]},
        {"sort": [sorted_by(ResponseFilterScope(property="status"), "asc")]},
        {"sort": [sorted_by(ResponseFilterScope(question="comment"), "asc")]},
        {"sort": [sorted_by(SuggestionFilterScope("comment", "value"), "asc")]},
        {"query": TextQuery(q="x", field="nowhere")},
        {"query": "(" * 5000 + "x" + ")" * 5000},
    ]
    for arguments in rejected:
        with pytest.raises(SearchRejectedError):
            run(world.engine.search(world.dataset, **arguments))


def test_a_filter_is_left_as_it_was(make_world: MakeWorld, places: Places) -> None:
    world = make_world(RecordSpec(responses={0: ("submitted", {})}), RecordSpec())
    status = TermsFilter(
        ResponseFilterScope(property="status", user=world.users[0]), ["pending", "submitted"]
    )
    for _ in range(2):
        assert places(world, filter=AndFilter([status])) == [0, 1]


def test_answers_in_another_dataset_do_not_count(make_world: MakeWorld, places: Places, run: Run) -> None:
    world, other = make_world(RecordSpec(), RecordSpec()), make_world(RecordSpec())

    async def answer() -> None:
        async with AsyncSessionLocal() as session:
            values = {"stars": {"value": 3}}
            session.add(
                Response(
                    record_id=other.records[0].id,
                    user_id=world.users[0].id,
                    status="submitted",
                    values=values,
                )
            )
            session.add(
                Response(
                    record_id=world.records[1].id, user_id=world.users[0].id, status="draft", values=None
                )
            )
            await session.commit()

    run(answer())
    scope = ResponseFilterScope(property="status", user=world.users[0])
    assert places(world, filter=TermsFilter(scope, ["submitted"])) == []
    assert places(world, filter=TermsFilter(scope, ["pending"])) == [0]
    assert (
        places(world, filter=TermsFilter(ResponseFilterScope(question="stars", user=world.users[0]), ["3"]))
        == []
    )
    assert run(world.engine.get_dataset_user_progress(world.dataset, world.users[0])) == {
        "total": 1,
        "draft": 1,
    }


def test_index_writes_do_nothing(make_world: MakeWorld, run: Run) -> None:
    world = make_world(RecordSpec())

    async def write() -> SearchResponses:
        engine = world.engine
        await engine.create_index(world.dataset)
        await engine.configure_metadata_property(world.dataset, world.dataset.metadata_properties[0])
        await engine.configure_index_vectors(world.vector_settings)
        await engine.index_records(world.dataset, world.records)
        await engine.partial_record_update(world.records[0], status="completed")
        await engine.delete_records(world.dataset, world.records)
        await engine.update_record_response(Response(id=uuid4()))
        await engine.delete_record_response(Response(id=uuid4()))
        await engine.update_record_suggestion(Suggestion(id=uuid4()))
        await engine.delete_record_suggestion(Suggestion(id=uuid4()))
        await engine.delete_index(world.dataset)
        await engine.close()
        return await engine.search(world.dataset, query="hello")

    assert run(write()).total == 1
