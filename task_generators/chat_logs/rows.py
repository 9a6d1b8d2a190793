"""Opens a chat log as a stream of rows, whatever it is packed in; memory does not grow with its size.

Files are told apart by their names: ``.jsonl``, ``.ndjson``, ``.json`` (one array), ``.csv``, ``.tsv``, ``.txt``
(dialogs), each also with ``.gz`` or ``.zst``; ``.parquet``, ``.arrow``. A folder is a Hugging Face dataset saved to
disk, or any number of such files. ``hf:OWNER/NAME`` is a dataset of the Hugging Face hub.
"""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_LINE_BYTES = 64 * 1024 * 1024
HUB = "hf:"

_PACKED = {".gz": "gzip", ".zst": "zstd"}
_KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow")
_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (from 1), and what it holds or why it cannot be read.

    ``file`` names the file of a folder that it stands in. ``places`` are the file and number of each row that this
    one stands for, if it stands for several.
    """

    number: int
    value: dict[str, Any] | None
    problem: str | None = None
    file: str | None = None
    places: tuple[tuple[str | None, int], ...] = ()


def open_rows(source: Path | str, columns: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the rows of a file, a folder or a dataset of the hub.

    Args:
        source: a path, or ``hf:OWNER/NAME``.
        columns: for tables (``.csv``, ``.tsv``), the table's own name of each column that is called otherwise there.

    Raises:
        UsageError: it does not exist, cannot be opened, or is of no known kind.
        ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
    """
    if is_hub(source):
        from task_generators.chat_logs.hub import hub_rows  # datasets takes seconds to import

        yield from hub_rows(str(source).removeprefix(HUB))
        return
    path = Path(source)
    if path.is_dir():
        files = _files_of(path)
        if not files:
            raise UsageError(
                f"{path} holds no dataset: no .arrow, .parquet, .jsonl, .json, .csv or .txt file"
            )
        for file in files:
            inside = file.relative_to(path).as_posix()
            yield from (replace(row, file=inside) for row in _rows_of(file, columns))
        return
    if not path.is_file():
        raise UsageError(f"{path} is not a file")
    yield from _rows_of(path, columns)


def is_hub(source: Path | str) -> bool:
    """Return whether a source is a dataset of the hub."""
    return str(source).startswith(HUB)


def _rows_of(path: Path, columns: Mapping[str, str] | None) -> Iterator[Row]:
    kind = kind_of(path)
    try:
        if kind == ".parquet":
            yield from _numbered(pq.ParquetFile(path).iter_batches(batch_size=_ROWS_AT_ONCE))
        elif kind == ".arrow":
            yield from _numbered(_arrow_batches(path))
        elif kind is None:
            raise UsageError(
                f"{path}: unknown kind of file; known: {', '.join(_KINDS)}, all but the last two also .gz or .zst"
            )
        else:
            with _opened(path) as file:
                yield from _text_rows(kind, path, file, columns)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def _text_rows(kind: str, path: Path, file: BinaryIO, columns: Mapping[str, str] | None) -> Iterator[Row]:
    from task_generators.chat_logs import text_files

    if kind == ".json":
        return text_files.array_rows(path, file)
    if kind in (".csv", ".tsv"):
        return text_files.table_rows(file, "\t" if kind == ".tsv" else ",", columns or {})
    return text_files.dialog_rows(file) if kind == ".txt" else _jsonl_rows(file)


def kind_of(path: Path) -> str | None:
    """Return what a file's name says that it is, such as ``.jsonl``; None where it says nothing that is known."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] and suffixes[-1] in _PACKED
    kind = suffixes[-2:-1] if packed else suffixes[-1:]
    known = _KINDS[:-2] if packed else _KINDS
    return kind[0] if kind and kind[0] in known else None


def _opened(path: Path) -> BinaryIO:
    """Open a file, unpacked; one that ends too early raises an error when its end is read."""
    packing = _PACKED.get(path.suffix.lower())
    if packing is None:
        return path.open("rb")
    if packing == "gzip":
        import gzip

        return gzip.open(path, "rb")  # type: ignore[return-value]
    return io.BufferedReader(pa.input_stream(str(path), compression=packing))


def _files_of(folder: Path) -> list[Path]:
    """Return the data files of a folder, in the order of their names; split by split."""
    if (folder / "state.json").is_file():
        return _saved_files(folder)
    saved = [state.parent for state in sorted(folder.glob("*/state.json"))]
    if saved:
        return [file for split in saved for file in _saved_files(split)]
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and kind_of(file) is not None
        and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        and file.name not in ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
    ]


def _saved_files(folder: Path) -> list[Path]:
    """Return the files that a dataset saved to disk names in ``state.json``."""
    try:
        state = json.loads((folder / "state.json").read_bytes())
        names = [str(each["filename"]) for each in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / 'state.json'} does not say which files the dataset has") from None
    # an indices file would put the rows into another order: the same rows all the same
    return [folder / Path(name).name for name in names]


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as file:
        try:
            batches: Any = pa.ipc.open_stream(file)
        except pa.ArrowInvalid:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        for batch in batches:
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)


def _numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[Row]:
    number = 0
    for batch in batches:
        for value in batch.to_pylist():
            number += 1
            yield Row(number, value)


def _jsonl_rows(file: BinaryIO) -> Iterator[Row]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield Row(number, None, f"longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield _parsed(number, line)


def _parsed(number: int, line: bytes) -> Row:
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return Row(number, None, "not UTF-8")
    except (ValueError, RecursionError) as error:
        return Row(number, None, f"not JSON: {error}")
    return checked_row(number, value)


def checked_row(number: int, value: object) -> Row:
    """Return a row for a JSON value, which has to be an object."""
    if not isinstance(value, dict):
        return Row(number, None, f"not an object but {type(value).__name__}")
    return Row(number, value)
