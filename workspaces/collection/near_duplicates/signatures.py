"""Shingles of texts, and the MinHash bands that find similar sets of shingles.

A shingle is three neighbouring words in lower case; a character of a script that puts no spaces between words
(Chinese, Japanese, Korean, Thai and their neighbours) counts as a word. Everything is computed for many texts at
once: words are hashed by differences of one running polynomial over all characters.

Source: Broder, 'On the resemblance and containment of documents' (1997); banding as in Leskovec, Rajaraman and
Ullman, 'Mining of Massive Datasets', section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

BANDS = 10
ROWS = 6
"""A pair with Jaccard similarity s shares a band with probability 1 - (1 - s^ROWS)^BANDS: .991 at .85."""

MAX_CHARACTERS = 200_000
"""Characters of one text that are read; the rest of a longer text is ignored."""

_WORDS = 3
_BLOCK = 200_000  # characters per computation; several times as fast when they fit the processor's cache
_MULTIPLIER = 0x9E3779B97F4A7C15
_NONE, _WITHIN_WORD, _WORD = 0, 1, 2
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x9FFF),  # radicals, kana, Chinese characters
    (0xA960, 0xD7FF),  # Korean
    (0xF900, 0xFAFF),  # Chinese compatibility characters
)


@dataclass(frozen=True, slots=True)
class Shingled:
    """The shingle hashes of texts.

    Those of text ``i`` are ``hashes[offsets[i]:offsets[i + 1]]``, with repetitions. ``words[i]`` is its word count.
    """

    hashes: Hashes
    offsets: NDArray[np.int64]
    words: NDArray[np.int64]

    def of(self, index: int) -> Hashes:
        """Return the distinct shingle hashes of one text, sorted."""
        return np.unique(self.hashes[self.offsets[index] : self.offsets[index + 1]])


def shingles(texts: Sequence[str]) -> Shingled:
    """Return the hashes of the shingles of each text. A text without a word has no shingle."""
    blocks = [_shingle_block(block) for block in _blocks(texts)]
    if not blocks:
        return Shingled(np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.int64))
    counts = np.concatenate([np.diff(block.offsets) for block in blocks])
    return Shingled(
        np.concatenate([block.hashes for block in blocks]),
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([block.words for block in blocks]),
    )


def bands(shingled: Shingled, rows: int = ROWS) -> Hashes:
    """Return the hash of each band of each text; zeros for a text without a shingle.

    Args:
        shingled: the texts.
        rows: of a band, a divisor of ``BANDS * ROWS``: with fewer, there are more bands, and texts that are less alike
            share one.

    Returns:
        Hashes of shape (texts, ``BANDS * ROWS // rows``).
    """
    number = BANDS * ROWS // rows
    counts = np.diff(shingled.offsets)
    filled = np.flatnonzero(counts)
    result = np.zeros((len(counts), number), np.uint64)
    if not len(filled):
        return result
    hashes = (shingled.hashes >> np.uint64(32)).astype(np.uint32)
    starts = shingled.offsets[:-1][filled]
    multipliers, increments = _permutations()
    permuted = np.empty_like(hashes)
    signature = np.empty((BANDS * ROWS, len(filled)), np.uint64)
    for row in range(BANDS * ROWS):
        np.multiply(hashes, multipliers[row], out=permuted)
        np.add(permuted, increments[row], out=permuted)
        signature[row] = np.minimum.reduceat(permuted, starts)
    for band in range(number):
        combined: Hashes = np.full(len(filled), band + 1, np.uint64)
        for row in range(band * rows, (band + 1) * rows):
            combined = _mix(combined * np.uint64(_MULTIPLIER) + signature[row])
        result[filled, band] = combined
    return result


def jaccard(first: Hashes, second: Hashes) -> float:
    """Return the Jaccard similarity of two sorted sets of hashes; 0 if one of them is empty."""
    if not len(first) or not len(second):
        return 0.0
    common = len(np.intersect1d(first, second, assume_unique=True))
    return common / (len(first) + len(second) - common)


def _blocks(texts: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    size = 0
    for text in texts:
        if block and size + len(text) > _BLOCK:
            yield block
            block, size = [], 0
        block.append(text[:MAX_CHARACTERS].lower())
        size += len(text)
    if block:
        yield block


def _shingle_block(texts: list[str]) -> Shingled:
    ends = np.cumsum(
        [len(text) + 1 for text in texts]
    )  # a line break ends each text, so that no word spans two texts
    encoded = ("\n".join(texts) + "\n").encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(encoded, np.uint32)
    kinds = _kinds()[np.minimum(codes, 0x10000)]
    within_word, whole_word = kinds == _WITHIN_WORD, kinds == _WORD
    first, last = within_word.copy(), within_word.copy()
    first[1:] &= ~within_word[:-1]
    last[:-1] &= ~within_word[1:]
    begins = np.flatnonzero(first | whole_word)
    stops = np.flatnonzero(last | whole_word) + 1
    words = _word_hashes(codes, begins, stops)
    numbers = np.searchsorted(ends, begins, side="right")
    counts = np.bincount(numbers, minlength=len(texts))
    return _joined(words, numbers, counts)


def _word_hashes(codes: NDArray[np.uint32], begins: NDArray[np.intp], stops: NDArray[np.intp]) -> Hashes:
    powers, inverses = _powers(1 << len(codes).bit_length())
    running = np.empty(len(codes) + 1, np.uint64)
    running[0] = 0
    np.cumsum(codes * powers[: len(codes)], out=running[1:])
    return _mix((running[stops] - running[begins]) * inverses[begins])


def _joined(words: Hashes, numbers: NDArray[np.intp], counts: NDArray[np.intp]) -> Shingled:
    """Join neighbouring words of each text to shingles; a text with fewer words than a shingle is one shingle."""
    size = np.where(counts >= _WORDS, counts - _WORDS + 1, np.minimum(counts, 1))
    padded = np.concatenate([words, np.zeros(_WORDS - 1, np.uint64)])
    owners = np.concatenate([numbers, np.full(_WORDS - 1, -1)])
    joined = np.zeros(len(words), np.uint64)
    for offset in range(_WORDS):
        same = owners[offset : offset + len(words)] == numbers
        joined = joined * np.uint64(_MULTIPLIER) + np.where(same, padded[offset : offset + len(words)], 0)
    starts = np.cumsum(counts) - counts
    position = np.arange(len(words)) - starts[numbers]
    kept = position < size[numbers]
    return Shingled(_mix(joined[kept]), np.concatenate([[0], np.cumsum(size)]), counts.astype(np.int64))


def _mix(values: Hashes) -> Hashes:
    """Mix the bits of each value, so that each bit affects all others. Source: the finaliser of MurmurHash3."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    return values ^ (values >> np.uint64(33))


@cache
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """Return the powers 0 ... ``size`` - 1 of an odd number, and of its inverse, modulo 2^64."""
    inverse = pow(_MULTIPLIER, -1, 1 << 64)
    powers = []
    for number in (_MULTIPLIER, inverse):
        factors = np.full(size, number, np.uint64)
        factors[0] = 1
        powers.append(np.cumprod(factors))
    return powers[0], powers[1]


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    numbers = _mix(np.arange(1, 2 * BANDS * ROWS + 1, dtype=np.uint64) * np.uint64(_MULTIPLIER))
    drawn = (numbers >> np.uint64(32)).astype(np.uint32)
    return drawn[::2] | np.uint32(1), drawn[1::2]


@cache
def _kinds() -> NDArray[np.uint8]:
    """Return the kind of each character: outside of words, within a word, or a word of its own."""
    kinds = np.zeros(0x10001, np.uint8)
    kinds[:0x10000] = np.fromiter((chr(code).isalnum() for code in range(0x10000)), np.uint8, 0x10000)
    for first, last in _UNSPACED:
        kinds[first : last + 1] *= _WORD
    kinds[0x10000] = _WORD  # characters beyond the basic plane: rare Chinese characters, emoji
    return kinds
