"""Answering a parsed `simple_query_string` from a text index, with Elasticsearch's scores.

A score is BM25 (k1 = 1.2, b = 0.75) over the records as they are now. Elasticsearch's own differ a little
while its index still counts deleted documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from argilla_sql_search import simple_query
from argilla_sql_search.analysis import normalize, tokenize
from argilla_sql_search.errors import SearchRejectedError
from argilla_sql_search.fuzzy_terms import near_terms
from argilla_sql_search.simple_query import And, Fuzzy, MatchAll, MatchNone, Not, Or, Phrase, Prefix, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from argilla_sql_search.text_index import TextIndex
    from argilla_sql_search.token_column import TokenColumn

K1 = 1.2
B = 0.75
FUZZY_EXPANSIONS = 10


@dataclass(frozen=True)
class Matches:
    """What a query says about each slot of an index: whether it matches, and how well (else 0)."""

    mask: NDArray[np.bool_]
    scores: NDArray[np.float64]


def search(
    index: TextIndex, query: str, field: str | None, record_ids: list[str]
) -> tuple[list[str], NDArray[np.float64]]:
    """Return those of `record_ids` (32 digits each) that `query` matches, in their order, and their scores.

    `field` is where to search, None for every field. A record that the index does not hold does not match.
    Raises `SearchRejectedError` for a query that nests too deeply.
    """
    try:
        matches = _Search(index, field).run(query)
    except RecursionError as error:
        message = "the query nests its parentheses too deeply"
        raise SearchRejectedError(message) from error
    slots = index.slots(record_ids)
    # A record the index does not hold has slot -1: it looks up the False and the 0 put behind the last slot.
    kept = np.flatnonzero(np.append(matches.mask, False)[slots])
    return [record_ids[place] for place in kept.tolist()], np.append(matches.scores, 0.0)[slots[kept]]


class _Search:
    """One query over the columns of one index that are in its scope."""

    def __init__(self, index: TextIndex, field: str | None) -> None:
        def in_scope(columns: dict[str, TokenColumn], suffix: str) -> list[TokenColumn]:
            return [
                column
                for name, column in columns.items()
                if field is None or name in {field, f"{field}{suffix}"}
            ]

        self._size = index.size
        self._text = in_scope(index.text, ".content")
        self._keywords = in_scope(index.keywords, ".role")

    def run(self, query: str) -> Matches:
        return self._evaluate(simple_query.parse(query, self._is_blank))

    def _is_blank(self, text: str) -> bool:
        return bool(self._text) and not self._keywords and not tokenize(text)

    def _evaluate(self, node: simple_query.Node) -> Matches:
        if isinstance(node, MatchAll):
            return self._constant(np.ones(self._size, dtype=bool))
        if isinstance(node, MatchNone):
            return self._constant(np.zeros(self._size, dtype=bool))
        if isinstance(node, Not):
            return self._constant(~self._evaluate(node.node).mask)
        if isinstance(node, (And, Or)):
            return _combine([self._evaluate(child) for child in node.nodes], every=isinstance(node, And))
        leaves = [self._in_text(node, column) for column in self._text]
        leaves += [self._in_keywords(node, column) for column in self._keywords]
        return self._best_fields(
            [leaf for leaf in leaves if leaf is not None], best_only=isinstance(node, Phrase)
        )

    def _best_fields(self, leaves: list[Matches], *, best_only: bool) -> Matches:
        """A word may be in any field: it scores the sum of its fields, a phrase the best of them."""
        if not leaves:
            return self._constant(np.zeros(self._size, dtype=bool))
        if best_only:
            scores = np.max([leaf.scores for leaf in leaves], axis=0)
            return Matches(np.any([leaf.mask for leaf in leaves], axis=0), scores)
        return _combine(leaves, every=False)

    def _in_text(self, node: simple_query.Node, column: TokenColumn) -> Matches | None:
        if isinstance(node, Prefix):
            terms = column.terms_beginning_with(normalize(node.text))
            return self._constant(self._any_term(column, terms))
        if isinstance(node, Fuzzy):
            return self._fuzzy(column, normalize(node.text), node.edits, normed=True)
        if not isinstance(node, (Words, Phrase)):
            raise TypeError(node)
        tokens = tokenize(node.text)
        if not tokens:
            return None
        if isinstance(node, Phrase) and len(tokens) > 1:
            return self._phrase(column, tokens, node.slop)
        return _combine([self._term(column, token, normed=True) for token in tokens], every=True)

    def _in_keywords(self, node: simple_query.Node, column: TokenColumn) -> Matches:
        if isinstance(node, Prefix):
            return self._constant(self._any_term(column, column.terms_beginning_with(node.text)))
        if isinstance(node, Fuzzy):
            return self._fuzzy(column, node.text, node.edits, normed=False)
        if not isinstance(node, (Words, Phrase)):
            raise TypeError(node)
        return self._term(column, node.text, normed=False)

    def _constant(self, mask: NDArray[np.bool_]) -> Matches:
        return Matches(mask, mask.astype(np.float64))

    def _any_term(self, column: TokenColumn, terms: Sequence[str]) -> NDArray[np.bool_]:
        numbers = [column.number(term) for term in terms]
        known = [number for number in numbers if number is not None]
        return column.frequencies(known) > 0 if known else np.zeros(self._size, dtype=bool)

    def _term(self, column: TokenColumn, term: str, *, normed: bool) -> Matches:
        number = column.number(term)
        if number is None:
            return self._constant(np.zeros(self._size, dtype=bool))
        frequencies = column.frequencies([number])
        return self._scored(column, frequencies, [int(np.count_nonzero(frequencies))], normed=normed)

    def _phrase(self, column: TokenColumn, tokens: list[str], slop: int) -> Matches:
        numbers = [number for number in map(column.number, tokens) if number is not None]
        if len(numbers) < len(tokens):
            return self._constant(np.zeros(self._size, dtype=bool))
        document_counts = [int(np.count_nonzero(of_word)) for of_word in column.frequencies_of_each(numbers)]
        frequencies = column.phrase_frequencies(numbers, slop)
        return self._scored(column, frequencies, document_counts, normed=True)

    def _fuzzy(self, column: TokenColumn, term: str, edits: int, *, normed: bool) -> Matches:
        near = sorted(near_terms(column.terms(), term, edits), key=lambda pair: (-pair[0], pair[1]))
        numbered = [(boost, column.number(near_term) or 0) for boost, near_term in near]
        if len(numbered) > FUZZY_EXPANSIONS:
            # Words of changed records are still known, but only a word in use may take one of the few places.
            live = column.live([number for _, number in numbered])
            numbered = [(boost, number) for boost, number in numbered if number in live][:FUZZY_EXPANSIONS]
        of_each = column.frequencies_of_each([number for _, number in numbered])
        document_counts = [max((int(np.count_nonzero(of_term)) for of_term in of_each), default=0)]
        leaves = []
        for (boost, _), of_term in zip(numbered, of_each, strict=True):
            scored = self._scored(column, of_term, document_counts, normed=normed)
            leaves.append(Matches(scored.mask, scored.scores * boost))
        return self._best_fields(leaves, best_only=False)

    def _scored(
        self,
        column: TokenColumn,
        frequencies: NDArray[np.int64] | NDArray[np.float64],
        document_counts: list[int],
        *,
        normed: bool,
    ) -> Matches:
        """Score with BM25; `document_counts` says for each query word how many documents have it."""
        lengths = column.lengths()
        documents = int(np.count_nonzero(lengths))
        rarity = sum(np.log(1 + (documents - count + 0.5) / (count + 0.5)) for count in document_counts)
        if normed:
            average = lengths.sum() / max(documents, 1)
            saturation = K1 * (1 - B + B * _as_stored(lengths) / max(average, 1))
        else:
            frequencies = np.minimum(frequencies, 1)
            saturation = np.full(self._size, K1)
        return Matches(frequencies > 0, (K1 + 1) * rarity * frequencies / (frequencies + saturation))


def _combine(parts: list[Matches], *, every: bool) -> Matches:
    masks = [part.mask for part in parts]
    mask: NDArray[np.bool_] = np.all(masks, axis=0) if every else np.any(masks, axis=0)
    return Matches(mask, np.where(mask, np.sum([part.scores for part in parts], axis=0), 0.0))


def _as_stored(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return lengths as Lucene's one-byte norm keeps them: exact to 40, then to four significant bits."""
    rest = np.maximum(lengths - 24, 0)
    shift = np.maximum(np.floor(np.log2(np.maximum(rest, 1))).astype(np.int64) - 3, 0)
    return np.where(lengths < 24, lengths, 24 + ((rest >> shift) << shift))
