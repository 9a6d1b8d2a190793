"""Elasticsearch's `standard` analyzer, written from the rules of UAX #29 and apart from the engine's.

The engine matches whole words with a regular expression; this walks from character to character and asks of
each pair whether the rules put a boundary between them. Scripts are told by the characters' Unicode names.
"""

from __future__ import annotations

import unicodedata

IGNORED = "ignored"  # Extend, Format, ZWJ: rule WB4
_LETTERLIKE = {"letter", "hebrew"}


def analyze(text: str) -> list[str]:
    """Return the lowercased tokens of `text`."""
    tokens = []
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or _is_boundary(text, end):
            segment = text[start:end]
            if any(_class(character) in _KEPT for character in segment):
                tokens += [_lower(segment[cut : cut + 255]) for cut in range(0, len(segment), 255)]
            start = end
    return tokens


_KEPT = {"letter", "hebrew", "number", "katakana", "hiragana", "han", "asian", "emoji", "flag"}


def _lower(text: str) -> str:
    return "".join(
        {"\u0130": "i", "\u03a3": "\u03c3"}.get(character, character.lower()) for character in text
    )


def _class(character: str) -> str:
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if character in "\r\n\v\f\x85\u2028\u2029":
        return "newline"
    if name.startswith("REGIONAL INDICATOR"):
        return "flag"
    if name.startswith("EMOJI MODIFIER"):
        return "tone"
    if category in {"Mn", "Mc", "Me"} or (category == "Cf" and character != "\u200b"):
        return IGNORED
    if name.startswith(("CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH")):
        return "han"
    if name.startswith("HIRAGANA LETTER"):
        return "hiragana"
    if name.startswith(("KATAKANA LETTER", "KATAKANA-HIRAGANA PROLONGED", "HALFWIDTH KATAKANA LETTER")):
        return "katakana"
    if (
        name.startswith(("THAI CHARACTER", "LAO LETTER", "KHMER LETTER", "MYANMAR LETTER"))
        and category != "Nd"
    ):
        return "asian"
    if name.startswith("HEBREW LETTER"):
        return "hebrew"
    if category == "Nd":
        return "number"
    if category.startswith("L"):
        return "letter"
    if category == "Pc":
        return "join"
    if character in ":\u00b7":
        return "mid letter"
    if character in ".\u2018\u2019":
        return "mid both"
    if character == "'":
        return "single quote"
    if character == '"':
        return "double quote"
    if character in ",;":
        return "mid number"
    if category == "So" and (ord(character) >= 0x1F300 or 0x2600 <= ord(character) <= 0x2604):
        return "emoji"
    return "other"


def _is_boundary(text: str, at: int) -> bool:
    """Say whether UAX #29 puts a word boundary before `text[at]`."""
    after = _class(text[at])
    if "newline" in {after, _class(text[at - 1])}:
        return True  # WB3a, WB3b
    if after == IGNORED:
        return False  # WB4
    if text[at - 1] == "\u200d" and after == "emoji":
        return False  # WB3c
    # From here on the ignored characters do not count: (rank, class) of what stands before and after.
    before = [_class(character) for character in text[:at]]
    before = [kind for kind in before if kind != IGNORED] or ["other"]
    behind = [kind for kind in map(_class, text[at + 1 :]) if kind != IGNORED]
    last, last_but_one = before[-1], before[-2] if len(before) > 1 else "other"
    following = behind[0] if behind else "other"
    if last == "emoji" and after == "tone":
        return False
    if last in _LETTERLIKE and after in _LETTERLIKE:
        return False  # WB5
    middle = {"mid letter", "mid both", "single quote"}
    if last in _LETTERLIKE and after in middle and following in _LETTERLIKE:
        return False  # WB6
    if last_but_one in _LETTERLIKE and last in middle and after in _LETTERLIKE:
        return False  # WB7
    if last == "hebrew" and after == "single quote":
        return False  # WB7a
    if last == "hebrew" and after == "double quote" and following == "hebrew":
        return False  # WB7b
    if last_but_one == "hebrew" and last == "double quote" and after == "hebrew":
        return False  # WB7c
    if last_but_one == "hebrew" and last == "single quote" and after in {"number", "join"}:
        return False  # Lucene's grammar repeats the group that WB7a ends
    if {last, after} <= _LETTERLIKE | {"number"}:
        return False  # WB8, WB9, WB10
    middle = {"mid number", "mid both", "single quote"}
    if last_but_one == "number" and last in middle and after == "number":
        return False  # WB11
    if last == "number" and after in middle and following == "number":
        return False  # WB12
    if last == after == "katakana":
        return False  # WB13
    if after == "join" and last in _LETTERLIKE | {"number", "katakana", "join"}:
        return False  # WB13a
    if last == "join" and after in _LETTERLIKE | {"number", "katakana"}:
        return False  # WB13b
    if last == after == "asian":
        return False  # Lucene keeps runs of South-East Asian scripts whole
    if last == after == "flag":
        run = 0
        while run < len(before) and before[-1 - run] == "flag":
            run += 1
        return run % 2 == 0  # WB15, WB16
    return True
