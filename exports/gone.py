"""What of a release a later feed says is gone: for whoever downloaded it, and polls the feed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports.difference import conversations_in, first_of, hashes_of, listed_in, read_feed
from exports.verification import read_manifest
from workspaces.errors import UsageError
from workspaces.grammar import counted

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Gone:
    """What of a release is gone by a feed: in words, None if nothing is; and whether the feed is of a later release."""

    said: str | None
    is_later: bool


def gone_by(folder: Path, text: str) -> Gone:
    """Return what of the release in a folder is gone by a feed.

    Args:
        folder: a release that passes ``verify``.
        text: of the feed of the same release or of a later one.

    Raises:
        UsageError: the text is no feed, or is of another export or of an earlier release; or the release lists no
            items.
    """
    manifest = read_manifest(folder)
    try:
        feed, first = read_feed(text), json.loads(text.splitlines()[0])
        kind, version = str(first["kind"]), int(first["version"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise UsageError("it is no feed of what is gone, such as tombstones.jsonl of a release") from None
    listed, here = listed_in(folder, manifest), (manifest.get("release") or {}).get("version", 1)
    if listed is None:
        raise UsageError(f"{folder} lists no items to look for")
    if kind != manifest["kind"] or version < here:
        raise UsageError(
            f"it is the feed of release {version} of {kind!r}, and {folder} is release {here} of "
            f"{manifest['kind']!r}: poll the feed of the same export again"
        )
    begins, begun = first.get("first"), first_of(manifest)
    if begins is not None and begun is not None and begins != begun:
        raise UsageError(
            f"it is the feed of another {kind!r} export, whose first release was {str(begins)[:16]}, and not "
            f"{begun[:16]} as of {folder}: poll the feed of the one that you have"
        )
    items = len(feed.items.keys() & {*listed["id"].to_pylist()})
    conversations = len(feed.conversations.keys() & hashes_of(conversations_in(listed)))
    if not items and not conversations:
        return Gone(None, version > here)
    held = f"{counted(items, 'item')} and {counted(conversations, 'conversation')}"
    return Gone(
        f"{held} of it are gone by release {version}: fetch that one, and drop this one", version > here
    )
