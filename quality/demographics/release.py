"""Release of snapshots: a new one is published only if no difference from the earlier ones discloses a few people.

An attacker who keeps the old snapshots can subtract them. Therefore, between a new snapshot and every earlier one, each
group published in both must have at least k people who joined, or none; the same holds for those who left, for the net
change, for those whose answers changed, and for the suppressed rest of a line. Then all snapshots together are audited,
on the assumption that the attacker knows for each interval whether anybody left. If a check fails, the last snapshot
stays published.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from quality.demographics.audit import Audit, Flow, World
from quality.demographics.suppression import publishable
from quality.demographics.tables import Attributes, Cell, View, cell_of, count, views_of
from workspaces.privacy.declared_tables import is_acyclic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

MAX_SNAPSHOTS = 24
"""The most snapshots of one layer, two years of monthly ones; the time of the audit grows with their number."""


@dataclass(frozen=True, slots=True)
class Member:
    """One person in a population: attributes by variable, and ``mark``, which changes when the answers change."""

    attributes: Attributes
    mark: str = ""


Roster = dict[str, Member]
"""A population: its members by an id without meaning."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published population: its members at the time, its tables and the published cells."""

    roster: Roster
    tables: tuple[View, ...]
    published: frozenset[Cell]


def next_snapshot(
    options: Mapping[str, Sequence[str]],
    tables: Sequence[View],
    earlier: Sequence[Snapshot],
    roster: Roster,
    k: int,
    withheld: Collection[Cell] = (),
) -> Snapshot | None:
    """Return the snapshot to publish now, or ``None`` if the last one must stay.

    Args:
        options: every value of each variable, including those of earlier tables.
        tables: declared tables.
        earlier: all snapshots published before, oldest first.
        roster: the population now; each member has a value for every variable.
        k: the smallest number of people in a published group, and in a change.
        withheld: cells to suppress whatever their count.

    Raises:
        ValueError: the tables, with those published before, form a cycle, which cannot be audited exactly.
    """
    every = sorted({*tables, *(table for snapshot in earlier for table in snapshot.tables)})
    if not is_acyclic(every):
        raise ValueError(
            "the declared tables, with those published before, form a cycle, such as [a, b], [b, c], [a, c]: "
            "declare one table with all of these variables instead, or leave one out"
        )
    if len(earlier) >= MAX_SNAPSHOTS or (earlier and _same(earlier[-1], roster, every)):
        return None
    counts = count((member.attributes for member in roster.values()), views_of(tables))
    published_before = earlier[-1].published if earlier else frozenset[Cell]()
    hide_first = [cell for cell in counts if cell not in published_before] if earlier else []
    published = publishable(options, tables, counts, k, withheld, hide_first)
    snapshot = Snapshot(roster, tuple(tables), published)
    if not published or not all(_may_follow(options, every, before, snapshot, k) for before in earlier):
        return None
    if earlier and not _stands_attack(options, every, [*earlier, snapshot], k):
        return None
    return snapshot


def _same(last: Snapshot, roster: Roster, tables: Sequence[View]) -> bool:
    return set(tables) == set(last.tables) and last.roster == roster


def _values(member: Member, variables: Iterable[str], default: Mapping[str, str]) -> dict[str, str]:
    return {variable: member.attributes.get(variable, default[variable]) for variable in variables}


def _may_follow(
    options: Mapping[str, Sequence[str]], tables: Sequence[View], before: Snapshot, after: Snapshot, k: int
) -> bool:
    """Return whether the difference of two snapshots discloses no change of fewer than k people."""
    views = views_of(tables)
    placed = [_placed(options, views, snapshot) for snapshot in (before, after)]
    joined, left, changed = Counter[Cell](), Counter[Cell](), Counter[Cell]()
    for person in {*placed[0], *placed[1]}:
        old, new = placed[0].get(person, set()), placed[1].get(person, set())
        joined.update(new - old)
        left.update(old - new)
        edited = before.roster.get(person) is None or after.roster.get(person) is None
        edited = edited or before.roster[person].mark != after.roster[person].mark
        changed.update(old | new if edited else old ^ new)
    common = before.published & after.published
    for cell in common:
        net = abs(joined[cell] - left[cell])
        if any(0 < n < k for n in (joined[cell], left[cell], changed[cell], net)):
            return False
    return all(
        next(Audit(options, tables, [World(part, common, zero_is_sensitive=False)], k).unprotected(), None)
        is None
        for part in (joined, left, changed)
    )


def _placed(
    options: Mapping[str, Sequence[str]], views: Sequence[View], snapshot: Snapshot
) -> dict[str, set[Cell]]:
    """Return all cells of each member."""
    variables = sorted(set(chain.from_iterable(views)))
    default = {variable: options[variable][-1] for variable in variables}
    return {
        person: {cell_of(_values(member, variables, default), view) for view in views}
        for person, member in snapshot.roster.items()
    }


def _stands_attack(
    options: Mapping[str, Sequence[str]], tables: Sequence[View], snapshots: Sequence[Snapshot], k: int
) -> bool:
    views = views_of(tables)
    placed = [_placed(options, views, snapshot) for snapshot in snapshots]
    worlds = [
        World(Counter(chain.from_iterable(people.values())), snapshot.published)
        for people, snapshot in zip(placed, snapshots, strict=True)
    ]
    flows = [
        Flow(
            Counter(chain.from_iterable(new[person] for person in new if old.get(person) != new[person])),
            Counter(chain.from_iterable(old[person] for person in old if new.get(person) != old[person])),
        )
        for old, new in pairwise(placed)
    ]
    return next(Audit(options, tables, worlds, k, flows).unprotected(), None) is None
