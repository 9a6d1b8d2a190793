"""Which shares of a mix its tasks miss by more than a hundredth, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.config.generation import EACH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.config import MixConfig

NEAR_ENOUGH = 0.01

NAMED = 3
"""Values of a dimension that a sentence names."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A share that was ``wanted``, what was ``reached``, and ``why`` they differ."""

    what: str
    wanted: float
    reached: float
    why: str


def misses(count: int, share: float, total: int) -> bool:
    """Return whether a count is further from its share of the total than a hundredth and a task."""
    return abs(count - share * total) > max(NEAR_ENOUGH * total, 1.0)


def of_shares(
    what: str, shares: Mapping[str, float], counts: Mapping[str, int], why: Mapping[str, str], otherwise: str
) -> Iterator[Shortfall]:
    """Yield the names whose counts miss their shares.

    Args:
        what: what is divided, such as ``kind``.
        shares: relative to each other.
        counts: how many there are of each name, at least of those with a share.
        why: the reason of each name that could get no more.
        otherwise: the reason of all others.
    """
    whole, total = sum(shares.values()), sum(counts.get(name, 0) for name in shares)
    for name, share in shares.items():
        count, wanted = counts.get(name, 0), share / whole
        if total and misses(count, wanted, total):
            short = count < wanted * total
            reason = why.get(name, otherwise) if short else _others_short(why, name) or otherwise
            yield Shortfall(f"{what} {name}", wanted, count / total, reason)


def of_part(what: str, share: float, count: int, total: int, why: str) -> Iterator[Shortfall]:
    """Yield what a part of the tasks misses of its share."""
    if total and misses(count, share, total):
        yield Shortfall(what, share, count / total, why)


def of_quotas(mix: MixConfig, held_back: Mapping[tuple[str, str], int], total: int) -> Iterator[Shortfall]:
    """Yield the dimensions whose quotas left candidates out, while there was room for more tasks."""
    by_dimension: dict[str, list[tuple[int, str]]] = {}
    for (dimension, value), count in held_back.items():
        by_dimension.setdefault(dimension, []).append((count, value))
    for dimension, some in by_dimension.items():
        quotas = getattr(mix.quotas, dimension)
        some.sort(key=lambda pair: (-pair[0], pair[1]))
        named = [
            f"{value} ({_bound(quotas.get(value, quotas.get(EACH)))}; {count:,} candidates left out)"
            for count, value in some[:NAMED]
        ]
        others = [f"{len(some) - NAMED:,} others"] * (len(some) > NAMED)
        yield Shortfall(
            f"limit, by quotas.{dimension}",
            float(mix.limit or total + sum(count for count, _ in some)),
            float(total),
            f"one more task would be over the quota of {', '.join((*named, *others))}",
        )


def _bound(bound: float) -> str:
    return f"at most {bound:.0%} of the tasks" if bound <= 1 else f"at most {bound:,.0f} tasks"


def _others_short(why: Mapping[str, str], name: str) -> str | None:
    short = sorted(other for other in why if other != name)
    return f"it fills the place of {' and '.join(short)}" if short else None
