"""The terms of a vocabulary that are within a number of edits of a query's term."""

from __future__ import annotations

from itertools import pairwise


def near_terms(vocabulary: list[str], query_term: str, edits: int) -> list[tuple[float, str]]:
    """Return the terms within `edits` of `query_term`, each with its similarity (1 = equal, above 0).

    A term must be longer than its distance, as documented for Lucene's FuzzyQuery. Of `edits` + 1 pieces of
    `query_term` at least one survives in every near term; a term that holds none of them needs no distance.
    """
    length = len(query_term)
    cuts = [length * part // (edits + 1) for part in range(edits + 2)]
    pieces = [query_term[start:end] for start, end in pairwise(cuts)]
    near = []
    for term in vocabulary:
        if abs(len(term) - length) > edits or not any(piece in term for piece in pieces):
            continue
        distance = _distance(query_term, term, edits)
        if distance == 0:
            near.append((1.0, term))
        elif distance <= edits and distance < min(len(term), length):
            near.append((1 - distance / min(len(term), length), term))
    return near


def _distance(left: str, right: str, limit: int) -> int:
    """Return the Levenshtein distance (a transposition is two edits), or something above `limit`."""
    previous = list(range(len(right) + 1))
    for row, character in enumerate(left, start=1):
        current = [row]
        for column, other in enumerate(right, start=1):
            current.append(
                min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (character != other))
            )
        if min(current) > limit:
            return limit + 1
        previous = current
    return previous[-1]
