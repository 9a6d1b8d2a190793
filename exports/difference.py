"""The difference between two releases of an export, item by item, and the feed of what is gone from it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from exports.buckets import bucket_of
from exports.columns import TEXT, TEXTS
from exports.tables import is_plain_file, sha256_of
from workspaces.errors import WorkbenchError
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydantic import JsonValue

    from exports.columns import Columns, Row

ITEMS, LISTED = "items", "listed"
"""The configuration that lists every item of a release, and its split."""
ITEM_COLUMNS: Columns = {"id": TEXT, "split": TEXT, "digest": TEXT, "conversation_ids": TEXTS}
TOMBSTONES = "tombstones.jsonl"
"""The feed: one JSON object on each line, of what an earlier release held and this one does not."""
FEED = "chatfeedback-tombstones/1"


class DamagedFeedError(WorkbenchError):
    """The manifest, feed or items of the release before are not what was written: a new one would lose what is gone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item in a release: its split, the sha256 of its rows in all tables, its conversations."""

    split: str
    digest: str
    conversation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How many items were added, removed and changed since another release, and stayed as they were.

    ``moved`` counts those of the changed ones that are in another split. ``buckets`` counts by bucket of the later
    release, and names those alone in which something differs.
    """

    added: int
    removed: int
    changed: int
    unchanged: int
    moved: int
    buckets: Mapping[int, Mapping[str, int]]

    def as_json(self) -> dict[str, JsonValue]:
        """Return the figures as the manifest holds them."""
        return {
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "buckets": {f"{bucket:05}": {**counts} for bucket, counts in self.buckets.items()},
        }

    def sentence(self) -> str:
        """Return the figures in words."""
        moved = f" ({self.moved:,} to the other split)" if self.moved else ""
        return (
            f"{counted(self.added, 'item')} added, {self.removed:,} removed, {self.changed:,} changed{moved}, "
            f"{self.unchanged:,} as before; {counted(len(self.buckets), 'bucket')} touched"
        )


def compare(before: Mapping[str, Entry], after: Mapping[str, Entry], buckets: int) -> Difference:
    """Return the difference of the items of two releases, by id; ``buckets`` is the number of them in the later one."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    moved = 0
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        what = "added" if one is None else "removed" if other is None else "changed"
        counts[bucket_of(name, buckets)][what] += 1
        moved += one is not None and other is not None and one.split != other.split
    total = sum(counts.values(), Counter())
    return Difference(
        added=total["added"],
        removed=total["removed"],
        changed=total["changed"],
        unchanged=len(after) - total["added"] - total["changed"],
        moved=moved,
        buckets={bucket: dict(sorted(counts[bucket].items())) for bucket in sorted(counts)},
    )


def listed_in(folder: Path, manifest: Mapping[str, JsonValue]) -> pa.Table | None:
    """Return the items that a release lists, with ``ITEM_COLUMNS``.

    None if it lists none, as of an earlier version, or is damaged.
    """
    files = manifest.get("files")
    names = sorted(files) if isinstance(files, dict) else []
    names = [name for name in names if name.startswith(f"data/{ITEMS}/") and name.endswith(".parquet")]
    if not names or not all(is_plain_file(folder, name) for name in names):
        return None
    try:
        return pa.concat_tables(
            pq.read_table(folder / name, columns=[*ITEM_COLUMNS]).select([*ITEM_COLUMNS]) for name in names
        )
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def entries_in(folder: Path, manifest: Mapping[str, JsonValue]) -> dict[str, Entry] | None:
    """Return what ``listed_in`` does, by id."""
    listed = listed_in(folder, manifest)
    if listed is None:
        return None
    return {
        key: Entry(split, digest, tuple(conversations))
        for key, split, digest, conversations in zip(*listed.to_pydict().values(), strict=True)
    }


def entries_of(rows: Iterable[Row]) -> dict[str, Entry]:
    """Return the rows of ``ITEM_COLUMNS`` by id."""
    entries = {}
    for row in rows:
        conversations = row["conversation_ids"]
        assert isinstance(conversations, list)
        entries[str(row["id"])] = Entry(str(row["split"]), str(row["digest"]), tuple(map(str, conversations)))
    return entries


def hash_of(conversation_id: str) -> str:
    """Return the sha256 by which the feed names a conversation."""
    return hashlib.sha256(conversation_id.encode()).hexdigest()


def conversations_of(entries: Mapping[str, Entry]) -> set[str]:
    """Return the hashes of the conversations of items."""
    return {hash_of(name) for name in {it for entry in entries.values() for it in entry.conversation_ids}}


@dataclass(frozen=True, slots=True)
class Feed:
    """Since which version, and when, items and conversations are gone: ``(version, time)`` by id, and by hash."""

    items: Mapping[str, tuple[int, str]]
    conversations: Mapping[str, tuple[int, str]]

    def text(self, kind: str, version: int) -> str:
        """Return the content of the file; the first line says of which release it is."""
        gone = [
            {"version": since, "at": at, "gone": what, name: value}
            for what, name, entries in (
                ("conversation", "sha256", self.conversations),
                ("item", "id", self.items),
            )
            for value, (since, at) in entries.items()
        ]
        gone.sort(key=lambda line: [str(it).rjust(12) for it in line.values()])
        first = {"format": FEED, "kind": kind, "version": version}
        return "".join(f"{json.dumps(line)}\n" for line in (first, *gone))


def read_feed(text: str) -> Feed:
    """Read a feed.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    first, *lines = (json.loads(line) for line in text.splitlines())
    if first["format"] != FEED:
        raise ValueError(f"{first['format']!r} is not {FEED!r}")
    items = {line["id"]: (line["version"], line["at"]) for line in lines if line["gone"] == "item"}
    others = {
        line["sha256"]: (line["version"], line["at"]) for line in lines if line["gone"] == "conversation"
    }
    return Feed(items, others)


@dataclass(frozen=True, slots=True)
class Release:
    """A release after another one in the same folder.

    ``previous`` names the release before by version, digest and time; ``difference`` to it is None for the first one,
    and where it lists no items.
    """

    version: int
    previous: Mapping[str, JsonValue] | None
    difference: Difference | None
    feed: Feed

    def as_json(self) -> dict[str, JsonValue]:
        """Return what the manifest holds of it."""
        return {
            "version": self.version,
            "previous": None if self.previous is None else {**self.previous},
            "difference": None if self.difference is None else self.difference.as_json(),
        }

    def card(self) -> str:
        """Return what the card says of it, Markdown."""
        if self.previous is None:
            said = "This is the first release."
        elif self.difference is None:
            said = f"Release {self.version}; the one before lists no items to compare with."
        else:
            said = (
                f"Release {self.version}. Since release {self.previous['version']} "
                f"({str(self.previous['created_at'])[:10]}): {self.difference.sentence()}."
            )
        gone = counted(len(self.feed.items), "item")
        return (
            f"{said} {gone} of earlier releases {'is' if len(self.feed.items) == 1 else 'are'} gone: "
            f"`{TOMBSTONES}` names them, so that copies can drop them."
        )


def release_after(
    folder: Path, before: Mapping[str, JsonValue] | None, rows: Iterable[Row], buckets: int, created_at: str
) -> Release:
    """Return the release that comes after the one in a folder.

    Args:
        folder: holds the release before.
        before: the manifest of that; None without one.
        rows: the items of the new one (``ITEM_COLUMNS``).
        buckets: of the new one.
        created_at: when it is made, in ISO 8601.

    Raises:
        DamagedFeedError: the feed or the items of the release before cannot be trusted.
    """
    if before is None:
        return Release(1, None, None, Feed({}, {}))
    block, feed = before.get("release"), _feed_in(folder, before)
    last = block.get("version") if isinstance(block, dict) else 1  # of an earlier version of this software
    version = (last if isinstance(last, int) else 1) + 1
    previous = {
        "version": version - 1,
        "digest": before.get("digest"),
        "created_at": before.get("created_at"),
    }
    after, earlier = entries_of(rows), _items_in(folder, before)
    since = (version, created_at)
    present, gone = conversations_of(after), earlier or {}
    items = {**dict.fromkeys(gone, since), **feed.items}
    conversations = {**dict.fromkeys(conversations_of(gone), since), **feed.conversations}
    return Release(
        version,
        previous,
        None if earlier is None else compare(earlier, after, buckets),
        Feed(
            {name: when for name, when in items.items() if name not in after},
            {name: when for name, when in conversations.items() if name not in present},
        ),
    )


def _feed_in(folder: Path, manifest: Mapping[str, JsonValue]) -> Feed:
    if not _is_versioned(manifest) and TOMBSTONES not in _files_of(manifest):
        return Feed({}, {})
    try:
        _check(folder, manifest, TOMBSTONES)
        return read_feed((folder / TOMBSTONES).read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder / TOMBSTONES, error) from None


def _items_in(folder: Path, manifest: Mapping[str, JsonValue]) -> dict[str, Entry] | None:
    """Return the items that the release before lists, or None if it is of a version that lists none."""
    names = [name for name in sorted(_files_of(manifest)) if name.startswith(f"data/{ITEMS}/")]
    for name in names:
        try:
            _check(folder, manifest, name)
        except (OSError, ValueError) as error:
            raise damaged(folder / name, error) from None
    entries = entries_in(folder, manifest)
    if entries is None and (names or _is_versioned(manifest)):
        raise damaged(folder / "data" / ITEMS, "it lists no items")
    return entries


def _files_of(manifest: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    files = manifest.get("files")
    return files if isinstance(files, dict) else {}


def _is_versioned(manifest: Mapping[str, JsonValue]) -> bool:
    """Return whether a release is of a version of this software that lists its items and what is gone."""
    return isinstance(manifest.get("release"), dict)


def _check(folder: Path, manifest: Mapping[str, JsonValue], name: str) -> None:
    if not is_plain_file(folder, name):
        raise ValueError("it is missing")
    if sha256_of(folder / name) != _files_of(manifest).get(name):
        raise ValueError("its checksum differs")


def damaged(path: Path, fault: object) -> DamagedFeedError:
    """Return the error that a file of the release before is not what was written."""
    return DamagedFeedError(
        f"{path} is not what was written ({fault}), and the next release must go on from it: put it back from where "
        "you published it, or name another folder with --output"
    )
