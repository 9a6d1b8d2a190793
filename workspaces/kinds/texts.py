"""Free text as an answer, a rewrite of a response among it: which texts count, and what changes a response."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.kinds.questions import Scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workspaces.kinds.questions import ChoiceQuestion

_MARKS = ".,;:!?'\"`‒–—―‘’‚“”„«»‹›¡¿·。、؟،؛।"
_DECIMAL = r"(?:(?<!\S)|(?<=[(\[=<>+*/$€£-]))\.(?=\d)"
_PUNCTUATION = re.compile(rf"(?!{_DECIMAL})(?<!\d)[{_MARKS}]|[{_MARKS}](?!\d)")
"""The marks of sentences, after NFKC. Within numbers they say something; so do brackets and operators, as in code."""

_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
"""White space that parts no two numbers."""

_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2212", "-"))
"""Hyphens and the minus sign, which look alike."""

_SELECTORS = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x3164, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Fillers and variation selectors."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """What stands in for the acceptance of a rewrite where nobody is asked about rewrites themselves.

    A rewrite then counts as accepted if enough other people answered ``needed`` to ``question`` about the response that
    it replaces, and more than answered ``opposed``: they agree that a rewrite was needed, not that this one is better.
    Where a kind of the mix judges rewrites (``Kind.judges_rewrites``), its vote accepts them.
    """

    question: str
    needed: str
    opposed: str


@dataclass(frozen=True, slots=True)
class TextQuestion:
    """Free text.

    Args:
        name: the key of its answers; unique within a kind.
        title: what annotators read.
        description: an explanation in one sentence.
        required: whether a task can only be submitted with an answer.
        min_characters: a text with fewer characters, after white space is collapsed, earns nothing. Invisible
            characters do not count, and a text needs a letter or a digit. A rewrite of a response with fewer needs as
            many as the response.
        rewrites: the text is a better version of the response shown: it earns nothing if it repeats the response, and
            exports prefer it to the response.
        min_change: the least share of a rewrite's characters that have to differ from the response, 0 to 1 (normalised
            Levenshtein distance); one that changes less earns nothing. Case, white space, the punctuation of sentences
            and invisible characters do not count, and neither do two ways to encode one character.
        prefilled: whether the field holds the response from the first, where the platform can do that.
        stand_in: what accepts a rewrite where nobody judges rewrites; None: nothing does.
    """

    name: str
    title: str
    description: str
    required: bool = False
    min_characters: int = 1
    rewrites: bool = False
    min_change: float = 0.0
    prefilled: bool = False
    stand_in: StandIn | None = None
    scale: Scale = Scale.TEXT

    def __post_init__(self) -> None:
        if (self.min_change or self.prefilled) and not self.rewrites:
            raise ValueError(
                f"question {self.name!r}: only a rewrite has a response to start and to differ from"
            )

    @property
    def counted(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that its answers count for: none."""
        return ()

    def items(self, shown: Sequence[str], item: str) -> tuple[str, ...]:
        """Return nothing: free text gives no votes."""
        return ()

    def cast(self, answer: str, shown: Sequence[str], item: str) -> Iterator[tuple[str, str, str]]:
        """Yield nothing: free text gives no votes."""
        yield from ()

    def is_complete(self, answer: str | None, response: str | None = None) -> bool:
        """Return whether the text counts; ``response`` is the text that it would rewrite, None if it is not known."""
        text, least = answer or "", self.min_characters
        if not any(character.isalnum() for character in text):
            return False
        if self.rewrites and response:
            least = min(least, max(_length(response), 1))
        return _length(text) >= least and (not self.rewrites or self.changes(text, response or ""))

    def changes(self, text: str, response: str) -> bool:
        """Return whether a rewrite changes enough of a response; see ``min_change``."""
        text, response = map(_said, (text, response))
        if not self.min_change or not response:
            return text != response
        from rapidfuzz.distance import Levenshtein  # most commands need no distance

        return Levenshtein.normalized_distance(text, response) >= self.min_change


def _length(text: str) -> int:
    """Return how many characters of a text somebody can see, those between words counted once."""
    return len(" ".join("".join(each for each in text if not _is_invisible(each)).split()))


def _said(text: str) -> str:
    """Return the characters of a text that say something, each in the one way in which it can be written."""
    raised = "".join(f"^{each}" if _is_raised(each) else each for each in text)
    folded = unicodedata.normalize("NFKC", raised.translate(_HYPHENS)).casefold()
    seen = "".join(each for each in folded if not _is_invisible(each))
    return re.sub(r"\s+", " ", _SPACE.sub("", _PUNCTUATION.sub("", seen)))


def _is_raised(character: str) -> bool:
    """Return whether it is a digit in superscript: NFKC would make 102 of 10²."""
    return character.isdigit() and unicodedata.decomposition(character).startswith("<super>")


def _is_invisible(character: str) -> bool:
    """Return whether a character has no looks of its own: it joins, directs or selects others."""
    if character.isascii():
        return False
    return unicodedata.category(character) == "Cf" or character in _SELECTORS
