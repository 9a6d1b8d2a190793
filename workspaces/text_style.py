"""Style of an answer, apart from what it says: its length and its Markdown."""

from __future__ import annotations

import re
from typing import NamedTuple

_CODE = re.compile(r"^[ ]{0,3}(`{3,}|~{3,}).*?(?:^[ ]{0,3}\1[`~]*[ \t]*$|\Z)", flags=re.DOTALL | re.MULTILINE)
_HEADER = re.compile(r"^[ ]{0,3}#{1,6}[ \t]+\S", flags=re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S", flags=re.MULTILINE)
_BOLD = re.compile(r"\*\*(?=[^\s*])[^*\n]+\*\*|__(?=[^\s_])[^_\n]+__")


class Style(NamedTuple):
    """Counts: characters of the text, and its headers, list items, bold passages and fenced blocks of code."""

    length: int
    headers: int
    lists: int
    bold: int
    code: int


STYLE = Style._fields


def style_of(text: str) -> Style:
    """Return the style of a text in Markdown; what stands in fenced code is neither header, list nor bold.

    Source: the counts of the public arena (Li, Angelopoulos and Chiang 2024, Does style matter?), with characters
    instead of the tokens of one model, and blocks of code beside them.
    """
    code = _CODE.findall(text) if "```" in text or "~~~" in text else []
    plain = _CODE.sub("", text) if code else text
    return Style(
        len(text),
        len(_HEADER.findall(plain)) if "#" in plain else 0,
        len(_ITEM.findall(plain)),
        len(_BOLD.findall(plain)),
        len(code),
    )
