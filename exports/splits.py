"""Train and test splits: related rows are in one split, in this release and in every later one."""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import squeeze
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from exports.context import Prompt

TRAIN = "train"
TEST = "test"
NOBODY_ASKED: Mapping[bytes, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SplitItem:
    """The attributes of an item that decide its split: id, conversations, prompt, and groups of near duplicates."""

    id: str
    conversation_ids: tuple[str, ...]
    prompt: Prompt
    near_duplicates: tuple[str, ...] = ()


def assign_splits(
    items: Iterable[SplitItem],
    test_share: float,
    in_test: Callable[[Collection[str]], bool] | None = None,
    first_asked: Mapping[bytes, int] = NOBODY_ASKED,
) -> dict[str, str]:
    """Return ``train`` or ``test`` for every item id.

    Items belong to one group if a chain of common conversations, of common groups of near duplicates, and of openings
    with the same ``normalised_opening`` links them. A group is in ``test`` if the hash of the opening that people were
    asked about first, read as a fraction, is below ``test_share``; of openings that nobody was asked about, it is the
    smallest hash. So the share of groups, not that of rows, is close to ``test_share``.

    The opening stays the same when messages are appended to a conversation, and a near copy that comes later is asked
    about later, so a later release moves no group, with two unavoidable exceptions: new data that links two groups
    merges them, and a deletion may part them again, or take the opening that was asked about first.

    Args:
        items: in any order.
        test_share: from 0 (everything in train) to 1 (everything in test).
        in_test: decides instead of ``test_share``, from the ids of all conversations of a group.
        first_asked: in which order people were first asked about openings, by ``digest_of``, or else these were shared;
            only of those that may be in one group with others.
    """
    threshold = _threshold(test_share)
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    openings: dict[str, tuple[str, str]] = {}
    for item in items:
        opening = openings[item.id] = ("opening", normalised_opening(item.prompt))
        for conversation_id in item.conversation_ids:
            parents[root(("conversation", conversation_id))] = root(opening)
        for group in item.near_duplicates:
            parents[root(("near duplicates", group))] = root(opening)
        root(opening)

    hashes: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for opening in set(openings.values()):
        hashes[root(opening)].append(digest_of(opening[1]))
    if in_test is not None:
        chats: dict[tuple[str, str], set[str]] = defaultdict(set)
        for kind, name in [*parents]:
            if kind == "conversation":
                chats[root((kind, name))].add(name)
        late = {group: in_test(chats[group]) for group in hashes}
        return {item_id: TEST if late[root(opening)] else TRAIN for item_id, opening in openings.items()}
    return {
        item_id: TEST if int.from_bytes(_first(hashes[root(opening)], first_asked)) < threshold else TRAIN
        for item_id, opening in openings.items()
    }


def splits_of_openings(
    openings: Sequence[bytes],
    test_share: float,
    linked: Iterable[tuple[bytes, str]],
    first_asked: Mapping[bytes, int] = NOBODY_ASKED,
) -> list[str]:
    """Return the split of items whose conversations have one opening each, as ``assign_splits`` does.

    Args:
        openings: of the items, each as ``digest_of``.
        test_share: from 0 (everything in train) to 1 (everything in test).
        linked: openings that are in a group of near duplicates, and the group.
        first_asked: as of ``assign_splits``.
    """
    threshold = _threshold(test_share)
    alike: dict[str, set[bytes]] = {}
    groups: dict[bytes, list[str]] = defaultdict(list)
    for opening, group in linked:
        alike.setdefault(group, set()).add(opening)
        groups[opening].append(group)
    least: dict[bytes, bytes] = {}
    for opening in groups:
        if opening in least:
            continue
        seen, waiting = {opening}, [opening]
        while waiting:
            for group in groups[waiting.pop()]:
                new = alike[group] - seen
                waiting += new
                seen |= new
        least.update(dict.fromkeys(seen, _first(seen, first_asked)))
    return [
        TEST if int.from_bytes(least.get(opening, opening)) < threshold else TRAIN for opening in openings
    ]


def _first(openings: Iterable[bytes], first_asked: Mapping[bytes, int]) -> bytes:
    """Return the opening that people were asked about first; of those that nobody was asked about, the smallest."""
    return min(openings, key=lambda it: (first_asked.get(it, math.inf), it))


def _threshold(test_share: float) -> float:
    """Return the number below which the digest of a group is in ``test``."""
    if not 0 <= test_share <= 1:
        raise ValueError(f"test_share is {test_share}, expected 0 to 1")
    return test_share * 2**64


def digest_of(opening: str) -> bytes:
    """Return the digest of a normalised opening, by which a group of rows is in a split."""
    return blake2b(opening.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def normalised_opening(prompt: Prompt) -> str:
    """Return the first user turn case-folded, NFKC-normalised, and without punctuation and layout.

    A prompt without a user turn is represented by its first turn. A turn of punctuation alone keeps it.
    """
    text = next(
        (content for role, content, *_ in prompt if role == Role.USER), prompt[0][1] if prompt else ""
    )
    if text.isascii():  # the same in a third of the time
        words = text.encode().translate(_ASCII_WORDS).split()
        return b" ".join(words).decode() if words else squeeze(text.lower())
    text = unicodedata.normalize("NFKC", text).casefold()
    return squeeze(text.translate(_WORDS)) or squeeze(text)


class _Words(dict[int, int]):
    """Maps what is no part of a word to a blank; every character is looked up once."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        kept = char.isalnum() or unicodedata.category(char)[0] == "M"
        return self.setdefault(code, code if kept else ord(" "))


_WORDS = _Words()
_ASCII_WORDS = bytes(_WORDS[code] for code in range(128)).lower() + bytes(range(128, 256))
