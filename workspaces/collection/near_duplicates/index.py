"""An index of MinHash bands on disk: finds the stored conversations that share a band with a new one.

The index is a folder of runs. A run holds the sorted bands of some collection files, and the slot of each band. Runs of
similar size are merged, so their number grows with the logarithm of the number of conversations, and so does the number
of times that a band is written. Runs are mapped into memory, not loaded. The whole index can be computed again from the
collection files: a missing, damaged or outdated run only costs time.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workspaces.collection.near_duplicates.signatures import BANDS
from workspaces.collection.opening import opened_part
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from workspaces.collection.near_duplicates.signatures import Hashes

MOST_PER_BAND = 32
"""The most conversations of a run that are compared for one band; bounds the time for a very frequent text."""

MERGE_BLOCK = 1 << 18
"""Bands of a run that are in memory at a time while it is merged."""

_ROW_BITS = np.uint64(32)


@dataclass(frozen=True, slots=True)
class BandSlot:
    """The position of a conversation: a collection file, and the row in it, from 0."""

    file: str
    row: int


@dataclass(frozen=True, slots=True)
class _Run:
    folder: Path
    files: tuple[tuple[str, int, int], ...]  # name, size and modification time of each collection file
    keys: Hashes
    slots: Hashes  # the number of the file in ``files`` (high 32 bits) and the row in it (low 32 bits)


class BandIndex:
    """The bands of every collection file.

    Args:
        folder: the folder of the runs.
        files_folder: the folder of the collection files.
    """

    def __init__(self, folder: Path, files_folder: Path) -> None:
        self._folder = folder
        self._files_folder = files_folder
        self._runs: list[_Run] = []

    def synchronize(self, files: Iterable[str]) -> None:
        """Index exactly these collection files: add those that are new, and drop the runs of others."""
        stamps = {file: self._stamp(file) for file in files}
        wanted = {stamp for stamp in stamps.values() if stamp is not None}
        self._runs = []
        held: set[tuple[str, int, int]] = set()
        for run in sorted(self._stored(), key=lambda run: -len(run.keys)):
            if set(run.files) <= wanted and held.isdisjoint(run.files):
                held.update(run.files)
                self._runs.append(run)
            else:
                shutil.rmtree(run.folder, ignore_errors=True)
        for file, _, _ in sorted(wanted - held):
            self.add(file)

    def add(self, file: str) -> None:
        """Index a collection file that has just been written."""
        stamp = self._stamp(file)
        if stamp is None:
            return
        with opened_part(self._files_folder / file) as parquet:
            if "near_bands" not in parquet.schema_arrow.names:  # written by an older version
                return
            column = parquet.read(columns=["near_bands"]).column(0).combine_chunks()
        rows = np.flatnonzero(~np.asarray(column.is_null()))
        keys = column.flatten().to_numpy().reshape(-1, BANDS)
        rows, keys = rows[keys.any(axis=1)], keys[keys.any(axis=1)]
        slots = np.repeat(rows.astype(np.uint64), BANDS)
        keys = keys.reshape(-1)
        order = np.argsort(keys, kind="stable")
        self._runs.append(self._write((stamp,), len(keys), [(keys[order], slots[order])]))
        while len(self._runs) > 1 and len(self._runs[-2].keys) < 2 * len(self._runs[-1].keys):
            self._merge_last()

    def candidates(self, bands: Hashes) -> tuple[NDArray[np.intp], list[BandSlot]]:
        """Return the pairs that share a band: positions in ``bands``, and the slot of the stored conversation of each.

        Args:
            bands: shape (texts, ``BANDS``); a row of zeros has no candidates.
        """
        texts: list[NDArray[np.intp]] = []
        slots: list[BandSlot] = []
        keys, owners = _flat(bands)
        for run in self._runs:
            matches, match_owners = _matches(run.keys, keys, owners)
            pairs = np.unique(np.stack([match_owners.astype(np.uint64), run.slots[matches]]), axis=1)
            texts.append(pairs[0].astype(np.intp))
            slots += [
                BandSlot(run.files[int(slot >> _ROW_BITS)][0], int(slot & np.uint64(0xFFFFFFFF)))
                for slot in pairs[1]
            ]
        return (np.concatenate(texts) if texts else np.empty(0, np.intp)), slots

    def _stored(self) -> list[_Run]:
        runs = []
        for folder in self._folder.glob("*"):
            try:
                runs.append(_opened(folder))
            except (OSError, ValueError, KeyError, TypeError):  # not a run, or incomplete
                shutil.rmtree(folder, ignore_errors=True)
        return runs

    def _merge_last(self) -> None:
        *kept, first, second = self._runs
        shift = np.uint64(len(first.files)) << _ROW_BITS

        def blocks() -> Iterator[tuple[Hashes, Hashes]]:
            second_start = 0
            for start in range(0, max(len(first.keys), 1), MERGE_BLOCK):  # the first may hold nothing
                stop = start + MERGE_BLOCK
                second_stop = (
                    len(second.keys)
                    if stop >= len(first.keys)
                    else int(np.searchsorted(second.keys, first.keys[stop - 1], "right"))
                )
                keys = np.concatenate([first.keys[start:stop], second.keys[second_start:second_stop]])
                slots = np.concatenate(
                    [first.slots[start:stop], second.slots[second_start:second_stop] + shift]
                )
                order = np.argsort(keys, kind="stable")  # a stable sort merges two sorted runs
                yield keys[order], slots[order]
                second_start = second_stop

        merged = self._write((*first.files, *second.files), len(first.keys) + len(second.keys), blocks())
        self._runs = [*kept, merged]
        for run in (first, second):
            shutil.rmtree(run.folder, ignore_errors=True)

    def _write(
        self, files: tuple[tuple[str, int, int], ...], size: int, blocks: Iterable[tuple[Hashes, Hashes]]
    ) -> _Run:
        """Write a run. Its folder exists only when it is complete; a run lost in a power failure is computed again."""
        folder = self._folder / f"run-{stable_id(*(f'{name}:{size}:{time}' for name, size, time in files))}"
        temporary = folder.with_name(f"new-{folder.name}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.mkdir(parents=True)
        with (temporary / "keys").open("wb") as keys_file, (temporary / "places").open("wb") as slots_file:
            for keys, slots in blocks:
                keys_file.write(keys.tobytes())
                slots_file.write(slots.tobytes())
        (temporary / "parts").write_text(json.dumps({"size": size, "parts": files}))
        temporary.rename(folder)
        return _opened(folder)

    def _stamp(self, file: str) -> tuple[str, int, int] | None:
        try:
            status = (self._files_folder / file).stat()
        except FileNotFoundError:
            return None
        return file, status.st_size, status.st_mtime_ns


def _opened(folder: Path) -> _Run:
    contents = json.loads((folder / "parts").read_text())
    files = tuple((name, size, time) for name, size, time in contents["parts"])
    keys, slots = (_mapped(folder / name, contents["size"]) for name in ("keys", "places"))
    return _Run(folder, files, keys, slots)


def _mapped(path: Path, size: int) -> Hashes:
    return np.memmap(path, np.uint64, "r", shape=(size,)) if size else np.empty(0, np.uint64)


def pairs_within(bands: Hashes) -> NDArray[np.intp]:
    """Return the pairs of rows of ``bands`` that share a band, shape (pairs, 2), the smaller position first."""
    keys, owners = _shared(*_flat(bands))
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    pairs: list[NDArray[np.intp]] = []
    for step in range(1, MOST_PER_BAND):
        same = np.flatnonzero(keys[step:] == keys[:-step]) if step < len(keys) else np.empty(0, np.intp)
        if not len(same):
            break
        pairs.append(np.stack([owners[same], owners[same + step]], axis=1))
    if not pairs:
        return np.empty((0, 2), np.intp)
    return np.unique(np.concatenate(pairs), axis=0)


def _shared(keys: Hashes, owners: NDArray[np.intp]) -> tuple[Hashes, NDArray[np.intp]]:
    """Return the keys that are there more than once, and their owners: most are not, and to sort alone is quick."""
    ordered = np.sort(keys)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return keys[:0], owners[:0]
    at = np.minimum(np.searchsorted(twice, keys), len(twice) - 1)
    shared = np.flatnonzero(twice[at] == keys)
    return keys[shared], owners[shared]


def _flat(bands: Hashes) -> tuple[Hashes, NDArray[np.intp]]:
    """Return the concatenated bands of all texts that have bands, and the position of the text of each band."""
    filled = np.flatnonzero(bands.any(axis=1))
    return bands[filled].reshape(-1), np.repeat(filled, bands.shape[1])


def _matches(
    stored: Hashes, keys: Hashes, owners: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions in ``stored`` (sorted) that equal a key, and the owner of the key for each position."""
    order = np.argsort(keys)  # so that successive searches read neighbouring pages
    keys, owners = keys[order], owners[order]
    first = np.searchsorted(stored, keys, "left")
    counts = np.minimum(np.searchsorted(stored, keys, "right") - first, MOST_PER_BAND)
    hit = np.flatnonzero(counts)
    first, counts, owners = first[hit], counts[hit], owners[hit]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within, np.repeat(owners, counts)
