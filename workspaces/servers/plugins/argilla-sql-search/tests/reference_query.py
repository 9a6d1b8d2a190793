"""`simple_query_string` of Elasticsearch, evaluated on one document after the other.

Written from Elasticsearch's documentation of the query, of its flags and of BM25; shares no code with the
engine. A query is parsed into nested lists: `["and", ...]`, `["or", ...]`, `["not", node]`, `["all"]`,
`["none"]`, `["words", text]`, `["phrase", text, slop]`, `["prefix", text]`, `["fuzzy", text, edits]`.
"""

from __future__ import annotations

import math
from typing import Any

from reference_analyzer import analyze

SPACES = " \t\r\n"
Document = dict[str, list[str]]  # Elasticsearch field to its values


class Corpus:
    """Documents with `text` and `keyword` fields; `types` says which is which."""

    def __init__(self, documents: list[Document], types: dict[str, str]) -> None:
        self.types = types
        self.analyzed = [
            {name: self._positions(values, types[name]) for name, values in document.items() if name in types}
            for document in documents
        ]

    @staticmethod
    def _positions(values: list[str], kind: str) -> list[tuple[int, str]]:
        if kind == "keyword":
            return [(0, value) for value in set(values)]
        positions: list[tuple[int, str]] = []
        for value in values:
            base = positions[-1][0] + 101 if positions else 0
            positions += [(base + place, token) for place, token in enumerate(analyze(value))]
        return positions

    def scores(self, query: str, fields: list[str], *, fuzzy_expansions: int) -> list[float | None]:
        """Return the score of each document, None where it does not match."""
        self.fuzzy_expansions = fuzzy_expansions
        tree = _parse(
            query,
            lambda text: bool(fields) and all(self.types[f] == "text" and not analyze(text) for f in fields),
        )
        return [self._score(tree, at, fields) for at in range(len(self.analyzed))]

    def _score(self, node: list[Any], at: int, fields: list[str]) -> float | None:
        kind, *rest = node
        if kind == "all":
            return 1.0
        if kind == "none":
            return None
        if kind == "not":
            return 1.0 if self._score(rest[0], at, fields) is None else None
        if kind in {"and", "or"}:
            scores = [self._score(child, at, fields) for child in rest]
            hits = [score for score in scores if score is not None]
            return sum(hits) if (len(hits) == len(scores) if kind == "and" else hits) else None
        by_field = [score for name in fields if (score := self._leaf(kind, rest, at, name)) is not None]
        if not by_field:
            return None
        return max(by_field) if kind == "phrase" else sum(by_field)

    def _leaf(self, kind: str, rest: list[Any], at: int, name: str) -> float | None:
        text = rest[0]
        is_text = self.types[name] == "text"
        tokens = self.analyzed[at].get(name, [])
        present = {token for _, token in tokens}
        if kind == "prefix":
            wanted = _lower(text) if is_text else text
            return 1.0 if any(token.startswith(wanted) for token in present) else None
        if kind == "fuzzy":
            expansions = self._expand(_lower(text) if is_text else text, rest[1], name)
            count = max((self._document_count(term, name) for _, term in expansions), default=0)
            hits = [
                boost * self._bm25(at, name, self._frequency(at, name, term), [count])
                for boost, term in expansions
                if term in present
            ]
            return sum(hits) if hits else None
        if not is_text:
            return self._bm25(at, name, 1, [self._document_count(text, name)]) if text in present else None
        words = analyze(text)
        if not words or not present.issuperset(words):
            return None
        counts = [self._document_count(word, name) for word in words]
        if kind == "words" or len(words) == 1:
            return sum(
                self._bm25(at, name, self._frequency(at, name, word), [count])
                for word, count in zip(words, counts, strict=True)
            )
        frequency = self._phrase_frequency(tokens, words, rest[1])
        return self._bm25(at, name, frequency, counts) if frequency else None

    @staticmethod
    def _phrase_frequency(tokens: list[tuple[int, str]], words: list[str], slop: int) -> float:
        if slop == 0:
            places = dict(tokens)
            return sum(all(places.get(start + n) == word for n, word in enumerate(words)) for start in places)

        def widths(chosen: list[int]) -> Any:
            """Yield the spread of every way to choose a position for each word."""
            if len(chosen) == len(words):
                shifted = [position - n for n, position in enumerate(chosen)]
                yield max(shifted) - min(shifted)
                return
            for position, token in tokens:
                if token == words[len(chosen)] and position not in chosen:
                    yield from widths([*chosen, position])

        best = min(widths([]), default=slop + 1)
        return 1 / (1 + best) if best <= slop else 0

    def _frequency(self, at: int, name: str, term: str) -> int:
        return sum(token == term for _, token in self.analyzed[at].get(name, []))

    def _document_count(self, term: str, name: str) -> int:
        return sum(any(token == term for _, token in document.get(name, [])) for document in self.analyzed)

    def _bm25(self, at: int, name: str, frequency: float, counts: list[int]) -> float:
        lengths = [len(document.get(name, [])) for document in self.analyzed]
        documents = sum(length > 0 for length in lengths)
        idf = sum(math.log(1 + (documents - count + 0.5) / (count + 0.5)) for count in counts)
        relative_length = lengths[at] / (sum(lengths) / documents) if self.types[name] == "text" else 1
        norm = 1.2 * (0.25 + 0.75 * relative_length)
        return 2.2 * idf * frequency / (frequency + norm)

    def _expand(self, wanted: str, edits: int, name: str) -> list[tuple[float, str]]:
        terms = {token for document in self.analyzed for _, token in document.get(name, [])}
        near = []
        for term in terms:
            distance = _levenshtein(wanted, term)
            shorter = min(len(wanted), len(term))
            if distance == 0 or (distance <= edits and distance < shorter):
                near.append((1 - distance / shorter if distance else 1.0, term))
        return sorted(near, key=lambda pair: (-pair[0], pair[1].encode()))[: self.fuzzy_expansions]


def _lower(text: str) -> str:
    return "".join(
        {"\u0130": "i", "\u03a3": "\u03c3"}.get(character, character.lower()) for character in text
    )


def _levenshtein(left: str, right: str) -> int:
    if not left or not right:
        return len(left) + len(right)
    if left[-1] == right[-1]:
        return _levenshtein(left[:-1], right[:-1])
    table = [
        [max(i, j) if not i or not j else 0 for j in range(len(right) + 1)] for i in range(len(left) + 1)
    ]
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            same = left[i - 1] == right[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (not same))
    return table[-1][-1]


def _parse(query: str, blank: Any) -> list[Any]:
    if query.strip() == "*":
        return ["all"]
    return _level(query, blank) or ["none"]


def _level(query: str, blank: Any) -> list[Any] | None:
    """Fold the operands of one level from the left; an operator binds all before it to the next one."""
    tree: list[Any] | None = None
    waiting = last = None
    for lexeme, *rest in _lexemes(query):
        if lexeme in {"and", "or"}:
            waiting = waiting or (lexeme if tree is not None else None)
            continue
        if lexeme == "empty":
            waiting = None
            continue
        negated, node = rest
        if lexeme == "group":
            node = _level(node, blank)
        elif node[0] in {"words", "phrase"} and blank(node[1]):
            node = None
        if node is None:
            continue
        if negated:
            node = ["not", node]
        if tree is None:
            tree = node
        else:
            operator = waiting or "and"
            tree = [*tree, node] if operator == last else [operator, tree, node]
            last = operator
        waiting = None
    return tree


def _lexemes(query: str) -> Any:
    """Cut a query into `("and",)`, `("or",)`, `("empty",)`, `("group", not, text)`, `("leaf", not, node)`."""
    at, minuses = 0, 0
    while at < len(query):
        character = query[at]
        if character == "-":
            minuses += 1
            at += 1
            continue
        negated, minuses = minuses % 2 == 1, 0
        if character in SPACES or character == ")":
            at += 1
        elif character in "+|":
            yield ("and" if character == "+" else "or",)
            at += 1
        elif character == "(":
            end = _closing(query, at + 1, "(", ")")
            if end is None:
                at += 1
            elif end == at + 1:
                yield ("empty",)
                at = end + 1
            else:
                yield "group", negated, query[at + 1 : end]
                at = end + 1
        elif character == '"':
            end = _closing(query, at + 1, "", '"')
            if end is None:
                at += 1
            elif end == at + 1 and query[end + 1 : end + 2] != "~":
                yield ("empty",)
                at = end + 1
            else:
                text, slop, behind = _unescape(query[at + 1 : end]), 0, end + 1
                if query[end + 1 : end + 2] == "~":
                    slop, behind = _number(query, end + 2) if end + 2 < len(query) else (0, end + 1)
                    behind += 1
                yield "leaf", negated, ["phrase", text, slop]
                at = behind
        else:
            text, star, end = "", False, at
            while (
                end < len(query) and query[end] not in SPACES + '"|+()' and not (query[end] == "~" and text)
            ):
                if query[end] == "\\":
                    star = False
                    text += query[end + 1 : end + 2]
                    end += 2
                    continue
                star = bool(text) and query[end] == "*"
                text += query[end]
                end += 1
            end = min(end, len(query))
            if query[end : end + 1] == "~" and text:
                edits, end = _number(query, end + 1)
                yield "leaf", negated, ["fuzzy", text, min(edits, 2)] if edits else ["words", text]
            elif text:
                yield "leaf", negated, ["prefix", text[:-1]] if star else ["words", text]
            at = end


def _closing(query: str, at: int, opening: str, closing: str) -> int | None:
    depth = 1
    while at < len(query):
        if query[at] == "\\":
            at += 1
        elif query[at] == closing:
            depth -= 1
            if not depth:
                return at
        elif query[at] == opening:
            depth += 1
        at += 1
    return None


def _unescape(text: str) -> str:
    plain, at = "", 0
    while at < len(text):
        at += text[at] == "\\"
        plain += text[at : at + 1]
        at += 1
    return plain


def _number(query: str, at: int) -> tuple[int, int]:
    end = at
    while end < len(query) and query[end] not in SPACES + '"|+()':
        end += 1
    digits = query[at:end]
    if not digits:
        return 2, end
    return (int(digits) if digits.isascii() and digits.isdigit() and int(digits) < 2**31 else 0), end
