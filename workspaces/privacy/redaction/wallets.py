"""Finds what opens a wallet: seed phrases and private keys with their checksums."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from mnemonic import Mnemonic

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

Word = TypeVar("Word", str, bytes)

_PHRASE_WORDS: Final = (24, 21, 18, 15, 12)
_LEAST = min(_PHRASE_WORDS)
_MOST: Final = 240  # ten phrases of 24 words
_STEP: Final = _LEAST - 1
"""Odd: of a run, and of one with a number after each word, one list word at least stands at a multiple of it."""
_SEPARATORS = ",;|/.-\"'"
_AROUND = _SEPARATORS + "()[]{}<>:!?`*«»“”„_="
_ASCII_AROUND = (
    "".join(filter(str.isascii, _AROUND)) + "\x1c\x1d\x1e\x1f"
)  # the last are blanks in text alone
_ASCII_WORDS = bytes.maketrans(
    (string.ascii_uppercase + _ASCII_AROUND).encode(),
    (string.ascii_lowercase + " " * len(_ASCII_AROUND)).encode(),
)
_GAP = re.compile(rf"[\s{re.escape(_SEPARATORS)}]{{1,6}}(?:[(#]?[0-9]{{1,2}}[.):]?[ \t\"']{{0,3}})?")
_ASCII_WORD = re.compile(r"[A-Za-z]+")
_ANY_WORD = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u3099\u309a])+")  # marks of decomposed letters

_SHORTEST_KEY: Final = 51
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Sources: https://en.bitcoin.it/wiki/Wallet_import_format, BIP-32 and SLIP-0132 (extended keys).
_WITH_CHECKSUM = re.compile(
    rf"(?<![A-Za-z0-9])(?:[5KLQT69c][{_BASE58}]{{50,51}}|[xyztuvYZUV]prv[{_BASE58}]{{107,108}})(?![A-Za-z0-9])"
)
# Sources: NIP-19 (Nostr), SEP-23 (Stellar), Tezos' base58 prefixes. They carry checksums of kinds of their own.
_SHAPED = re.compile(
    r"(?<![A-Za-z0-9])(?:nsec1[02-9ac-hj-np-z]{58}|S[A-D][A-Z2-7]{54}|edsk[1-9A-HJ-NP-Za-km-z]{50,94})(?![A-Za-z0-9])"
)

HINTS = (
    rf"(?:[A-Za-z]{{3,9}}[ \n\r\t,;|/.()#:0-9\"'\-]{{1,10}}){{{_LEAST - 1}}}[A-Za-z]{{3,9}}"
    r"|[\x{c0}-\x{1fff}\x{3041}-\x{d7a3}]"
)
"""A pattern for RE2, Arrow's engine: twelve words of which none is short, or a letter that is not ASCII.

``find_seed_phrases`` finds nothing in a text that it does not match.
"""


def find_wallet_keys(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the private keys of wallets between two places of ``text``."""
    if end - start < _SHORTEST_KEY:
        return
    for match in _WITH_CHECKSUM.finditer(text, start, end):
        if _has_base58_checksum(match[0]):
            yield Span(match.start(), match.end(), PlaceholderKind.SECRET, match[0])
    for match in _SHAPED.finditer(text, start, end):
        yield Span(match.start(), match.end(), PlaceholderKind.SECRET, match[0])


def find_seed_phrases(text: str) -> Iterator[Span]:
    """Yield the seed phrases of ``text``: 12 to 24 words of one of the lists of BIP-39, the last of them a checksum.

    A run of list words that is no phrase has the checksum of one in 16 cases. Words may stand in lines, be numbered,
    or be separated by commas. More than ``_MOST`` of them in a row are a list of words, not phrases.
    """
    if not (_has_ascii_run(text) if text.isascii() else _has_run(_words(text), _spellings())):
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


def _has_ascii_run(text: str) -> bool:
    """Return the result of ``_has_run`` for a text in ASCII, in a third of the time."""
    return _has_run(text.encode().translate(_ASCII_WORDS).split(), _ascii_spellings())


def _has_run(words: list[Word], known: frozenset[Word]) -> bool:
    """Return whether ``words`` may hold a phrase: list words in a row, or with one other after each, as a number is.

    Few words are looked at: of each such run one stands at a multiple of ``_STEP``.
    """
    return any(
        words[place] in known and any(_is_in_run(words, known, place, step) for step in (1, 2))
        for place in range(0, len(words), _STEP)
    )


def _is_in_run(words: list[Word], known: frozenset[Word], place: int, step: int) -> bool:
    """Return whether the list words around a place, each ``step`` further, are enough for a phrase."""
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
def _ascii_spellings() -> frozenset[bytes]:
    return frozenset(word.encode() for word in _spellings() if word.isascii())


@cache
def _places() -> dict[str, dict[str, int]]:
    """Return for each word of the lists its place in the list of each language that has it."""
    places: dict[str, dict[str, int]] = {}
    for language in Mnemonic.list_languages():
        for place, word in enumerate(Mnemonic(language).wordlist):
            places.setdefault(_normal(word), {})[language] = place
    return places


def _has_base58_checksum(written: str) -> bool:
    """Return whether the last four bytes are those of the doubled SHA-256 of the others (Base58Check)."""
    number = 0
    for character in written:
        number = number * 58 + _BASE58.index(character)
    decoded = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return sha256(sha256(decoded[:-4]).digest()).digest()[:4] == decoded[-4:]
