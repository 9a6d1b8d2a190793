"""Finds telephone numbers."""

from __future__ import annotations

import re
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

from workspaces.privacy.redaction.context import announced, called_otherwise, words
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.privacy.redaction.digit_runs import DigitRun

PHONE_DIGITS = 7
_MOST = 15
_SURE = 8
_REACH = 24
_START = re.compile(r"[+(]{0,2}[0-9]++")
_LONG = re.compile(r"[0-9]{7,15}(?![0-9])")
_EXTENSION = re.compile(
    r"(?i)[ ]?(?:,[ ]?)?(?:ext(?:ension)?\.?|x|durchwahl|poste|anexo|ramal|доб\.?)[ ]?[0-9]{1,6}(?![0-9])"
)
_INTERNATIONAL = re.compile(r"(?:\+|(?<![0-9])(?<![0-9][ .\-])00|(?<![0-9])011[ -])[ ]?(?=[1-9(])")
_TRUNK = re.compile(r"\(0\)")
_GROUP = re.compile(r"[0-9]+")
_GAP = re.compile(r"[ ]{0,1}[()][ ]{0,1}|[ ]?[.\-/][ ]?|[ ]{1,2}|\)[ ]?[.\-/]?[ ]?\(?|[ ]?\([ ]?")
# National notations that are recognised by their groups alone.
_NANP = re.compile(
    r"(?:1[-. ]?)?(?:\([2-9][0-9]{2}\)[ ]?|[2-9][0-9]{2}(?P<sep>[-. ]))"
    r"[2-9][0-9]{2}(?(sep)(?P=sep)|[-. ])[0-9]{4}(?![0-9])"
)
_BRAZIL = re.compile(
    r"\([1-9]{2}\)[ ]?9?[0-9]{4}[- ][0-9]{4}(?![0-9])|[1-9]{2}[ ]9[0-9]{4}-[0-9]{4}(?![0-9])"
)
_HOME = re.compile(
    r"""(?x)
      \(0[1-9][0-9]{0,4}\)[ ]?[0-9]{2,8}(?:[ \-][0-9]{2,6}){0,4}     # (030) 23125 042
    | 0[1-9][0-9]{1,4}[ ]?[/\-][ ]?[0-9]{2,8}(?:[ \-][0-9]{2,5}){0,4}    # 0171/3920012, 031-390 06 05
    | 0[1-9](?P<s>[ .\-])[0-9]{2}(?:(?P=s)[0-9]{2}){3}                # 01 99 00 12 34
    | 0[1-9][0-9]{0,4}(?:[ ][0-9]{2,8}){1,4}                         # 020 7946 0958
    """
)
_WORLDWIDE: Final = "001"
_HOME_REGIONS = ("GB", "DE", "FR", "NL", "BE", "AT", "CH", "SE", "AU", "IN", "JP", "IE", "TR", "ZA", "IL")
_DATE = re.compile(
    r"(?:[0-3]?[0-9][./\- ][01]?[0-9](?P<sep>[./\- ])(?P<century>19|20)?[0-9]{2}"
    r"|(?P<year>19|20)[0-9]{2}[./\- ]?[01][0-9][./\- ]?[0-3][0-9])(?![0-9])"
)
_DECIMAL = re.compile(r"[0-9]{1,3}\.[0-9]+\Z")
_SPAN_OF_YEARS = re.compile(r"(?:1[5-9]|20)[0-9]{2}[ ]?[-/][ ]?(?:1[5-9]|20)[0-9]{2}\Z")
_PHONE = words(
    "tel(?!l)", "telephone", "fon(?![a-z])", "phone", "call", "mobile", "mobil(?!i[ts])", "cell ?phone",
    r"cell(?= ?(?:number|no|#|:|is))", "my cell", "whatsapp", "signal(?= ?:)", "fax", "sms", r"text (?:me|us|him|her)",
    "dial", r"ring (?:me|us|him|her)", r"reach (?:me|us|him|her|them)", "hotline", "handy", "rufnummer", "anruf",
    "rufen?(?![a-z])", "ruf(?= mich)", "erreich", "rückruf", "durchwahl", "tél", "portable", "appel(?:le|er|ez)",
    "joindre", "móvil", "llám", "llama", "celular", "ligue", "liga(?:r|me)", "telemóvel", "chiam", "cellulare",
    r"bel(?:len)? (?:me|mij|ons)", "mobiel", "zadzwoń", "numer tel", "тел", "звон", "позвон", "моб", "फ़ोन", "फोन",
    "मोबाइल", "कॉल", "هاتف", "الهاتف", "جوال", "اتصل", "موبايل", "טל", "电话", "電話", "手机", "手機", "携帯",
    "致电", "联系方式", "전화", "휴대폰", "연락처",
)  # fmt: skip
_NEVER_BEFORE = re.compile(r"[A-Za-z0-9_$€£¥%=]\Z|[0-9A-Za-z][.,\-/:+*^]\Z|#\Z|[^\x00-\x7f]°\Z")
_FIELD = re.compile(r"(?i)(?:tel|phone|mobile|fax|whatsapp|sms)\w{0,8}[\"']?[=:.\-/]{1,3}\Z")
_AMONG_GROUPS = re.compile(r"[0-9] \Z")
_ZIP = re.compile(r"[0-9]{5}-[0-9]{4}(?![0-9])")
_NEVER_AFTER = re.compile(r"[A-Za-z0-9_%€$£¥=]|[.,:][0-9]|[-/][0-9A-Za-z]|\^|[ ]?[*=<>×÷]")


class _Context:
    """The keywords before a digit run. Each is searched when it is first needed."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start

    @cached_property
    def _phone(self) -> bool:
        return announced(_PHONE, self._text, self._start)

    @cached_property
    def _otherwise(self) -> bool:
        return called_otherwise(self._text, self._start)

    def is_phone(self, start: int) -> bool:
        """Return whether the number at ``start`` follows a word such as "call"."""
        return start - self._start <= _REACH and self._phone

    def is_otherwise(self, start: int) -> bool:
        """Return whether the number at ``start`` follows a word such as "order", "invoice" or "serial"."""
        return start - self._start <= _REACH and not self._phone and self._otherwise


class Phones:
    """Finds telephone numbers.

    A number with a country prefix must have a length that the country uses. A number without one must have a usual
    national grouping, be valid in ``default_region``, or follow a word such as "call".
    """

    def __init__(self, default_region: str | None = None) -> None:
        if default_region is not None and default_region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"unknown region {default_region!r}: expected two capital letters such as 'GB'")
        self._region = default_region

    def find(self, text: str, digit_run: DigitRun) -> Iterator[Span]:
        """Yield the telephone numbers in a digit run."""
        start = digit_run.start
        while start and text[start - 1] in "+(" and digit_run.start - start < 2:
            start -= 1
        context = _Context(text, start)
        last = 0
        for group in _START.finditer(text, start, digit_run.end):
            start = group.start()
            if start < last or (
                _NEVER_BEFORE.search(text, max(last, start - 2), start)
                and not _FIELD.search(text, max(last, start - 14), start)
            ):
                continue
            alone = not _AMONG_GROUPS.search(text, max(last, start - 5), start)
            for begin in _starts(text, start):
                phone = self._at(text, begin, digit_run.end, context, alone=alone)
                if phone and _is_balanced(text, phone):
                    yield phone
                    last = phone.end
                    break

    def _at(self, text: str, start: int, limit: int, context: _Context, *, alone: bool) -> Span | None:
        if prefix := _INTERNATIONAL.match(text, start, limit):
            return self._international(text, start, prefix.end(), limit)
        if text[start] == "+":
            return None
        for pattern in (_NANP, _BRAZIL, _HOME):
            match = pattern.match(text, start, limit)
            if (
                match
                and (alone or context.is_phone(start))
                and (phone := self._at_home(pattern, text, match))
            ):
                if (
                    _is_date(text, start, phone.end)
                    or _ZIP.match(text, start)
                    or context.is_otherwise(start)
                    or (_counts_up(match[0]) and not context.is_phone(start))
                ):
                    break
                return phone
        if self._region or context.is_phone(start) or _LONG.match(text, start):
            return self._plain(text, start, limit, context)
        return None

    def _at_home(self, pattern: re.Pattern[str], text: str, match: re.Match[str]) -> Span | None:
        ends = _ends(text, match.start(), match.end()) if pattern is _HOME else [match.end()]
        for end in reversed(ends):
            written = text[match.start() : end]
            if self._stands_free(text, end) and (key := _home_key(pattern, written)):
                return _candidate(text, match.start(), end, self._key(written) or key)
        return None

    def _international(self, text: str, start: int, first: int, limit: int) -> Span | None:
        for end in reversed(_ends(text, first, limit)):
            digits = "".join(_GROUP.findall(_TRUNK.sub("", text[first:end])))
            if _has_length(digits) and self._stands_free(text, end):
                return _candidate(text, start, end, "+" + digits)
        return None

    def _plain(self, text: str, start: int, limit: int, context: _Context) -> Span | None:
        known_as = context.is_phone(start)
        if context.is_otherwise(start):
            return None
        for end in reversed(_ends(text, start, limit)):
            written = text[start:end]
            digits = "".join(_GROUP.findall(written))
            if not PHONE_DIGITS <= len(digits) <= _MOST or not self._stands_free(text, end):
                continue
            if _is_date(text, start, end) or _SPAN_OF_YEARS.match(written) or _DECIMAL.match(written):
                continue
            grouped = len(written) > len(digits) or digits.startswith("0")
            key = self._key(written) if known_as or grouped else None
            if key or known_as:
                return _candidate(text, start, end, key or digits)
            if written == digits:
                return Span(start, end, PlaceholderKind.PHONE, digits, certain=False)
        return None

    @staticmethod
    def _stands_free(text: str, end: int) -> bool:
        return not _NEVER_AFTER.match(text, end) or bool(_EXTENSION.match(text, end))

    def _key(self, written: str) -> str | None:
        """Return the number with its country prefix if it is valid in the default region, else None."""
        if self._region is None:
            return None
        try:
            number = phonenumbers.parse(written, self._region)
        except phonenumbers.NumberParseException:
            return None
        valid = phonenumbers.is_valid_number(number)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


def _starts(text: str, start: int) -> Iterator[int]:
    """Yield where a number that is written from ``start`` may begin: there, or behind the brackets around it."""
    yield start
    while text[start] == "(":
        start += 1
        yield start


def _is_balanced(text: str, phone: Span) -> bool:
    return text.count("(", phone.start, phone.end) == text.count(")", phone.start, phone.end)


def _is_date(text: str, start: int, end: int) -> bool:
    """Return whether the groups from ``start`` to ``end`` are a date, alone or with a time behind it.

    Of more groups with one separator, such as ``06 10 20 30 40``, the first three are no date, but for a year of four
    digits.
    """
    date = _DATE.match(text, start)
    if date is None or date.end() > end:
        return False
    return date.end() == end or bool(date["century"] or date["year"]) or text[date.end()] != date["sep"]


def _counts_up(written: str) -> bool:
    """Return whether the groups are a series of numbers with one step, such as ``05 10 15 20 25``."""
    groups = [int(group) for group in _GROUP.findall(written)]
    return len(groups) > 3 and len({after - before for before, after in pairwise(groups)}) == 1


def _candidate(text: str, start: int, end: int, key: str) -> Span:
    extension = _EXTENSION.match(text, end)
    return Span(start, extension.end() if extension else end, PlaceholderKind.PHONE, key)


def _ends(text: str, start: int, limit: int) -> list[int]:
    """Return the positions where a number that starts at ``start`` may end: after each group, up to 15 digits."""
    ends: list[int] = []
    position, count = start, 0
    while position < limit:
        gap = _GAP.match(text, position, limit)
        group = _GROUP.match(text, gap.end() if gap else position, limit)
        if group is None or (gap is None and ends):
            break
        count += len(group[0])
        if count > _MOST + 1:
            break
        position = group.end()
        ends.append(position)
    return ends


def _home_key(pattern: re.Pattern[str], written: str) -> str | None:
    digits = "".join(_GROUP.findall(written))
    if pattern is _HOME:
        if not 9 <= len(digits) <= 12 or len(set(digits)) < 3:
            return None
        return digits if any(_is_national(digits[1:], region) for region in _HOME_REGIONS) else None
    return digits.removeprefix("1") if pattern is _NANP else digits


def _is_national(digits: str, region: str) -> bool:
    return _national(region).fullmatch(digits) is not None


@cache
def _national(region: str) -> re.Pattern[str]:
    metadata = PhoneMetadata.metadata_for_region(region)
    described = metadata.general_desc if metadata else None
    return re.compile((described.national_number_pattern if described else None) or r"(?!)")


@cache
def _lengths(code: int) -> frozenset[int]:
    """Return the lengths of the numbers of the countries that share a calling code; empty for an unknown code."""
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = (
            PhoneMetadata.metadata_for_nongeo_region(code)
            if region == _WORLDWIDE
            else PhoneMetadata.metadata_for_region(region)
        )
        if metadata and metadata.general_desc:
            lengths.update(metadata.general_desc.possible_length)
    return frozenset(lengths)


def _has_length(digits: str) -> bool:
    """Return whether ``digits`` consist of a country prefix and a number of a length that the country uses.

    Only a short number must also be valid: numbers that films and books use have a correct length but are not valid.
    """
    for size in (1, 2, 3):
        code = int(digits[:size] or "0")
        if lengths := _lengths(code):
            rest = digits[size:].removeprefix("0") if digits[size : size + 1] == "0" else digits[size:]
            if len(digits) - size not in lengths and len(rest) not in lengths:
                return False
            regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
            return len(rest) >= _SURE or any(_is_national(rest, region) for region in regions)
    return False
