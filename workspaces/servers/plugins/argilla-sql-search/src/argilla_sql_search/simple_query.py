"""The language of `simple_query_string`: words, "phrases"~N, prefix*, fuzzy~N, -not, a | b, parentheses.

Nothing is a syntax error: an operator out of place is ignored, an unclosed quote or parenthesis is skipped.
Source: the grammar documented for Lucene's `SimpleQueryParser`; the default operator is AND, as Argilla asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_EDITS = 2


@dataclass(frozen=True)
class MatchAll:
    """Every record."""


@dataclass(frozen=True)
class MatchNone:
    """No record: what a blank query matches."""


@dataclass(frozen=True)
class Words:
    """All words of `text`, in one field."""

    text: str


@dataclass(frozen=True)
class Phrase:
    """The words of `text` in this order, at most `slop` moves apart."""

    text: str
    slop: int


@dataclass(frozen=True)
class Prefix:
    """A word that begins with `text`."""

    text: str


@dataclass(frozen=True)
class Fuzzy:
    """A word at most `edits` (1 or 2) insertions, deletions or replacements away from `text`."""

    text: str
    edits: int


@dataclass(frozen=True)
class Not:
    """Every record that `node` does not match."""

    node: Node


@dataclass(frozen=True)
class And:
    """What all of `nodes` match."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Or:
    """What at least one of `nodes` matches."""

    nodes: tuple[Node, ...]


Node = MatchAll | MatchNone | Words | Phrase | Prefix | Fuzzy | Not | And | Or

_WHITESPACE = " \t\n\r"
_ENDS_WORD = '"|+()' + _WHITESPACE


def parse(query: str, is_blank: Callable[[str], bool]) -> Node:
    """Return the tree of `query`.

    `is_blank(text)` says whether the analysis of `text` leaves nothing to search in any field; such a word or
    phrase is dropped, as if it had not been typed, and the operator before it waits for the next one.
    """
    if query.strip() == "*":
        return MatchAll()
    return _Parser(query, is_blank).parse(0, len(query)) or MatchNone()


class _Parser:
    def __init__(self, query: str, is_blank: Callable[[str], bool]) -> None:
        self._query = query
        self._is_blank = is_blank

    def parse(self, start: int, end: int) -> Node | None:
        """Parse `query[start:end]`; None when nothing in it can be searched."""
        return _Level(self, self._query, start, end).run()

    def keep(self, node: Words | Phrase) -> Node | None:
        return None if self._is_blank(node.text) else node


class _Level:
    """One pair of parentheses: a cursor, the tree so far, and the operators that wait for their operand."""

    def __init__(self, parser: _Parser, query: str, start: int, end: int) -> None:
        self._parser = parser
        self._query = query
        self._at = start
        self._end = end
        self._branches: list[Node] = []
        self._operator: type[And | Or] | None = None
        self._previous: type[And | Or] | None = None
        self._negations = 0

    def run(self) -> Node | None:
        while self._at < self._end:
            character = self._query[self._at]
            if character == "-":
                self._negations += 1
                self._at += 1
                continue  # what follows is still to be negated
            if character == "(":
                self._group()
            elif character == '"':
                self._phrase()
            elif character in "+|":
                if self._operator is None and self._branches:
                    self._operator = And if character == "+" else Or
                self._at += 1
            elif character == ")" or character in _WHITESPACE:
                self._at += 1
            else:
                self._word()
            self._negations = 0
        return self._top()

    def _top(self) -> Node | None:
        if self._previous is None:
            return self._branches[0] if self._branches else None
        return self._previous(tuple(self._branches))

    def _group(self) -> None:
        self._at += 1
        start, depth, escaped = self._at, 1, False
        while self._at < self._end:
            character = self._query[self._at]
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
                if depth == 0:
                    break
            self._at += 1
        if self._at >= self._end:
            self._at = start
        elif self._at == start:
            self._operator = None
            self._at += 1
        else:
            self._add(self._parser.parse(start, self._at))
            self._at += 1

    def _phrase(self) -> None:
        self._at += 1
        start, escaped, has_slop = self._at, False, False
        copied: list[str] = []
        while self._at < self._end:
            character = self._query[self._at]
            if not escaped and character == "\\":
                escaped = True
                self._at += 1
                continue
            if not escaped and character == '"':
                if self._query[self._at + 1 : self._end].startswith("~"):
                    self._at += 1
                    has_slop = self._at + 1 < self._end
                break
            escaped = False
            copied.append(character)
            self._at += 1
        if self._at >= self._end:
            self._at = start
        elif self._at == start:
            self._operator = None
            self._at += 1
        else:
            slop = self._number_after_tilde() if has_slop else 0
            self._add(self._parser.keep(Phrase("".join(copied), slop)))
            self._at += 1

    def _word(self) -> None:
        copied: list[str] = []
        escaped = prefix = fuzzy = False
        while self._at < self._end:
            character = self._query[self._at]
            if not escaped:
                if character == "\\":
                    escaped, prefix = True, False
                    self._at += 1
                    continue
                if character in _ENDS_WORD:
                    break
                if copied and character == "~":
                    fuzzy = True
                    break
                prefix = bool(copied) and character == "*"
            escaped = False
            copied.append(character)
            self._at += 1
        if not copied:
            return
        text = "".join(copied)
        if fuzzy:
            edits = min(self._number_after_tilde(), MAX_EDITS)
            self._add(Fuzzy(text, edits) if edits else self._parser.keep(Words(text)))
        elif prefix:
            self._add(Prefix(text[:-1]))
        else:
            self._add(self._parser.keep(Words(text)))

    def _number_after_tilde(self) -> int:
        """Read N of `~N` and move behind it: 2 when there is none, 0 when it is no number."""
        start = self._at + 1
        self._at = start
        while self._at < self._end and self._query[self._at] not in _ENDS_WORD:
            self._at += 1
        digits = self._query[start : self._at]
        if not digits:
            return MAX_EDITS
        number = int(digits) if re.fullmatch(r"[0-9]{1,10}", digits) else 0
        return number if number < 2**31 else 0

    def _add(self, node: Node | None) -> None:
        if node is None:
            return
        if self._negations % 2:
            node = Not(node)
        if self._branches:
            operator = self._operator or And
            if operator is not self._previous:
                # A change of operator takes everything so far as its left side.
                self._branches = [top for top in (self._top(),) if top]
                self._previous = operator
        self._branches.append(node)
        self._operator = None
