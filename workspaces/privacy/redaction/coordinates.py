"""Finds geographical coordinates (latitude and longitude)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.context import announced, words
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIR = re.compile(
    r"[0-9]{1,2}\.[0-9]{3,15}(?:[ ]?°)?(?:[ ]?[NS]\b)?[ ]{0,3}[,;/][ ]{0,3}"
    r"[+-]?[0-9]{1,3}\.[0-9]{3,15}(?:[ ]?°)?(?:[ ]?[EWO]\b)?(?![0-9A-Za-z_%])"
)
_DEGREES = re.compile(
    r"[0-9]{1,2}\.[0-9]{2,15}[ ]?°[ ]?[NS]?[ ]{0,3}[,;/]?[ ]{0,3}[+-]?[0-9]{1,3}\.[0-9]{2,15}[ ]?°[ ]?[EWO]?"
)
_SEXAGESIMAL = (
    r"[0-9]{1,3}[ ]?[°º][ ]?[0-9]{1,2}(?:\.[0-9]{1,6})?[ ]?['′’][ ]?(?:[0-9]{1,2}(?:[.,][0-9]{1,6})?[ ]?"
    r"(?:[\"″”]|''|′′|’’)[ ]?)?"
)
_DMS = re.compile(rf"{_SEXAGESIMAL}[NS][ ]{{0,3}}[,;/]?[ ]{{0,3}}{_SEXAGESIMAL}[EWO](?![A-Za-z])")
_KEYED = re.compile(
    r"(?i)(?<![A-Za-z])(?:m?lat|latitude|m?lng|m?lon|long|longitude|breite|länge|breitengrad|längengrad|latitud|longitud)"
    r"[\"']?[ ]{0,2}[:=][ ]{0,2}[\"']?([+-]?[0-9]{1,3}\.[0-9]{3,15})(?![0-9A-Za-z_.])"
)
# Places in links. Google Maps repeats the place of ``@LAT,LON`` in ``data=...!3dLAT!4dLON`` or ``!2dLON!3dLAT``; the
# parameters are those of Google, Apple, Bing, Yandex, HERE, Waze and OpenStreetMap.
_ANGLE = r"[+-]?[0-9]{1,3}\.[0-9]{3,18}"
_JOINT = r"(?:![34]d|,|%2c|~|\+|%20|/|_|;)(?:[+]|%20)?"
_TWO_ANGLES = re.compile(rf"(?i)\.[0-9]{{3,18}}{_JOINT}{_ANGLE}")
_IN_LINK = re.compile(
    rf"""(?xi)(?:
      !3d(?=-?[0-9])                                                    # !3dLAT!4dLON
    | !2d(?=-?[0-9])                                                    # !2dLON!3dLAT
    | (?<![a-z0-9])geo:
    | [?&#;](?:amp;)?(?:s?ll|cbll|q|query|center|centre|[sd]addr|destination|origin|waypoints?|viewpoint|markers|cp|pt
        |loc|point|location|latlng|latlon|coords?|coordinates|rtext|map|waypoint[0-9]|near|pos|position|ll_)=
      (?:[a-z]{{1,12}}(?::|%3a)|[0-9]{{1,2}}(?:\.[0-9]+)?(?:/|%2f))?
    | \#map=[0-9]{{1,2}}(?:\.[0-9]+)?/
    | /(?:dir|place|search|maps|@)/
    | //[a-z0-9.\-]{{4,60}}/(?=[+-]?[0-9]{{1,3}}\.[0-9]{{3,18}},)
    )({_ANGLE}){_JOINT}({_ANGLE})(?![0-9])"""
)
# Open Location Code, in links only. Source: https://github.com/google/open-location-code
_CODE = "[23456789CFGHJMPQRVWX]"
_PLUS_CODE = re.compile(
    rf"(?<![0-9A-Za-z+])(?:{_CODE}{{4}})?{_CODE}{{4}}(?:\+|%2B){_CODE}{{2,3}}(?![0-9A-Za-z+])"
)
_DECIMALS = re.compile(r"\.[0-9]{3}")
HINTS = rf"{_DECIMALS.pattern}|[0-9] ?[°º]|{_CODE}{{4}}(?:\+|%2B){_CODE}{{2}}"
"""A pattern for RE2, Arrow's engine; ``find_coordinates`` finds nothing in a text that it does not match."""

_NUMBER = re.compile(r"[0-9]+\.[0-9]+")
_PLACE = words(
    "lat(?![a-z])", "latitud", "gps", "coord", "koordinat", "standort", "location", "position", "ubicaci", "posici",
    "coorden", "maps", "geo(?:loc|point|tag|json)", "lieu", "координат", "إحداثيات", "निर्देशांक", "坐标", "座標",
    "位置", "좌표",
)  # fmt: skip
_SIDE = re.compile(r"[NSEWO°]")
_LISTED_BEFORE = re.compile(r"[0-9A-Za-z_.$€£]\Z|[0-9][,;/]\s*\Z")
_LISTED_AFTER = re.compile(r"\s*[,;]\s*[+-]?[0-9.]")
_ARRAY = re.compile(r"\[\s*\Z")
_ZOOM = re.compile(r",[0-9]{1,2}(?:\.[0-9]+)?[zma]")
_DIGITS = 4


def find_coordinates(text: str) -> Iterator[Span]:
    """Yield pairs of latitude and longitude: four decimals each (about 11 m), degree signs, or named fields.

    A pair is kept where it stands among more numbers or in brackets (a vector) or where both values are below 1
    (scores). A single angle is kept.
    """
    if "°" in text or "º" in text:
        for pattern in (_DMS, _DEGREES):
            for match in pattern.finditer(text):
                yield _candidate(text, match.start(), match.end())
    if "+" in text or "%2B" in text:
        for match in _PLUS_CODE.finditer(text):
            if "://" in text[text.rfind(" ", 0, match.start()) + 1 : match.start()]:
                yield Span(
                    match.start(), match.end(), PlaceholderKind.COORDINATES, match[0].replace("%2B", "+")
                )
    if not _DECIMALS.search(text):
        return
    if ("!" in text or "/" in text or "geo:" in text) and _TWO_ANGLES.search(text):
        for match in _IN_LINK.finditer(text):
            yield Span(match.start(1), match.end(2), PlaceholderKind.COORDINATES, f"{match[1]},{match[2]}")
    for match in _KEYED.finditer(text):
        yield Span(match.start(1), match.end(1), PlaceholderKind.COORDINATES, match[1])
    for match in _PAIR.finditer(text):
        if _is_place(text, match):
            yield _candidate(text, match.start(), match.end())


def _candidate(text: str, start: int, end: int) -> Span:
    if start and text[start - 1] in "+-":
        start -= 1
    return Span(start, end, PlaceholderKind.COORDINATES, re.sub(r"\s", "", text[start:end]))


def _is_place(text: str, match: re.Match[str]) -> bool:
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40]
    bare = before.rstrip("+-")
    if _LISTED_BEFORE.search(bare):
        return False
    if _LISTED_AFTER.match(after) and not _ZOOM.match(after):
        return False
    first, second = _NUMBER.findall(match[0])
    if float(first) > 90 or float(second) > 180:
        return False
    decimals = min(len(number.partition(".")[2]) for number in (first, second))
    if not _ARRAY.search(bare) and decimals >= _DIGITS and max(float(first), float(second)) > 1:
        return True
    return bool(_SIDE.search(match[0])) or announced(_PLACE, text, match.start())
