"""Parts of a table: the rows of one bucket of a split, which are made when they are needed and not kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from exports.columns import Row

BATCH_CHARACTERS = 1 << 25
"""Size of a row group: an Arrow string column holds 2 GiB at most."""

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one bucket of a split, in order, and their digest.

    ``make`` returns the rows, the same each time: of a large export not all are in memory at once. ``groups`` are the
    numbers of rows in the row groups of its file. The digest is the sha256 of the rows as canonical JSON lines; unlike
    the hash of a file it does not depend on the version of pyarrow.
    """

    split: str
    bucket: int
    make: Callable[[], Sequence[Row]]
    groups: Sequence[int]
    digest: str

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return sum(self.groups)

    def batches(self) -> Iterator[Sequence[Row]]:
        """Make the rows, and yield those of each row group."""
        rows, start = self.make(), 0
        for size in self.groups:
            yield rows[start : start + size]
            start += size


def part_of(split: str, bucket: int, make: Callable[[], Sequence[Row]], lines: Iterable[str]) -> Part:
    """Return a part of a table.

    Args:
        split: it is in.
        bucket: it is.
        make: returns its rows.
        lines: each of these rows as canonical JSON (``as_json``).
    """
    groups, size, characters = [], 0, 0
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
        size, characters = size + 1, characters + len(line)
        if characters > BATCH_CHARACTERS:
            groups.append(size)
            size = characters = 0
    return Part(split, bucket, make, [*groups, size] if size else groups, digest.hexdigest())


def digest_of_lines(lines: Iterable[str]) -> str:
    """Return the sha256 of lines of text."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def as_json(row: Row) -> str:
    """Return a row as canonical JSON."""
    return _CANONICAL.encode(row)
