"""Times as logs write them: ISO 8601 and its relatives, RFC 2822, numbers since 1970 in any unit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime

_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
"""Up to which number the unit is the second, milli-, micro- and nanosecond: until the year 5138 each."""

_LEAST_DIGITS = 9
"""Of a number in text: seconds since 1970 have nine digits from 1973 on, and a year alone has four."""

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+]?\d+)?", re.IGNORECASE)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*\.?"
_CLOCK = (
    r"(?:[\s,T@]*(?:at\s+)?(?P<hour>\d{1,2})(?::|h\s?)(?P<minute>\d{1,2})"
    r"(?:(?::|m\s?)(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+)|s(?:\s?\d{1,3}ms)?)?|m)?\s*(?P<half>[ap]\.?m\.?)?)?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?\s?[+-]\d{2}(?::?\d{2}){0,2})?(?:\s*UTC)?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_SHAPES = tuple(
    re.compile(_WEEKDAY + day + rest, re.IGNORECASE)
    for day, rest in (
        (r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})", _CLOCK + _ZONE),
        (r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})", _CLOCK + _ZONE),
        (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}})", _CLOCK + _ZONE),
        (rf"{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})", _CLOCK + _ZONE),
        (rf"{_MONTH}\s+(?P<day>\d{{1,2}})", _CLOCK + _ZONE + r"\s+(?P<year>\d{4})"),  # as C's ctime
    )
)
"""Writings with the parts of a time by name. A day is never guessed: ``3/4/2024`` is in none of them."""

_NAME_OF_ZONE = re.compile(r"\s*\([^()]*\)$")


def moment(value: object) -> datetime | None:
    """Return the time that a value says, in UTC; None for anything else. Without a zone it is UTC already.

    Args:
        value: a number of seconds, milli-, micro- or nanoseconds since 1970, as its size says; such a number as
            text; a time or date; or text in ISO 8601, RFC 2822 and the common writings near them.
    """
    try:
        found = _moment(value)
        if found is None:
            return None
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def _since_1970(value: float) -> datetime | None:
    if value == int(value) and (found := _compact(str(int(value)))) is not None:
        return found
    for least, unit in _UNITS:
        if abs(value) < least:
            seconds, rest = divmod(value, unit)  # in one float, nanoseconds would lose digits
            micro = rest * 10**6 // unit if isinstance(rest, int) else rest * 10**6 / unit
            return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micro)
    return None


def _of_text(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)  # first: it is by far the most common, and fast
    except ValueError:
        pass
    if _NUMBER.fullmatch(text):
        if (found := _compact(text)) is not None:
            return found
        if len(text.partition(".")[0].lstrip("+-")) < _LEAST_DIGITS and "e" not in text.lower():
            return None
        return _since_1970(float(text) if "." in text or "e" in text.lower() else int(text))
    text = _NAME_OF_ZONE.sub("", text)
    for shape in _SHAPES:
        if match := shape.fullmatch(text):
            return _of_parts(match.groupdict())
    return parsedate_to_datetime(text) if re.match(_WEEKDAY + r"\d{1,2}\s", text, re.IGNORECASE) else None


def _compact(digits: str) -> datetime | None:
    """Return the time of ``YYYYMMDD`` and ``YYYYMMDDhhmmss``."""
    match = _COMPACT.fullmatch(digits)
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _of_parts(parts: dict[str, str | None]) -> datetime:
    name = parts.get("name")
    month = _MONTHS[name.lower()] if name else int(parts["month"] or 0)
    hour = int(parts["hour"] or 0)
    if half := parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"no hour of a half day: {hour}")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = (parts["fraction"] or "0")[:6].ljust(6, "0")
    zone = re.sub(r"(?i)utc|gmt|\s", "", parts["zone"] or "")
    iso = (
        f"{int(parts['year'] or 0):04}-{month:02}-{int(parts['day'] or 0):02}T{hour:02}:"
        f"{int(parts['minute'] or 0):02}:{int(parts['second'] or 0):02}.{fraction}{zone.upper()}"
    )
    return datetime.fromisoformat(iso)
