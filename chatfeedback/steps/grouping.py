"""Divides conversations so that what can meet in an item of an export, or belongs into one split, stays together.

Conversations belong together if a task shows both, if they are near duplicates, or if prompts in them have the same
opening (``exports.splits.normalised_opening``) or nearly the same one, over any number of steps.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from exports.context import clean, contexts_of
from exports.spilled import rows_at as taken
from exports.splits import normalised_opening
from workspaces.collection.files import CONVERSATION, conversations_in, rows_at
from workspaces.collection.near_duplicates.finder import THRESHOLD
from workspaces.collection.near_duplicates.index import pairs_within
from workspaces.collection.near_duplicates.signatures import BANDS, bands, jaccard, shingles
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Collection as Names
    from collections.abc import Container, Iterable, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from exports import Context
    from workspaces.collection import Collection

SEEN = ("role", "content", "attachments")


class Groups:
    """Names that belong together, joined pair by pair."""

    def __init__(self) -> None:
        self._parents: dict[str | bytes, str | bytes] = {}

    def join(self, one: str | bytes, other: str | bytes) -> None:
        """Say that two names belong together."""
        first, second = sorted((self.of(one), self.of(other)), key=_rank)
        self._parents[second] = first

    def of(self, name: str | bytes) -> str | bytes:
        """Return the name that stands for all that belong together: whatever was joined in whatever order."""
        parents = self._parents
        root = parents.setdefault(name, name)
        while parents[root] != root:
            root = parents[root]
        while parents[name] != root:
            parents[name], name = root, parents[name]
        return root


def _rank(name: str | bytes) -> tuple[bool, str | bytes]:
    return isinstance(name, str), name


def number_of(name: str | bytes, of: int) -> int:
    """Return a number below ``of`` by a name alone."""
    plain = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else name
    return int.from_bytes(blake2b(plain, digest_size=8).digest()) % of


def join_openings(groups: Groups, collection: Collection, wanted: Container[str] | None) -> None:
    """Join conversations with the digests of their openings.

    Args:
        groups: where to.
        collection: of all of its shared conversations; the workspace is locked.
        wanted: the ids of those that are needed; None: all.
    """
    for batch in collection.scan_batches(CONVERSATION, locked=True):
        for name, opening in _openings(batch, wanted):
            groups.join(name, _digest(opening))


def with_near_openings(
    near_duplicates: Mapping[str, str], collection: Collection, wanted: Names[str]
) -> dict[str, str]:
    """Return the group of each conversation that has a near duplicate, or whose opening has one.

    Conversations that ask nearly the same are no near duplicates where the responses differ.

    Args:
        near_duplicates: the groups of conversations that are near duplicates as wholes, by id.
        collection: all shared conversations; the workspace is locked.
        wanted: the ids of the conversations whose openings are compared.
    """
    groups = Groups()
    for name, group in near_duplicates.items():
        groups.join(name, f"\0{group}")
    found: dict[bytes, str] = {}
    signatures: list[NDArray[np.uint64]] = [np.empty((0, BANDS), np.uint64)]
    for batch in collection.scan_batches(CONVERSATION, locked=True):
        new = {
            digest: (name, opening)
            for name, opening in _openings(batch, wanted)
            if (digest := _digest(opening)) not in found
        }
        found |= {digest: name for digest, (name, _) in new.items()}
        signatures.append(bands(shingles([opening for _, opening in new.values()])))
    digests = [*found]
    pairs = pairs_within(np.concatenate(signatures))
    alike = sorted({*pairs.ravel().tolist()})
    texts = _texts(collection, wanted, {digests[place] for place in alike}) if alike else {}
    shingled = shingles([texts[digests[place]] for place in alike])
    hashes = {place: shingled.of(number) for number, place in enumerate(alike)}
    names = {*near_duplicates}
    for one, other in pairs.tolist():
        both = found[digests[one]], found[digests[other]]
        if groups.of(both[0]) != groups.of(both[1]) and jaccard(hashes[one], hashes[other]) >= THRESHOLD:
            groups.join(*both)
            names.update(both)
    return {name: str(groups.of(name)) for name in names}


def _texts(collection: Collection, wanted: Names[str], digests: Container[bytes]) -> dict[bytes, str]:
    """Return the openings with these digests."""
    return {
        digest: opening
        for batch in collection.scan_batches(CONVERSATION, locked=True)
        for _, opening in _openings(batch, wanted)
        if (digest := _digest(opening)) in digests
    }


def _digest(opening: str) -> bytes:
    return blake2b(opening.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _openings(batch: pa.RecordBatch, wanted: Container[str] | None) -> Iterator[tuple[str, str]]:
    """Yield the openings of the prompts of each conversation, after its id."""
    names = batch.column("conversation_id").to_pylist()
    chats = batch.column("conversation")
    messages, offsets = chats.flatten(), chats.offsets.to_numpy()
    places = [place for place, name in enumerate(names) if wanted is None or name in wanted]
    unusual = [place for place in places if offsets[place] == offsets[place + 1]]
    begun = [place for place in places if offsets[place] < offsets[place + 1]]
    first = offsets[begun] - offsets[0]
    turns = (taken(messages.field(name), first).to_pylist() for name in SEEN)
    for place, role, content, attached in zip(begun, *turns, strict=True):
        if role == Role.USER and not attached:  # every prompt begins with this turn
            yield names[place], normalised_opening(((Role.USER, clean(content)),))
        else:
            unusual.append(place)
    for chat in conversations_in(rows_at(batch, unusual)) if unusual else ():
        yield from ((chat.id, opening) for opening in _of_prompts(contexts_of([chat]).values()))


def _of_prompts(contexts: Iterable[Context]) -> set[str]:
    return {normalised_opening(context.prompt) for context in contexts}
