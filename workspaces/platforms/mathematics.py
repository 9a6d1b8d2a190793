"""Mathematics in Markdown: what stands between its marks is left as it was typed."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MOST_LINES = 50
"""Lines after which a block of mathematics that is not closed is none."""

_CLOSES = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}
_ENVIRONMENT = re.compile(r"\\begin\{([A-Za-z]+\*?)\}")


def keep_mathematics(parser: MarkdownIt) -> None:
    r"""Teach a parser ``$...$``, ``$$...$$``, ``\(...\)``, ``\[...\]`` and ``\begin{...}``."""
    parser.inline.ruler.before("escape", "mathematics", _inline)
    parser.block.ruler.before("fence", "mathematics", _block, {"alt": ["paragraph", "blockquote", "list"]})
    parser.add_render_rule("mathematics", _drawn)
    parser.add_render_rule("mathematics_block", _drawn_block)


def _inline(state: StateInline, silent: bool) -> bool:
    start = state.pos
    opening = state.src[start : start + 2]
    if opening[:1] not in ("$", "\\"):
        return False
    if (close := _CLOSES.get(opening)) is not None:
        end = _found(state, close, start + 2)
        end = end + 2 if end > start + 2 else -1
    elif opening[:1] == "$":
        end = _dollar(state.src, start)
    else:
        return False
    if end < 0 or end > state.posMax:
        return False
    if not silent:
        state.push("mathematics", "", 0).content = state.src[start:end]
    state.pos = end
    return True


def _found(state: StateInline, close: str, start: int) -> int:
    """Return where a mark stands from a place on; what is not there is not looked for again."""
    missing: set[str] = state.env.setdefault("missing", {}).setdefault(id(state.tokens), set())
    if close in missing:
        return -1
    end = state.src.find(close, start, state.posMax)
    if end < 0 and state.posMax == len(state.src):
        missing.add(close)
    return end


def _dollar(source: str, start: int) -> int:
    """Return the end of ``$...$``, as Pandoc reads it, so that amounts of money are none; -1: there is none."""
    end = source.find("$", start + 1)
    inside = source[start + 1 : end]
    if end < 0 or not inside or "\n" in inside or inside[0].isspace() or inside[-1].isspace():
        return -1
    return -1 if source[end + 1 : end + 2].isdigit() or inside.endswith("\\") else end + 1


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    if first.startswith(("$$", "\\[")):
        close, inside = _CLOSES[first[:2]], first[2:]
    elif begins := _ENVIRONMENT.match(first):
        close, inside = f"\\end{{{begins[1]}}}", first[begins.end() :]
    else:
        return False
    line = start
    while not inside.endswith(close):
        line += 1
        if close in inside or line >= min(end, start + MOST_LINES) or state.sCount[line] < state.blkIndent:
            return False
        inside = _line(state, line)
    if not silent:
        token = state.push("mathematics_block", "div", 0)
        token.map = [start, line + 1]
        token.content = state.getLines(start, line + 1, state.blkIndent, False)
        state.line = line + 1
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()


def _drawn(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f'<span class="cfw-math">{escape(tokens[index].content, quote=False)}</span>'


def _drawn_block(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f'<div class="cfw-math" dir="auto">{escape(tokens[index].content, quote=False)}</div>\n'
