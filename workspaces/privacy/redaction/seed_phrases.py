"""Finds seed phrases, the words that open a wallet, and tells in one pass which of many texts may hold one."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from mnemonic import Mnemonic

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_PHRASE_WORDS: Final = (24, 21, 18, 15, 12)
_LEAST = min(_PHRASE_WORDS)
_MOST: Final = 240  # ten phrases of 24 words
_STEP: Final = _LEAST - 1
"""Odd: of a run, and of one with a number after each word, one list word at least stands at a multiple of it."""
_SEPARATORS = ",;|/.-\"'"
_AROUND = _SEPARATORS + "()[]{}<>:!?`*«»“”„_="
_GAP = re.compile(rf"[\s{re.escape(_SEPARATORS)}]{{1,6}}(?:[(#]?[0-9]{{1,2}}[.):]?[ \t\"']{{0,3}})?")
_ASCII_WORD = re.compile(r"[A-Za-z]+")
_ANY_WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u3099\u309a])+")  # marks of decomposed letters

_BEGINNING: Final = 4
"""The letters at the beginning of a word that are looked at first: they tell the words of the English list apart."""
_BEYOND_ASCII: Final = 27
_LETTERS: Final = 28
_AT_ONCE: Final = 100
"""Texts that are looked at together: several times as fast when they fit the processor's cache."""


def may_hold_phrases(texts: Sequence[str]) -> list[bool]:
    """Return of each text whether ``find_seed_phrases`` has to look at it.

    That is one with twelve words in a row that begin like list words, or with a letter that is not ASCII.
    """
    return [
        may_hold
        for first in range(0, len(texts), _AT_ONCE)
        for may_hold in _may_hold_phrases(texts[first : first + _AT_ONCE])
    ]


def _may_hold_phrases(texts: Sequence[str]) -> list[bool]:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(text) + 1 for text in encoded])
    written = b"\n".join((b"", *encoded, b"\n" * _BEGINNING))
    letters = _letters()[np.frombuffer(written, np.uint8)]
    is_letter = letters != 0
    begins = np.flatnonzero(is_letter[1:] > is_letter[:-1]) + 1
    number: NDArray[np.signedinteger[Any]] = np.zeros(len(begins), np.int32)
    for place in range(_BEGINNING):
        number = number * _LETTERS + letters[begins + place]
    known_before = np.concatenate([[0], np.cumsum(_beginnings()[number])])
    is_run = known_before[_LEAST:] - known_before[:-_LEAST] == _LEAST
    may_hold = np.zeros(len(texts), np.bool_)
    for places in (begins[: len(is_run)][is_run], np.flatnonzero(letters == _BEYOND_ASCII)):
        may_hold[np.searchsorted(ends, places)] = True
    return may_hold.tolist()


@cache
def _letters() -> NDArray[np.uint8]:
    """Return for each byte of a text the number of its letter; bytes that begin no letter have 0."""
    letters = np.zeros(256, np.uint8)
    for number, letter in enumerate(b"abcdefghijklmnopqrstuvwxyz", start=1):
        letters[[letter, letter - 32]] = number  # in both cases
    for first, last in ((0xC3, 0xE1), (0xE3, 0xED)):  # of U+00C0 to U+1FFF, and U+3000 to U+D7FF
        letters[first : last + 1] = _BEYOND_ASCII
    return letters


@cache
def _beginnings() -> NDArray[np.bool_]:
    """Return for the number of each beginning, its letters as digits, whether a list word begins like that."""
    beginnings = np.zeros(_LETTERS**_BEGINNING, np.bool_)
    for word in filter(str.isascii, _places()):
        letters = _letters()[list(word[:_BEGINNING].ljust(_BEGINNING).encode())]
        beginnings[sum(int(letter) * _LETTERS**place for place, letter in enumerate(letters[::-1]))] = True
    return beginnings


def find_seed_phrases(text: str) -> Iterator[Span]:
    """Yield the seed phrases of ``text``: 12 to 24 words of one of the lists of BIP-39, the last of them a checksum.

    A run of list words that is no phrase has the checksum of one in 16 cases. Words may stand in lines, be numbered,
    or be separated by commas. More than ``_MOST`` of them in a row are a list of words, not phrases.
    """
    if not _has_run(_words(text)):
        return
    for run in _runs(text):
        if not _LEAST <= len(run) <= _MOST:
            continue
        places = [_places()[_normal(word[0])] for word in run]
        first = 0
        while first + _LEAST <= len(run):
            size = _phrase(places, first)
            if size:
                start, end = run[first].start(), run[first + size - 1].end()
                key = " ".join(_normal(word[0]) for word in run[first : first + size])
                yield Span(start, end, PlaceholderKind.SECRET, key)
            first += size or 1


def _words(text: str) -> list[str]:
    words = text.casefold()
    for separator in _AROUND:
        words = words.replace(separator, " ")
    return words.split()


def _has_run(words: list[str]) -> bool:
    """Return whether ``words`` may hold a phrase: list words in a row, or with one other after each, as a number is.

    Few words are looked at: of each such run one stands at a multiple of ``_STEP``.
    """
    known = _spellings()
    return any(
        words[place] in known and any(_is_in_run(words, place, step) for step in (1, 2))
        for place in range(0, len(words), _STEP)
    )


def _is_in_run(words: list[str], place: int, step: int) -> bool:
    """Return whether the list words around a place, each ``step`` further, are enough for a phrase."""
    known = _spellings()
    last = place + step
    while last < len(words) and words[last] in known:
        last += step
    first = place - step
    while first >= 0 and words[first] in known:
        first -= step
    return (last - first) // step > _LEAST


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Yield the words of ``text`` in runs of list words that only separators and numbers part."""
    run: list[re.Match[str]] = []
    for word in (_ASCII_WORD if text.isascii() else _ANY_WORD).finditer(text):
        if _normal(word[0]) not in _places():
            yield run
            run = []
        else:
            if run and not _GAP.fullmatch(text, run[-1].end(), word.start()):
                yield run
                run = []
            run.append(word)
    yield run


def _phrase(places: list[dict[str, int]], first: int) -> int:
    """Return how many words from ``first`` on are the longest phrase of one language; 0 if none is."""
    for size in _PHRASE_WORDS:
        words = places[first : first + size]
        if len(words) == size:
            for language in words[0]:
                if all(language in word for word in words) and _is_phrase([word[language] for word in words]):
                    return size
    return 0


def _is_phrase(words: list[int]) -> bool:
    """Return whether words, given by their places in the list, end with the checksum of what is before.

    Source: BIP-39. Eleven bits a word; of 33 bits the last is checksum, from SHA-256.
    """
    bits = 0
    for word in words:
        bits = bits << 11 | word
    checksum = len(words) // 3
    entropy = (bits >> checksum).to_bytes(checksum * 4, "big")
    return sha256(entropy).digest()[0] >> (8 - checksum) == bits & ((1 << checksum) - 1)


def _normal(word: str) -> str:
    return unicodedata.normalize("NFKD", word.casefold())


@cache
def _spellings() -> frozenset[str]:
    """Return the words of the lists, with composed and with decomposed letters."""
    words = _places()
    return frozenset((*words, *(unicodedata.normalize("NFC", word) for word in words)))


@cache
def _places() -> dict[str, dict[str, int]]:
    """Return for each word of the lists its place in the list of each language that has it."""
    places: dict[str, dict[str, int]] = {}
    for language in Mnemonic.list_languages():
        for place, word in enumerate(Mnemonic(language).wordlist):
            places.setdefault(_normal(word), {})[language] = place
    return places
