"""The difference between two releases of an export, item by item, and the feed of what is gone from it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.arrays import NOWHERE, flags_of, hashed, one_array, places_of, rows_at, slices
from exports.buckets import buckets_of
from exports.columns import TEXT, TEXTS
from exports.json_columns import stored_schema
from exports.tables import is_plain_file, sha256_of
from workspaces.errors import WorkbenchError
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import JsonValue

    from exports.arrays import Flags
    from exports.columns import Columns

ITEMS, LISTED = "items", "listed"
"""The configuration that lists every item of a release, and its split."""
ITEM_COLUMNS: Columns = {"id": TEXT, "split": TEXT, "digest": TEXT, "conversation_ids": TEXTS}
TOMBSTONES = "tombstones.jsonl"
"""The feed: one JSON object on each line, of what an earlier release held and this one does not."""
FEED = "chatfeedback-tombstones/1"


class DamagedFeedError(WorkbenchError):
    """The manifest, feed or items of the release before are not what was written: a new one would lose what is gone."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The ids of the items that the later of two releases alone has, that it lacks, and that it has otherwise.

    An item is another one if its split, its digest (the sha256 of its rows in all tables) or its conversations are.
    ``moved`` counts those that are in another split.
    """

    added: pa.StringArray
    removed: pa.StringArray
    changed: pa.StringArray
    moved: int


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


def changes_between(before: pa.Table, after: pa.Table) -> Changes:
    """Return what changed from one release to another, whose items have ``ITEM_COLUMNS``; their ids are distinct."""
    earlier, later = one_array(before["id"]), one_array(after["id"])
    places = places_of(later, earlier)
    in_both, is_new = np.flatnonzero(places != NOWHERE), places == NOWHERE
    is_gone = np.ones(len(earlier), np.bool_)
    is_gone[places[in_both]] = False
    one, other = rows_at(before, places[in_both]), rows_at(after, in_both)
    moved = flags_of(pc.not_equal(one["split"], other["split"]))
    changed = moved | flags_of(pc.not_equal(one["digest"], other["digest"]))
    changed |= _lists_differ(one["conversation_ids"], other["conversation_ids"])
    return Changes(
        added=rows_at(later, np.flatnonzero(is_new)),
        removed=rows_at(earlier, np.flatnonzero(is_gone)),
        changed=rows_at(later, in_both[changed]),
        moved=int(moved.sum()),
    )


def _lists_differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Flags:
    """Return whether lists of text differ from others, one by one."""
    lengths = np.asarray(pc.list_value_length(one))
    differ: Flags = lengths != np.asarray(pc.list_value_length(other))
    alike = np.flatnonzero(~differ)
    texts, others = (pc.list_flatten(rows_at(lists, alike)) for lists in (one, other))
    differ[np.repeat(alike, lengths[alike])[flags_of(pc.not_equal(texts, others))]] = True
    return differ


def compare(before: pa.Table, after: pa.Table, buckets: int) -> Difference:
    """Return the difference of the items of two releases; ``buckets`` is the number of them in the later one."""
    return _counted(changes_between(before, after), len(after), buckets)


def _counted(changes: Changes, items: int, buckets: int) -> Difference:
    """Return how many changes there are to a release that has so many items, and so many buckets."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for what, ids in (("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)):
        numbers, several = np.unique(buckets_of(hashed(ids, 8), buckets), return_counts=True)
        for bucket, number in zip(numbers.tolist(), several.tolist(), strict=True):
            counts[bucket][what] = number
    return Difference(
        added=len(changes.added),
        removed=len(changes.removed),
        changed=len(changes.changed),
        unchanged=items - len(changes.added) - len(changes.changed),
        moved=changes.moved,
        buckets={bucket: counts[bucket] for bucket in sorted(counts)},
    )


def listed_in(folder: Path, manifest: Mapping[str, JsonValue]) -> pa.Table | None:
    """Return the items that a release lists, with ``ITEM_COLUMNS``, none of which is null.

    None if it lists none, as of an earlier version, or is damaged.
    """
    files = manifest.get("files")
    names = sorted(files) if isinstance(files, dict) else []
    names = [name for name in names if name.startswith(f"data/{ITEMS}/") and name.endswith(".parquet")]
    if not names or not all(is_plain_file(folder, name) for name in names):
        return None
    try:
        listed = pa.concat_tables(
            pq.read_table(folder / name, columns=[*ITEM_COLUMNS])
            .select([*ITEM_COLUMNS])
            .cast(stored_schema(ITEM_COLUMNS))
            for name in names
        )
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None
    texts = pc.list_flatten(listed["conversation_ids"])
    return None if any(column.null_count for column in (*listed.columns, texts)) else listed


def conversations_in(listed: pa.Table) -> pa.StringArray:
    """Return the ids of the conversations of items, each once."""
    return pc.unique(pc.list_flatten(listed["conversation_ids"]))


def hashes_of(conversation_ids: pa.StringArray) -> set[str]:
    """Return the sha256 of conversations, by which the feed names them."""
    return {hashlib.sha256(name).hexdigest() for name in slices(conversation_ids)}


@dataclass(frozen=True, slots=True)
class Feed:
    """Since which version, and when, items and conversations are gone: ``(version, time)`` by id, and by hash."""

    items: Mapping[str, tuple[int, str]]
    conversations: Mapping[str, tuple[int, str]]

    def text(self, kind: str, version: int, first: str | None = None) -> str:
        """Return the content of the file; the first line says of which release it is, and of which history."""
        gone = [
            {"version": since, "at": at, "gone": what, name: value}
            for what, name, entries in (
                ("conversation", "sha256", self.conversations),
                ("item", "id", self.items),
            )
            for value, (since, at) in entries.items()
        ]
        gone.sort(key=lambda line: [str(it).rjust(12) for it in line.values()])
        begins = {} if first is None else {"first": first}
        header = {"format": FEED, "kind": kind, "version": version, **begins}
        return "".join(f"{json.dumps(line)}\n" for line in (header, *gone))


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
    for name in (*items, *others):
        str.encode(name)  # what has no UTF-8 is no text
    return Feed(items, others)


@dataclass(frozen=True, slots=True)
class Release:
    """A release after another one in the same folder.

    ``previous`` names the release before by version, digest and time; ``difference`` to it is None for the first one,
    and where it lists no items. ``first`` is the digest of the first release, which tells one history from another;
    None where it is not known any more.
    """

    version: int
    previous: Mapping[str, JsonValue] | None
    difference: Difference | None
    feed: Feed
    first: str | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """Return what the manifest holds of it."""
        return {
            "version": self.version,
            "first": self.first,
            "previous": None if self.previous is None else {**self.previous},
            "difference": None if self.difference is None else self.difference.as_json(),
        }

    def card(self) -> str:
        """Return what the card says of it, Markdown."""
        if self.previous is None:
            return f"This is the first release. `{TOMBSTONES}` will name what later ones no longer hold."
        if self.difference is None:
            said = f"Release {self.version}; the one before lists no items to compare with."
        else:
            said = (
                f"Release {self.version}. Since release {self.previous['version']} "
                f"({str(self.previous['created_at'])[:10]}): {self.difference.sentence()}."
            )
        number = len(self.feed.items)
        if not number:
            return f"{said} No item of earlier releases is gone."
        return (
            f"{said} {counted(number, 'item')} of earlier releases {word_for(number, 'is', 'are')} gone: "
            f"`{TOMBSTONES}` names {word_for(number, 'it', 'them')}, so that copies can drop "
            f"{word_for(number, 'it', 'them')}."
        )


def release_after(
    folder: Path,
    before: Mapping[str, JsonValue] | None,
    listed: pa.Table,
    buckets: int,
    created_at: str,
    digest: str | None = None,
) -> Release:
    """Return the release that comes after the one in a folder.

    Args:
        folder: holds the release before.
        before: the manifest of that; None without one.
        listed: the items of the new one (``ITEM_COLUMNS``).
        buckets: of the new one.
        created_at: when it is made, in ISO 8601.
        digest: of the new one.

    Raises:
        DamagedFeedError: the feed or the items of the release before cannot be trusted.
    """
    if before is None:
        return Release(1, None, None, Feed({}, {}), digest)
    block, feed = before.get("release"), _feed_in(folder, before)
    last = block.get("version") if isinstance(block, dict) else 1  # of an earlier version of this software
    version = (last if isinstance(last, int) else 1) + 1
    previous = {
        "version": version - 1,
        "digest": before.get("digest"),
        "created_at": before.get("created_at"),
    }
    earlier, since = _items_in(folder, before), (version, created_at)
    if earlier is None:
        return Release(version, previous, None, _without(feed, listed), first_of(before))
    changes = changes_between(earlier, listed)
    told, present = conversations_in(earlier), conversations_in(listed)
    # of an item whose id is that of a conversation, as of `sharelm`, the hash of the conversation tells
    named = changes.removed.filter(pc.invert(pc.is_in(changes.removed, value_set=told)))
    gone = dict.fromkeys(named.to_pylist(), since)
    unheard = told.filter(pc.invert(pc.is_in(told, value_set=present)))
    left = _without(feed, listed)
    return Release(
        version,
        previous,
        _counted(changes, len(listed), buckets),
        Feed({**gone, **left.items}, {**dict.fromkeys(hashes_of(unheard), since), **left.conversations}),
        first_of(before),
    )


def first_of(manifest: Mapping[str, JsonValue]) -> str | None:
    """Return the digest of the first release of a history by a manifest of it; None if that does not tell."""
    release = manifest.get("release")
    if not isinstance(release, dict) or release.get("version") == 1:
        found = manifest.get("digest")  # it is the first one, or of a version that knew no releases
    else:
        found, previous = release.get("first"), release.get("previous")
        if found is None and release.get("version") == 2 and isinstance(previous, dict):
            found = previous.get("digest")  # an earlier version of this software wrote no ``first``
    return found if isinstance(found, str) else None


def _without(feed: Feed, listed: pa.Table) -> Feed:
    """Return a feed without what is there again in a release with these items.

    Nor with ids of conversations that an earlier version named as those of items.
    """
    ids = one_array(listed["id"])
    names = pa.array([*feed.items], pa.string())
    items = {*names.filter(pc.is_in(names, value_set=ids)).to_pylist()}
    conversations = hashes_of(conversations_in(listed)) if feed.conversations else set()
    return Feed(
        {
            name: when
            for name, when in feed.items.items()
            if name not in items and hashlib.sha256(name.encode()).hexdigest() not in feed.conversations
        },
        {name: when for name, when in feed.conversations.items() if name not in conversations},
    )


def _feed_in(folder: Path, manifest: Mapping[str, JsonValue]) -> Feed:
    if not _is_versioned(manifest) and TOMBSTONES not in _files_of(manifest):
        return Feed({}, {})
    try:
        _check(folder, manifest, TOMBSTONES)
        return read_feed((folder / TOMBSTONES).read_text("utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder / TOMBSTONES, error) from None


def _items_in(folder: Path, manifest: Mapping[str, JsonValue]) -> pa.Table | None:
    """Return the items that the release before lists, or None if it is of a version that lists none."""
    names = [name for name in sorted(_files_of(manifest)) if name.startswith(f"data/{ITEMS}/")]
    for name in names:
        try:
            _check(folder, manifest, name)
        except (OSError, ValueError) as error:
            raise damaged(folder / name, error) from None
    listed = listed_in(folder, manifest)
    if listed is None and (names or _is_versioned(manifest)):
        raise damaged(folder / "data" / ITEMS, "it lists no items")
    return listed


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
