"""What the engine promises beyond agreeing with Elasticsearch: order, freshness, and what it refuses."""

from __future__ import annotations

import itertools
from uuid import uuid4

import pytest
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import SimilarityOrder
from argilla_server.models import Record, Response, Vector
from argilla_server.search_engine import (
    AndFilter,
    IntegerMetadataMetrics,
    MetadataFilterScope,
    Order,
    RangeFilter,
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
from worlds import RecordSpec, add_record, create_world

HELLO = "hello world"


def chat(*contents, role="user"):
    return {"chat": [{"role": role, "content": content} for content in contents]}


@pytest.fixture
def world(database, run):
    """Create a dataset with the given records."""
    return lambda *specs, **names: run(create_world(list(specs), **names))


@pytest.fixture
def found(run):
    """Return the places of the records that a search finds."""
    return lambda of, query=None, **arguments: of.places(
        run(of.engine.search(of.dataset, query=query, **arguments))
    )


def test_the_engine_is_registered_and_answers(database, run):
    async def use():
        async with SearchEngine.get_by_name("sql") as engine:
            return await engine.ping(), await engine.info()

    alive, info = run(use())
    assert alive
    assert info["database"] == database


def test_each_person_has_an_order_of_their_own_that_stays_over_pages_and_writes(world, found, run):
    of = world(*(RecordSpec() for _ in range(40)), users=3)
    whole = {user.id: found(of, user_id=user.id) for user in of.users}
    for user, order in whole.items():
        pages = [found(of, user_id=user, offset=offset, limit=7) for offset in range(0, 49, 7)]
        assert list(itertools.chain(*pages)) == order
        assert sorted(order) == list(range(40))
        assert order != list(range(40))
    assert len({tuple(order) for order in whole.values()}) == 3

    run(_execute(update(Record).where(Record.id == of.records[5].id).values(status="completed")))
    assert found(of, user_id=of.users[0].id) == whole[of.users[0].id]
    pending = TermsFilter(RecordFilterScope("status"), ["pending"])
    assert found(of, user_id=of.users[0].id, filter=pending) == [p for p in whole[of.users[0].id] if p != 5]


def test_pages_of_equal_records_neither_repeat_nor_skip(world, found):
    of = world(*(RecordSpec(metadata={"count": 1}) for _ in range(25)))
    for sort in (
        None,
        [Order(MetadataFilterScope("count"), "desc")],
        [Order(MetadataFilterScope("ratio"), "asc")],
    ):
        pages = [found(of, sort=sort, offset=offset, limit=4) for offset in range(0, 28, 4)]
        assert list(itertools.chain(*pages)) == list(range(25))


def test_a_text_search_sees_every_write_at_once(world, run):
    of = world(RecordSpec(fields={"prompt": HELLO}), RecordSpec(fields={"prompt": "bye"}))

    def total(query):
        return run(of.engine.search(of.dataset, query=query)).total

    assert (total("hello"), total("bye")) == (1, 1)
    run(
        _execute(update(Record).where(Record.id == of.records[1].id).values(fields={"prompt": "hello again"}))
    )
    assert (total("hello"), total("bye")) == (2, 0)
    run(_execute(delete(Record).where(Record.id == of.records[0].id)))
    assert (total("hello"), total("world"), total("again")) == (1, 0, 1)

    async def add():
        async with AsyncSessionLocal() as session:
            await add_record(session, RecordSpec(fields={"prompt": HELLO}), of.dataset.id, of.users, {}, None)
            await session.commit()

    run(add())
    assert (total("hello"), total("world"), total("wor*"), total("wrld~1"), total('"hello world"')) == (
        2,
        1,
        1,
        1,
        1,
    )


def test_a_similarity_search_sees_every_write_at_once(world, run):
    of = world(*(RecordSpec(vector=vector) for vector in ([1, 0, 0], [0, 1, 0], [-1, 0, 0])))

    def nearest():
        answer = run(of.engine.similarity_search(of.dataset, of.vector_settings, value=[1.0, 0.1, 0.0]))
        return of.places(answer)

    assert nearest() == [0, 1, 2]
    run(_execute(update(Vector).where(Vector.record_id == of.records[2].id).values(value=[1.0, 0.1, 0.0])))
    assert nearest() == [2, 0, 1]
    run(_execute(delete(Vector).where(Vector.record_id == of.records[0].id)))
    assert nearest() == [2, 1]


def test_similarity_scores_are_those_of_elasticsearch(world, run):
    of = world(*(RecordSpec(vector=vector) for vector in ([1, 0, 0], [0, 2, 0], [-3, 0, 0])), RecordSpec())

    def scores(**arguments):
        answer = run(of.engine.similarity_search(of.dataset, of.vector_settings, **arguments))
        return dict(zip(of.places(answer), (item.score for item in answer.items), strict=True)), answer.total

    assert scores(value=[5.0, 0.0, 0.0]) == (pytest.approx({0: 1, 1: 0.5, 2: 0}), 3)
    least = {"order": SimilarityOrder.least_similar}
    assert scores(value=[5.0, 0.0, 0.0], **least) == (pytest.approx({2: 1, 1: 0.5, 0: 0}), 3)
    assert scores(record=of.records[0]) == (pytest.approx({1: 0.5, 2: 0}), 2)
    assert scores(value=[5.0, 0.0, 0.0], threshold=0.4) == (pytest.approx({0: 1, 1: 0.5}), 3)
    assert scores(value=[5.0, 0.0, 0.0], max_results=1) == ({0: 1}, 1)
    with pytest.raises(ValueError, match="either vector value or record"):
        scores()
    with pytest.raises(ValueError, match="Cannot find a vector value"):
        scores(record=of.records[3])
    for rejected in ([1.0], [0.0, 0.0, 0.0]):
        with pytest.raises(SearchRejectedError):
            scores(value=rejected)


def test_words_are_found_across_fields_but_a_compound_within_one(world, found):
    of = world(
        RecordSpec(fields={"prompt": "red", "chat": [{"role": "user", "content": "fox"}]}),
        RecordSpec(fields={"prompt": "red fox"}),
    )
    assert sorted(found(of, "red fox")) == [0, 1]
    assert found(of, "red-fox") == [1]
    assert found(of, '"red fox"') == [1]
    assert found(of, TextQuery(q="fox", field="chat")) == [0]
    assert found(of, TextQuery(q="user", field="chat")) == [0]
    assert found(of, TextQuery(q="user", field="prompt")) == []


def test_a_phrase_does_not_reach_from_one_message_into_the_next(world, found):
    of = world(
        RecordSpec(fields=chat("red", "fox")),
        RecordSpec(fields=chat("red fox")),
        RecordSpec(fields=chat("red old fox")),
    )
    assert found(of, '"red fox"') == [1]
    assert sorted(found(of, '"red fox"~1')) == [1, 2]
    assert sorted(found(of, '"red fox"~99')) == [1, 2]
    assert sorted(found(of, '"red fox"~100')) == [0, 1, 2]
    assert sorted(found(of, '"fox red"~2')) == [1]


def test_a_role_is_searched_as_it_is_written(world, found):
    of = world(
        RecordSpec(fields=chat("hi", role="Domain Expert")), RecordSpec(fields=chat("hi", role="user"))
    )
    assert found(of, '"Domain Expert"') == [0]
    assert found(of, "Dom*") == [0]
    assert found(of, "expert") == []
    assert found(of, "usr~1") == [1]


def test_a_custom_field_is_searched_in_its_python_form(world, found):
    of = world(RecordSpec(fields={"extra": {"key": "red fox", "flag": True}}))
    for query in ("key", '"red fox"', "true"):
        assert found(of, TextQuery(q=query, field="extra")) == [0]
    assert found(of, TextQuery(q="null", field="extra")) == []


def test_fuzziness_takes_the_ten_nearest_words_and_counts_a_swap_as_two(world, found):
    of = world(*(RecordSpec(fields={"prompt": f"wor{letter}"}) for letter in "abcdefghijklmnop"))
    assert sorted(found(of, "word~1")) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    of = world(RecordSpec(fields={"prompt": "form"}), RecordSpec(fields={"prompt": "from"}))
    assert found(of, "form~1") == [0]
    assert found(of, "form~2") == [0, 1]


def test_a_better_match_comes_first(world, found):
    of = world(
        RecordSpec(fields={"prompt": "fox and much else that is said here"}),
        RecordSpec(fields={"prompt": "fox fox"}),
    )
    assert found(of, "fox") == [1, 0]


def test_user_progress_counts_only_what_that_user_did(world, run):
    """Unlike Elasticsearch, which counts everyone's responses to the records that the user answered."""
    of = world(
        RecordSpec(responses={0: ("submitted", {}), 1: ("draft", {})}),
        RecordSpec(responses={1: ("draft", {})}),
    )
    progress = [run(of.engine.get_dataset_user_progress(of.dataset, user)) for user in of.users]
    assert progress == [{"total": 1, "submitted": 1}, {"total": 2, "draft": 2}, {"total": 0}]
    expected = run(of.reference.get_dataset_user_progress(of.dataset, of.users[0]))
    assert expected == {"total": 2, "draft": 1, "submitted": 1}


def test_an_empty_dataset_has_nothing_to_find(world, found, run):
    of = world()
    assert found(of) == found(of, "hello") == found(of, user_id=of.users[0].id) == []
    assert run(of.engine.similarity_search(of.dataset, of.vector_settings, value=[1.0, 0.0, 0.0])).items == []
    assert run(of.engine.get_dataset_progress(of.dataset)) == {"total": 0}


def test_metrics_of_a_property_without_values_are_empty(world, run):
    of = world(RecordSpec())
    metrics = {p.name: run(of.engine.compute_metrics_for(p)) for p in of.dataset.metadata_properties}
    assert metrics["tags"] == TermsMetrics(total=0, values=[])
    assert metrics["count"] == IntegerMetadataMetrics(min=None, max=None)


def test_metadata_of_the_wrong_type_is_as_good_as_missing(world, found, run):
    """A property can be declared after records were logged with anything under its name."""
    of = world(RecordSpec(metadata={"count": "many", "ratio": [1, "x"]}), RecordSpec(metadata={"count": 3}))
    assert found(of, filter=RangeFilter(MetadataFilterScope("count"), ge=0)) == [1]
    assert found(of, sort=[Order(MetadataFilterScope("count"), "desc")]) == [1, 0]
    metrics = {p.name: run(of.engine.compute_metrics_for(p)) for p in of.dataset.metadata_properties}
    assert (metrics["count"].min, metrics["count"].max) == (3, 3)


@pytest.mark.parametrize("large", [2**31, 2**62, 2**63, 10**30])
def test_an_integer_of_any_size_is_compared(world, found, large):
    of = world(RecordSpec(metadata={"count": 7}), RecordSpec(metadata={"count": 2**40}))
    count = MetadataFilterScope("count")
    assert found(of, filter=TermsFilter(count, ["7", str(large)])) == [0]
    assert found(of, filter=TermsFilter(count, [str(2**40)])) == [1]
    assert found(of, filter=RangeFilter(count, ge=large)) == ([1] if large < 2**40 else [])
    assert found(of, filter=RangeFilter(count, ge=-large, le=2**39)) == [0]


@pytest.mark.parametrize(
    "name", ['it\'s "quoted"', "dotted.name", "naïve ☃", "back\\slash", "$[0]", "a%b:c", "' OR 1=1 --"]
)
def test_names_from_strangers_are_only_names(world, found, run, name):
    rating = {"type": "rating", "options": [{"value": 1}]}
    of = world(
        RecordSpec(
            metadata={name: ["x", "y"]},
            responses={0: ("submitted", {name: 1})},
            suggestions={name: {"value": 1, "score": 0.5}},
        ),
        RecordSpec(metadata={name: name}),
        questions={name: rating},
        metadata={name: "terms"},
    )
    assert found(of, filter=TermsFilter(MetadataFilterScope(name), ["x"])) == [0]
    assert found(of, filter=TermsFilter(MetadataFilterScope(name), [name])) == [1]
    for user in (None, of.users[0]):
        scope = ResponseFilterScope(question=name, user=user)
        assert found(of, filter=TermsFilter(scope, ["1"])) == [0]
        assert found(of, sort=[Order(scope, "desc")]) == [0, 1]
    assert found(of, filter=RangeFilter(SuggestionFilterScope(name, "score"), ge=0.5)) == [0]
    assert {
        v.term: v.count for v in run(of.engine.compute_metrics_for(of.dataset.metadata_properties[0])).values
    } == {"x": 1, "y": 1, name: 1}


def test_dates_are_compared_as_elasticsearch_reads_them(world, found):
    of = world(RecordSpec(), RecordSpec())
    inserted_at = RecordFilterScope("inserted_at")
    exact = [record.inserted_at.isoformat() for record in of.records]
    assert found(of, filter=RangeFilter(inserted_at, ge=exact[1])) == [1]
    assert found(of, filter=RangeFilter(inserted_at, le=exact[0])) == [0]
    assert found(of, filter=TermsFilter(inserted_at, [exact[0]])) == [0]
    assert found(of, filter=RangeFilter(inserted_at, ge="2026", le="2026-03")) == [0, 1]
    assert found(of, filter=RangeFilter(inserted_at, ge=f"{exact[1]}+00:00", le=f"{exact[1]}Z")) == [1]
    assert found(of, filter=RangeFilter(inserted_at, ge="2026-03-02||-1d/d", le="2026-03-01||/d")) == [0, 1]
    assert found(of, filter=RangeFilter(inserted_at, le="1000")) == []
    milliseconds = 1_772_366_400_000  # 2026-03-01T12:00:00Z
    assert found(of, filter=RangeFilter(inserted_at, ge=milliseconds)) == [0, 1]
    assert found(of, filter=RangeFilter(RecordFilterScope("updated_at"), ge="now+1y")) == []


def test_several_values_sort_by_their_least_or_greatest(world, found, run):
    of = world(*(RecordSpec(metadata={"tags": tags}) for tags in (["a", "z"], ["b", "c"], "m", None)))
    for order, expected in (("asc", [0, 1, 2, 3]), ("desc", [0, 2, 1, 3])):
        sort = [Order(MetadataFilterScope("tags"), order)]
        assert found(of, sort=sort) == expected
        assert of.places(run(of.reference.search(of.dataset, sort=sort))) == expected


def test_a_float_is_compared_with_the_precision_of_32_bits(world, found, run):
    """0.1 lies below its nearest 32-bit float, 16777217 above: both must equal themselves."""
    of = world(*(RecordSpec(metadata={"ratio": ratio}) for ratio in (0.1, 16777217.0, 0.2)))
    ratio = MetadataFilterScope("ratio")
    for condition, expected in (
        (RangeFilter(ratio, ge=0.1, le=0.1), [0]),
        (RangeFilter(ratio, ge="16777217", le=16777216.0), [1]),
        (TermsFilter(ratio, ["0.1", "0.2"]), [0, 2]),
        (TermsFilter(ratio, ["0.1000001"]), []),
    ):
        assert found(of, filter=condition) == expected
        assert of.places(run(of.reference.search(of.dataset, filter=condition))) == expected


def test_an_average_is_rounded_before_the_next_order_decides(world, found, run):
    """Elasticsearch sorts by an integer field's average as an integer: 1.5 and 2 and 2.4 are equal."""
    of = world(
        RecordSpec(responses={0: ("submitted", {"stars": 1}), 1: ("draft", {"stars": 2})}),
        RecordSpec(responses={0: ("submitted", {"stars": 2})}),
        RecordSpec(
            responses={place: ("discarded", {"stars": stars}) for place, stars in enumerate((2, 2, 3))}
        ),
        RecordSpec(responses={0: ("submitted", {"stars": 3})}),
        RecordSpec(),
    )
    newest_first = Order(RecordFilterScope("inserted_at"), "desc")
    for order, expected in (("asc", [2, 1, 0, 3, 4]), ("desc", [3, 2, 1, 0, 4])):
        sort = [Order(ResponseFilterScope(question="stars"), order), newest_first]
        assert found(of, sort=sort) == expected
        assert of.places(run(of.reference.search(of.dataset, sort=sort))) == expected


def test_what_elasticsearch_rejects_is_rejected(world, run):
    of = world(RecordSpec())
    count, label = MetadataFilterScope("count"), ResponseFilterScope(question="label")
    rejected = [
        {"filter": TermsFilter(count, ["many"])},
        {"filter": RangeFilter(count, ge="many")},
        {"filter": RangeFilter(MetadataFilterScope("ratio"), ge=1e300)},
        {"filter": RangeFilter(RecordFilterScope("inserted_at"), ge="yesterday")},
        {"filter": TermsFilter(ResponseFilterScope(), ["submitted"])},
        {"filter": RangeFilter(ResponseFilterScope(property="status"), ge=1)},
        {"sort": [Order(label, "asc")]},
        {"sort": [Order(ResponseFilterScope(property="status"), "asc")]},
        {"sort": [Order(ResponseFilterScope(question="comment"), "asc")]},
        {"sort": [Order(SuggestionFilterScope("comment", "value"), "asc")]},
        {"query": TextQuery(q="x", field="nowhere")},
        {"query": "(" * 5000 + "x" + ")" * 5000},
    ]
    for arguments in rejected:
        with pytest.raises(SearchRejectedError):
            run(of.engine.search(of.dataset, **arguments))


def test_a_filter_is_left_as_it_was(world, found):
    of = world(RecordSpec(responses={0: ("submitted", {})}), RecordSpec())
    status = TermsFilter(ResponseFilterScope(property="status", user=of.users[0]), ["pending", "submitted"])
    for _ in range(2):
        assert found(of, filter=AndFilter([status])) == [0, 1]


def test_answers_in_another_dataset_do_not_count(world, found, run):
    of, other = world(RecordSpec(), RecordSpec()), world(RecordSpec())

    async def answer():
        async with AsyncSessionLocal() as session:
            values = {"stars": {"value": 3}}
            session.add(
                Response(
                    record_id=other.records[0].id, user_id=of.users[0].id, status="submitted", values=values
                )
            )
            session.add(
                Response(record_id=of.records[1].id, user_id=of.users[0].id, status="draft", values=None)
            )
            await session.commit()

    run(answer())
    scope = ResponseFilterScope(property="status", user=of.users[0])
    assert found(of, filter=TermsFilter(scope, ["submitted"])) == []
    assert found(of, filter=TermsFilter(scope, ["pending"])) == [0]
    assert found(of, filter=TermsFilter(ResponseFilterScope(question="stars", user=of.users[0]), ["3"])) == []
    assert run(of.engine.get_dataset_user_progress(of.dataset, of.users[0])) == {"total": 1, "draft": 1}


def test_index_writes_do_nothing(world, run):
    of = world(RecordSpec())

    async def write():
        engine = of.engine
        await engine.create_index(of.dataset)
        await engine.configure_metadata_property(of.dataset, of.dataset.metadata_properties[0])
        await engine.configure_index_vectors(of.vector_settings)
        await engine.index_records(of.dataset, of.records)
        await engine.partial_record_update(of.records[0], status="completed")
        await engine.delete_records(of.dataset, of.records)
        await engine.update_record_response(Response(id=uuid4()))
        await engine.delete_record_response(Response(id=uuid4()))
        await engine.update_record_suggestion(None)
        await engine.delete_record_suggestion(None)
        await engine.delete_index(of.dataset)
        await engine.close()
        return await engine.search(of.dataset, query="hello")

    assert run(write()).total == 1


async def _execute(statement):
    async with AsyncSessionLocal() as session:
        await session.execute(statement)
        await session.commit()
