"""Finds the names of a deny list."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Chinese, Japanese, Thai, Lao, Khmer and Burmese put no blanks between words: names in these scripts match anywhere.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_PLANES = 0x20000  # there are no combining marks beyond these two planes
_Trie = dict[str, "_Trie"]
_END = ""


class Names:
    """Finds whole names, in any case, with composed or decomposed accents; of two names the longer one matches."""

    def __init__(self, names: Sequence[str]) -> None:
        trie: _Trie = {}
        for name in names:
            plain = " ".join(name.split())
            if plain:
                for variant in {unicodedata.normalize(form, plain) for form in ("NFC", "NFD")}:
                    for cased in {variant, variant.upper(), variant.casefold()}:
                        _insert(trie, cased)
        self._pattern = re.compile(_whole(trie), re.DOTALL) if trie else None

    def find(self, text: str) -> Iterator[Span]:
        """Yield the names in ``text``."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text):
            key = unicodedata.normalize("NFKC", " ".join(match[0].split())).casefold().replace("’", "'")
            yield Span(match.start(), match.end(), PlaceholderKind.NAME, key)


def _insert(trie: _Trie, name: str) -> None:
    for character in name.replace("’", "'"):
        trie = trie.setdefault(character, {})
    trie[_END] = {_END: {}} if _UNSPACED.match(name[-1]) else {}


def _marks() -> str:
    points = [point for point in range(_PLANES) if unicodedata.category(chr(point))[0] == "M"]
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


_WORD = rf"[^\W{_UNSPACED.pattern[1:-1]}]"
_MARK = f"[{_marks()}]"
_AFTER = rf"(?!{_WORD}|{_MARK})"


def _whole(trie: _Trie) -> str:
    """Return the pattern of all names. It begins with a character set, so that the scan can skip to the next one."""
    firsts = {first: _cases(first) for first in trie}
    branches = []
    for first, rest in trie.items():
        before = "" if _UNSPACED.match(first) else f"(?<!{_WORD}.)(?<!{_MARK}.)"
        branches.append(f"(?<=[{firsts[first]}]){before}{_branch(rest)}")
    return f"[{''.join(firsts.values())}](?i:{'|'.join(branches)})"


def _cases(character: str) -> str:
    cases = {character, character.lower(), character.upper()}
    return "".join(re.escape(case) for case in sorted(cases) if len(case) == 1)


def _branch(trie: _Trie) -> str:
    """Return the pattern of a node: its branches come before its end, so that the longest name matches."""
    longer = [_piece(first) + _branch(rest) for first, rest in sorted(trie.items()) if first != _END]
    if _END in trie:
        longer.append("" if trie[_END] else _AFTER)
    return longer[0] if len(longer) == 1 else f"(?:{'|'.join(longer)})"


def _piece(character: str) -> str:
    if character == " ":
        return r"\s{1,4}"
    return "['’]" if character == "'" else re.escape(character)
