"""Time zones by their IANA names."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo


@cache
def time_zone(name: str) -> ZoneInfo:
    """Return the time zone with an IANA name, such as ``Europe/Berlin``.

    Raises:
        ValueError: there is no such time zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValueError(f"{name!r} is no time zone: give one such as Europe/Berlin or UTC") from None
