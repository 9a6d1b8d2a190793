"""The tokens of one field of every document, as one array of term numbers.

Looking a word up is one vectorised pass over the array (about 1 ms for each million tokens), so there are no
posting lists to maintain: a changed document is appended again and its former tokens are blanked out.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

BREAK = -1
"""Stands between two values of a field: no phrase reaches across it."""
VALUE_GAP = 100
"""How many positions Elasticsearch counts between two values of a text field."""


class _Vocabulary(dict[str, int]):
    """Term to number; an unseen term gets the next number."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


class TokenColumn:
    """Append-only storage of the tokens of one field, by document slot."""

    def __init__(self) -> None:
        self._vocabulary = _Vocabulary()
        self._tokens: NDArray[np.int32] = np.empty(1024, dtype=np.int32)
        self._size = 0
        self._starts: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._pending: list[list[int]] = []
        self._sorted_terms: list[str] = []
        self._lengths: NDArray[np.int64] | None = None

    def append(self, values: Iterable[Sequence[str]]) -> None:
        """Add the next document: the tokens of each of the field's values (none for a missing field)."""
        number = self._vocabulary.__getitem__
        document: list[int] = []
        for tokens in values:
            if document:
                document.append(BREAK)
            document += map(number, tokens)
        self._pending.append(document)

    def commit(self) -> None:
        """Make the appended documents searchable."""
        if not self._pending:
            return
        lengths = np.fromiter(map(len, self._pending), dtype=np.int64, count=len(self._pending))
        size = self._size + int(lengths.sum())
        if size > len(self._tokens):
            grown = np.empty(max(size, 2 * len(self._tokens)), dtype=np.int32)
            grown[: self._size] = self._tokens[: self._size]
            self._tokens = grown
        start = self._size
        for document in self._pending:
            self._tokens[start : start + len(document)] = document
            start += len(document)
        self._size = size
        self._starts = np.concatenate([self._starts, self._starts[-1] + np.cumsum(lengths)])
        self._pending.clear()
        self._lengths = None

    def blank(self, slot: int) -> None:
        """Forget the tokens of a committed document."""
        self._tokens[self._starts[slot] : self._starts[slot + 1]] = BREAK
        self._lengths = None

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each document."""
        if self._lengths is None:
            breaks = np.flatnonzero(self._tokens[: self._size] == BREAK)
            self._lengths = np.diff(self._starts) - self._count(self._documents(breaks))
        return self._lengths

    def number(self, term: str) -> int | None:
        """Return the number of `term`, None when no document ever had it."""
        return self._vocabulary.get(term)

    def terms(self) -> list[str]:
        """Return every term ever seen, sorted by code point."""
        if len(self._sorted_terms) != len(self._vocabulary):
            self._sorted_terms = sorted(self._vocabulary)
        return self._sorted_terms

    def terms_beginning_with(self, prefix: str) -> list[str]:
        """Return the terms that begin with `prefix`, sorted."""
        terms = self.terms()
        first = bisect_left(terms, prefix)
        after = bisect_left(terms, prefix + chr(0x10FFFF), first) if prefix else len(terms)
        return terms[first:after]

    def frequencies(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """Return how often any of the terms `numbers` occurs in each document."""
        return self._count(self._documents(self._occurrences(numbers)))

    def frequencies_of_each(self, numbers: Sequence[int]) -> list[NDArray[np.int64]]:
        """Return how often each of the terms `numbers` occurs in each document, in a single pass."""
        occurrences = self._occurrences(numbers)
        documents, terms = self._documents(occurrences), self._tokens[occurrences]
        return [self._count(documents[terms == number]) for number in numbers]

    def live(self, numbers: Sequence[int]) -> set[int]:
        """Return which of `numbers` still occur in some document."""
        return set(np.unique(self._tokens[self._occurrences(numbers)]).tolist())

    def _occurrences(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        tokens = self._tokens[: self._size]
        if len(numbers) == 1:
            return np.flatnonzero(tokens == numbers[0])
        is_queried = np.zeros(len(self._vocabulary) + 1, dtype=bool)  # the last is where BREAK points
        is_queried[list(numbers)] = True
        return np.flatnonzero(is_queried[tokens])

    def _documents(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._starts, positions, side="right") - 1

    def _count(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(documents, minlength=len(self._starts) - 1)

    def phrase_frequencies(self, numbers: Sequence[int], slop: int) -> NDArray[np.float64]:
        """Return how often the terms `numbers` occur in this order, at most `slop` moves apart.

        A sloppy occurrence of width w counts 1 / (1 + w), as in Lucene.
        """
        if slop:
            return self._sloppy_frequencies(numbers, slop)
        tokens = self._tokens[: self._size]
        last = self._size - len(numbers) + 1
        starts = np.flatnonzero(tokens[: max(last, 0)] == numbers[0])
        for offset, number in enumerate(numbers[1:], start=1):
            starts = starts[tokens[starts + offset] == number]
        # Two neighbouring documents have no break between them.
        ends = self._starts[np.searchsorted(self._starts, starts, side="right")]
        return self._count(self._documents(starts[starts + len(numbers) <= ends])).astype(np.float64)

    def _sloppy_frequencies(self, numbers: Sequence[int], slop: int) -> NDArray[np.float64]:
        candidates = np.ones(len(self._starts) - 1, dtype=bool)
        for frequencies_of_word in self.frequencies_of_each(numbers):
            candidates &= frequencies_of_word > 0
        frequencies = np.zeros(len(candidates))
        for slot in np.flatnonzero(candidates):
            document = self._tokens[self._starts[slot] : self._starts[slot + 1]]
            breaks = document == BREAK
            positions = np.arange(len(document)) + np.cumsum(breaks) * (VALUE_GAP - 1)
            width = _narrowest(
                [positions[document == number] - offset for offset, number in enumerate(numbers)], numbers
            )
            if width is not None and width <= slop:
                frequencies[slot] = 1 / (1 + width)
        return frequencies


def _narrowest(shifted: list[NDArray[np.int64]], numbers: Sequence[int]) -> int | None:
    """Return the least spread of a choice of one position for each word, none used twice; None if impossible.

    `shifted` are the positions of each query word minus the word's place in the query: an exact phrase has
    spread 0.
    """
    repeated = len(set(numbers)) < len(numbers)
    merged = sorted((int(position), word) for word, positions in enumerate(shifted) for position in positions)
    best: int | None = None
    latest: dict[int, int] = {}
    for position, word in merged:
        latest[word] = position
        if len(latest) < len(numbers):
            continue
        if repeated and len({latest[w] + w for w in latest}) < len(numbers):
            continue
        width = position - min(latest.values())
        best = width if best is None else min(best, width)
    return best
