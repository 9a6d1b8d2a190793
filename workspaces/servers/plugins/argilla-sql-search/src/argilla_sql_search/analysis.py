"""Elasticsearch's `standard` analyzer: text to lowercased Unicode words.

Source: Lucene's `StandardTokenizer`, which follows UAX #29 with three additions: one token for each Han or
Hiragana character, South-East Asian runs kept whole, and an emoji sequence is a token. Words longer than 255
characters are cut into pieces. No stop words, no stemming, accents are kept.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from argilla_sql_search import word_breaks

MAX_TOKEN_LENGTH = 255

# Java lowercases one code point at a time: no final sigma, and a dotted capital I loses its dot.
_LOWERCASED_UNLIKE_PYTHON = {0x0130: "i", 0x03A3: "σ"}

# White space always ends a word, so only the stretches that hold something else need the full rules.
_NOT_ASCII = re.compile(r"[^ \t\r\n]*[^\x00-\x7f][^ \t\r\n]*")
_ASCII_WORD = re.compile(
    r"(?=_*[a-z0-9])[a-z0-9_]+(?:(?:(?<=[a-z])[.:'](?=[a-z])|(?<=[0-9])[.,;'](?=[0-9]))[a-z0-9_]+)*"
)


def tokenize(text: str) -> list[str]:
    """Return the tokens of `text` in order; empty when it holds no letter, digit or emoji."""
    if text.isascii():
        tokens: list[str] = _ASCII_WORD.findall(text.lower())
    else:
        tokens = []
        start = 0
        for stretch in _NOT_ASCII.finditer(text):
            tokens += _ASCII_WORD.findall(text[start : stretch.start()].lower())
            tokens += _unicode_tokens(stretch.group())
            start = stretch.end()
        tokens += _ASCII_WORD.findall(text[start:].lower())
    # The common case costs one comparison: only a text longer than a token can hold one too long.
    if len(text) > MAX_TOKEN_LENGTH and max(map(len, tokens), default=0) > MAX_TOKEN_LENGTH:
        return [piece for token in tokens for piece in _pieces(token)]
    return tokens


def normalize(text: str) -> str:
    """Lowercase `text` without cutting it into words, as prefix and fuzzy terms are."""
    return text.lower() if text.isascii() else text.translate(_LOWERCASED_UNLIKE_PYTHON).lower()


def _pieces(token: str) -> list[str]:
    return [token[start : start + MAX_TOKEN_LENGTH] for start in range(0, len(token), MAX_TOKEN_LENGTH)]


@lru_cache(maxsize=20_000)
def _unicode_tokens(stretch: str) -> tuple[str, ...]:
    return tuple(map(normalize, _unicode_word().findall(stretch)))


@cache
def _unicode_word() -> re.Pattern[str]:
    sets = word_breaks.classes()
    extend = f"[{sets['extend']}]*"
    # In an emoji the presentation selectors and the joiner have a meaning of their own.
    in_emoji = (
        f"(?:(?![{word_breaks.PRESENTATION_SELECTORS}{word_breaks.ZERO_WIDTH_JOINER}])[{sets['extend']}])*"
    )

    def extended(characters: str) -> str:
        return f"[{characters}]{extend}"

    join, number, katakana = extended(sets["join"]), extended(sets["number"]), extended(sets["katakana"])
    letter, hebrew = extended(sets["letter"] + sets["hebrew"]), extended(sets["hebrew"])
    between_letters = extended(re.escape(word_breaks.MID_LETTER + word_breaks.MID_NUMBER_OR_LETTER))
    between_numbers = extended(re.escape(word_breaks.MID_NUMBER + word_breaks.MID_NUMBER_OR_LETTER))
    # A Hebrew letter keeps an apostrophe that ends the letters, and a double quote before another Hebrew letter.
    more_letters = f'{hebrew}"{extend}(?={hebrew})|{letter}(?:(?:{join})*|{between_letters})(?={letter})'
    letters = f"(?:{more_letters})*(?:{hebrew}'{extend}(?!{letter})|{letter})"
    numbers = f"{number}(?:(?:(?:{join})*|{between_numbers}){number})*"
    run = f"(?:{katakana}(?:(?:{join})*{katakana})*|(?:{numbers}|{letters})+)"
    word = f"(?:{join})*{run}(?:(?:{join})+{run})*(?:{join})*"
    skin_tone = f"[{word_breaks.SKIN_TONES}]{in_emoji}"
    emoji = f"(?:[{sets['pictograph']}]{in_emoji}\ufe0f?(?:{skin_tone})?|{skin_tone})"
    joiner = word_breaks.ZERO_WIDTH_JOINER
    emoji_sequence = f"{joiner}*{emoji}(?:{joiner}+{emoji})*{extend}"
    keycap = f"[0-9#*]{in_emoji}\ufe0f?{word_breaks.KEYCAP}{in_emoji}"
    flag = f"(?:[{word_breaks.REGIONAL_INDICATORS}]{extend}){{2}}"
    south_east_asian = f"(?:{extended(sets['south_east_asian'])})+"
    single = f"[{sets['han']}{sets['hiragana']}]{extend}"
    return re.compile("|".join((keycap, emoji_sequence, flag, word, south_east_asian, single)))
