"""The collection: what enters it, what is held back, and what a crash leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

import pyarrow.parquet as pq
import pytest

from tests.sample_records import NOW, chat, siblings
from workspaces.collection import Appended, Collection
from workspaces.collection.files import measured, to_batch
from workspaces.records import Conversation, Message, Role, SharingState
from workspaces.store import Store, conversations

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)
AT_ONCE = timedelta(0)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.fixture
def collection(store: Store, tmp_path: Path) -> Collection:
    return Collection(tmp_path / "collection", store)


def states(store: Store) -> dict[SharingState, int]:
    with store.read() as connection:
        return conversations.count_by_state(connection)


def test_what_was_appended_comes_back_unchanged(collection: Collection) -> None:
    there = Conversation(
        id="ünïcode / id",
        messages=(
            Message("m0", None, Role.SYSTEM, "be kind\x1f\x1e\r\n\t\ufeff"),
            Message("m1", "m0", Role.USER, ""),
            Message("m2", "m1", Role.ASSISTANT, "one 🙂", "model-a"),
            Message("m3", "m1", Role.ASSISTANT, "two", None),
            Message("m4", "m3", Role.TOOL, "{}"),
        ),
        source="somewhere",
        model_name="model-a",
        giver_id="p1",
        timestamp=datetime(2025, 2, 3, 4, 5, 6, 789012, tzinfo=UTC),
        licence="cc-by-4.0",
        language="en",
        user_metadata={"age": None, "nested": {"list": [1, 2.5, True, None, "x"]}},
        conversation_metadata={"title": "ß", "big": 2**70, "small": 1e-300},
    )
    collection.append([there, siblings("tree", "why?", "a", "b")], now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    assert list(collection.scan()) == [there, siblings("tree", "why?", "a", "b")]


def test_appending_again_adds_nothing(collection: Collection) -> None:
    logs = [chat(f"c{i}", f"question {i}", f"answer {i}") for i in range(5)]
    assert collection.append(logs, now=NOW, delay=AT_ONCE) == Appended(5, 0, ())
    assert collection.append(logs[::-1], now=NOW, delay=AT_ONCE) == Appended(0, 5, ())
    collection.share_due(NOW)
    assert len(list(collection.scan())) == 5


def test_appending_nothing_writes_nothing(collection: Collection, tmp_path: Path) -> None:
    assert collection.append([], now=NOW, delay=AT_ONCE) == Appended(0, 0, ())
    assert not (tmp_path / "collection").exists()


def test_an_id_with_another_text_is_a_namesake_and_the_first_text_stays(collection: Collection) -> None:
    first = chat("c", "question", "answer")
    other = chat("c", "question", "another answer")
    assert collection.append([first, other, first], now=NOW, delay=AT_ONCE) == Appended(
        1, 1, (), namesakes=(1,)
    )
    assert collection.append([other], now=NOW, delay=AT_ONCE) == Appended(0, 0, (), namesakes=(0,))
    collection.share_due(NOW)
    assert list(collection.scan()) == [first]


def test_the_same_log_under_two_ids_enters_once(collection: Collection) -> None:
    logs = [chat("c1", "question", "answer"), chat("c2", "question", "answer")]
    assert collection.append(logs, now=NOW, delay=AT_ONCE) == Appended(1, 1, ())
    assert collection.append(logs[1:], now=NOW, delay=AT_ONCE) == Appended(0, 1, ())


@pytest.mark.parametrize(
    "other",
    [
        chat("c", "question", "answer", model="model-y"),
        chat("c", "question", "answer", "more"),
        chat("c", "question\x1f", "answer"),
        chat("c", "answer", "question"),
        Conversation(
            "c",
            (Message("c#0", None, Role.USER, "question\x1e\x1fassistant\x1eanswer\x1emodel-x"),),
            source="s",
            model_name="model-x",
        ),
    ],
)
def test_different_logs_have_different_hashes(other: Conversation) -> None:
    batch = measured(to_batch([other, chat("c", "question", "answer")]))
    assert len(set(batch.column("content_hash").to_pylist())) == 2


def test_a_conversation_is_held_for_its_delay_counted_from_its_own_time(
    collection: Collection, store: Store
) -> None:
    old = replace(chat("old", "q", "a"), timestamp=NOW - 2 * DAY)
    fresh = replace(chat("fresh", "q", "b"), timestamp=NOW - DAY / 2)
    timeless = chat("timeless", "q", "c")
    collection.append([old, fresh, timeless], now=NOW, delay=DAY)
    assert list(collection.scan()) == []
    assert collection.share_due(NOW) == 1
    assert [found.id for found in collection.scan()] == ["old"]
    assert collection.share_due(NOW + DAY / 2 - timedelta(seconds=1)) == 0
    assert collection.share_due(NOW + DAY / 2) == 1
    assert collection.share_due(NOW + DAY) == 1
    assert collection.share_due(NOW + DAY) == 0
    assert states(store) == {SharingState.SHARED: 3}


@pytest.mark.parametrize("time", [datetime.max.replace(tzinfo=UTC), NOW + 400 * DAY])
def test_a_time_in_the_future_holds_a_log_no_longer_than_a_new_one(
    collection: Collection, time: datetime
) -> None:
    collection.append([replace(chat("c", "q", "a"), timestamp=time)], now=NOW, delay=DAY)
    assert collection.share_due(NOW + DAY - timedelta(seconds=1)) == 0
    assert collection.share_due(NOW + DAY) == 1
    assert [found.timestamp for found in collection.scan()] == [time]


def test_the_earliest_time_there_is_can_be_kept(collection: Collection) -> None:
    time = datetime.min.replace(tzinfo=UTC)
    collection.append([replace(chat("c", "q", "a"), timestamp=time)], now=NOW, delay=DAY)
    collection.share_due(NOW)
    assert [found.timestamp for found in collection.scan()] == [time]


def test_a_run_killed_before_registration_leaves_nothing_and_the_next_one_everything(
    collection: Collection, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    logs = [chat(f"c{i}", f"question {i}", f"answer {i}") for i in range(6)]
    with monkeypatch.context() as patch:
        patch.setattr(conversations, "register", killed)
        with pytest.raises(KeyboardInterrupt):
            collection.append(logs[:4], now=NOW, delay=AT_ONCE)
    assert len(list((tmp_path / "collection").iterdir())) == 1
    assert states(store) == {}
    assert collection.append(logs, now=NOW, delay=AT_ONCE) == Appended(6, 0, ())
    collection.share_due(NOW)
    assert sorted(found.id for found in collection.scan()) == [f"c{i}" for i in range(6)]


def test_a_run_killed_while_writing_leaves_no_half_file(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(table: object, file: BinaryIO, **_: object) -> None:
        file.write(b"PAR1 half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", killed)
        with pytest.raises(KeyboardInterrupt):
            collection.append([chat("c", "q", "a")], now=NOW, delay=AT_ONCE)
    assert list((tmp_path / "collection").glob("*.parquet")) == []
    collection.append([chat("c", "q", "a")], now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    assert [found.id for found in collection.scan()] == ["c"]


def test_only_shared_conversations_can_be_got(collection: Collection) -> None:
    collection.append([chat("shared", "q", "a")], now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    collection.append([chat("held", "q", "b")], now=NOW, delay=DAY)
    assert set(collection.get(["shared", "held", "unknown"])) == {"shared"}


def test_more_ids_than_one_query_takes_are_looked_up(collection: Collection) -> None:
    logs = [chat(f"c{i}", f"question {i}", f"answer {i}") for i in range(1201)]
    assert collection.append(logs, now=NOW, delay=AT_ONCE).added == 1201
    assert collection.append(logs, now=NOW, delay=AT_ONCE) == Appended(0, 1201, ())


def test_a_scan_has_the_same_order_every_time(collection: Collection) -> None:
    for start in range(0, 30, 10):
        logs = [chat(f"c{i}", f"question {i}", f"answer {i}") for i in range(start, start + 10)]
        collection.append(logs, now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    assert [found.id for found in collection.scan()] == [found.id for found in collection.scan()]
