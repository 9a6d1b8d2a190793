"""A turn of a chat as HTML for a field that puts HTML into its page: rendered or as typed, folded where it is long.

Everything here is escaped or cleaned: whatever a text says, it loads nothing, runs nothing and leads nowhere.
"""

from __future__ import annotations

import re
from html import escape, unescape
from importlib.resources import files
from typing import TYPE_CHECKING

from workspaces.platforms.rendering import rendering_of, text_of
from workspaces.records import Display, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.resources.abc import Traversable

    from workspaces.forms import Turn

MOST_UNFOLDED = 300
"""Characters of an aside that is shown unfolded."""

BEGINNING = 100
"""Characters of a folded text that are shown."""

OUR_MARKUP = 400 + 6 * BEGINNING
"""More characters than the elements around a text and the escaped beginning of a folded one have."""

EMPTY = "(this message is empty)"
AS_TYPED = "as typed"
"""Unfolds the characters of a rendered text."""

_SIDES = {Role.USER: "person", Role.ASSISTANT: "model"}
"""Whose side and colour a turn has; everybody else has none."""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s+")


def compact(*sheets: Traversable) -> str:
    """Return style sheets as one, without comments and line breaks."""
    texts = (sheet.read_text(encoding="utf-8") for sheet in sheets)
    return _SPACE.sub(" ", _COMMENT.sub("", "\n".join(texts))).strip()


TURNS_STYLE = files("workspaces.platforms").joinpath("turns.css")
"""The style sheet of what is in a turn, for any page."""


def side_of(turn: Turn) -> str:
    """Return whose side a turn has: person, model, or nobody's (an empty text)."""
    return "" if turn.role is None else _SIDES.get(turn.role, "")


def elements(turn: Turn, display: Display, room: int | None = None, classes: str = "") -> Iterator[str]:
    """Yield a turn as HTML elements, of at most ``room`` characters each; None: as one.

    A text of which a block does not fit is shown as typed, in pieces.
    """
    most = None if room is None else room - OUR_MARKUP - len(classes)
    side = side_of(turn)
    said = f"cfw-{side}" if side else "cfw-note" if turn.role is None else ""
    names = " ".join(filter(None, ("cfw-turn", said, "cfw-asked" if turn.asked else "", classes)))
    for content in _contents(turn, display, most):
        yield f'<div class="{names}" dir="auto">{content}</div>'


def _contents(turn: Turn, display: Display, room: int | None) -> Iterator[str]:
    folds = turn.aside and len(turn.text) > MOST_UNFOLDED
    if not turn.text.strip():
        yield EMPTY
        return
    typed = list(_pieces(turn.text, room))
    rendering = rendering_of(turn.text) if display is Display.MARKDOWN and not turn.verbatim else None
    if rendering is None or (room is not None and any(len(block) > room for block in rendering.blocks)):
        yield from (_folded(piece, unescape(piece)) if folds else piece for piece in typed)
        return
    *before, last = (f'<div class="cfw-md">{page}</div>' for page in _pages(rendering.blocks, room))
    fold = f'<details class="cfw-typed"><summary>{AS_TYPED}</summary><div class="cfw-plain" dir="auto">'
    below = [f"{fold}{piece}</div></details>" for piece in typed]
    if len(below) == 1 and (room is None or len(last) + len(below[0]) <= room):
        last += below.pop()
    for page in (*before, last):
        yield _folded(page, text_of(page)) if folds else page
    yield from below


def _folded(html: str, text: str) -> str:
    """Return HTML folded behind the beginning of its text, on as few lines as it takes; unfolded it goes."""
    beginning = escape(" ".join(text[: 10 * BEGINNING].split())[:BEGINNING])
    return f'<details><summary><span class="cfw-beginning">{beginning} …</span></summary>{html}</details>'


def _pages(blocks: Iterable[str], room: int | None) -> Iterator[str]:
    """Yield blocks together, as many at a time as there is room for."""
    page: list[str] = []
    length = 0
    for block in blocks:
        if room is not None and page and length + len(block) > room:
            yield "".join(page)
            page, length = [], 0
        page.append(block)
        length += len(block)
    yield "".join(page)


def _pieces(text: str, room: int | None) -> Iterator[str]:
    """Yield a text, escaped, in pieces that fit."""
    if room is None:
        yield escape(text)
        return
    piece: list[str] = []
    length = 0
    for character in text:
        shown = escape(character)
        if length + len(shown) > room:
            yield "".join(piece)
            piece, length = [], 0
        piece.append(shown)
        length += len(shown)
    yield "".join(piece)
