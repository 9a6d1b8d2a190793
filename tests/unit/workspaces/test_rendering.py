"""Markdown of strangers as HTML: what each construct becomes, and that nothing a text says is lost or works."""

from __future__ import annotations

from time import process_time

import pytest

from tests.e2e.hostile_messages import MESSAGES
from workspaces.platforms.rendering import LONGEST, cleaned, rendering_of


def html(text: str) -> str:
    """Return a text rendered, without the directions of its blocks."""
    rendering = rendering_of(text)
    assert rendering is not None, text
    return "".join(rendering.blocks).replace(' dir="auto"', "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("**b** *e* ~~s~~ `c<`", "<p><strong>b</strong> <em>e</em> <s>s</s> <code>c&lt;</code></p>"),
        ("# One\n### Three", "<h5>One</h5><h6>Three</h6>"),
        ("a\nb  \nc\\\n*d*", "<p>a\nb\nc\n<em>d</em></p>"),
        (
            "```py x\n\n  a = 1\n```",
            '<div class="cfw-language">py x</div><pre dir="ltr"><code>\n  a = 1\n</code></pre>',
        ),
        (
            "2. two\n7. seven",
            (
                '<ol>\n<li><span class="cfw-number">2. </span><p>two</p>\n</li>\n'
                '<li><span class="cfw-number">7. </span><p>seven</p>\n</li>\n</ol>'
            ),
        ),
        ("- a\n- b", "<ul>\n<li><p>a</p>\n</li>\n<li><p>b</p>\n</li>\n</ul>"),
        (
            "[text](https://example.org/ä 'title')",
            (
                '<p><span class="cfw-link">text</span> '
                '<bdi class="cfw-address">(https://example.org/ä "title")</bdi></p>'
            ),
        ),
        ("[no address]() *x*", '<p><span class="cfw-link">no address</span> <em>x</em></p>'),
        (
            "[x](javascript:alert(1))",
            '<p><span class="cfw-link">x</span> <bdi class="cfw-address">(javascript:alert(1))</bdi></p>',
        ),
        (
            "![a *b*](https://a.example/p.png)",
            (
                '<p><span class="cfw-image">a <em>b</em></span> '
                '<bdi class="cfw-address">(https://a.example/p.png)</bdi></p>'
            ),
        ),
        ("**x** &lt;b&gt; <b>y</b>", "<p><strong>x</strong> &amp;lt;b&amp;gt; &lt;b&gt;y&lt;/b&gt;</p>"),
        ("**x** <https://a.example>", "<p><strong>x</strong> &lt;https://a.example&gt;</p>"),
        ("[a]: https://a.example 't'\n\n*x*", "<p>[a]: https://a.example 't'</p><p><em>x</em></p>"),
        (
            "*x* $a_1*b*c_2$ \\(d_1*e*\\) costs $5 or $6 *y*",
            (
                '<p><em>x</em> <span class="cfw-math">$a_1*b*c_2$</span> <span class="cfw-math">\\(d_1*e*\\)</span> '
                "costs $5 or $6 <em>y</em></p>"
            ),
        ),
        ("$$\n- a\n= b\n$$", '<div class="cfw-math">$$\n- a\n= b\n$$</div>'),
        ("\\begin{a}\n* x\n\\end{a}", '<div class="cfw-math">\\begin{a}\n* x\n\\end{a}</div>'),
        ("> a\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>"),
    ],
)
def test_each_construct_becomes_its_html(text: str, wanted: str) -> None:
    assert html(text) == wanted


def test_a_row_keeps_the_cells_that_stand_beyond_the_header() -> None:
    shown = html("| a | b |\n|--:|---|\n| 1 | 2 | three | **4** |\n| 5 |")
    assert '<th class="cfw-right">a</th>\n<th>b</th>' in shown
    assert "<td>2</td>\n<td>three</td>\n<td><strong>4</strong></td>" in shown
    assert shown.count("<td") == 4 + 2


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "two lines\n  and   spaces",
        "a\n\nb",
        "<script>x</script> &amp; 1 < 2",
        "> " * 30 + "deep",
        "- " * 30 + "deep",
        "**x** " + "a" * LONGEST,
    ],
)
def test_what_has_no_markdown_or_more_than_can_be_laid_out_is_shown_as_typed(text: str) -> None:
    assert rendering_of(text) is None


@pytest.mark.parametrize("text", MESSAGES)
def test_hostile_messages_lose_no_letter_and_gain_no_address(text: str) -> None:
    rendering = rendering_of(text)
    if rendering is None:
        return
    said = "".join(filter(str.isalnum, rendering.text))
    assert said == "".join(filter(str.isalnum, text))
    assert cleaned("".join(rendering.blocks)) == "".join(rendering.blocks)


def test_each_top_level_block_has_a_direction_of_its_own() -> None:
    rendering = rendering_of("# שלום\n\nEnglish *words*\n\n- مرحبا\n\n| ا |\n|---|\n| ب |")
    assert rendering is not None
    assert all(block.partition(">")[0].endswith('dir="auto"') for block in rendering.blocks)
    assert len(rendering.blocks) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["[", "![a](", "*a_ ", "$$ ", "\\( ", "> ", "`a", "\\begin{a}\n", "| a", "- ", "a\n|-|\n"]
)
def test_no_text_keeps_the_workbench_busy(piece: str) -> None:
    def seconds(length: int) -> float:
        begin = process_time()
        rendering_of(piece * (length // len(piece)))
        return process_time() - begin

    assert seconds(20_000) < 3
