"""Finds payment cards and bank accounts."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from stdnum import numdb

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.privacy.redaction.digit_runs import DigitRun

CARD_DIGITS = 12
_SHAPES = re.compile(
    r"""(?x)(?<![0-9A-Za-z_])(?<![0-9][.,])(?=(
      [0-9]{12,19}
    | (?P<four>[0-9]{4}(?P<sep>[ ]{1,2}|[-.])[0-9]{4}(?P=sep)[0-9]{4}(?P=sep)[0-9]{4})
      (?:(?P=sep)[0-9]{1,3})?
    | [0-9]{4}(?P<amex>[ ]{1,2}|[-.])[0-9]{6}(?P=amex)[0-9]{4,5}             # American Express, Diners Club
    | [0-9]{6}(?P<union>[ ]{1,2}|[-.])[0-9]{13}                              # UnionPay
    | [0-9]{8}(?P<half>[ ]{1,2}|[-.])[0-9]{8}
    | (?P<rare>[0-9]{4}(?P<gap>[ ]{1,2}|[-.])(?:
        [0-9]{5}(?P=gap)[0-9]{6}                                             # UATP
      | [0-9]{4}(?P=gap)[0-9]{4}(?P=gap)[0-9]{2,3}                           # Maestro, Diners Club of 14 and 15
      | [0-9]{4}(?P=gap)[0-9]{4,5}                                           # Maestro of 12 and 13
      ))
    )(?![0-9A-Za-z_]|[.,][0-9]))"""
)
# First digits and lengths. Source: ISO/IEC 7812 issuer ranges as the schemes publish them. The groups are those that
# Baymard Institute collected from cards: https://baymard.com/checkout-usability/credit-card-patterns
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = tuple(
    (low, high, frozenset(lengths))
    for low, high, lengths in (
        (400000, 499999, (13, 16, 19)),  # Visa
        (510000, 559999, (16,)),  # Mastercard
        (222100, 272099, (16,)),  # Mastercard
        (340000, 349999, (15,)),  # American Express
        (370000, 379999, (15,)),
        (601100, 601199, (16, 19)),  # Discover
        (622126, 622925, (16, 17, 18, 19)),
        (644000, 659999, (16, 19)),
        (300000, 305999, (14, 16)),  # Diners Club
        (309500, 309599, (14, 16)),
        (360000, 369999, (14, 16, 19)),
        (380000, 399999, (14, 16)),
        (352800, 358999, (16, 19)),  # JCB
        (620000, 629999, (16, 17, 18, 19)),  # UnionPay
        (810000, 817199, (16, 17, 18, 19)),
        (220000, 220499, (16, 17, 18, 19)),  # Mir
        (500000, 509999, (16, 18, 19)),  # Maestro, Elo, Verve
        (560000, 589999, (12, 13, 16, 18, 19)),
        (630400, 630499, (16, 18, 19)),
        (675900, 677099, (12, 13, 16, 18, 19)),
        (606282, 606282, (16,)),  # Hipercard
        (979200, 979289, (16,)),  # Troy
    )
)
# The same for ``rare`` groups. Without them too many other numbers have the length and, one in ten, the check digit.
_RARE: dict[int, tuple[tuple[int, int], ...]] = {
    12: ((500000, 509999), (560000, 589999), (630400, 630499), (670000, 679999)),
    13: ((500000, 509999), (560000, 589999), (630400, 630499), (670000, 679999)),
    14: (
        (300000, 305999),
        (360000, 369999),
        (380000, 399999),
        (500000, 509999),
        (560000, 589999),
        (670000, 679999),
    ),
    15: ((100000, 199999), (500000, 509999), (560000, 589999), (670000, 679999)),
}
_BY_FIRST_TWO = {
    str(two): ranges
    for two in range(10, 100)
    if (ranges := tuple(issuer for issuer in _ISSUERS if issuer[0] // 10_000 <= two <= issuer[1] // 10_000))
}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_AMONG_GROUPS = re.compile(r"[0-9][ \-.]{1,2}\Z")
_MORE_GROUPS = re.compile(r"[ \-.]{1,2}[0-9]")
_LETTER = re.compile(r"[A-Z]")
_IBAN_START = re.compile(r"(?<![0-9A-Za-z_])[A-Za-z]{2}[0-9]{2}")
_SEPARATORS = str.maketrans("", "", " -.\t")

HINTS = r"[A-Za-z]{2}[0-9]{2}(?:[ \-]?[0-9A-Za-z]){11}"
"""A pattern for RE2, Arrow's engine; ``find_iban`` finds nothing in a text that it does not match.

The shortest IBAN, Norway's, has eleven characters after the check digits.
"""


def find_cards(text: str, digit_run: DigitRun) -> Iterator[Span]:
    """Yield the payment cards in a digit run.

    A card has the usual groups, the prefix of a known issuer, a length that this issuer uses, and a valid Luhn digit.
    """
    for match in _SHAPES.finditer(text, digit_run.start, min(len(text), digit_run.end + 2)):
        written = match[1]
        digits = written.translate(_SEPARATORS)
        if (
            len(digits) > 16 and match["four"] and not _is_card(digits)
        ):  # a short number may follow four groups
            written = match["four"]
            digits = written.translate(_SEPARATORS)
        in_rare_groups = match["rare"] or (match["amex"] and len(digits) == 15)
        if (not match["rare"] and _is_card(digits)) or (in_rare_groups and _is_card_in_groups(digits, match)):
            yield Span(match.start(1), match.start(1) + len(written), PlaceholderKind.CARD, digits)


def _is_card(digits: str) -> bool:
    return _has_issuer(digits) and len(set(digits)) > 1 and _luhn(digits)


def _is_card_in_groups(digits: str, match: re.Match[str]) -> bool:
    """Return whether ``digits``, written in rare groups, are a card, and no part of a longer number."""
    text, first = match.string, int(digits[:6])
    return (
        any(low <= first <= high for low, high in _RARE[len(digits)])
        and _luhn(digits)
        and not _AMONG_GROUPS.search(text, max(0, match.start() - 3), match.start())
        and not _MORE_GROUPS.match(text, match.end(1))
    )


def _luhn(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others. Source: ISO/IEC 7812-1, annex B."""
    return (sum(map(int, digits[::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def _has_issuer(digits: str) -> bool:
    first = int(digits[:6])
    return any(
        low <= first <= high and len(digits) in lengths
        for low, high, lengths in _BY_FIRST_TWO.get(digits[:2], ())
    )


def find_iban(text: str, digits_at: int) -> Span | None:
    """Return the IBAN whose check digits are at ``digits_at``; None if its length, structure or checksum is wrong."""
    match = _IBAN_START.match(text, digits_at - 2) if digits_at >= 2 else None
    if match is None or not (shapes := _shapes(match[0][:2].upper())):
        return None
    spaced, compact = shapes
    rest = spaced.match(text, match.end())
    if rest is None:
        return None
    value = (match[0] + rest[0]).translate(_SEPARATORS).upper()
    if not compact.fullmatch(value, 4) or int(_LETTER.sub(_as_number, value[4:] + value[:4])) % 97 != 1:
        return None
    return Span(match.start(), rest.end(), PlaceholderKind.IBAN, value)


def _as_number(letter: re.Match[str]) -> str:
    return str(int(letter[0], 36))


@cache
def _shapes(country: str) -> tuple[re.Pattern[str], re.Pattern[str]] | None:
    """Return two patterns for the part after the check digits in ``country``: with single separators, and without."""
    structure = numdb.get("iban").info(country + "00")[0][1].get("bban")
    if not structure:
        return None
    parts = re.findall(r"([0-9]+)!([nac])", structure)
    length = sum(int(size) for size, _ in parts)
    classes = {"n": "[0-9]", "a": "[A-Z]", "c": "[0-9A-Z]"}
    return (
        re.compile(rf"(?:[ -]?[0-9A-Za-z]){{{length}}}(?![0-9A-Za-z_])"),
        re.compile("".join(f"{classes[kind]}{{{size}}}" for size, kind in parts)),
    )
