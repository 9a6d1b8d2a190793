"""What a text search finds, and how it ranks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argilla_server.database import AsyncSessionLocal
from argilla_server.models import Record
from argilla_server.search_engine import TextQuery
from sqlalchemy import delete, update
from worlds import RecordSpec, add_record, execute

if TYPE_CHECKING:
    from worlds import MakeWorld, Places, Run

HELLO = "hello world"


def chat(*contents: str, role: str = "user") -> dict[str, list[dict[str, str]]]:
    return {"chat": [{"role": role, "content": content} for content in contents]}


def test_a_text_search_sees_every_write_at_once(make_world: MakeWorld, run: Run) -> None:
    world = make_world(RecordSpec(fields={"prompt": HELLO}), RecordSpec(fields={"prompt": "bye"}))

    def total(query: str) -> int:
        return run(world.engine.search(world.dataset, query=query)).total

    assert (total("hello"), total("bye")) == (1, 1)
    run(
        execute(
            update(Record).where(Record.id == world.records[1].id).values(fields={"prompt": "hello again"})
        )
    )
    assert (total("hello"), total("bye")) == (2, 0)
    run(execute(delete(Record).where(Record.id == world.records[0].id)))
    assert (total("hello"), total("world"), total("again")) == (1, 0, 1)

    async def add() -> None:
        async with AsyncSessionLocal() as session:
            await add_record(
                session, RecordSpec(fields={"prompt": HELLO}), world.dataset.id, world.users, {}, None
            )
            await session.commit()

    run(add())
    assert (total("hello"), total("world"), total("wor*"), total("wrld~1"), total('"hello world"')) == (
        2,
        1,
        1,
        1,
        1,
    )


def test_words_are_found_across_fields_but_a_compound_within_one(
    make_world: MakeWorld, places: Places
) -> None:
    world = make_world(
        RecordSpec(fields={"prompt": "red", "chat": [{"role": "user", "content": "fox"}]}),
        RecordSpec(fields={"prompt": "red fox"}),
    )
    assert sorted(places(world, "red fox")) == [0, 1]
    assert places(world, "red-fox") == [1]
    assert places(world, '"red fox"') == [1]
    assert places(world, TextQuery(q="fox", field="chat")) == [0]
    assert places(world, TextQuery(q="user", field="chat")) == [0]
    assert places(world, TextQuery(q="user", field="prompt")) == []


def test_a_phrase_does_not_reach_from_one_message_into_the_next(
    make_world: MakeWorld, places: Places
) -> None:
    world = make_world(
        RecordSpec(fields=chat("red", "fox")),
        RecordSpec(fields=chat("red fox")),
        RecordSpec(fields=chat("red old fox")),
    )
    assert places(world, '"red fox"') == [1]
    assert sorted(places(world, '"red fox"~1')) == [1, 2]
    assert sorted(places(world, '"red fox"~99')) == [1, 2]
    assert sorted(places(world, '"red fox"~100')) == [0, 1, 2]
    assert sorted(places(world, '"fox red"~2')) == [1]


def test_a_role_is_searched_as_it_is_written(make_world: MakeWorld, places: Places) -> None:
    world = make_world(
        RecordSpec(fields=chat("hi", role="Domain Expert")), RecordSpec(fields=chat("hi", role="user"))
    )
    assert places(world, '"Domain Expert"') == [0]
    assert places(world, "Dom*") == [0]
    assert places(world, "expert") == []
    assert places(world, "usr~1") == [1]


def test_a_custom_field_is_searched_in_its_python_form(make_world: MakeWorld, places: Places) -> None:
    world = make_world(RecordSpec(fields={"extra": {"key": "red fox", "flag": True}}))
    for query in ("key", '"red fox"', "true"):
        assert places(world, TextQuery(q=query, field="extra")) == [0]
    assert places(world, TextQuery(q="null", field="extra")) == []


def test_fuzziness_takes_the_ten_nearest_words_and_counts_a_swap_as_two(
    make_world: MakeWorld, places: Places
) -> None:
    world = make_world(*(RecordSpec(fields={"prompt": f"wor{letter}"}) for letter in "abcdefghijklmnop"))
    assert sorted(places(world, "word~1")) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    world = make_world(RecordSpec(fields={"prompt": "form"}), RecordSpec(fields={"prompt": "from"}))
    assert places(world, "form~1") == [0]
    assert places(world, "form~2") == [0, 1]


def test_a_better_match_comes_first(make_world: MakeWorld, places: Places) -> None:
    world = make_world(
        RecordSpec(fields={"prompt": "fox and much else that is said here"}),
        RecordSpec(fields={"prompt": "fox fox"}),
    )
    assert places(world, "fox") == [1, 0]
