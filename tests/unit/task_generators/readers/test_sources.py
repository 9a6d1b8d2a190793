"""Files, folders and the hub: whatever rows are packed in, they are the same rows, and memory does not grow."""

from __future__ import annotations

import gzip
import json
import pickle
import socket
import time
import tracemalloc
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from task_generators.chat_logs.readers import ROWS, named
from task_generators.chat_logs.sources import Row, Source, chunks_of, grouped, json_arrays, rows
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VALUES = [{"prompt": f"question {n}", "response": f'an "answer",\nof {n} lines é 🐈'} for n in range(1500)]
LINES = "".join(json.dumps(value) + "\n" for value in VALUES).encode()
ARRAY = json.dumps(VALUES, indent=1).encode()
TABLE = "prompt,response\n" + "".join(
    f'"{value["prompt"]}","{value["response"].replace(chr(34), chr(34) * 2)}"\n' for value in VALUES
)


def zst(path: Path, content: bytes) -> None:
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(content)


def read(source: object) -> list[dict[str, Any] | None]:
    return [row.value for row in Source(str(source)).rows()]


def parquet(path: Path, values: list[dict[str, Any]] = VALUES) -> None:
    pq.write_table(pa.Table.from_pylist(values), path)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_cell_that_is_no_text_is_one_row_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    texts = pa.array([b"one", b"\xff\xfe", b"three"])
    damaged = pa.Array.from_buffers(pa.string(), 3, texts.buffers())
    table = pa.table({"prompt": damaged, "at": pa.array([0, 1, 2**62], pa.timestamp("us"))})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
    one, two, three = Source(path).rows()
    assert one.value is not None
    assert one.value["prompt"] == "one"
    assert two.value is None
    assert "not readable: 'utf-8' codec" in (two.problem or "")
    assert three.value is None
    assert (two.number, three.number) == (2, 3)


def test_a_table_of_long_texts_is_cut_by_its_size(tmp_path: Path) -> None:
    values = [{"prompt": "x" * 1_000_000, "response": "y"} for _ in range(20)]
    parquet(tmp_path / "a.parquet", values)
    chunks = list(chunks_of(Source(tmp_path / "a.parquet").packed()))
    assert sum(map(len, chunks)) == 20
    assert max(chunk.size for chunk in chunks) < 9_000_000


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "arrow", "csv"])
def test_chunks_hold_the_same_rows_after_a_journey_to_another_process(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("a", "b"):
        path = folder / f"{name}.{kind}"
        if kind == "jsonl":
            path.write_bytes(LINES)
        elif kind == "csv":
            path.write_text(TABLE, encoding="utf-8")
        elif kind == "parquet":
            parquet(path)
        else:
            table = pa.Table.from_pylist(VALUES)
            with pa.ipc.new_file(str(path), table.schema) as file:
                file.write_table(table)
    sent = [pickle.dumps(chunk) for chunk in chunks_of(Source(folder).packed())]
    received = [row for each in sent for row in pickle.loads(each)]  # noqa: S301 - pickled above
    assert [row.value for row in received] == 2 * VALUES
    assert received == list(Source(folder).rows())
    assert sum(map(len, sent)) < 3 * len(LINES)  # a stretch of a table takes itself along, and no more


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES),
        ("a.ndjson.gz", gzip.compress(LINES)),
        ("a.json", ARRAY),
        ("a.JSON", b"\xef\xbb\xbf" + ARRAY),
        ("a.json.gz", gzip.compress(ARRAY)),
        ("a.csv", TABLE.encode()),
        ("a.csv", b"\xef\xbb\xbf" + TABLE.encode()),
        ("a.tsv.gz", gzip.compress(TABLE.replace(",", "\t", 1).replace('","', '"\t"').encode())),
    ],
)
def test_a_file_of_any_kind_gives_the_same_rows(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name) == VALUES


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl.zst", LINES), ("a.json.zst", ARRAY), ("a.csv.zst", TABLE.encode())]
)
def test_zstandard_is_unpacked_and_a_damaged_file_explained(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    zst(path, content)
    assert read(path) == VALUES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match="cannot be read: Truncated compressed stream"):
        read(path)


def test_columns_of_a_table_get_the_names_that_readers_know(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Frage;x,Antwort\nq,a\n,\nonly q\n", encoding="utf-8")
    source = Source(tmp_path / "a.csv", {"prompt": "Frage;x", "response": "Antwort"})
    assert [(row.number, row.value) for row in source.rows()] == [
        (2, {"prompt": "q", "response": "a"}),
        (4, {"prompt": "only q"}),
    ]


@pytest.mark.parametrize("batch", [None, 100])
def test_a_dataset_saved_to_disk_is_read_split_by_split(tmp_path: Path, batch: int | None) -> None:
    whole = Dataset.from_list(VALUES)
    whole.save_to_disk(tmp_path / "one", num_shards=None if batch is None else 3)
    assert read(tmp_path / "one") == VALUES
    DatasetDict({"train": whole.select(range(1000)), "test": whole.select(range(1000, 1500))}).save_to_disk(
        tmp_path / "two"
    )
    found = list(Source(tmp_path / "two").rows())
    assert sorted(str(row.value) for row in found) == sorted(str(value) for value in VALUES)
    assert [row.number for row in found] == list(range(1, 1501))


def test_a_folder_of_files_is_one_source_and_says_where_a_row_stands(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    parquet(tmp_path / "data" / "train-00000-of-00002.parquet", VALUES[:700])
    parquet(tmp_path / "data" / "train-00001-of-00002.parquet", VALUES[700:])
    (tmp_path / "more.jsonl").write_text('{"prompt": "x"}\n{"prompt": "y"}\n', encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text("{}", encoding="utf-8")
    (tmp_path / "README.md").write_text("about", encoding="utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "hidden.jsonl").write_text("{}\n", encoding="utf-8")
    source = Source(tmp_path)
    assert [row.value for row in source.rows()] == [*VALUES, {"prompt": "x"}, {"prompt": "y"}]
    assert source.place(700) == {"line": 700, "file": "data/train-00000-of-00002.parquet"}
    assert source.place(701) == {"line": 1, "file": "data/train-00001-of-00002.parquet"}
    assert source.place(1502) == {"line": 2, "file": "more.jsonl"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "holds no dataset"),
        (lambda folder: (folder / "state.json").write_text("{}"), "does not say which files"),
        (lambda folder: (folder / "a.arrow").write_bytes(b"nothing"), "cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_read_is_explained(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match=said):
        read(tmp_path)


@pytest.mark.parametrize("name", ["hf:", "hf:owner", "hf:owner/", "hf:a/b/c"])
def test_what_is_no_name_of_a_dataset_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no dataset of the hub: write hf:OWNER/NAME"):
        read(name)


def test_a_hub_out_of_reach_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ConnectionFailedError, match=r"hf:owner/name cannot be fetched from the Hugging Face hub"
    ) as caught:
        read("hf:owner/name")
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("hub", ["https://no-such-host.invalid", "http://127.0.0.1:9", "silent"])
def test_without_a_network_the_hub_is_given_up_in_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hub: str
) -> None:
    import_module("huggingface_hub.hf_api")  # before the clock runs
    with socket.create_server(("127.0.0.1", 0)) as silent:
        if hub == "silent":
            hub = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub)
        began = time.monotonic()
        with pytest.raises(
            ConnectionFailedError, match=r"^hf:owner/name cannot be fetched .*[Cc]heck the name"
        ):
            read("hf:owner/name")
    assert time.monotonic() - began < 9
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("content", "kept", "said"),
    [
        (b"[" * 100_000, 0, "ends within a value"),
        (b'[{"a": 1}', 1, "after object 1 stands ''"),
        (b'[{"a": 1} {"a": 2}]', 1, "after object 1 stands '{'"),
        (b'[{"a": 1}, nonsense]', 1, "Expecting value"),
        (b'[{"a": 1}, {"a": "\xff"}]', 0, "utf-8"),
        (b'{"a": 1}', 0, "must hold an array"),
        (b"nonsense", 0, "is not JSON"),
    ],
)
def test_an_array_gives_what_stands_before_its_fault(
    tmp_path: Path, content: bytes, kept: int, said: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    found: list[Row] = []
    with pytest.raises(UsageError, match=said):
        found.extend(iter(Source(path).rows()))
    assert len(found) == kept


def test_an_object_may_end_anywhere_in_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [{"a": "é" * n, "b": [n, 1.5e10, None, {"c": '\\"]'}]} for n in range(40)]
    (tmp_path / "a.json").write_text(json.dumps(values, ensure_ascii=False, indent=2), encoding="utf-8")
    for piece in (1, 2, 3, 7, 64):
        monkeypatch.setattr(json_arrays, "_PIECE", piece)
        assert read(tmp_path / "a.json") == values


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(json.dumps({"a": "x" * 9000}), id="long text"),
        pytest.param(json.dumps({"a": ["\\", '"', "]", "\\\\", {"b": "}"}] * 700}), id="many values"),
        pytest.param("[" * 5000 + "]" * 5000, id="deep lists"),
        pytest.param('{"a":' * 5000 + '"]\\""' + "}" * 5000, id="deep objects"),
        pytest.param(json.dumps({"a": 1}).replace("1", "[" * 250 + "]" * 250), id="deeper than rows may be"),
        pytest.param("1" * 9000, id="long number"),
    ],
)
@pytest.mark.parametrize("piece", [7, 500])
def test_an_object_too_long_or_too_deep_is_one_row_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str, piece: int
) -> None:
    monkeypatch.setattr(rows, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(json_arrays, "_PIECE", piece)
    good = '{"a": "é\\\\"}'
    (tmp_path / "a.json").write_text(f"[{good}, {bad} , {bad},{good}]", encoding="utf-8")
    first, second, third, last = Source(tmp_path / "a.json").rows()
    assert first.value == last.value == {"a": "é\\"}
    assert (second.number, third.number, last.number) == (2, 3, 4)
    assert (second.value, third.value) == (None, None)
    assert (second.problem or "") in {rows.too_long(), rows.TOO_DEEP, "not an object but int"}
    (tmp_path / "a.json").write_text(f"[{good}, {bad[:-1]}", encoding="utf-8")
    found: list[Row] = []
    with pytest.raises(UsageError, match="is not JSON"):
        found.extend(iter(Source(tmp_path / "a.json").rows()))
    assert found[0].value == {"a": "é\\"}


def peak(use: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        use()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".json", ".csv", ".txt"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    def drained(count: int) -> int:
        path = tmp_path / f"{count}{suffix}"
        with path.open("w", encoding="utf-8") as file:
            if suffix == ".json":
                file.write(
                    "[" + ",".join(['{"prompt": "some question", "response": "an answer"}'] * count) + "]"
                )
            elif suffix == ".csv":
                file.write("prompt,response\n" + "some question,an answer\n" * count)
            else:
                file.write("1 some question\tan answer\n2 more\tanswers\n" * count)
        return peak(lambda: sum(1 for _ in Source(path).rows()))

    drained(1000)  # what is imported and cached once
    assert drained(24_000) < drained(6_000) + 600_000


def test_memory_does_not_grow_when_rows_are_brought_together() -> None:
    group_key = named("csv-messages").group_key
    assert group_key is not None

    def messages(count: int) -> Iterator[Row]:
        for number in range(count):
            value: dict[str, object] = {
                "conversation_id": f"c{number % (count // 4)}",
                "role": "user",
                "content": "x" * 200,
            }
            yield Row(number + 1, value)

    def drained(count: int) -> int:
        return peak(lambda: sum(1 for _ in grouped(messages(count), group_key)))

    drained(100)
    assert drained(8_000) < drained(1_000) + 300_000


def test_a_group_too_large_gives_its_first_rows_and_rejects_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("task_generators.chat_logs.sources.grouping.MAX_ROWS", 3)
    value: dict[str, object] = {"conversation_id": "c", "role": "user", "content": "x"}
    group_key = named("csv-messages").group_key
    assert group_key is not None
    *rejected, kept = grouped((Row(number, value) for number in range(1, 6)), group_key)
    assert [row.number for row in rejected] == [4, 5]
    assert all(row.problem for row in rejected)
    assert kept.value is not None
    combined = kept.value[ROWS]
    assert isinstance(combined, list)
    assert len(combined) == 3
    assert kept.numbers == (1, 2, 3)
