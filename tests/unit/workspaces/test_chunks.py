"""Chunks are in order, complete and bounded."""

from __future__ import annotations

from itertools import count, islice

from workspaces.chunks import in_chunks


def test_chunks_are_complete_and_the_last_one_may_be_shorter() -> None:
    assert list(in_chunks(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(in_chunks("abcd", 2)) == [["a", "b"], ["c", "d"]]


def test_of_nothing_there_is_no_chunk() -> None:
    assert list(in_chunks([], 3)) == []


def test_an_endless_iterator_is_read_one_chunk_at_a_time() -> None:
    numbers = count()
    assert list(islice(in_chunks(numbers, 2), 2)) == [[0, 1], [2, 3]]
    assert next(numbers) == 4
