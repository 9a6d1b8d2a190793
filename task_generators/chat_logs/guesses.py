"""Guesses which column of a table holds the prompts and which the responses, by their names and their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SAMPLE = 200
"""Rows whose values are looked at."""

FEW = 4
"""From this many values on, texts differ for the most part; and from one less on, some have several words."""

_SIDES = ("prompt", "response")
_CERTAIN = (
    (
        "prompt",
        "question",
        "query",
        "input",
        "instruction",
        "request",
        "frage",
        "pregunta",
        "domanda",
        "pergunta",
    ),
    (
        "response",
        "answer",
        "reply",
        "output",
        "completion",
        "antwort",
        "respuesta",
        "risposta",
        "resposta",
        "réponse",
    ),
)
"""Parts of names that say what a column holds."""

_SPEAKERS = (("user", "human", "message"), ("assistant", "bot", "model", "ai"))
"""Words of names that may as well stand over who spoke: the values must be long texts."""

_TEXT = ("text", "message", "content", "utterance")
_NO_TEXT = (
    "id",
    "uuid",
    "time",
    "date",
    "tokens",
    "count",
    "length",
    "language",
    "type",
    "category",
    "score",
    "by",
)
_NUMBER_OR_TIME = re.compile(r"[\d\s.,:/+TZ%-]*\d[\d\s.,:/+TZ%-]*|true|false|null|none|nan", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?=.*[\d_@/-])\S+")


def guess(values: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """Return the columns of prompts and of responses by our names; a side that is not certain is left out.

    Args:
        values: by column, the values in the first rows, without empty ones.
    """
    names = [name for name, found in values.items() if may_be_texts(found)]
    guessed: dict[str, str] = {}
    for side, ours in enumerate(_SIDES):
        exact = [name for name in names if name.casefold() in _CERTAIN[side]]
        certain = [name for name in names if _is_certain(name, side)]
        spoken = [name for name in names if _speaks(name, side) and _are_long(values[name])]
        first = next((found for found in (exact, certain, spoken) if found), [])
        if ours in first:
            first = [ours]
        if len(first) == 1:
            guessed[ours] = first[0]
    return guessed if len(set(guessed.values())) == len(guessed) else {}


def may_be_texts(values: Sequence[object]) -> bool:
    """Return whether values can be texts of a chat: not numbers, times, names of things, nor few and repeated."""
    texts = [value.strip() for value in values if isinstance(value, str)]
    if not texts or len(texts) < len(values):
        return False
    if _most(bool(_NUMBER_OR_TIME.fullmatch(text) or _IDENTIFIER.fullmatch(text)) for text in texts):
        return False
    if len(texts) >= FEW and len(set(texts)) * 2 <= len(texts):
        return False
    return len(texts) < FEW - 1 or _most(" " in text or len(text) > 30 for text in texts)


def _are_long(values: Sequence[object]) -> bool:
    lengths = sorted(len(str(value).split()) for value in values)
    return lengths[len(lengths) // 2] >= 4


def _is_certain(name: str, side: int) -> bool:
    words = _words(name)
    if any(word in _NO_TEXT for word in words) or words[-1:] in (["model"], ["name"]):
        return False
    folded = name.casefold()
    if any(part in folded for part in _CERTAIN[side]):
        return not any(part in folded for part in _CERTAIN[1 - side])
    return words[0:1] != words[-1:] and _speaks(name, side) and any(word in _TEXT for word in words)


def _speaks(name: str, side: int) -> bool:
    """Return whether a name has a word of this side, and none of the other."""
    words = _words(name)
    if any(word in _NO_TEXT for word in words) or words[-1:] == ["name"]:
        return False
    mine, others = (any(word in _SPEAKERS[each] for word in words) for each in (side, 1 - side))
    return mine and (not others or (side == 1 and words[-1] == "message"))


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W_]+", spaced.casefold())


def _most(found: Iterable[bool]) -> bool:
    each = list(found)
    return sum(each) * 2 > len(each)
