"""The openings of the prompts of conversations: which are the same, and the MinHash bands that find those nearly so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from chatfeedback.steps.portions import IN_COLLECTION
from exports.arrays import rows_at
from exports.context import clean, contexts_of
from exports.dataset import our_errors
from exports.splits import digest_of, normalised_opening
from workspaces.batch_files import batch_file
from workspaces.collection.files import batches_of, conversations_in
from workspaces.collection.near_duplicates.signatures import BANDS, ROWS, bands, shingles
from workspaces.keys import KeyIndex, keys_of
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from workspaces.batch_files import Waiting

    Places = NDArray[np.int64]
    Digests = NDArray[np.uint64]

ROWS_OF_BAND = 4
"""So that of pairs of openings with a Jaccard similarity of .8 only 4 in 10,000 share no band: they would be on both
sides of a split. Bands are not stored here, as those of conversations are."""
ROWS_AT_ONCE = 2048
SEEN = ("role", "content", "attachments")


@dataclass(frozen=True, slots=True)
class Openings:
    """The openings of conversations.

    Attributes:
        names: the ids of the conversations.
        rows: where each stands among those that were kept.
        owners: whose each opening is, by place in ``names``; ascending.
        digests: of each opening.
        signed: the places of the openings that have bands.
        bands: of these, of ``ROWS_OF_BAND`` rows each.
    """

    names: pa.StringArray
    rows: Places
    owners: Places
    digests: Digests
    signed: Places
    bands: Digests


def openings_in(
    path: str, asked: Sequence[Waiting], target: str, everything: bool
) -> tuple[Openings, list[Waiting]]:
    """Return the openings in a file of the collection, and its conversations, which are kept in a new file.

    Args:
        path: of the file.
        asked: the ids of the conversations whose openings are signed, the first one of each digest.
        target: the path of the new file.
        everything: look at all conversations; else at those alone.

    Raises:
        CannotWriteError: it cannot be written.
    """
    found: list[Openings] = []
    kept: list[Waiting] = []
    wanted = _index_of(tuple(asked))
    start = 0
    with batch_file(Path(target), IN_COLLECTION, partial(our_errors, Path(target).parent)) as keep:
        for batch in batches_of(Path(path), IN_COLLECTION.names, ROWS_AT_ONCE):
            is_asked = wanted.places(keys_of(batch.column("conversation_id").to_pylist())) >= 0
            rows = np.arange(len(is_asked)) if everything else np.flatnonzero(is_asked)
            if len(rows):
                some = batch if len(rows) == batch.num_rows else rows_at(batch, rows)
                found.append(_openings_of(some, np.arange(len(rows)) + start, is_asked[rows]))
                kept.append(keep(some))
                start += len(rows)
    return joined(found), kept


def joined(some: Iterable[Openings]) -> Openings:
    """Return the openings of several files, or of parts of one, in order; of each digest the first one is signed."""
    found = [_NONE, *some]
    begins = np.cumsum([0, *(len(it.names) for it in found)])
    places = np.cumsum([0, *(len(it.owners) for it in found)])
    digests = np.concatenate([it.digests for it in found])
    signed = np.concatenate([it.signed + place for it, place in zip(found, places[:-1], strict=True)])
    _, first = np.unique(digests[signed], return_index=True)
    first.sort()
    return Openings(
        pa.concat_arrays([it.names for it in found]),
        np.concatenate([it.rows for it in found]),
        np.concatenate([it.owners + begin for it, begin in zip(found, begins[:-1], strict=True)]),
        digests,
        signed[first],
        np.concatenate([it.bands for it in found])[first],
    )


def only(some: Openings, shared: KeyIndex, asked: KeyIndex) -> Openings:
    """Return the openings of those conversations that are shared.

    An opening that was signed where its conversation is not is so where the first one of those asked for has it.
    """
    keys = keys_of(some.names.to_pylist())
    kept = shared.places(keys) >= 0
    if kept.all():
        return some
    numbers = np.cumsum(kept) - 1
    of_kept = kept[some.owners]
    places = np.cumsum(of_kept) - 1
    of_asked = np.flatnonzero((kept & (asked.places(keys) >= 0))[some.owners])
    _, signed, having = np.intersect1d(some.digests[some.signed], some.digests[of_asked], return_indices=True)
    return Openings(
        some.names.filter(pa.array(kept.tolist(), pa.bool_())),
        some.rows[kept],
        numbers[some.owners[of_kept]],
        some.digests[of_kept],
        places[of_asked[having]],
        some.bands[signed],
    )


def texts_of(batch: pa.RecordBatch) -> Iterator[tuple[int, str]]:
    """Yield the openings of each conversation of a batch, each with the place of its conversation."""
    chats = batch.column("conversation")
    messages, offsets = chats.flatten(), chats.offsets.to_numpy()
    begun = np.flatnonzero(np.diff(offsets))
    turns = (rows_at(messages.field(name), offsets[begun] - offsets[0]).to_pylist() for name in SEEN)
    unusual = np.flatnonzero(np.diff(offsets) == 0).tolist()
    for place, role, content, attached in zip(begun.tolist(), *turns, strict=True):
        if role == Role.USER and not attached:  # every prompt begins with this turn
            yield place, normalised_opening(((Role.USER, clean(content)),))
        else:
            unusual.append(place)
    others = conversations_in(rows_at(batch, np.array(unusual, np.int64))) if unusual else ()
    for place, chat in zip(unusual, others, strict=True):
        openings = {normalised_opening(context.prompt) for context in contexts_of([chat]).values()}
        yield from ((place, opening) for opening in sorted(openings))


def _openings_of(batch: pa.RecordBatch, rows: Places, is_asked: NDArray[np.bool_]) -> Openings:
    found = sorted(texts_of(batch), key=lambda it: it[0])
    owners = np.array([place for place, _ in found], np.int64)
    digests = np.frombuffer(b"".join(digest_of(text) for _, text in found), np.uint64)
    asked = np.flatnonzero(is_asked[owners])
    signed = asked[np.sort(np.unique(digests[asked], return_index=True)[1])]
    return Openings(
        batch.column("conversation_id"),
        rows,
        owners,
        digests,
        signed,
        bands(shingles([found[place][1] for place in signed.tolist()]), ROWS_OF_BAND),
    )


def ready() -> None:
    """Import what the portions of an export need, in a process that waits for work."""
    import exports.finishing
    import exports.reducing_columns  # noqa: F401 - by other modules, when there is work


@lru_cache(maxsize=1)
def _index_of(names: tuple[Waiting, ...]) -> KeyIndex:
    """Read ids once in each process: Arrow would hash all of them for each batch."""
    return KeyIndex(keys_of([name for it in names for name in it.read().column(0).to_pylist()]))


_NONE = Openings(
    pa.array([], pa.string()),
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.uint64),
    np.empty(0, np.int64),
    np.empty((0, BANDS * ROWS // ROWS_OF_BAND), np.uint64),
)
