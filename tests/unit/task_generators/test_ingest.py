"""Chat-log files: whatever they are packed in, every row is added, known already, or rejected with a reason."""

from __future__ import annotations

import gzip
import json
import os
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from task_generators.chat_logs import Ingested, appending, ingest
from task_generators.chat_logs.readers.columns import UNREAD
from task_generators.chat_logs.sources import chunks
from task_generators.chat_logs.sources.rows import REMEDY
from tests.sample_records import NOW
from tests.stores import SQLITE, Stores
from workspaces.collection import Collection
from workspaces.collection import files as parts
from workspaces.collection.near_duplicates import index
from workspaces.errors import UsageError
from workspaces.privacy.redaction import Redactor
from workspaces.records import SharingState
from workspaces.store import Store, conversations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspaces.records import Conversation

Row = dict[str, Any]
REDACTOR = Redactor()


class Desk:
    """A collection in a folder of its own, and files to read into it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.collection = Collection(folder / "collection", self.store)
        self.rejects = folder / "rejects.jsonl"

    def file(self, content: list[Row] | bytes, name: str = "logs.jsonl") -> Path:
        path = self.folder / name
        lines = (
            b"".join(json.dumps(row).encode() + b"\n" for row in content)
            if isinstance(content, list)
            else content
        )
        path.write_bytes(lines)
        return path

    def read(
        self,
        content: list[Row] | bytes | Path,
        name: str = "logs.jsonl",
        giver_id_of: Callable[[str], str] = "person of {}".format,
    ) -> Ingested:
        return ingest(
            content if isinstance(content, Path) else self.file(content, name),
            self.collection,
            rejects=self.rejects,
            giver_id_of=giver_id_of,
            key="keyed-{}".format,
            now=NOW,
            delay=timedelta(0),
            redactor=REDACTOR,
        )

    def all(self) -> dict[str, Conversation]:
        self.collection.share_due(NOW)
        return {found.id: found for found in self.collection.scan()}

    def rejected(self) -> list[Row]:
        return [json.loads(line) for line in self.rejects.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def sqlite_stores(tmp_path_factory: pytest.TempPathFactory, sqlite_template: str) -> Iterator[Stores]:
    made = Stores(SQLITE, tmp_path_factory.mktemp("stores"), sqlite_template)
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path: Path, sqlite_stores: Stores) -> Desk:
    return Desk(tmp_path, sqlite_stores.new())


@pytest.fixture
def another(tmp_path: Path, sqlite_stores: Stores) -> Desk:
    (tmp_path / "another").mkdir()
    return Desk(tmp_path / "another", sqlite_stores.new())


def row(number: int, **changes: object) -> Row:
    return {
        "conversation_id": f"c{number}",
        "conversation": [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": f"answer {number}"},
        ],
        "model_name": "model-x",
        "user_id": f"u{number % 3}",
        "timestamp": "2026-01-05T07:58:12Z",
        "source": "tests",
        "user_metadata": {},
        "conversation_metadata": {},
        **changes,
    }


ROWS = [row(number) for number in range(20)]


def test_the_same_file_twice_adds_nothing(desk: Desk) -> None:
    first = desk.read(ROWS)
    assert (first.format, first.read, first.added, first.duplicates, first.rejected) == (
        "sharelm",
        20,
        20,
        0,
        0,
    )
    before = desk.all()
    again = desk.read(ROWS)
    assert (again.read, again.added, again.duplicates, again.rejected) == (20, 0, 20, 0)
    assert desk.all() == before
    assert not desk.rejects.exists()


@pytest.mark.parametrize(
    "files",
    [[ROWS[:7], ROWS[7:]], [ROWS[10:], ROWS[:10]], [ROWS[::-1]], [ROWS + ROWS], [ROWS[:15], ROWS[5:], ROWS]],
)
def test_halves_repeats_and_another_order_come_to_the_same_collection(
    desk: Desk, another: Desk, files: list[list[Row]]
) -> None:
    desk.read(ROWS)
    for content in files:
        another.read(content)
    assert another.all() == desk.all()


def test_a_run_killed_between_file_and_registration_is_made_up_for_by_the_next(
    desk: Desk, another: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "BATCH", 6)
    registered = conversations.register
    calls = 0

    def killed_the_second_time(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        registered(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(conversations, "register", killed_the_second_time)
        with pytest.raises(KeyboardInterrupt):
            desk.read(ROWS)
    assert len(desk.all()) == 6
    resumed = desk.read(ROWS)
    assert (resumed.added, resumed.duplicates) == (14, 6)
    another.read(ROWS)
    assert desk.all() == another.all()


def said(text: str, *answers: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}] + [
        {"role": "user" if index % 2 else "assistant", "content": each} for index, each in enumerate(answers)
    ]


def test_one_id_for_several_chats_does_not_identify_so_each_goes_by_its_text(desk: Desk) -> None:
    rows = [row(3, conversation=said(text)) for text in ("one", "two", "three")]
    found = desk.read([*rows, row(4)])
    assert (found.read, found.added, found.rejected, found.namesakes) == (4, 4, 0, 2)
    assert {each.messages[0].content for each in desk.all().values()} == {"one", "two", "three", "question 4"}
    assert desk.all()["c3"].messages[0].content == "one"
    ids = [message.id for each in desk.all().values() for message in each.messages]
    assert len(ids) == len(set(ids))
    again = desk.read(rows[::-1])
    assert (again.added, again.grown, again.duplicates, again.rejected) == (0, 0, 3, 0)


def test_a_chat_that_goes_by_its_text_still_grows(desk: Desk) -> None:
    desk.read([row(3, conversation=said("one", "1")), row(3, conversation=said("two", "2"))])
    longer = [
        row(3, conversation=said(*texts)) for texts in (("two", "2", "more", "22"), ("one", "1", "on", "11"))
    ]
    found = desk.read(longer, "later.jsonl")
    assert (found.added, found.grown, found.rejected) == (0, 2, 0)
    assert sorted(len(each.messages) for each in desk.all().values()) == [4, 4]


def test_two_answers_under_one_id_and_prompt_are_two_chats(desk: Desk) -> None:
    found = desk.read([row(3, conversation=said("one", answer)) for answer in ("a", "b", "c", "b")])
    assert (found.read, found.added, found.duplicates, found.rejected) == (4, 3, 1, 0)


def test_another_text_under_the_id_of_a_private_chat_stays_out(desk: Desk) -> None:
    desk.read([row(3)])
    with desk.store.write() as connection:
        conversations.set_state(connection, ["c3"], SharingState.PRIVATE, NOW)
    found = desk.read([row(3, conversation=said("another"))])
    assert (found.added, found.rejected, found.namesakes) == (0, 1, 0)
    assert found.reasons == {"its conversation_id stands in the collection with another text": 1}


def test_rows_that_cannot_be_read_are_rejected_with_line_and_reason(desk: Desk) -> None:
    good, turns = json.dumps(row(1)), row(1)["conversation"]
    bad = {
        "{not json": "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "[1, 2]": "not an object but list",
        "null": "not an object but NoneType",
        json.dumps(row(2, conversation_id="  ")): "conversation_id is missing",
        json.dumps(row(2, conversation_id=None)): "conversation_id is missing",
        json.dumps(row(2, conversation_id="x" * 513)): "conversation_id is longer than 512 characters",
        json.dumps(row(2, conversation="hello")): "conversation is not a list of turns",
        json.dumps(row(2, conversation=[])): "conversation is not a list of turns",
        json.dumps(row(2, conversation=[*turns, {"role": "user"}])): "a turn has no text: turn 2",
        json.dumps(row(2, conversation=["hello"])): "a turn has no text: turn 0",
        json.dumps(
            row(2, conversation=[{"role": "robot", "content": "x"}])
        ): "a turn has an unknown role: 'robot' in turn 0",
        json.dumps(row(2, conversation=[{"role": "user", "content": " \n"}])): "every turn is empty",
    }
    found = desk.read("\n".join([good, "", *bad, good]).encode() + b'\n{"a": "\xff"}\n')
    assert (found.read, found.added, found.duplicates) == (len(bad) + 3, 1, 1)
    assert found.rejected == len(bad) + 1
    assert desk.rejected() == [
        *({"line": line, "reason": reason} for line, reason in enumerate(bad.values(), start=3)),
        {"line": len(bad) + 4, "reason": REMEDY},
    ]
    assert found.rejects_file == str(desk.rejects)


def test_reasons_are_counted_by_kind_however_many_there_are(desk: Desk) -> None:
    bad = [row(n, conversation=[{"role": f"robot {n}", "content": "x"}]) for n in range(50)]
    bad += [row(n, conversation=[{"role": "user", "content": "x"}] * n + [{}]) for n in range(50)]
    assert desk.read([*ROWS, *bad]).reasons == {"a turn has an unknown role": 50, "a turn has no text": 50}


def test_a_lone_surrogate_anywhere_stops_nothing(desk: Desk) -> None:
    lines = [
        r'{"\ud800": 1}',
        json.dumps(row(1)),
        json.dumps(row(2, conversation=[{"role": "\udfff", "content": "x"}])),
        json.dumps(row(3, conversation=[{"role": "user", "content": "a\ud800b\x00"}])),
        json.dumps(row(4, conversation_id="c\ud800", user_metadata={"\ud800": "\ud800"}, user_id="\ud800")),
    ]
    found = desk.read("\n".join(lines).encode())
    assert (found.added, found.rejected) == (3, 2)
    assert desk.rejected()[0] == {"line": 1, "reason": "unknown columns: \ud800"}
    assert desk.all()["c3"].messages[0].content == "a\ufffdb\ufffd"
    assert desk.all()["c\ufffd"].user_metadata == {"\ufffd": "\ufffd"}


@pytest.mark.parametrize("depth", [50, 600, 100_000])
def test_a_row_nested_too_deeply_is_rejected_and_the_others_are_kept(desk: Desk, depth: int) -> None:
    nested = '{"a": ' * depth + "1" + "}" * depth
    odd = json.dumps(row(1)).replace('"user_metadata": {}', f'"user_metadata": {nested}')
    worse = json.dumps(row(2)).replace('"user"', f"{'[' * depth}{']' * depth}")
    found = desk.read("\n".join([odd, worse, json.dumps(row(3))]).encode())
    assert found.added + found.rejected == 3
    assert found.rejected == (1 if depth == 50 else 2)
    assert "c3" in desk.all()


def test_the_oddities_of_the_released_sharelm_are_understood(desk: Desk) -> None:
    desk.read(
        [
            row(
                1,
                model_name="",
                user_id="",
                timestamp="",
                user_metadata={"location": "", "age": "25-34", "gender": ""},
                conversation_metadata={
                    "rate": "",
                    "language": "English",
                    "redacted": "False",
                    "toxic": "True",
                    "nested": {"flag": "true", "list": ["", "false", "x"]},
                },
            )
        ]
    )
    (read,) = desk.all().values()
    assert (read.model_name, read.giver_id, read.timestamp, read.licence) == (None, None, None, None)
    assert read.language == "English"
    assert read.user_metadata == {"location": None, "age": "25-34", "gender": None}
    assert read.conversation_metadata == {
        "rate": None,
        "language": "English",
        "redacted": False,
        "toxic": True,
        "nested": {"flag": True, "list": [None, False, "x"]},
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2026-01-05T07:58:12Z", datetime(2026, 1, 5, 7, 58, 12, tzinfo=UTC)),
        ("2026-01-05 07:58:12+02:00", datetime(2026, 1, 5, 5, 58, 12, tzinfo=UTC)),
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1767599892.5, datetime(2026, 1, 5, 7, 58, 12, 500_000, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59-10:00", None),
        ("yesterday", None),
        (1e300, None),
        (10**400, None),
        (True, None),
        (None, None),
        ([2026], None),
    ],
)
def test_times_are_read_in_utc_or_not_at_all(desk: Desk, given: object, read: datetime | None) -> None:
    assert desk.read([row(1, timestamp=given)]).added == 1
    assert desk.all()["c1"].timestamp == read


def test_a_giver_is_known_by_the_pseudonym_alone(desk: Desk) -> None:
    asked: list[str] = []

    def pseudonym(name: str) -> str:
        asked.append(name)
        return f"p{len(asked)}"

    desk.read([row(1, user_id="real name"), row(2, user_id=17), row(3, user_id=None)], giver_id_of=pseudonym)
    assert asked == ["real name", "17"]
    assert [found.giver_id for found in desk.all().values()] == ["p1", "p2", None]
    for part in (desk.folder / "collection").iterdir():
        assert b"real name" not in part.read_bytes()


def test_personal_data_is_out_before_anything_is_stored(desk: Desk) -> None:
    told = [{"role": "user", "content": "write to ada.lovelace@example.org"}]
    found = desk.read(
        [row(1, conversation=told, conversation_metadata={"title": "ada.lovelace@example.org"})]
    )
    assert found.redactions == {"EMAIL": 2}
    for part in (desk.folder / "collection").iterdir():
        assert "lovelace" not in str(pq.read_table(part).to_pylist())
    assert desk.read([row(1, conversation=told)]).duplicates == 1


def packed(kind: str, folder: Path) -> Path:
    path = folder / f"logs.{kind}"
    lines = "".join(json.dumps(each) + "\n" for each in ROWS).encode()
    if kind.lower().endswith("gz"):
        path.write_bytes(gzip.compress(lines))
    elif kind == "json":
        path.write_text(json.dumps(ROWS, indent=1), encoding="utf-8")
    elif kind == "parquet":
        keep = [{k: v for k, v in each.items() if not k.endswith("metadata")} for each in ROWS]
        pq.write_table(pa.Table.from_pylist(keep), path)
    else:
        path.write_bytes(lines)
    return path


@pytest.mark.parametrize("kind", ["jsonl", "ndjson", "jsonl.gz", "v2.NDJSON.GZ", "json", "parquet"])
def test_every_kind_of_file_holds_the_same_conversations(desk: Desk, another: Desk, kind: str) -> None:
    desk.read(ROWS)
    assert another.read(packed(kind, another.folder)).added == 20
    assert another.all() == desk.all()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_any_unit_are_read(desk: Desk, unit: str) -> None:
    times = [1767599892, 1767599892123456789 if unit == "ns" else 1767599892]
    rows = [{k: v for k, v in row(n).items() if k != "timestamp" and "metadata" not in k} for n in range(2)]
    table = pa.Table.from_pylist(rows).append_column("timestamp", pa.array(times, pa.timestamp(unit)))
    path = desk.folder / "logs.parquet"
    pq.write_table(table, path)
    assert desk.read(path).added == 2
    assert all(found.timestamp is not None for found in desk.all().values())


def test_a_byte_order_mark_and_windows_line_ends_are_read(desk: Desk) -> None:
    lines = "\ufeff" + "\r\n".join(json.dumps(each) for each in ROWS)
    assert desk.read(lines.encode()).added == 20


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logs.xls", b"a,b", r"unknown kind of file; known: .jsonl, .ndjson, .json, .csv"),
        ("logs", b"text", "unknown kind of file"),
        ("logs.gz", gzip.compress(b"text", mtime=0), "unknown kind of file"),
        ("logs.jsonl", b"", "holds no conversation"),
        ("logs.jsonl", b"\n \n", "holds no conversation"),
        (
            "logs.jsonl",
            b'{"a": 1}\n',
            "no reader knows its rows .unknown columns: a",
        ),
        (
            "logs.jsonl",
            b"a, b\n",
            r"no reader knows its rows .not JSON: .*none of the first 200 has columns: docs/chat-logs.md",
        ),
        ("logs.json", b'{"a": 1}', "must hold an array of conversations"),
        ("logs.json", b"[", "is not JSON"),
        ("logs.json", b"[" * 100_000, "is not JSON"),
        ("logs.jsonl.gz", b"no gzip", "cannot be read: Not a gzipped file"),
        (
            "logs.jsonl.gz",
            gzip.compress(b'{"a": 1}\n' * 999, mtime=0)[:40],
            "cannot be read: Compressed file ended",
        ),
        (
            "logs.jsonl.gz",
            gzip.compress(b"x", mtime=0)[:10] + b"\xff" * 30,
            "cannot be read: Error -3 while decompressing",
        ),
        ("logs.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(desk: Desk, name: str, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        desk.read(content, name)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_explained(desk: Desk) -> None:
    with pytest.raises(UsageError, match="is not a file: check the path"):
        desk.read(desk.folder / "missing.jsonl")
    link = desk.folder / "link.jsonl"
    link.symlink_to("missing.jsonl")
    with pytest.raises(UsageError, match="is not a file: it is a link to something that is not there"):
        desk.read(link)
    with pytest.raises(UsageError, match="is an address on the web: download what is there first"):
        desk.read(Path("https://example.org/chats.jsonl"))


def test_what_was_read_before_a_damaged_place_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "BATCH", 5)
    path = desk.folder / "logs.jsonl.gz"
    lines = "".join(json.dumps(each) + "\n" for each in ROWS).encode()
    path.write_bytes(gzip.compress(lines, compresslevel=0)[:-900])
    found = desk.read(path)
    assert found.damage is not None
    assert "Compressed file ended" in found.damage
    assert found.read == found.added == len(desk.all()) == 16


def test_a_damaged_file_keeps_no_other_of_its_folder_from_being_read(desk: Desk) -> None:
    folder, elsewhere = desk.folder / "logs", desk.folder / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    lines = [json.dumps(each) + "\n" for each in ROWS]
    (folder / "a.jsonl").write_text(lines[0])
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[1:10]).encode(), compresslevel=0)[:-300])
    (folder / "c.jsonl.gz").write_bytes(b"no gzip")
    (folder / "d.jsonl").write_text(lines[10])
    (elsewhere / "e.jsonl").write_text(lines[11])
    (folder / "e.jsonl").symlink_to(elsewhere / "e.jsonl")
    (folder / "same.jsonl").symlink_to("d.jsonl")
    (folder / "folder").symlink_to(elsewhere)
    (folder / "gone.jsonl").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.jsonl")
    found = desk.read(folder)
    assert found.damage is not None
    assert re.search(
        r"b.jsonl.gz cannot be read: Compressed file ended.*c.jsonl.gz cannot be read: Not a gz", found.damage
    )
    kept = set(desk.all())
    assert {ROWS[place]["conversation_id"] for place in (0, 1, 10, 11)} <= kept
    assert (found.read, found.duplicates) == (len(kept) + 1, 1)
    assert found.links_out == [f"e.jsonl ({elsewhere / 'e.jsonl'})"]
    assert {what for kind, what in found.losses.counts if kind == UNREAD} == {
        "file folder (a link to a folder)",
        "file gone.jsonl (a link to something that is not there)",
        "file pipe.jsonl (a pipe or a device)",
    }


def test_a_line_too_long_is_rejected_without_being_held(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_generators.chat_logs.sources.rows.MAX_LINE_BYTES", 1000)
    long = json.dumps(row(1, conversation=[{"role": "user", "content": "x" * 5000}]))
    found = desk.read("\n".join([json.dumps(row(0)), long, json.dumps(row(2))]).encode())
    assert (found.added, found.rejected) == (2, 1)
    assert desk.rejected() == [{"line": 2, "reason": "longer than 1000 bytes"}]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "BATCH", 200)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 200)
    path = desk.folder / "logs.jsonl"

    def peak(rows: int) -> int:
        with path.open("w", encoding="utf-8") as file:
            for _ in range(rows):
                file.write('{"conversation_id": "", "conversation": [], "model_name": "", "source": ""}\n')
        tracemalloc.start()
        try:
            assert desk.read(path).rejected == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(1_000)
    assert peak(50_000) < 2 * few + 200_000


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_conversations(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "BATCH", 100)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 100)
    monkeypatch.setattr(index, "MERGE_BLOCK", 1000)

    def peak(start: int, rows: int) -> int:
        path = desk.file([row(number) for number in range(start, start + rows)])
        tracemalloc.start()
        try:
            assert desk.read(path).added == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(0, 300)  # what is cached once
    few = peak(1_000, 300)
    assert peak(10_000, 1_500) < 1.5 * few


def test_a_file_of_the_collection_can_be_read_again(desk: Desk, another: Desk) -> None:
    desk.read(ROWS)
    (part,) = (desk.folder / "collection").glob("*.parquet")
    assert [found.id for batch in parts.batches_of(part) for found in parts.conversations_in(batch)] == list(
        desk.all()
    )
    assert another.read(part, giver_id_of=lambda name: name).added == 20
    assert {key: found.messages for key, found in another.all().items()} == {
        key: found.messages for key, found in desk.all().items()
    }
