"""The SQL engine and Argilla's Elasticsearch engine (over the reference interpreter) answer alike."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from argilla_server.enums import DatasetStatus, SimilarityOrder
from argilla_server.search_engine import AndFilter
from drawn_searches import filters, orders, queries, some_records
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import RecordSpec, create_world

if TYPE_CHECKING:
    from argilla_server.search_engine import Filter, Order, TextQuery
    from drawn_searches import Build
    from worlds import Run, World


def _arguments(
    world: World,
    query: TextQuery | None,
    some_filters: list[Build[Filter]],
    some_orders: list[Build[Order]],
    page: tuple[int, int],
) -> dict[str, Any]:
    """Build the arguments of a search anew: Argilla's engine empties the values of a status filter."""
    built = [build(world) for build in some_filters]
    return {
        "query": query,
        "filter": AndFilter(built) if built else None,
        "sort": [build(world) for build in some_orders] or None,
        "offset": page[0],
        "limit": page[1],
    }


@settings(max_examples=24)
@given(
    specs=some_records,
    searches=st.lists(
        st.tuples(st.none() | queries, st.lists(filters(), max_size=3), st.lists(orders(), max_size=3)),
        min_size=6,
        max_size=12,
    ),
    page=st.tuples(st.integers(0, 3), st.integers(1, 10)),
)
def test_a_search_finds_the_same_records_in_the_same_order(
    database: str,
    run: Run,
    specs: list[RecordSpec],
    searches: list[tuple[TextQuery | None, list[Build[Filter]], list[Build[Order]]]],
    page: tuple[int, int],
) -> None:
    async def compare() -> None:
        world = await create_world(specs)
        for query, some_filters, some_orders in searches:
            arguments = partial(_arguments, world, query, some_filters, some_orders, page)
            expected = await world.reference.search(world.dataset, **arguments())
            actual = await world.engine.search(world.dataset, **arguments())
            assert actual.total == expected.total, arguments()
            assert [item.score for item in actual.items] == pytest.approx(
                [item.score for item in expected.items]
            ), arguments()
            if some_orders or query is None:
                assert world.places(actual) == world.places(expected), arguments()
            shuffled = await world.engine.search(
                world.dataset, **arguments() | {"user_id": world.users[0].id, "offset": 0, "limit": 100}
            )
            everything = await world.reference.search(
                world.dataset, **arguments() | {"offset": 0, "limit": 100}
            )
            assert sorted(world.places(shuffled)) == sorted(world.places(everything)), arguments()
            assert shuffled.total == everything.total

    run(compare())


@settings(max_examples=15)
@given(specs=some_records)
def test_progress_and_metrics_are_the_same(database: str, run: Run, specs: list[RecordSpec]) -> None:
    async def compare() -> None:
        world = await create_world(specs)
        actual, expected = world.engine, world.reference
        progress = await actual.get_dataset_progress(world.dataset)
        assert list(progress.items()) == list((await expected.get_dataset_progress(world.dataset)).items())
        for metadata_property in world.dataset.metadata_properties:
            assert await actual.compute_metrics_for(metadata_property) == await expected.compute_metrics_for(
                metadata_property
            )
        world.dataset.status = DatasetStatus.draft
        assert await actual.get_dataset_progress(world.dataset) == {}
        assert await actual.get_dataset_user_progress(world.dataset, world.users[0]) == {}

    run(compare())


@settings(max_examples=15)
@given(
    specs=st.lists(
        st.builds(
            RecordSpec,
            responses=st.dictionaries(
                st.integers(0, 2),
                st.tuples(st.sampled_from(["draft", "submitted", "discarded"]), st.just({})),
                max_size=1,
            ),
        ),
        max_size=10,
    )
)
def test_user_progress_is_the_same_where_nobody_else_answered(
    database: str, run: Run, specs: list[RecordSpec]
) -> None:
    async def compare() -> None:
        world = await create_world(specs)
        for user in world.users:
            actual = await world.engine.get_dataset_user_progress(world.dataset, user)
            assert list(actual.items()) == list(
                (await world.reference.get_dataset_user_progress(world.dataset, user)).items()
            )

    run(compare())


@settings(max_examples=20)
@given(
    specs=some_records,
    value=st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any),
    query=st.none() | queries,
    some_filters=st.lists(filters(), max_size=2),
    order=st.sampled_from(list(SimilarityOrder)),
    max_results=st.integers(1, 10),
    threshold=st.none() | st.floats(0, 1),
)
def test_a_similarity_search_finds_the_same_records(
    database: str,
    run: Run,
    specs: list[RecordSpec],
    value: list[int],
    query: TextQuery | None,
    some_filters: list[Build[Filter]],
    order: SimilarityOrder,
    max_results: int,
    threshold: float | None,
) -> None:
    async def compare() -> None:
        world = await create_world(specs)
        targets: list[dict[str, Any]] = [{"value": [float(number) for number in value]}]
        targets += [{"record": record} for record in world.records if record.vectors]
        for target in targets[:3]:

            def arguments(target: dict[str, Any] = target) -> dict[str, Any]:
                built = [build(world) for build in some_filters]
                return target | {
                    "query": query,
                    "filter": AndFilter(built) if built else None,
                    "order": order,
                    "max_results": max_results,
                }

            expected = await world.reference.similarity_search(
                world.dataset, world.vector_settings, **arguments()
            )
            actual = await world.engine.similarity_search(world.dataset, world.vector_settings, **arguments())
            assert actual.total == expected.total
            assert [item.score for item in actual.items] == pytest.approx(
                [item.score for item in expected.items], abs=1e-6
            )
            if threshold is not None:
                above = await world.engine.similarity_search(
                    world.dataset, world.vector_settings, **arguments(), threshold=threshold
                )
                assert above.items == [
                    i for i in actual.items if i.score is not None and i.score >= threshold
                ]
                assert above.total == actual.total

    run(compare())
