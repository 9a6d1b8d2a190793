"""Character classes of Unicode word breaking (UAX #29), as regular-expression sets.

Python's `unicodedata` has no Word_Break property, so the classes are derived from general categories and the
few scripts that the rules single out. The pictograph ranges are Extended_Pictographic of Unicode 14.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ZERO_WIDTH_JOINER = "\u200d"
PRESENTATION_SELECTORS = "\ufe0e\ufe0f"
KEYCAP = "\u20e3"

MID_LETTER = ":\u00b7\u0387\u05f4\u2027\ufe13\ufe55\uff1a"
MID_NUMBER = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
MID_NUMBER_OR_LETTER = ".'\u2018\u2019\u2024\ufe52\uff07\uff0e"

_HAN = (
    (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3007, 0x3007), (0x3021, 0x3029),
    (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9),
    (0x20000, 0x2FA1F), (0x30000, 0x323AF),
)  # fmt: skip
_HIRAGANA = ((0x3041, 0x3096), (0x309D, 0x309F), (0x1B001, 0x1B11F), (0x1F200, 0x1F200))
_KATAKANA = (
    (0x3031, 0x3035), (0x309B, 0x309C), (0x30A0, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
    (0x32D0, 0x32FE), (0x3300, 0x3357), (0xFF66, 0xFF9D), (0x1B000, 0x1B000),
)  # fmt: skip
_HEBREW = ((0x05D0, 0x05EA), (0x05EF, 0x05F2), (0xFB1D, 0xFB1D), (0xFB1F, 0xFB28), (0xFB2A, 0xFB4F))
_SOUTH_EAST_ASIAN = (
    (0x0E01, 0x0E3A), (0x0E40, 0x0E4E), (0x0E81, 0x0EC6), (0x0EC8, 0x0ECE), (0x0EDC, 0x0EDF),
    (0x1000, 0x103F), (0x1050, 0x108F), (0x109A, 0x109F), (0x1780, 0x17D3), (0x17D7, 0x17D7),
    (0x17DC, 0x17DD), (0x1950, 0x1974), (0x1980, 0x19C9), (0x1A20, 0x1A5E), (0x1A60, 0x1A7C),
    (0x1AA0, 0x1AAD), (0xA9E0, 0xA9EF), (0xA9FA, 0xA9FE), (0xAA60, 0xAAC2), (0xAADB, 0xAADF),
    (0x11700, 0x1172B),
)  # fmt: skip
_PICTOGRAPHS = (
    (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139),
    (0x2194, 0x2199), (0x21A9, 0x21AA), (0x231A, 0x231B), (0x2328, 0x2328), (0x2388, 0x2388),
    (0x23CF, 0x23CF), (0x23E9, 0x23F3), (0x23F8, 0x23FA), (0x24C2, 0x24C2), (0x25AA, 0x25AB),
    (0x25B6, 0x25B6), (0x25C0, 0x25C0), (0x25FB, 0x25FE), (0x2600, 0x2605), (0x2607, 0x2612),
    (0x2614, 0x2685), (0x2690, 0x2705), (0x2708, 0x2712), (0x2714, 0x2714), (0x2716, 0x2716),
    (0x271D, 0x271D), (0x2721, 0x2721), (0x2728, 0x2728), (0x2733, 0x2734), (0x2744, 0x2744),
    (0x2747, 0x2747), (0x274C, 0x274C), (0x274E, 0x274E), (0x2753, 0x2755), (0x2757, 0x2757),
    (0x2763, 0x2767), (0x2795, 0x2797), (0x27A1, 0x27A1), (0x27B0, 0x27B0), (0x27BF, 0x27BF),
    (0x2934, 0x2935), (0x2B05, 0x2B07), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55),
    (0x3030, 0x3030), (0x303D, 0x303D), (0x3297, 0x3297), (0x3299, 0x3299), (0x1F000, 0x1F0FF),
    (0x1F10D, 0x1F10F), (0x1F12F, 0x1F12F), (0x1F16C, 0x1F171), (0x1F17E, 0x1F17F), (0x1F18E, 0x1F18E),
    (0x1F191, 0x1F19A), (0x1F1AD, 0x1F1E5), (0x1F201, 0x1F20F), (0x1F21A, 0x1F21A), (0x1F22F, 0x1F22F),
    (0x1F232, 0x1F23A), (0x1F23C, 0x1F23F), (0x1F249, 0x1F3FA), (0x1F400, 0x1F53D), (0x1F546, 0x1F64F),
    (0x1F680, 0x1F6FF), (0x1F774, 0x1F77F), (0x1F7D5, 0x1F7FF), (0x1F80C, 0x1F80F), (0x1F848, 0x1F84F),
    (0x1F85A, 0x1F85F), (0x1F888, 0x1F88F), (0x1F8AE, 0x1F8FF), (0x1F90C, 0x1F93A), (0x1F93C, 0x1F945),
    (0x1F947, 0x1FAFF), (0x1FC00, 0x1FFFD),
)  # fmt: skip

REGIONAL_INDICATORS = "\U0001f1e6-\U0001f1ff"
SKIN_TONES = "\U0001f3fb-\U0001f3ff"


def classes() -> dict[str, str]:
    """Return the inside of a regular-expression set (no brackets) for each word-break class.

    Keys: letter, hebrew, number, katakana, hiragana, han, south_east_asian, extend (Extend, Format and ZWJ),
    join (ExtendNumLet), pictograph. Takes about 0.3 s, so callers keep the result.
    """
    singled_out = {
        "han": _code_points(_HAN),
        "hiragana": _code_points(_HIRAGANA),
        "katakana": _code_points(_KATAKANA),
        "hebrew": _code_points(_HEBREW),
        "south_east_asian": _code_points(_SOUTH_EAST_ASIAN),
    }
    no_letter = set().union(*singled_out.values()) | set(range(0x1F130, 0x1F18A))
    letter, number, join = {0x05F3}, {0x066B}, {0x202F}
    extend = {0x200C, 0x200D, 0xFF9E, 0xFF9F, *range(0xE0020, 0xE0080)}
    for code_point in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code_point))
        if category in {"Mn", "Me", "Mc"} or (category == "Cf" and code_point != 0x200B):
            extend.add(code_point)
        elif category == "Nd":
            number.add(code_point)
        elif category == "Pc":
            join.add(code_point)
        elif (
            category[0] == "L" or category == "Nl" or 0x24B6 <= code_point <= 0x24E9
        ) and code_point not in no_letter:
            letter.add(code_point)
    letter -= {0xFF9E, 0xFF9F}
    sets = singled_out | {"letter": letter, "number": number, "join": join, "extend": extend}
    sets["pictograph"] = _code_points(_PICTOGRAPHS)
    return {name: _set(points) for name, points in sets.items()}


def _code_points(ranges: Iterable[tuple[int, int]]) -> set[int]:
    return {
        point
        for first, last in ranges
        for point in range(first, last + 1)
        if unicodedata.category(chr(point)) != "Cn"
    }


def _set(points: set[int]) -> str:
    """Write code points as the inside of a regular-expression set, neighbours as ranges."""
    pieces: list[str] = []
    ordered = sorted(points)
    start = previous = ordered[0]
    for point in [*ordered[1:], sys.maxunicode + 2]:
        if point != previous + 1:
            pieces.append(f"\\U{start:08x}-\\U{previous:08x}" if previous > start else f"\\U{start:08x}")
            start = point
        previous = point
    return "".join(pieces)
