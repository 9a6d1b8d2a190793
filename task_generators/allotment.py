"""Allots ids to names by shares: by lot, and as near to the shares as whole numbers can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def most_behind(shares: Mapping[str, float], have: Mapping[str, int]) -> str:
    """Return the name that is furthest behind its share; of equal ones, the first by name.

    Source: Sainte-Laguë's divisor method, which favours neither large nor small shares.
    """
    return min(shares, key=lambda name: ((have.get(name, 0) + 0.5) / shares[name], name))


def allot(
    ids: Iterable[str], shares: Mapping[str, float], have: Mapping[str, int], lot: str
) -> dict[str, str]:
    """Return the name that each id gets; what others ``have`` already counts towards the shares.

    The order of the ids does not matter: they are taken by lot.

    Args:
        ids: each once.
        shares: relative to each other; names with a share of 0 get none, and one is above 0.
        have: how many each name has.
        lot: tells this allotment from others of the same ids.
    """
    open_names = {name: share for name, share in shares.items() if share > 0}
    counts = {name: have.get(name, 0) for name in open_names}
    got: dict[str, str] = {}
    for each in sorted(ids, key=lambda each: (unit(f"{lot} {each}"), each)):
        name = most_behind(open_names, counts)
        counts[name] += 1
        got[each] = name
    return got


def chosen(ids: Iterable[str], share: float, have: int, of: int, lot: str) -> set[str]:
    """Return so many of these ids, by lot, that ``share`` of all are chosen; none if enough are already.

    Args:
        ids: those that may be chosen.
        share: of all, 0 to 1.
        have: how many are chosen already.
        of: how many there are in all.
        lot: tells this choice from others of the same ids.
    """
    wanted = max(0, int(share * of + 0.5) - have)
    return set(sorted(ids, key=lambda each: (unit(f"{lot} {each}"), each))[:wanted])


def unit(text: str) -> float:
    """Return a number in (0, 1) that depends on ``text`` alone."""
    return (int(stable_id("unit", text)[:13], 16) + 0.5) / 16**13
