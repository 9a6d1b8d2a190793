"""The dates that Elasticsearch accepts in a filter: ISO 8601, whole or in part, epoch milliseconds, math."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

from argilla_sql_search.errors import SearchRejectedError

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?:(?P<hour>\d\d)(?::(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?)?)?)?"
)
_EPOCH_MILLISECONDS = re.compile(r"-?\d+(?:\.\d+)?")
_MATH = re.compile(r"(?P<sign>[+-])(?P<count>\d*)(?P<unit>[yMwdhHms])|/(?P<floor>[yMwdhHms])")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Argilla stores naive UTC


def parse_date(value: float | str, now: datetime, *, up: bool) -> datetime:
    """Return `value` as the naive UTC time that Argilla stores.

    `up` says how to complete what is missing or rounded away: to its last instant (an upper bound) or its
    first. `now` (naive, UTC) is what the word `now` stands for. Raises `SearchRejectedError` for anything
    else.
    """
    text = str(value)
    try:
        if text.startswith("now"):
            return _apply(now, text[3:], up=up)
        anchor, separator, math = text.partition("||")
        return _apply(_parse_anchor(anchor, up=up and not separator), math, up=up)
    except (ValueError, OverflowError) as error:
        message = f"failed to parse date field [{text}]"
        raise SearchRejectedError(message) from error


def _parse_anchor(text: str, *, up: bool) -> datetime:
    iso_date = _ISO.fullmatch(text)
    if iso_date is None:
        if not _EPOCH_MILLISECONDS.fullmatch(text):
            message = f"not a date: {text!r}"
            raise ValueError(message)
        return _EPOCH + timedelta(milliseconds=float(text))
    part = iso_date.groupdict()
    year, month = int(part["year"]), int(part["month"] or (12 if up else 1))
    day = int(part["day"] or (calendar.monthrange(year, month)[1] if up else 1))
    hour, minute, second = (
        int(part[name] or last * up) for name, last in (("hour", 23), ("minute", 59), ("second", 59))
    )
    fraction = part["fraction"]
    microsecond = int(f"{fraction:0<9}"[:6]) if fraction else 999_999 * up
    if fraction and up and len(fraction) <= 6:
        microsecond = int(f"{fraction:0<6}")
    moment = datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001
    return moment - _offset(part["zone"])


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -shift if zone[0] == "-" else shift


def _apply(moment: datetime, math: str, *, up: bool) -> datetime:
    """Apply date math such as `-1d/d` to `moment`."""
    position = 0
    while position < len(math):
        step = _MATH.match(math, position)
        if step is None:
            message = f"not date math: {math!r}"
            raise ValueError(message)
        if step["floor"]:
            moment = _floor(moment, step["floor"])
            if up:
                moment = _add(moment, 1, step["floor"]) - timedelta(microseconds=1)
        else:
            moment = _add(moment, int(f"{step['sign']}{step['count'] or 1}"), step["unit"])
        position = step.end()
    return moment


def _floor(moment: datetime, unit: str) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "y":
        return day.replace(month=1, day=1)
    if unit == "M":
        return day.replace(day=1)
    if unit == "w":
        return day - timedelta(days=day.weekday())
    kept = {"d": 0, "h": 1, "H": 1, "m": 2, "s": 3}[unit]
    return day + timedelta(
        hours=moment.hour * (kept > 0), minutes=moment.minute * (kept > 1), seconds=moment.second * (kept > 2)
    )


def _add(moment: datetime, count: int, unit: str) -> datetime:
    if unit in "yM":
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "y" else 1)
        year, month = divmod(months, 12)
        return moment.replace(
            year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1])
        )
    seconds = {"w": 604_800, "d": 86_400, "h": 3_600, "H": 3_600, "m": 60, "s": 1}[unit]
    return moment + timedelta(seconds=count * seconds)


def utc_now() -> datetime:
    """Return the present as Argilla stores times: naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
