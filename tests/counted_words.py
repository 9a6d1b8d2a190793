"""The nouns that the project counts, and whether a text puts them after a number in the wrong form."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from workspaces.grammar import plural

ROOT = Path(__file__).parent.parent
PACKAGES = ("chatfeedback", "exports", "quality", "reward_engine", "task_generators", "workspaces")
LEFT_OUT = {"plugins", "migrations"}
SOURCES = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if not LEFT_OUT & set(path.parts)
]


def _nouns() -> set[str]:
    """Return the nouns that any sentence counts: the last words of what ``counted`` and ``noun_for`` are given."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("counted", "noun_for"):
                noun = node.args[1]
                if isinstance(noun, ast.Constant):
                    found.add(str(noun.value).split()[-1])
    return found


NOUNS = _nouns()
PLURALS = {plural(noun) for noun in NOUNS}

_NUMBER = r"(?<![\w.,:/#-])(\d{1,3}(?:,\d{3})+|\d+)"
_SINGULAR, _PLURAL = ("|".join(sorted(words, key=len, reverse=True)) for words in (NOUNS, PLURALS))
_COUNTED = re.compile(
    rf"{_NUMBER} ((?:[a-z-]+ )?)({_PLURAL}|{_SINGULAR})(?![\w-])(?: (is|are|was|were|has|have)\b)?"
)
_BETWEEN = {"of", "to", "in", "by", "from", "and", "or", "for", "behind", "on", "a", "one", "each", "per"}


def disagreements(text: str) -> list[str]:
    """Return the places in a text where a noun, or the verb after it, does not agree with its number."""
    wrong = []
    for found in _COUNTED.finditer(text):
        number, between, noun, verb = found.groups()
        if between.strip() in _BETWEEN:
            continue
        is_one, of_more = number == "1", text[: found.start()].endswith(" of ")
        verb_is_wrong = bool(verb) and (verb in {"is", "was", "has"}) != is_one and not of_more
        if (noun in NOUNS) != is_one or verb_is_wrong:
            wrong.append(text[max(0, found.start() - 40) : found.end() + 20])
    return wrong
