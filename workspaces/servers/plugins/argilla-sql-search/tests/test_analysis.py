"""The tokens and query trees, against answers known from Elasticsearch, Lucene and Unicode."""

from __future__ import annotations

import pytest
from argilla_sql_search.analysis import tokenize
from argilla_sql_search.simple_query import (
    And,
    Fuzzy,
    MatchAll,
    MatchNone,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Words,
    parse,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_analyzer import analyze

KNOWN: dict[str, list[str]] = {
    # From Elasticsearch's page about the standard analyzer.
    "The 2 QUICK Brown-Foxes jumped over the lazy dog's bone.": [
        "the",
        "2",
        "quick",
        "brown",
        "foxes",
        "jumped",
        "over",
        "the",
        "lazy",
        "dog's",
        "bone",
    ],
    # From UAX #29, table 1.
    "The quick (“brown”) fox can’t jump 32.3 feet, right?": [
        "the",
        "quick",
        "brown",
        "fox",
        "can’t",
        "jump",
        "32.3",
        "feet",
        "right",
    ],
    # From Lucene's TestStandardAnalyzer.
    "Երևան Ավտոմատ": ["երևան", "ավտոմատ"],
    "我是中国人。 １２３４ Ｔｅｓｔｓ ": ["我", "是", "中", "国", "人", "１２３４", "ｔｅｓｔｓ"],
    "カタカナ ひらがな": ["カタカナ", "ひ", "ら", "が", "な"],
    "안녕하세요 한글입니다": ["안녕하세요", "한글입니다"],
    "การที่ได้ต้องแสดงว่างานดี. แล้วเธอจะไปไหน? ๑๒๓๔": ["การที่ได้ต้องแสดงว่างานดี", "แล้วเธอจะไปไหน", "๑๒๓๔"],
    "O'Reilly you're O'Reilly's Jim's dog's": ["o'reilly", "you're", "o'reilly's", "jim's", "dog's"],
    "some-dashed-phrase dogs,chase,cats ac/dc": [
        "some",
        "dashed",
        "phrase",
        "dogs",
        "chase",
        "cats",
        "ac",
        "dc",
    ],
    "R2D2 C3PO B2B 2B": ["r2d2", "c3po", "b2b", "2b"],
    "21.35 216.239.63.104 1 3.5": ["21.35", "216.239.63.104", "1", "3.5"],
    "2006-03-11t082958z_01_ban130523": ["2006", "03", "11t082958z_01_ban130523"],
    "foo_bar _a_ __ ab1.b2": ["foo_bar", "_a_", "ab1", "b2"],
    'צה"ל': ['צה"ל'],
    "moͤchte naı̈ve ÉTÉ": ["moͤchte", "naı̈ve", "été"],
    "ΣΑΣ İstanbul": ["σασ", "istanbul"],
    "💩 💩💩 👩‍❤️‍👩 ✊🏽 🇩🇪🇫🇷": ["💩", "💩", "💩", "👩‍❤️‍👩", "✊🏽", "🇩🇪", "🇫🇷"],
    "1️⃣ ok": ["1️⃣", "ok"],
    "user:admin a:1 10:30": ["user:admin", "a", "1", "10", "30"],
    "": [],
    " .,!?-()": [],
}


@pytest.mark.parametrize("text", KNOWN)
def test_a_text_has_the_tokens_that_elasticsearch_gives_it(text: str) -> None:
    assert tokenize(text) == KNOWN[text]


def test_a_word_longer_than_255_characters_is_cut() -> None:
    assert list(map(len, tokenize("a" * 600 + " b é" + "c" * 300))) == [255, 255, 90, 1, 255, 46]


pieces = st.sampled_from(
    [*"aZé_19.,:;'’-\" \n\u0301東ひカーガ한ภאΣ😀٣", "😀\u200d😀", "👍🏽", "🇩🇪", "c\u00ad", "ab"]
)


@settings(max_examples=600)
@given(st.lists(pieces, max_size=12).map("".join))
@example("a'1.2_é’b")
@example("א\u0301'")
@example("א''é")
@example("א'_")
def test_the_tokens_are_those_of_the_boundary_rules(text: str) -> None:
    assert tokenize(text) == analyze(text)


a, b, c, d = map(Words, "abcd")
TREES: dict[str, Node] = {
    "": MatchNone(),
    "  ": MatchNone(),
    "*": MatchAll(),
    " * ": MatchAll(),
    "!!": MatchNone(),
    "a b": And((a, b)),
    "a + b": And((a, b)),
    "a | b": Or((a, b)),
    "a b c": And((a, b, c)),
    "a b | c": Or((And((a, b)), c)),
    "a | b c": And((Or((a, b)), c)),
    "(a b) | c": Or((And((a, b)), c)),
    "a | (b c)": Or((a, And((b, c)))),
    "-a": Not(a),
    "--a": a,
    "- a": a,
    "a -b": And((a, Not(b))),
    "a -(b | c)": And((a, Not(Or((b, c))))),
    "a-b": Words("a-b"),
    "a -": a,
    "| a": a,
    "+ a": a,
    "a | | b": Or((a, b)),
    "a |": a,
    "a | !! b": Or((a, b)),
    "() a": a,
    "a | () b": And((a, b)),
    "(a": a,
    "a)": a,
    "((a)": a,
    '"a b"': Phrase("a b", 0),
    '"a b"~3': Phrase("a b", 3),
    '"a b"~': Phrase("a b", 0),
    '"a b"~ c': And((Phrase("a b", 2), c)),
    '"a b"~x': Phrase("a b", 0),
    '"a': a,
    '"" a': a,
    '-"a b"': Not(Phrase("a b", 0)),
    '"a\\"b"': Phrase('a"b', 0),
    "ab*": Prefix("ab"),
    "a*b": Words("a*b"),
    "ab\\*": Words("ab*"),
    "* a": a,
    "a**": Prefix("a*"),
    "ab~": Fuzzy("ab", 2),
    "ab~1": Fuzzy("ab", 1),
    "ab~9": Fuzzy("ab", 2),
    "ab~0": Words("ab"),
    "ab~x": Words("ab"),
    "~a": Words("~a"),
    "\\-a": Words("-a"),
    "a\\ b": Words("a b"),
    "a\\": a,
    "\\": MatchNone(),
}


@pytest.mark.parametrize("query", TREES)
def test_a_query_is_read_as_elasticsearch_reads_it(query: str) -> None:
    assert parse(query, lambda text: not tokenize(text)) == TREES[query]


@settings(max_examples=300)
@given(st.text(st.sampled_from('ab \t"()|+-~*\\1é')))
def test_no_query_is_a_syntax_error(query: str) -> None:
    parse(query, lambda text: not tokenize(text))
