"""How often something may be done: per address, account or person, in memory, within a sliding window.

A restart forgets the counts. The number of keys is bounded: where strangers bring too many, the oldest are forgotten.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

MOST_KEYS = 50_000
OF_ONE_HOLDER = 64
"""Bits of an IPv6 address that are given to one household or machine, which chooses the others (RFC 6177)."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` times within ``seconds``."""

    name: str
    most: int
    seconds: float


class TooOftenError(Exception):
    """Something was done too often; ``seconds`` is how long to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too often: try again in {seconds:.0f} s")
        self.seconds = seconds


class Limits:
    """Counts what was done; safe for several threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._times: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def take(self, limit: Limit, key: str) -> None:
        """Count one more for a key.

        Raises:
            TooOftenError: it was done as often as the limit allows; this time is not counted.
        """
        now = self._monotonic()
        with self._lock:
            times = self._times.setdefault((limit.name, key), deque())
            self._times.move_to_end((limit.name, key))
            while times and times[0] <= now - limit.seconds:
                times.popleft()
            if len(times) >= limit.most:
                raise TooOftenError(max(1.0, times[0] + limit.seconds - now))
            times.append(now)
            while len(self._times) > MOST_KEYS:
                self._times.popitem(last=False)

    def undo(self, limit: Limit, key: str) -> None:
        """Take back what was counted last for a key, as of a sign-in that was right."""
        with self._lock:
            if times := self._times.get((limit.name, key)):
                times.pop()


def address_of(request: Request) -> str:
    """Return the address that a request is counted under: of IPv6 the network, all of which one holder has."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), OF_ONE_HOLDER), strict=False))
