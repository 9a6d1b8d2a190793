"""How English agrees with a number: every sentence that counts something takes its words from here."""

from __future__ import annotations

import re

_IRREGULAR = {"person": "people", "criterion": "criteria"}
_HISSING = re.compile(r"(?:s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile(r"(?<![aeiou])y$")


def counted(count: int, noun: str, many: str | None = None) -> str:
    """Return a number with its noun, such as ``1 answer``, ``0 answers`` and ``1,024 people``.

    Args:
        count: how many.
        noun: what, in the singular; of several words the last one is the noun.
        many: the plural where it is not told from the singular, such as ``answers in force``.
    """
    return f"{count:,} {noun_for(count, noun, many)}"


def noun_for(count: int, noun: str, many: str | None = None) -> str:
    """Return a noun in the form that goes with a number."""
    return noun if count == 1 else many or plural(noun)


def word_for(count: int, one: str, many: str) -> str:
    """Return the word that goes with a number, such as ``is`` for 1 and ``are`` for any other."""
    return one if count == 1 else many


def plural(noun: str) -> str:
    """Return the plural of a regular English noun, or of a phrase that ends in one."""
    before, blank, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif _HISSING.search(last):
        last += "es"
    elif _CONSONANT_Y.search(last):
        last = f"{last[:-1]}ies"
    else:
        last += "s"
    return f"{before}{blank}{last}"
