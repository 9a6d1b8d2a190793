"""Whether an export is what was written: every byte of it, and every figure that its manifest tells."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.arrays import hashed, one_array
from exports.buckets import buckets_of
from exports.dataset import FORMAT, MANIFEST, SUMS, held_still, is_disposable, sums_of
from exports.difference import ITEMS, TOMBSTONES, conversations_in, hashes_of, listed_in, read_feed
from exports.manifests import fault_in
from exports.tables import DIGITS, at_once, digest_of, is_plain_file, sha256_of
from workspaces.errors import UsageError
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROVENANCE = "provenance"
TRAIN_AND_TEST = ("train", "test")
OF_CLONE = ".git/"
"""Where a clone of a data set of the Hub keeps its history; an export never replaces such a folder."""
NO_SUMS = (
    f"{SUMS} is missing, as in exports of an earlier version: nothing tells whether {MANIFEST} is as it was"
)


class NoExportError(UsageError):
    """The folder holds no export."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of an export; it is whole if there are no ``problems``.

    ``rows`` counts rows by table and split, ``files`` the files with checksums.
    """

    path: Path
    kind: str
    digest: str
    created_at: str
    ledger_tip: str | None
    files: int
    rows: Mapping[str, Mapping[str, int]]
    problems: tuple[str, ...]


def verify(folder: Path) -> Verified:
    """Check an export against its checksums and its manifest; nothing is written.

    Every file has its checksum and none is beside them; tables have the rows that the manifest counts, under names
    that hold their digests; judgments and items add up; no pair is chosen against itself, no prompt is empty; no
    conversation stands in both splits. A checksum tells of chance and of carelessness: whoever can write the folder
    can write others. An export that is being written there is waited for.

    Raises:
        NoExportError: the folder holds no manifest of an export.
    """
    with held_still(folder):
        return verify_held(folder)


def verify_held(folder: Path) -> Verified:
    """Do what ``verify`` does in a folder that is held still already (``exports.dataset.held_still``)."""
    manifest = read_manifest(folder)
    problems = [*_bytes(folder, manifest)]
    if not {*problems} - {NO_SUMS}:
        problems += [*_digests(manifest), *_sums(manifest)]
    if not {*problems} - {NO_SUMS}:
        checks = at_once(lambda check: [*check(folder, manifest)], (_tables, _splits, _release))
        problems += chain.from_iterable(checks)
    return Verified(
        path=folder,
        kind=str(manifest.get("kind")),
        digest=str(manifest.get("digest")),
        created_at=str(manifest.get("created_at")),
        ledger_tip=manifest.get("ledger_tip"),
        files=len(_files(manifest)),
        rows=manifest.get("rows", {}),
        problems=tuple(problems),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an export.

    Raises:
        NoExportError: the folder holds none.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise NoExportError(
            f"{folder} holds no export: there is no {MANIFEST} in it; name a folder that 'chatfeedback export' wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise NoExportError(f"{folder / MANIFEST} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise NoExportError(f"{folder / MANIFEST} is no manifest of an export in the format {FORMAT}")
    if (fault := fault_in(manifest)) is not None:
        raise NoExportError(f"{folder / MANIFEST} is not what an export writes: {fault}")
    return manifest


def _files(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    files = manifest.get("files")
    return files if isinstance(files, dict) else {}


def _bytes(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is missing, changed or too much."""
    files = _files(manifest)
    names = sorted(files)
    for name, sha in zip(names, at_once(lambda name: _sum_of(folder, name), names), strict=True):
        if (folder / name).is_symlink():
            yield f"{name} is a link to somewhere else"
        elif sha is None:
            yield f"{name} is missing"
        elif sha != files[name]:
            yield f"{name} is not what was written: its checksum differs"
    for name in (MANIFEST, SUMS):
        if (folder / name).is_symlink():
            yield f"{name} is a link to somewhere else"
    if not (folder / SUMS).exists():
        yield NO_SUMS
    elif (folder / SUMS).read_bytes() != sums_of(folder, files).encode():
        yield f"{MANIFEST} or {SUMS} is not what was written"
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    present = (path.relative_to(folder).as_posix() for path in found)
    for name in sorted({*present} - {MANIFEST, SUMS, *files}):
        if not is_disposable(name) and not name.startswith(OF_CLONE):
            yield f"{name} is not part of the export: move it away"


def _sum_of(folder: Path, name: str) -> str | None:
    return sha256_of(folder / name) if is_plain_file(folder, name) else None


def _digests(manifest: Mapping[str, Any]) -> Iterator[str]:
    digests = manifest.get("digests") or {}
    if digest_of(digests) != manifest.get("digest"):
        yield "the digest is not that of the digests of all splits"
    names = "\n".join(_files(manifest))
    for name, digest in sorted(digests.items()):
        if f"-{digest[:DIGITS]}" not in names:
            yield f"no file has the digest of {name}"
    if manifest.get("release") is None:
        return  # an export of an earlier version
    parts = {(path.split("/")[1], path.split("/")[2].partition("-")[0]) for path in _tables_of(manifest)}
    for what, told in (
        ("digests", {tuple(name.split("/")[:2]) for name in digests}),
        ("rows", {(table, split) for table, splits in manifest["rows"].items() for split in splits}),
    ):
        for table, split in sorted(parts ^ told):
            yield f"{what} and files do not go together: {table}/{split}"
    if len(digests) != len(_tables_of(manifest)):
        files = counted(len(_tables_of(manifest)), "file")
        yield f"{counted(len(digests), 'digest')} and {files} do not go together"


def _tables_of(manifest: Mapping[str, Any]) -> list[str]:
    return [name for name in _files(manifest) if re.fullmatch(r"data/[^/]+/[^/-]+-[^/]+\.parquet", name)]


def _sums(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield which figures do not add up."""
    accounting = manifest.get("accounting") or {}
    for what in ("judgments", "items"):
        ends = {
            name: end for name, end in (accounting.get(what) or {}).items() if name not in ("what", "all")
        }
        total = sum(sum(end.values()) if isinstance(end, dict) else end for end in ends.values())
        if total != (accounting.get(what) or {}).get("all"):
            yield f"the {what} that the manifest accounts for do not add up"


def _tables(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong in the tables: numbers of rows, and rows that train nothing."""
    rows = manifest.get("rows") or {}
    for table, splits in sorted(rows.items()):
        for split, count in sorted(splits.items()):
            paths = _paths(folder, table, split)
            found = sum(pq.read_metadata(path).num_rows for path in paths)
            if found != count:
                yield f"{table}/{split} has {found} rows, and the manifest counts {count}"
            looked = partial(_rows_that_train_nothing, where=f"{table}/{split}")
            yield from chain.from_iterable(at_once(looked, paths))
    dropped = sum((manifest.get("dropped") or {}).values())
    listed = sum((rows.get("omissions") or {}).values())
    if dropped != listed:
        yield f"omissions lists {listed} answers and tasks, and the manifest counts {dropped}"


def _rows_that_train_nothing(path: Path, where: str) -> list[str]:
    return [*rows_that_train_nothing(path, where)]


def rows_that_train_nothing(path: Path, where: str) -> Iterator[str]:
    """Yield which rows of a file have no prompt, or two sides that are the same."""
    file = pq.ParquetFile(path)
    names = set(file.schema_arrow.names)
    compared = next(
        (pair for pair in (("chosen", "rejected"), ("response1", "response2")) if {*pair} <= names), ()
    )
    prompts = [name for name in ("prompt", "context", "messages") if name in names]
    start = 0
    for batch in file.iter_batches(columns=[*compared, *prompts]):
        if compared:
            one, other = (batch.column(name) for name in compared)
            for number in _may_be_equal(one, other):
                if one[number].as_py() == other[number].as_py():
                    yield f"{where}, row {start + number}: {compared[0]} and {compared[1]} are the same"
        for name in prompts:
            for number in _empty(batch.column(name)):
                yield f"{where}, row {start + number}: {name} is empty"
        start += batch.num_rows


def _may_be_equal(one: pa.Array, other: pa.Array) -> list[int]:
    """Return the numbers of rows that a comparison of columns as a whole does not tell apart."""
    equal = pa.array([True] * len(one))
    for left, right in zip(_texts(one), _texts(other), strict=False):
        equal = pc.and_(equal, pc.fill_null(pc.equal(left, right), fill_value=True))
    return pc.indices_nonzero(equal).to_pylist()  # type: ignore[no-any-return]


def _texts(column: pa.Array) -> list[pa.Array]:
    """Return the texts of each row: of messages, what they say; none where the column is of another kind."""
    if pa.types.is_string(column.type):
        return [column]
    if not pa.types.is_list(column.type):
        return []
    values = column.values
    if pa.types.is_struct(values.type) and values.type.get_field_index("content") >= 0:
        values = values.field("content")
    if not pa.types.is_string(values.type):
        return []
    listed = pa.ListArray.from_arrays(column.offsets, values)
    return [pc.binary_join(listed, "\x1f")]


def _empty(column: pa.Array) -> list[int]:
    """Return the numbers of rows without a value, and of those with an empty text or list."""
    measure = pc.binary_length if pa.types.is_string(column.type) else pc.list_value_length
    sizes = pc.fill_null(measure(column), 0)
    return pc.indices_nonzero(pc.equal(sizes, 0)).to_pylist()  # type: ignore[no-any-return]


def _splits(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield a conversation that stands in both splits."""
    if not {*TRAIN_AND_TEST} <= set((manifest.get("rows") or {}).get(PROVENANCE, ())):
        return
    train, test = (
        [pq.read_table(path, columns=["conversation_ids"]) for path in _paths(folder, PROVENANCE, split)]
        for split in TRAIN_AND_TEST
    )
    for name in _in_both(pa.concat_tables(train), pa.concat_tables(test)):
        yield f"conversation {name} stands in both splits"


def _in_both(one: pa.Table, other: pa.Table) -> list[str]:
    """Return the conversations of both tables, in order."""
    found, others = (pc.unique(pc.list_flatten(table["conversation_ids"])) for table in (one, other))
    return sorted(found.filter(pc.is_in(found, others)).to_pylist())


def _release(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the list of items, with what is said of the release before, and with the feed."""
    release, buckets = manifest.get("release"), manifest.get("buckets")
    if release is None and ITEMS not in (manifest.get("rows") or {}):
        return  # an export of an earlier version
    listed = listed_in(folder, manifest)
    if listed is None or not isinstance(release, dict) or not isinstance(buckets, int):
        yield f"there is no list of items in data/{ITEMS}, or nothing is said of the release"
        return
    accounted = manifest.get("accounting", {}).get("items", {})
    expected = accounted.get("all", 0) - sum((accounted.get("left_out") or {}).values())
    items = pc.count_distinct(listed["id"]).as_py()
    if not items == sum(manifest["rows"].get(ITEMS, {}).values()) == expected:
        yield f"{ITEMS} lists {counted(items, 'item')}, and the manifest accounts for {expected}"
    for path in sorted((folder / "data" / ITEMS).glob("*.parquet")):
        number = path.name.split("-")[1]
        named = int(number) if number.isdecimal() else -1
        names = one_array(pq.read_table(path, columns=["id"]).column(0))
        for place in np.flatnonzero(buckets_of(hashed(names, 8), buckets) != named) if buckets > 1 else ():
            yield f"item {names[int(place)]} stands in bucket {number}, which is not its own"
    train, test = (listed.filter(pc.equal(listed["split"], split)) for split in TRAIN_AND_TEST)
    for name in _in_both(train, test):
        yield f"items of conversation {name} stand in both splits"
    if "first" in release and release["version"] == 1 and release["first"] != manifest["digest"]:
        yield "the release is the first one, and its digest is not that of the first release"
    yield from _difference(release, items)
    try:
        text = (folder / TOMBSTONES).read_text("utf-8")
        feed = read_feed(text)
        since = Counter(version for version, _ in feed.items.values())
        as_written = feed.text(str(manifest["kind"]), release["version"], release.get("first")) == text
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield f"{TOMBSTONES} cannot be read"
        return
    if not as_written:
        yield f"{TOMBSTONES} is not that of release {release['version']}"
    removed, named = (release["difference"] or {}).get("removed", 0), since[release["version"]]
    # an item whose id is that of a conversation is named by the hash of that
    conversations = sum(version == release["version"] for version, _ in feed.conversations.values())
    if not named <= removed <= named + conversations:
        yield f"since the release before {counted(removed, 'item')} went, and {TOMBSTONES} names {named:,}"
    gone = pa.array(sorted(feed.items), pa.string())
    for name in gone.filter(pc.is_in(gone, pc.unique(listed["id"]))).to_pylist():
        yield f"item {name} is there, and {TOMBSTONES} says that it is gone"
    held = hashes_of(conversations_in(listed)) if feed.conversations else set()
    for name in sorted(feed.conversations.keys() & held):
        yield f"conversation {name} (sha256) is there, and {TOMBSTONES} says that it is gone"


def _difference(release: Mapping[str, Any], items: int) -> Iterator[str]:
    previous, difference = release["previous"], release["difference"]
    if (0 if previous is None else previous["version"]) != release["version"] - 1:
        yield "the versions of this release and of the one before do not follow each other"
    if difference is None:
        return
    if difference["added"] + difference["changed"] + difference["unchanged"] != items:
        yield "the items that were added, changed and as before are not all items"
    for what in ("added", "removed", "changed"):
        if sum(counts.get(what, 0) for counts in difference["buckets"].values()) != difference[what]:
            yield f"the items that the buckets count as {what} do not add up"


def _paths(folder: Path, table: str, split: str) -> list[Path]:
    return sorted((folder / "data" / table).glob(f"{split}-*.parquet"))
