"""Finds the keys and tokens of services, and the keys of wallets, by the shapes that their issuers give them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.randomness import FILLER, has_random_part
from workspaces.privacy.redaction.span import PlaceholderKind, Span
from workspaces.privacy.redaction.token_shapes import SEARCHED
from workspaces.privacy.redaction.wallets import find_wallet_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST = 15
_CHARACTERS = r"[A-Za-z0-9_.~+/=:$@%\-]"
_LONG = re.compile(rf"{_CHARACTERS}{{{_LEAST},}}+")
LEAST_WITHOUT_LITERAL = 25
"""What a shape without a literal, and the key of a wallet, have at least; most long words of prose have fewer."""
HINTS = "|".join(
    (
        rf"{_CHARACTERS}{{{LEAST_WITHOUT_LITERAL}}}",
        *sorted({re.escape(literal) for row in SEARCHED for literal in row.literals}),
    )
)
"""A pattern for RE2, Arrow's engine. ``find_tokens`` finds nothing in a text that it does not match."""

_HINT = re.compile(
    "|".join(hint for row in SEARCHED for hint in map(re.escape, row.literals))
    + "".join(f"|{row.pattern.pattern}" for row in SEARCHED if not row.literals)
)


def find_tokens(text: str) -> Iterator[Span]:
    """Yield the tokens of ``text`` that have a shape of ``TOKEN_SHAPES``, but for those that a manual makes up."""
    for run in _long_runs(text):
        yield from find_wallet_keys(text, run.start(), run.end())
        if not _HINT.search(text, run.start(), run.end()):
            continue
        for literals, pattern, loose in SEARCHED:
            if literals and not any(literal in run[0] for literal in literals):
                continue
            for match in pattern.finditer(text, run.start(), run.end()):
                value = match[0].rstrip("-_.")
                if not FILLER.search(value) and (not loose or has_random_part(value)):
                    yield Span(match.start(), match.start() + len(value), PlaceholderKind.SECRET, value)


def _long_runs(text: str) -> Iterator[re.Match[str]]:
    """Yield what a token may stand in. Prose has few such runs, so the many shapes cost nothing there."""
    position = 0
    for word in text.split():
        if len(word) >= _LEAST:
            start = text.index(word, position)
            position = start + len(word)
            yield from _LONG.finditer(text, start, position)
