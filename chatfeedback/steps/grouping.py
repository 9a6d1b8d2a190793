"""Divides conversations so that what can meet in an item of an export, or belongs into one split, stays together.

Conversations belong together if a task shows both, if they are near duplicates, or if prompts in them have the same
opening (``exports.splits.normalised_opening``), over any number of steps.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from exports.context import clean, contexts_of
from exports.spilled import rows_at as taken
from exports.splits import normalised_opening
from workspaces.collection.files import CONVERSATION, conversations_in, rows_at
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    import pyarrow as pa

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
            groups.join(name, blake2b(opening.encode("utf-8", "surrogatepass"), digest_size=8).digest())


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
