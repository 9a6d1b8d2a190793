"""Outlines of conversations: who answers where, in columns and without the texts.

What most kinds ask about follows from these columns alone. A conversation is a **chain** if each message answers the
one before it, a person begins it, a model's response ends it, and all its responses are of one model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workspaces.collection.message_columns import are_responses
from workspaces.keys import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from workspaces.keys import Keys

COLUMNS = ("conversation", "model_name")
"""The columns of the collection that outlines are made of, in addition to the ids."""

_PIECE = 2**30
"""Bytes of a piece of a column at most."""


class Levels(Protocol):
    """Seed feedback by the keys of messages."""

    def levels(self, keys: Keys) -> NDArray[np.int8]:
        """Return the significance of each, as a place in ``Significance``; -1: not rated."""
        ...


@dataclass(frozen=True, slots=True)
class Outlines:
    """Conversations in the order in which they were read, and their responses, conversation by conversation.

    Of conversations, by row: ``names``, their ids; ``starts``, where their responses start, and one number more;
    ``chains``, whether they are chains; ``characters`` of all their messages. Of responses: ``ids``; ``keys`` of these;
    ``rows``, the rows of their conversations; ``levels`` of significance, -1 without seed feedback; ``blank``;
    ``asked``, whether they answer a message; ``prompts``, equal numbers where all messages before them are the same.
    ``models`` are those of responses that name another one than their conversation, by id. ``characters`` and
    ``prompts`` are empty if nobody wants them.
    """

    names: pa.ChunkedArray
    starts: NDArray[np.int64]
    chains: NDArray[np.bool_]
    characters: NDArray[np.int64]
    ids: pa.ChunkedArray
    keys: Keys
    rows: NDArray[np.int32]
    levels: NDArray[np.int8]
    blank: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    prompts: Keys
    models: Mapping[str, str]

    @property
    def waiting(self) -> int:
        """How many responses have no seed feedback; what nobody asked for is none."""
        return int(np.count_nonzero((self.levels < 0) & self.asked))

    def taken(self, rows: NDArray[np.bool_]) -> list[str]:
        """Return the ids of some conversations."""
        return strings_at(self.names, np.flatnonzero(rows))

    def any_of(self, responses: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return, for each conversation, whether one of these responses is in it."""
        found = np.zeros(len(self.chains), np.bool_)
        found[self.rows[responses]] = True
        return found

    def sharing_a_prompt(self, rows: NDArray[np.bool_], rewritten: Keys) -> NDArray[np.bool_]:
        """Return which of these conversations have a rated response to a prompt that has another one in them.

        Responses with keys in ``rewritten`` count as rated: beside each stands a rewrite.
        """
        counts_here = (self.levels >= 0) | np.isin(self.keys, rewritten)
        rated = np.flatnonzero(counts_here & self.asked & rows[self.rows])
        _, which, counts = np.unique(self.prompts[rated], return_inverse=True, return_counts=True)
        found = np.zeros(len(rows), np.bool_)
        found[self.rows[rated[counts[which] > 1]]] = True
        return found


class OutlineReader:
    """Reads outlines, a batch at a time."""

    def __init__(self, levels: Levels, *, prompts: bool, characters: bool) -> None:
        """Args: ``prompts`` and ``characters``: whether anybody wants these columns."""
        self._levels = levels
        self._wants_prompts = prompts
        self._wants_characters = characters
        self._parts: list[tuple[Any, ...]] = []
        self._models: dict[str, str] = {}
        self._read = 0

    def look(self, batch: pa.RecordBatch) -> None:
        """Read a batch with the ids and ``COLUMNS``."""
        conversations = batch.column("conversation")
        messages = conversations.flatten()
        offsets = integers(conversations.offsets)
        offsets -= offsets[0]
        owner = np.repeat(np.arange(batch.num_rows), np.diff(offsets))
        ids, parents = messages.field("id"), messages.field("parent_id")
        is_response = bools(are_responses(messages))
        places = np.flatnonzero(is_response)
        own = owner[places]
        contents = messages.field("content")
        keys = keys_of(ids.filter(_mask(is_response)).to_pylist())
        levels = self._levels.levels(keys)
        chained = _chained(ids, parents, offsets)
        chains = np.bincount(owner[~chained], minlength=batch.num_rows) == 0
        chains &= _edges(is_response, offsets)
        for place, row, model in _of_other_models(messages, batch, places, own):
            chains[row] = False
            self._models[ids[place].as_py()] = model
        asked = ~bools(parents.is_null())[places]
        prompts: Keys = np.empty(0, np.int64)
        if self._wants_prompts:
            prompts = _prompts(messages, offsets, chains, places)
        characters: NDArray[np.int64] = np.empty(0, np.int64)
        if self._wants_characters:
            lengths = integers(pc.utf8_length(contents))
            characters = np.bincount(owner, lengths, minlength=batch.num_rows).astype(np.int64)
        self._parts.append((
            batch.column("conversation_id"),
            np.bincount(own, minlength=batch.num_rows),
            chains,
            characters,
            ids.filter(_mask(is_response)),
            keys,
            (own + self._read).astype(np.int32),
            levels,
            _blank(contents, places),
            asked,
            prompts,
        ))  # fmt: skip
        self._read += batch.num_rows

    def outlines(self) -> Outlines:
        """Return the outlines of all conversations read so far."""
        columns = list(zip(*self._parts, strict=True)) or [()] * 11
        self._parts = []
        names, counts, chains, characters, ids, keys, rows, levels, blank, asked, prompts = columns
        return Outlines(
            names=gathered(names),
            starts=np.append(0, np.cumsum(_joined(counts, np.int64))),
            chains=_joined(chains, np.bool_),
            characters=_joined(characters, np.int64),
            ids=gathered(ids),
            keys=_joined(keys, np.int64),
            rows=_joined(rows, np.int32),
            levels=_joined(levels, np.int8),
            blank=_joined(blank, np.bool_),
            asked=_joined(asked, np.bool_),
            prompts=_joined(prompts, np.int64),
            models=self._models,
        )


def gathered(arrays: Sequence[pa.StringArray]) -> pa.ChunkedArray:
    """Return one column of many arrays, in as few pieces as offsets of 32 bits allow.

    To take some of the strings from thousands of pieces, each of which is looked at, takes thirty times as long.
    """
    pieces: list[list[pa.StringArray]] = [[]]
    size = 0
    for array in arrays:
        if size + array.nbytes > _PIECE:
            pieces.append([])
            size = 0
        pieces[-1].append(array)
        size += array.nbytes
    return pa.chunked_array([pa.concat_arrays(some) for some in pieces if some], pa.string())


def strings_at(column: pa.ChunkedArray, places: NDArray[Any]) -> list[str]:
    """Return the strings at some places of a column; ``pa.array`` would import pandas, which takes a second."""
    numbers = np.ascontiguousarray(places, np.int64)
    chosen = pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
    texts: list[str] = column.take(chosen).to_pylist()
    return texts


def bools(array: pa.BooleanArray) -> NDArray[np.bool_]:
    """Return booleans, False for null; ``to_numpy`` would import pandas, and so would ``fill_null``."""
    if not len(array):
        return np.empty(0, np.bool_)
    return _bits(array, 1) & _valid(array)


def integers(array: pa.Int32Array) -> NDArray[np.int64]:
    """Return 32-bit integers, 0 for null; ``to_numpy`` would import pandas, and so would ``fill_null``."""
    if not len(array):
        return np.empty(0, np.int64)
    numbers = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array)]
    return np.where(_valid(array), numbers, 0).astype(np.int64)


def _valid(array: pa.Array) -> NDArray[np.bool_]:
    return _bits(array, 0) if array.null_count else np.ones(len(array), np.bool_)


def _bits(array: pa.Array, buffer: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(array.buffers()[buffer], np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def _chained(ids: pa.Array, parents: pa.Array, offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which messages answer the one before them, or begin a conversation and answer none."""
    chained = np.zeros(len(ids), np.bool_)
    if len(ids) > 1:
        chained[1:] = bools(pc.equal(parents.slice(1), ids.slice(0, len(ids) - 1)))
    first = offsets[:-1][np.diff(offsets) > 0]
    chained[first] = bools(parents.is_null())[first]
    return chained


def _edges(is_response: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which conversations begin with something else than a response and end with one."""
    fits = np.diff(offsets) > 0
    fits[fits] = ~is_response[offsets[:-1][fits]] & is_response[offsets[1:][fits] - 1]
    return fits


def _of_other_models(
    messages: pa.StructArray, batch: pa.RecordBatch, places: NDArray[np.int64], own: NDArray[np.int64]
) -> Iterator[tuple[int, int, str]]:
    """Yield the responses that name another model than their conversation: their places, their rows, and the model."""
    models = batch.column("model_name").to_pylist()
    named = messages.field("model_name").to_pylist()
    for place, row in zip(places.tolist(), own.tolist(), strict=True):
        if (model := named[place]) and model != models[row]:
            yield place, row, model


def _blank(contents: pa.StringArray, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the texts at these places are white space; most tell by their first byte that they are not."""
    offsets = np.frombuffer(contents.buffers()[1], np.int32)[contents.offset :][: len(contents) + 1]
    data = np.frombuffer(contents.buffers()[2] or b"\0", np.uint8)
    starts = offsets[:-1][places]
    first = data[np.minimum(starts, len(data) - 1)]
    unsure = (offsets[1:][places] == starts) | (first <= ord(" ")) | (first > ord("~"))
    blank = np.zeros(len(places), np.bool_)
    for place in np.flatnonzero(unsure).tolist():
        blank[place] = not contents[int(places[place])].as_py().strip()
    return blank


def _prompts(
    messages: pa.StructArray,
    offsets: NDArray[np.int64],
    chains: NDArray[np.bool_],
    places: NDArray[np.int64],
) -> Keys:
    """Return for each response a hash of the roles and texts of all messages before it, on its branch."""
    roles = messages.field("role").to_pylist()
    contents = messages.field("content").to_pylist()
    ids: list[str] = []
    parents: list[str | None] = []
    before = np.zeros(len(roles), np.int64)
    for row, (start, end) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        if chains[row]:
            prefix = 0
            for place in range(start, end):
                before[place] = prefix
                if place + 1 < end:
                    prefix = hash((prefix, roles[place], contents[place]))
            continue
        if not ids:
            ids, parents = messages.field("id").to_pylist(), messages.field("parent_id").to_pylist()
        prefixes: dict[str | None, int] = {None: 0}
        for place in range(start, end):
            before[place] = prefixes.get(parents[place], -1)
            prefixes[ids[place]] = hash((int(before[place]), roles[place], contents[place]))
    return before[places]


def _mask(values: NDArray[np.bool_]) -> pa.BooleanArray:
    """Return a mask; ``pa.array`` would import pandas, which takes a second."""
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.BooleanArray.from_buffers(pa.bool_(), len(values), [None, bits])


def _joined(arrays: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    joined: NDArray[Any] = np.concatenate([np.empty(0, kind), *arrays]).astype(kind, copy=False)
    return joined
