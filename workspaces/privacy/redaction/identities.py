"""Finds national identity, tax and social security numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stdnum import verhoeff
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

from workspaces.privacy.redaction.context import announced, words
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from workspaces.privacy.redaction.digit_runs import DigitRun

IDENTITY_DIGITS = 7
_LETTERS_BEFORE = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,6})[ \-]?\Z")


class Scheme(NamedTuple):
    """How a country writes one of its numbers.

    ``holds`` checks a number. A number in the notation ``distinct`` needs no keyword; one in the notation ``plain``
    needs ``announced_by`` before it, or the same number with this keyword elsewhere in the conversation.
    """

    country: str
    holds: Callable[[str], bool]
    distinct: re.Pattern[str] | None
    plain: re.Pattern[str] | None = None
    announced_by: re.Pattern[str] | None = None


def _pattern(body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9A-Za-z_])(?<![0-9][.,\-/])(?:{body})(?![0-9A-Za-z_]|[.,\-/][0-9])")


def _is_ssn(value: str) -> bool:
    digits = value.replace("-", "").replace(" ", "")
    taxpayer = digits[0] == "9" and digits[3:5] > "49"
    return taxpayer or ssn.is_valid(digits) or digits in _SSN_SPECIMENS


def _looks_like_ssn(value: str) -> bool:
    digits = value.replace("-", "").replace(" ", "")
    return digits[:3] != "000" and digits[3:5] != "00" and digits[5:] != "0000"


def _is_nino(value: str) -> bool:
    return value[:2].upper() not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def _is_aadhaar(value: str) -> bool:
    return aadhaar.is_valid(value) or (
        value[0] in "23456789" and verhoeff.is_valid(re.sub("[^0-9]", "", value))
    )


_SSN_SPECIMENS = frozenset({"078051120", "219099999", "457555462", "123456789"})
_UK = words("national insurance", "ni number", "ni no", "nino", "insurance number", "ni:")

_NUMERIC = (
    Scheme("US", _is_ssn, _pattern(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")),
    Scheme(
        "US",
        _looks_like_ssn,
        None,
        _pattern(r"[0-9]{3}([- .]?)[0-9]{2}\1[0-9]{4}"),
        words("ssn", "social security", "social", "itin", "taxpayer", "seguro social"),
    ),
    Scheme(
        "DE",
        idnr.is_valid,
        None,
        _pattern(r"[1-9][0-9]([ /]?)[0-9]{3}\1[0-9]{3}\1[0-9]{3}"),
        words("steuer", "idnr", "id-nr", "id-nummer", "identifikationsnummer", "tax id", "tin", "tax number"),
    ),
    Scheme(
        "FR",
        nir.is_valid,
        _pattern(
            r"[1278][ .]?[0-9]{2}[ .]?[0-9]{2}[ .]?[0-9][0-9AB][ .]?[0-9]{3}[ .]?[0-9]{3}"
            r"[ .]?(?:/[ ]?)?[0-9]{2}"
        ),
    ),
    Scheme(
        "ES",
        lambda value: dni.is_valid(value.replace(".", "")),
        _pattern(r"[0-9]{8}[- ]?[A-Z]|[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}[- ]?[A-Z]"),
    ),
    Scheme(
        "IN",
        _is_aadhaar,
        _pattern(r"(?<![0-9] )(?<![0-9]-)[2-9][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}(?![ -][0-9]{3})"),
        _pattern(r"[2-9][0-9]{11}"),
        words("aadhaar", "aadhar", "adhaar", "uidai", "आधार"),
    ),
    Scheme(
        "BR",
        cpf.is_valid,
        _pattern(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}[-.][0-9]{2}|[0-9]{9}-[0-9]{2}"),
        _pattern(r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}"),
        words("cpf", "contribuinte"),
    ),
    Scheme(
        "NL",
        bsn.is_valid,
        None,
        _pattern(r"[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}|[0-9]{3}[. ][0-9]{3}[. ][0-9]{3}"),
        words("bsn", "burgerservice", "sofi", "burger service"),
    ),
    Scheme("BE", nn.is_valid, _pattern(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}")),
    Scheme(
        "BE",
        nn.is_valid,
        None,
        _pattern(r"[0-9]{11}"),
        words("rijksregister", "registre national", "numéro national"),
    ),
    Scheme("CN", ric.is_valid, _pattern(r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9Xx]")),
    Scheme("SE", personnummer.is_valid, _pattern(r"(?:19|20)?[0-9]{6}[-+][0-9]{4}")),
    Scheme("FI", hetu.is_valid, _pattern(r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]")),
    Scheme("CH", ahv.is_valid, _pattern(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}")),
    Scheme("KR", rrn.is_valid, _pattern(r"[0-9]{6}-[1-8][0-9]{6}")),
    Scheme(
        "CA",
        sin.is_valid,
        None,
        _pattern(r"[0-9]{3}([- ]?)[0-9]{3}\1[0-9]{3}"),
        words("sin", "social insurance", "assurance sociale", "nas"),
    ),
    Scheme(
        "GB",
        nhs.is_valid,
        None,
        _pattern(r"[0-9]{3}([- ]?)[0-9]{3}\1[0-9]{4}"),
        words("nhs", "health service"),
    ),
    Scheme("PL", pesel.is_valid, None, _pattern(r"[0-9]{11}"), words("pesel")),
    Scheme("DK", cpr.is_valid, None, _pattern(r"[0-9]{6}[- ]?[0-9]{4}"), words("cpr", "personnummer")),
)
_LETTERED = (
    Scheme(
        "GB",
        _is_nino,
        _pattern(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ ][0-9]{2}[ ][0-9]{2}[ ][0-9]{2}[ ][A-D]"),
        re.compile(
            r"(?<![0-9A-Za-z_])[A-Za-z]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-Da-d]"
            r"(?![0-9A-Za-z_])"
        ),
        _UK,
    ),
    Scheme(
        "ES",
        lambda value: nie.is_valid(value.replace(".", "")),
        _pattern(r"[XYZxyz][- ]?[0-9]{7}[- ]?[A-Za-z]|[XYZ]-?[0-9]\.[0-9]{3}\.[0-9]{3}-?[A-Z]"),
    ),
    Scheme(
        "IT",
        codicefiscale.is_valid,
        _pattern(
            r"(?i:[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]"
            r"|[A-Z]{3} [A-Z]{3} [0-9]{2}[A-EHLMPRST][0-9]{2} [A-Z][0-9]{3}[A-Z])"
        ),
    ),
    Scheme(
        "MX",
        curp.is_valid,
        _pattern(r"[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]"),
    ),
    Scheme(
        "IN",
        lambda value: value[3].upper() in "ABCFGHJLPT",
        None,
        _pattern(r"[A-Za-z]{5}[0-9]{4}[A-Za-z]"),
        words("pan", "permanent account", "पैन"),
    ),
)


_BY_LETTERS = {1: _LETTERED[1:2], 2: _LETTERED[:1], 3: _LETTERED[2:3], 4: _LETTERED[3:4], 5: _LETTERED[4:]}
_BY_LETTERS[6] = _LETTERED[2:3]

HINTS = r"[A-Za-z]{3} ?[0-9]{2}[A-Za-z][0-9A-Za-z]{2}|[A-Za-z]{5}[0-9]{4}[A-Za-z]"
"""A pattern for RE2, Arrow's engine: identity numbers with fewer than six digits in a row, those of IT and IN."""


def is_named(place: int, texts: Sequence[str]) -> bool:
    """Return whether a keyword of the numeric scheme at this index occurs anywhere in a conversation."""
    announced_by = _NUMERIC[place].announced_by
    return announced_by is not None and any(announced_by.search(text) for text in texts)


def find_numeric(text: str, digit_run: DigitRun, named: Callable[[int], bool]) -> Iterator[Span]:
    """Yield the identity numbers in a digit run that begin with a digit."""
    start, end = digit_run.start, min(len(text), digit_run.end + 6)
    for place, scheme in enumerate(_NUMERIC):
        if scheme.distinct:
            for match in scheme.distinct.finditer(text, start, end):
                yield from _judge(scheme, scheme.distinct, text, match)
        if scheme.plain and scheme.plain.search(text, start, end) and named(place):
            for match in scheme.plain.finditer(text, start, end):
                yield from _judge(scheme, scheme.plain, text, match)


def find_lettered(text: str, digits_at: int) -> Iterable[Span]:
    """Return the identity numbers that begin with letters and whose first digit is at ``digits_at``."""
    word = text[digits_at - 5 : digits_at - 1]
    if text[digits_at - 1] in " -" and word.isascii() and word.isalpha():
        return ()  # before a blank or a hyphen there are at most three letters
    return _lettered(text, digits_at)


def _lettered(text: str, digits_at: int) -> Iterator[Span]:
    letters = _LETTERS_BEFORE.search(text, max(0, digits_at - 8), digits_at)
    if letters is None:
        return
    for scheme in _BY_LETTERS.get(len(letters[1]), ()):
        start = letters.start(1) - (4 if len(letters[1]) == 3 and letters.start(1) >= 4 else 0)
        for pattern in (scheme.distinct, scheme.plain):
            if pattern and (match := pattern.match(text, start)):
                yield from _judge(scheme, pattern, text, match)


def _judge(scheme: Scheme, pattern: re.Pattern[str], text: str, match: re.Match[str]) -> Iterator[Span]:
    value = match[0]
    if not scheme.holds(value):
        return
    key = scheme.country + re.sub(r"[ .\-/]", "", value).upper()
    certain = pattern is scheme.distinct
    if not certain and scheme.announced_by:
        certain = announced(scheme.announced_by, text, match.start())
    yield Span(match.start(), match.end(), PlaceholderKind.NATIONAL_ID, key, certain)
