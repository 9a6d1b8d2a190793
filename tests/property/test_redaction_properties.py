"""Redaction holds for any text."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from stdnum import iban, luhn

from tests.examples import examples
from workspaces.privacy.redaction import PlaceholderKind, Redactor
from workspaces.privacy.redaction.hints import hints_of
from workspaces.privacy.redaction.token_shapes import SEARCHED

if TYPE_CHECKING:
    from collections.abc import Callable

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
WORDS = (
    "@ . : :: / // - + ( ) = ? & ' 0 1 44 12 4111 20 7946 0321 555 a b example.com ada@ https:// password: token= "
    "GB82 WEST -----BEGIN [EMAIL_1] [ ] call SSN ° N 52.5200 13.4050 , ٤ ＠ é 王"
)
PIECES = st.sampled_from([*WORDS.split(), "\ud800", "\0", '"'])
CROWDED = st.lists(PIECES, max_size=40).flatmap(
    lambda pieces: st.lists(st.sampled_from(["", " ", "\n"]), min_size=len(pieces), max_size=len(pieces)).map(
        lambda gaps: "".join(piece + gap for piece, gap in zip(pieces, gaps, strict=True))
    )
)
TEXTS = st.lists(ANY_TEXT | CROWDED, max_size=4)
PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(PlaceholderKind)})_[0-9]+\]")
REDACTOR = Redactor(deny_names=["Ada", "Ada Byron", "王小明"])


@st.composite
def emails(draw: st.DrawFn) -> str:
    local = draw(st.from_regex(r"[a-z][a-z0-9]{0,8}(?:[._+-][a-z0-9]{1,8}){0,2}", fullmatch=True))
    return f"{local}@{draw(st.sampled_from(['example.com', 'mail.example.org', 'example.co.uk']))}"


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from(["4", "51", "55", "2221", "6011"]))
    body += draw(st.text("0123456789", min_size=15 - len(body), max_size=15 - len(body)))
    digits = body + luhn.calc_check_digit(body)
    joint = draw(st.sampled_from(["", " ", "-"]))
    return joint.join(digits[it : it + 4] for it in range(0, 16, 4))


@st.composite
def ibans(draw: st.DrawFn) -> str:
    number = "DE00" + draw(st.text("0123456789", min_size=18, max_size=18))
    number = f"DE{iban.calc_check_digits(number)}{number[4:]}"
    return iban.format(number) if draw(st.booleans()) else number


@examples(200)
@given(TEXTS)
def test_redacting_twice_changes_nothing(texts: list[str]) -> None:
    once = REDACTOR.redact(texts)
    again = REDACTOR.redact(once.texts)
    assert again.texts == once.texts
    assert again.counts == {}


VALUES = st.sampled_from(
    [
        "password: Tr0ub4dor&3x9",
        "ＰＡＳＳＷＯＲＤ: Tr0ub4dor&3x9",
        "APİ KEY = q8Zr1Lw0Vt5Yx2",
        "Пароль: Tr0ub4dor&3x9",
        "Bearer q8Zr1Lw0Vt5Yx2Nb7",
        "sk-q8Zr1Lw0Vt5Yx2Nb7",
        "xoxb\u201012345678901-q8Zr1Lw0",
        "ghp_" + "a1B2" * 9,
        "RSSMRA85T10A562S",
        "RSS MRA 85T10 A562S",
        "PAN ABCPE1234F",
        "my NI number is QQ 12 34 56 C",
        "NINO qq123456c",
        "BOXW310820HNERXN09",
        "NIE X-1234567-L",
        "GB82 WEST 1234 5698 7654 32",
        "203.0.113.77",
        "٢٠٣.0.113.٧٧",
        "fd00:1234::17",
        "00-1A-2B-3C-4D-5E",
        "52.5200 N, 13.4050 E",
        "48°51'29\"N 2°17'40\"E",
        "https://plus.codes/8FVC9G8F+6X",
        "+49 30 1234567",
    ]
)


@examples(150)
@given(st.lists(st.lists(ANY_TEXT | CROWDED | VALUES, max_size=3), max_size=4))
def test_many_conversations_at_once_become_what_each_becomes_alone(conversations: list[list[str]]) -> None:
    assert REDACTOR.redact_all(conversations) == [REDACTOR.redact(texts) for texts in conversations]


@examples(75)
@given(st.sampled_from(SEARCHED).flatmap(lambda row: st.from_regex(row.pattern, fullmatch=True)))
def test_a_text_with_a_token_of_the_table_is_searched_for_tokens(token: str) -> None:
    assert hints_of([f"it is {token}"])[0].tokens


@st.composite
def seed_phrases(draw: st.DrawFn) -> str:
    mnemonic = Mnemonic(draw(st.sampled_from(Mnemonic.list_languages())))
    entropy = draw(
        st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    )
    words = unicodedata.normalize(
        draw(st.sampled_from(["NFC", "NFKD"])), mnemonic.to_mnemonic(entropy)
    ).split()
    if draw(st.booleans()):
        words = [f"{number}. {word}" for number, word in enumerate(words, start=1)]
    cases: list[Callable[[str], str]] = [str, str.upper, str.capitalize]
    cased = draw(st.sampled_from(cases))
    return draw(st.sampled_from([" ", ", ", "\n", " | "])).join(map(cased, words))


@examples(60)
@given(seed_phrases(), st.lists(ANY_TEXT | st.just("about the word"), max_size=8), st.integers(0, 8))
def test_a_seed_phrase_is_found_among_any_other_texts(phrase: str, texts: list[str], place: int) -> None:
    texts.insert(place, phrase)
    found = REDACTOR.redact_all([[text] for text in texts])
    assert found[texts.index(phrase)].counts == {"SECRET": 1}
    assert found == [REDACTOR.redact([text]) for text in texts]


@examples(200)
@given(TEXTS)
def test_counts_are_the_placeholders_that_came_in(texts: list[str]) -> None:
    result = REDACTOR.redact(texts)
    before = sum(len(PLACEHOLDER.findall(text)) for text in texts)
    after = sum(len(PLACEHOLDER.findall(text)) for text in result.texts)
    assert len(result.texts) == len(texts)
    assert after - before == sum(result.counts.values())


@examples(150)
@given(TEXTS)
def test_without_findings_the_texts_are_the_same(texts: list[str]) -> None:
    result = REDACTOR.redact(texts)
    assert bool(result.counts) != (result.texts == tuple(texts))


@examples(200)
@given(ANY_TEXT | CROWDED, emails() | cards() | ibans(), ANY_TEXT | CROWDED)
def test_a_value_between_blanks_is_always_gone(before: str, value: str, after: str) -> None:
    (text,) = REDACTOR.redact([f"{before} {value} {after}"]).texts
    if value not in before + after:
        assert value not in text


@examples(100)
@given(st.lists(emails() | cards() | ibans(), min_size=1, max_size=5), st.integers(1, 4))
def test_equal_values_have_equal_placeholders_and_others_do_not(values: list[str], copies: int) -> None:
    texts = [f"so {value} it is" for value in values] * copies
    found = [text.removeprefix("so ").removesuffix(" it is") for text in REDACTOR.redact(texts).texts]
    keys = [re.sub(r"[ -]", "", value).casefold() if "@" not in value else value for value in values] * copies
    assert len(set(zip(keys, found, strict=True))) == len(set(keys)) == len(set(found))
