"""Which stored conversation shares a MinHash band with a new one: an index on disk that grows by appending.

The index is a folder of runs. A run holds the bands of some collection files, sorted, and where each comes from;
runs of like size are merged, so there are about as many as the logarithm of the conversations, and each band is
written that many times. Runs are mapped into memory, never loaded. All of it can be computed again from the
collection files: a missing, damaged or outdated run costs time, nothing else.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from workspaces.collection.near_duplicates.signatures import BANDS
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from workspaces.collection.near_duplicates.signatures import Hashes

MOST_PER_BAND = 32
"""Conversations of one run looked at for one band: bounds the time for a text that everybody sends."""

MERGE_BLOCK = 1 << 18
"""Bands of a run that are in memory while it is merged."""

_ROW_BITS = np.uint64(32)


@dataclass(frozen=True, slots=True)
class BandSlot:
    """Where a conversation lies: a collection file and the row in it, from 0."""

    part: str
    row: int


@dataclass(frozen=True, slots=True)
class _Run:
    folder: Path
    parts: tuple[tuple[str, int, int], ...]  # name, size and time of each collection file
    keys: Hashes
    places: Hashes  # number of the file in ``parts``, row in it


class BandIndex:
    """The bands of every collection file.

    Args:
        folder: where the runs are kept.
        parts_folder: where the collection files are.
    """

    def __init__(self, folder: Path, parts_folder: Path) -> None:
        self._folder = folder
        self._parts_folder = parts_folder
        self._runs: list[_Run] = []

    def synchronize(self, parts: Iterable[str]) -> None:
        """Hold exactly these collection files: index those that are new, forget those that are gone."""
        stamps = {name: self._stamp(name) for name in parts}
        wanted = {stamp for stamp in stamps.values() if stamp is not None}
        self._runs = []
        held: set[tuple[str, int, int]] = set()
        for run in sorted(self._stored(), key=lambda it: -len(it.keys)):
            if set(run.parts) <= wanted and held.isdisjoint(run.parts):
                held.update(run.parts)
                self._runs.append(run)
            else:
                shutil.rmtree(run.folder, ignore_errors=True)
        for name, _, _ in sorted(wanted - held):
            self.add(name)

    def add(self, part: str) -> None:
        """Index a collection file that has just been written."""
        stamp = self._stamp(part)
        if stamp is None:
            return
        with pq.ParquetFile(self._parts_folder / part) as file:
            if "near_bands" not in file.schema_arrow.names:  # of an older workbench
                return
            column = file.read(columns=["near_bands"]).column(0).combine_chunks()
        rows = np.flatnonzero(~np.asarray(column.is_null()))
        keys = column.flatten().to_numpy().reshape(-1, BANDS)
        rows, keys = rows[keys.any(axis=1)], keys[keys.any(axis=1)]
        places = np.repeat(rows.astype(np.uint64), BANDS)
        keys = keys.reshape(-1)
        order = np.argsort(keys, kind="stable")
        self._runs.append(self._write((stamp,), len(keys), [(keys[order], places[order])]))
        while len(self._runs) > 1 and len(self._runs[-2].keys) < 2 * len(self._runs[-1].keys):
            self._merge_last()

    def candidates(self, bands: Hashes) -> tuple[NDArray[np.intp], list[BandSlot]]:
        """Return the pairs that share a band: positions in ``bands``, and the stored conversation of each.

        Args:
            bands: shape (texts, ``BANDS``); a row of zeros has no candidates.
        """
        texts: list[NDArray[np.intp]] = []
        places: list[BandSlot] = []
        keys, owners = _flat(bands)
        for run in self._runs:
            at, owner = _matches(run.keys, keys, owners)
            found = np.unique(np.stack([owner.astype(np.uint64), run.places[at]]), axis=1)
            texts.append(found[0].astype(np.intp))
            places += [
                BandSlot(run.parts[int(place >> _ROW_BITS)][0], int(place & np.uint64(0xFFFFFFFF)))
                for place in found[1]
            ]
        return (np.concatenate(texts) if texts else np.empty(0, np.intp)), places

    def _stored(self) -> list[_Run]:
        runs = []
        for folder in self._folder.glob("*"):
            try:
                runs.append(_opened(folder))
            except (OSError, ValueError, KeyError, TypeError):  # not ours, or not whole
                shutil.rmtree(folder, ignore_errors=True)
        return runs

    def _merge_last(self) -> None:
        *kept, one, other = self._runs
        shift = np.uint64(len(one.parts)) << _ROW_BITS

        def blocks() -> Iterator[tuple[Hashes, Hashes]]:
            before = 0
            for start in range(0, len(one.keys), MERGE_BLOCK):
                stop = start + MERGE_BLOCK
                last = stop >= len(one.keys)
                after = (
                    len(other.keys) if last else int(np.searchsorted(other.keys, one.keys[stop - 1], "right"))
                )
                keys = np.concatenate([one.keys[start:stop], other.keys[before:after]])
                places = np.concatenate([one.places[start:stop], other.places[before:after] + shift])
                order = np.argsort(keys, kind="stable")  # two sorted runs are merged, not sorted anew
                yield keys[order], places[order]
                before = after

        merged = self._write((*one.parts, *other.parts), len(one.keys) + len(other.keys), blocks())
        self._runs = [*kept, merged]
        for run in (one, other):
            shutil.rmtree(run.folder, ignore_errors=True)

    def _write(
        self, parts: tuple[tuple[str, int, int], ...], size: int, blocks: Iterable[tuple[Hashes, Hashes]]
    ) -> _Run:
        """Write a run that is either whole or not there; it may be lost in a power cut, and is made again."""
        folder = self._folder / f"run-{stable_id(*(f'{name}:{size}:{time}' for name, size, time in parts))}"
        temporary = folder.with_name(f"new-{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.mkdir(parents=True)
        with (temporary / "keys").open("wb") as keys_file, (temporary / "places").open("wb") as places_file:
            for keys, places in blocks:
                keys_file.write(keys.tobytes())
                places_file.write(places.tobytes())
        (temporary / "parts").write_text(json.dumps({"size": size, "parts": parts}))
        temporary.rename(folder)
        return _opened(folder)

    def _stamp(self, part: str) -> tuple[str, int, int] | None:
        try:
            found = (self._parts_folder / part).stat()
        except FileNotFoundError:
            return None
        return part, found.st_size, found.st_mtime_ns


def _opened(folder: Path) -> _Run:
    said = json.loads((folder / "parts").read_text())
    parts = tuple((name, size, time) for name, size, time in said["parts"])
    keys, places = (_mapped(folder / name, said["size"]) for name in ("keys", "places"))
    return _Run(folder, parts, keys, places)


def _mapped(path: Path, size: int) -> Hashes:
    return np.memmap(path, np.uint64, "r", shape=(size,)) if size else np.empty(0, np.uint64)


def pairs_within(bands: Hashes) -> NDArray[np.intp]:
    """Return the pairs of rows of ``bands`` that share a band, shape (pairs, 2), the smaller position first."""
    keys, owners = _flat(bands)
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    found: list[NDArray[np.intp]] = []
    for step in range(1, MOST_PER_BAND):
        same = np.flatnonzero(keys[step:] == keys[:-step]) if step < len(keys) else np.empty(0, np.intp)
        if not len(same):
            break
        found.append(np.stack([owners[same], owners[same + step]], axis=1))
    if not found:
        return np.empty((0, 2), np.intp)
    return np.unique(np.concatenate(found), axis=0)


def _flat(bands: Hashes) -> tuple[Hashes, NDArray[np.intp]]:
    """Return the bands of all texts that have any, one after the other, and the text of each."""
    filled = np.flatnonzero(bands.any(axis=1))
    return bands[filled].reshape(-1), np.repeat(filled, BANDS)


def _matches(
    stored: Hashes, keys: Hashes, owners: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions in ``stored`` (sorted) of equal keys, and the owner of the key that found each."""
    order = np.argsort(keys)  # neighbouring searches touch neighbouring pages
    keys, owners = keys[order], owners[order]
    first = np.searchsorted(stored, keys, "left")
    counts = np.minimum(np.searchsorted(stored, keys, "right") - first, MOST_PER_BAND)
    hit = np.flatnonzero(counts)
    first, counts, owners = first[hit], counts[hit], owners[hit]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within, np.repeat(owners, counts)
