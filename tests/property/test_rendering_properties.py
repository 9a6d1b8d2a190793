"""Whatever a text says, its rendering has our elements and no other, and every letter and digit of the text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st

from tests.e2e.hostile_messages import MESSAGES
from tests.examples import examples
from workspaces.forms import Turn
from workspaces.platforms.rendering import CLASSES, DIRECTIONS, TAGS, cleaned, rendering_of, text_of
from workspaces.platforms.turns import elements
from workspaces.records import Display, Role

PIECES = st.sampled_from(
    ["*", "**", "_", "~~", "`", "```", "\n", "\n\n", "    ", "\t", "# ", "> ", "- ", "7. ", "1) ", "|", "|--|:-:|",
     "| a | b |\n|---|---|\n", "[", "]", "(", ")", "](", "![", "<", ">", "&lt;", "&#60;", "\\", "$", "$$", "\\(", "\\)",
     "\\[", "\\]", "\\begin{x}", "\\end{x}", '"', "'", "=", "===", "---", "***", "javascript:", "https://a.example",
     "<script>", "</div>", "<img src=x onerror=y>", "<!--", "[a]: b", "[^1]", "\x00", "\ud800", "\u202e", "\u200b", "é",
     "שלום", "你好", "word", "x1", " ", "  \n"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=4) | st.sampled_from(MESSAGES), max_size=25).map("".join)


class Page(HTMLParser):
    """Reads HTML as a browser does: its elements with their attributes, whether they are closed, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.depth: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "hr":
            self.depth.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.depth.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS)
@examples(400)
@example("1. a\n\n   | a |\n   |---|\n   | b | c |")
@example("![[x](y)](z)")
def test_a_rendering_has_our_elements_alone_and_all_that_the_text_says(text: str) -> None:
    rendering = rendering_of(text)
    if rendering is None:
        return
    for block in rendering.blocks:
        page = Page(block)
        assert page.depth == []
        for tag, attributes in page.elements:
            assert tag in TAGS
            assert attributes.keys() <= {"class", "dir"}
            assert attributes.get("class", "") in CLASSES.get(tag, set()) | {""}
            assert attributes.get("dir", "auto") in DIRECTIONS
        assert page.text == text_of(block)
        assert cleaned(block) == block
    shown = iter(rendering.text)
    assert all(character in shown for character in filter(str.isalnum, text))


TURNS = st.builds(
    Turn, st.just("Model"), TEXTS, st.sampled_from([*Role, None]), aside=st.booleans(), verbatim=st.booleans()
)


@given(TURNS, st.sampled_from(Display), st.sampled_from([None, 1_500, 20_000]))
@examples(200)
def test_a_turn_fits_says_what_was_typed_and_has_our_elements_alone(
    turn: Turn, display: Display, room: int | None
) -> None:
    shown = list(elements(turn, display, room))
    typed = ""
    for html in shown:
        assert room is None or len(html) <= room
        page = Page(html)
        assert page.depth == []
        assert {tag for tag, _ in page.elements} <= TAGS | {"details", "summary"}
        assert {name for _, attributes in page.elements for name in attributes} <= {"class", "dir"}
        rendered = '<div class="cfw-md">'
        opening = '<div class="cfw-plain" dir="auto">'
        if opening in html:
            typed += Page(html.partition(opening)[2].partition("</div>")[0]).text
        elif rendered not in html and "<summary>" not in html:
            typed += page.text
        elif rendered not in html:
            typed += Page(html.partition("</summary>")[2].removesuffix("</details></div>")).text
    if turn.text.strip():
        assert typed == turn.text
