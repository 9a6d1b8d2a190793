"""The difference between releases, and the feed of what is gone, are those of a plain comparison item by item."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import event, given
from hypothesis import strategies as st

from exports.buckets import bucket_of
from exports.difference import (
    ITEM_COLUMNS,
    TOMBSTONES,
    Difference,
    Feed,
    Release,
    changes_between,
    compare,
    release_after,
)
from exports.features import features_schema
from exports.json_columns import stored_schema
from exports.tables import sha256_of
from tests.examples import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

NAMES = st.text("aé中\x00", max_size=2)


@dataclass(frozen=True)
class Entry:
    """An item in a release."""

    split: str
    digest: str
    conversation_ids: tuple[str, ...]


ENTRIES = st.builds(
    Entry,
    st.sampled_from(["train", "test"]),
    st.sampled_from(["0", "1"]),
    st.lists(st.sampled_from(["one", "two", "three", "vier€"]), max_size=3).map(tuple),
)
RELEASES = st.dictionaries(NAMES, ENTRIES, max_size=8)


def plain_difference(before: Mapping[str, Entry], after: Mapping[str, Entry], buckets: int) -> Difference:
    counts: dict[int, Counter[str]] = {}
    moved = 0
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        what = "added" if one is None else "removed" if other is None else "changed"
        counts.setdefault(bucket_of(name, buckets), Counter())[what] += 1
        moved += one is not None and other is not None and one.split != other.split
    total = sum(counts.values(), Counter[str]())
    return Difference(
        added=total["added"],
        removed=total["removed"],
        changed=total["changed"],
        unchanged=len(after) - total["added"] - total["changed"],
        moved=moved,
        buckets={bucket: dict(sorted(counts[bucket].items())) for bucket in sorted(counts)},
    )


def plain_feed(
    feed: Feed, before: Mapping[str, Entry], after: Mapping[str, Entry], since: tuple[int, str]
) -> Feed:
    present = hashes(after)
    items = {**dict.fromkeys(before, since), **feed.items}
    conversations = {**dict.fromkeys(hashes(before), since), **feed.conversations}
    return Feed(
        {name: when for name, when in items.items() if name not in after},
        {name: when for name, when in conversations.items() if name not in present},
    )


def hashes(entries: Mapping[str, Entry]) -> set[str]:
    names = {name for entry in entries.values() for name in entry.conversation_ids}
    return {hashlib.sha256(name.encode()).hexdigest() for name in names}


def as_table(entries: Mapping[str, Entry]) -> pa.Table:
    rows = [
        {"id": name, "split": it.split, "digest": it.digest, "conversation_ids": list(it.conversation_ids)}
        for name, it in entries.items()
    ]
    return pa.Table.from_pylist(rows, schema=stored_schema(ITEM_COLUMNS))


def written(folder: Path, entries: Mapping[str, Entry], release: Release) -> Mapping[str, JsonValue]:
    """Write the files of a release that the next one reads; return its manifest."""
    listed = folder / "data" / "items"
    listed.mkdir(parents=True, exist_ok=True)
    table = as_table(entries).cast(features_schema(ITEM_COLUMNS))
    for number, some in enumerate((table.slice(0, 3), table.slice(3))):
        pq.write_table(some, listed / f"listed-{number}.parquet")
    (folder / TOMBSTONES).write_text(release.feed.text("dpo", release.version), "utf-8", newline="\n")
    files = [*listed.iterdir(), folder / TOMBSTONES]
    return {
        "digest": str(release.version),
        "created_at": f"at {release.version}",
        "files": {path.relative_to(folder).as_posix(): sha256_of(path) for path in files},
        "release": release.as_json(),
    }


@given(
    releases=st.lists(RELEASES, min_size=2, max_size=4),
    again=st.booleans(),
    buckets=st.sampled_from([1, 3, 8]),
)
@examples(60)
def test_a_chain_of_releases_is_compared_as_plain_python_would(
    releases: list[dict[str, Entry]], again: bool, buckets: int
) -> None:
    if again:  # what was gone is there once more
        releases = [*releases, releases[0]]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        release = release_after(folder, None, as_table(releases[0]), buckets, "at 1", "1")
        assert release == Release(1, None, None, Feed({}, {}), "1")
        for version, (before, after) in enumerate(pairwise(releases), 2):
            manifest = written(folder, before, release)
            expected = Release(
                version,
                {"version": version - 1, "digest": str(version - 1), "created_at": f"at {version - 1}"},
                plain_difference(before, after, buckets),
                plain_feed(release.feed, before, after, (version, f"at {version}")),
                "1",
            )
            if version in (2, 3):  # as earlier versions of this software wrote it
                told = release.as_json()
                manifest = {**manifest, "release": {key: told[key] for key in told if key != "first"}}
            release = release_after(folder, manifest, as_table(after), buckets, f"at {version}")
            assert release == expected
            assert release.as_json() == expected.as_json()
            assert release.feed.text("dpo", version) == expected.feed.text("dpo", version)
            event("something is gone" if release.feed.items else "nothing is gone")


@given(before=RELEASES, after=RELEASES)
@examples(60)
def test_the_ids_of_what_changed_are_those_that_are_counted(
    before: dict[str, Entry], after: dict[str, Entry]
) -> None:
    one, other = as_table(before), as_table(after)
    changes = changes_between(one, other)
    assert {*changes.added.to_pylist()} == after.keys() - before.keys()
    assert {*changes.removed.to_pylist()} == before.keys() - after.keys()
    assert {*changes.changed.to_pylist()} == {
        name for name in before.keys() & after.keys() if before[name] != after[name]
    }
    assert compare(one, other, 8) == plain_difference(before, after, 8)
