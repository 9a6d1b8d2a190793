"""Markdown of strangers as HTML that does nothing: no addresses to load or to open, no script, no style.

What Markdown would hide is shown: addresses and titles of links, the language of a block of code, the number of every
list item, cells beyond the header of a table. HTML, entities, reference definitions and mathematics stay as typed. A
text of which a letter or digit would be missing all the same is not rendered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import nh3
from markdown_it import MarkdownIt, helpers
from markdown_it.rules_block.table import escapedSplit, table
from markdown_it.token import Token

from workspaces.platforms.mathematics import keep_mathematics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.utils import EnvType, OptionsDict

LONGEST = 100_000
"""Characters of a text that is rendered; longer ones are shown as typed."""

TAGS = frozenset(
    {
        "bdi",
        "blockquote",
        "code",
        "div",
        "em",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
    }
    | {"table", "tbody", "td", "th", "thead", "tr", "ul"}
)
CLASSES = {
    "bdi": {"cfw-address"},
    "div": {"cfw-language", "cfw-math", "cfw-table"},
    "span": {"cfw-link", "cfw-image", "cfw-math", "cfw-number"},
    "td": {"cfw-right", "cfw-center"},
    "th": {"cfw-right", "cfw-center"},
}
DIRECTIONS = {"auto", "ltr"}

_NESTING = 20
_TAG = re.compile("<[^>]*>")
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_SIMPLE = {"text", "softbreak"}


@dataclass(frozen=True, slots=True)
class Rendering:
    """A text as HTML, in its blocks: paragraphs, headings, lists, tables, pieces of code."""

    blocks: tuple[str, ...]

    @property
    def text(self) -> str:
        """What a reader of the page reads, without the white space between blocks."""
        return "".join(map(text_of, self.blocks))


def rendering_of(text: str) -> Rendering | None:
    """Return a text rendered; None where rendering would show nothing else, or less, than what was typed."""
    if len(text) > LONGEST:
        return None
    text = _NO_CHARACTER.sub("\ufffd", text)
    tokens = _MARKDOWN.parse(text)
    if all(map(_is_simple, tokens)) or any(token.level >= _NESTING - 1 for token in tokens):
        return None  # plain paragraphs, or nested deeper than the parser reads
    rendering = Rendering(tuple(filter(None, map(_html, _blocks(tokens)))))
    return rendering if _has_all(text, rendering.text) else None


def text_of(html: str) -> str:
    """Return the text of cleaned HTML, in which no attribute holds a ``>``."""
    return unescape(_TAG.sub("", html))


def cleaned(html: str) -> str:
    """Return HTML without all that a rendering does not have."""
    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(),
        attributes={},
        tag_attribute_values={tag: {"dir": DIRECTIONS} for tag in TAGS},
        allowed_classes={tag: set(names) for tag, names in CLASSES.items()},
        url_schemes=set(),
        link_rel=None,
    )


def _has_all(text: str, shown: str) -> bool:
    """Return whether the letters and digits of a text stand in what is shown, in order."""
    left = iter(shown)
    return all(character in left for character in text if character.isalnum())


def _is_simple(token: Token) -> bool:
    if token.type == "inline":
        return all(child.type in _SIMPLE for child in token.children or ())
    return token.type in ("paragraph_open", "paragraph_close")


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each block that stands in no other one."""
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _html(tokens: Sequence[Token]) -> str:
    html: str = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return cleaned(html).strip("\n")


def _raw_destination(string: str, pos: int, maximum: int) -> object:
    """Find the address of a link, as it was typed."""
    found = helpers.parseLinkDestination(string, pos, maximum)
    if found.ok:
        raw = string[pos : found.pos]
        found.str = raw[1:-1] if raw.startswith("<") else raw
    return found


def _raw_title(string: str, start: int, maximum: int, _before: object = None) -> object:
    """Find the title of a link, as it was typed."""
    found = helpers.parseLinkTitle(string, start, maximum)
    if found.ok:
        found.str = string[start + 1 : found.pos - 1]
    return found


def _whole_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table, with the cells that some rows have beyond the header; GFM leaves them out."""
    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    if silent:
        return True
    tokens: list[Token] = []
    row: Token | None = None
    width = sum(token.type == "th_open" for token in state.tokens[before:])
    for token in state.tokens[before:]:
        if token.type == "tr_open":
            row = token
        elif token.type == "tr_close" and row is not None and row.map is not None:
            for column in _columns(state, row.map[0])[width:]:
                tokens += _cell(column.strip(), token.level + 1, row.map)
        tokens.append(token)
    state.tokens[before:] = tokens
    return True


def _columns(state: StateBlock, line: int) -> list[str]:
    """Return the cells of a row as GFM splits it."""
    columns = escapedSplit(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip())
    columns = columns[1:] if columns and not columns[0] else columns
    return columns[:-1] if columns and not columns[-1] else columns


def _cell(content: str, level: int, lines: list[int]) -> list[Token]:
    inline = Token("inline", "", 0, content=content, children=[], level=level + 1, map=lines, block=True)
    return [
        Token("td_open", "td", 1, level=level, block=True),
        inline,
        Token("td_close", "td", -1, level=level, block=True),
    ]


def _prepare(state: StateCore) -> None:
    """Give blocks a direction, cells a class in place of a style, paragraphs in lists their element, links an end."""
    for token in state.tokens:
        token.hidden = False
        style = str(token.attrs.pop("style", ""))
        side = style.removeprefix("text-align:")
        if side in ("right", "center"):
            token.attrs["class"] = f"cfw-{side}"
        if (
            token.level == 0 and token.nesting == 1 and token.type != "table_open"
        ):  # the element around it has one
            token.attrs["dir"] = "auto"
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h5" if token.tag in ("h1", "h2") else "h6"
        token.attrs.pop("start", None)
        _end_links(token.children or [])


def _end_links(tokens: list[Token]) -> None:
    """Let the end of each link know its address."""
    opened: list[Token] = []
    for token in tokens:
        if token.type == "link_open":
            opened.append(token)
        elif token.type == "link_close" and opened:
            token.meta = {"address": _address(opened.pop(), "href")}
        elif token.type == "image":
            _end_links(token.children or [])


def _address(token: Token, attribute: str) -> str:
    """Return the address and the title of a link as HTML; nothing where it has neither."""
    address, title = str(token.attrs.get(attribute, "")), token.attrs.get("title")
    shown = f'{address} "{title}"' if title else address
    return f' <bdi class="cfw-address">({escape(shown, quote=False)})</bdi>' if shown else ""


def _drawn_link_open(_self: RendererHTML, *_: object) -> str:
    return '<span class="cfw-link">'


def _drawn_link_close(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    return f"</span>{tokens[index].meta.get('address', '')}"


def _drawn_image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    token = tokens[index]
    alternative = self.renderInline(token.children or [], options, env)
    return f'<span class="cfw-image">{alternative}</span>{_address(token, "src")}'


def _drawn_break(_self: RendererHTML, *_: object) -> str:
    return "\n"


def _drawn_code(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    token = tokens[index]
    language = token.info.strip()
    label = f'<div class="cfw-language">{escape(language, quote=False)}</div>' if language else ""
    return f'{label}<pre dir="ltr"><code>{escape(token.content, quote=False)}</code></pre>\n'


def _drawn_item(_self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    token = tokens[index]
    number = f"{token.info}{token.markup}" if token.info else ""
    return f'<li><span class="cfw-number">{number} </span>' if number else "<li>"


def _drawn_table_open(self: RendererHTML, tokens: Sequence[Token], index: int, *more: object) -> str:
    options = cast("OptionsDict", more[0])
    return f'<div class="cfw-table" dir="auto">{self.renderToken(tokens, index, options, {})}'


def _drawn_table_close(_self: RendererHTML, *_: object) -> str:
    return "</table></div>\n"


def _unchanged(url: str) -> str:
    return url


def _anything(url: str) -> bool:
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _NESTING})
    parser.enable(["table", "strikethrough"])
    parser.disable(["reference", "html_block", "html_inline", "entity", "autolink"])
    parser.block.ruler.at("table", _whole_table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.push("prepare", _prepare)
    keep_mathematics(parser)
    parser.helpers = SimpleNamespace(  # type: ignore[assignment]
        parseLinkLabel=helpers.parseLinkLabel,
        parseLinkDestination=_raw_destination,
        parseLinkTitle=_raw_title,
    )
    # an address leads nowhere: it is shown, whatever it is, and as it was typed
    parser.normalizeLink = _unchanged  # type: ignore[method-assign]
    parser.validateLink = _anything  # type: ignore[method-assign]
    drawn: dict[str, Callable[..., str]] = {
        "link_open": _drawn_link_open,
        "link_close": _drawn_link_close,
        "image": _drawn_image,
        "softbreak": _drawn_break,
        "hardbreak": _drawn_break,
        "fence": _drawn_code,
        "code_block": _drawn_code,
        "list_item_open": _drawn_item,
        "table_open": _drawn_table_open,
        "table_close": _drawn_table_close,
    }
    for name, draw in drawn.items():
        parser.add_render_rule(name, draw)
    return parser


_MARKDOWN = _parser()
