"""Nobody who combines all published tables, margins and snapshots learns a count below k."""

from __future__ import annotations

import random
from itertools import pairwise, product
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.demographics import Cell, Member, Roster, Snapshot, View, count, next_snapshot, views_of
from tests.defined import defined
from tests.examples import examples
from tests.property.disclosure_attack import Attack, Group, groups_of
from workspaces.privacy.declared_tables import is_acyclic

if TYPE_CHECKING:
    from collections.abc import Iterable

K = 10
OPTIONS = {"a": ("a1", "a2", "a3"), "b": ("b1", "b2", "b3"), "c": ("c1", "c2")}
Tables: TypeAlias = "tuple[View, ...]"
FAMILIES: list[Tables] = [
    (("a",),),
    (("a",), ("b",), ("c",)),
    (("a", "b"),),
    (("a", "b"), ("c",)),
    (("a", "b"), ("b", "c")),
    (("a", "b"), ("b", "c"), ("a",)),
    (("a", "b", "c"),),
]
SOME_CELLS = st.integers(0, 40) | st.integers(0, 3) | st.sampled_from([0, 9, 10, 11, 12, 13])


@st.composite
def populations(draw: st.DrawFn) -> list[dict[str, str]]:
    cells = [dict(zip(OPTIONS, values, strict=True)) for values in product(*OPTIONS.values())]
    sizes = draw(st.lists(SOME_CELLS, min_size=len(cells), max_size=len(cells)))
    return [cell for cell, size in zip(cells, sizes, strict=True) for _ in range(size)]


def published(tables: Tables, earlier: list[Snapshot], roster: Roster) -> Snapshot | None:
    return next_snapshot(OPTIONS, tables, earlier, roster, K)


def groups(cells: Iterable[Cell]) -> list[Group]:
    return [frozenset(cell) for cell in cells]


def enrolled(people: list[dict[str, str]], start: int = 0) -> dict[str, Member]:
    return {f"s{start + number}": Member(person) for number, person in enumerate(people)}


@examples(40)
@given(populations(), st.sampled_from(FAMILIES), st.booleans())
def test_one_snapshot_gives_no_count_below_k_away(
    people: list[dict[str, str]], tables: Tables, exactly: bool
) -> None:
    snapshot = published(tables, [], enrolled(people))
    shown = groups(snapshot.published) if snapshot else []
    counts = count(people, views_of(tables))
    assert all(counts[tuple(sorted(group))] >= K for group in shown)
    attack = Attack(OPTIONS, tables, [(people, shown)], K, 1 if exactly else 5, knows_nobody_left=False)
    assert attack.leaks(bounded=True) == []


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Member]]:
    """A project that grows, and from which people leave; three moments of it."""
    rosters = [enrolled(draw(populations()))]
    rng = random.Random(draw(st.integers(0, 10_000)))
    leaving = draw(st.sampled_from([0, 0, 0.1, 0.5]))
    for _ in range(draw(st.integers(1, 2))):
        stayed = {one: member for one, member in rosters[-1].items() if rng.random() >= leaving}
        joining = draw(st.sampled_from(["few", "some", "blocks"]))
        if joining == "blocks":
            cells = [dict(zip(OPTIONS, values, strict=True)) for values in product(*OPTIONS.values())]
            people = [cell for cell in cells for _ in range(rng.choice([0, 10, 12, 25]))]
        else:
            size = rng.randrange(1, 9) if joining == "few" else rng.randrange(10, 80)
            people = [{name: rng.choice(values) for name, values in OPTIONS.items()} for _ in range(size)]
        rosters.append(stayed | enrolled(people, start=1000 * len(rosters)))
    return rosters


@examples(25)
@given(histories(), st.sampled_from(FAMILIES[:6]), st.booleans())
def test_all_snapshots_together_give_no_count_and_no_change_below_k_away(
    rosters: list[Roster], tables: Tables, exactly: bool
) -> None:
    snapshots: list[Snapshot] = []
    for roster in rosters:
        if (snapshot := published(tables, snapshots, roster)) is not None:
            snapshots.append(snapshot)
    seen = [
        ([member.attributes for member in snapshot.roster.values()], groups(snapshot.published))
        for snapshot in snapshots
    ]
    nobody_left = all(set(before.roster) <= set(after.roster) for before, after in pairwise(snapshots))
    if seen:
        attack = Attack(OPTIONS, tables, seen, K, 1 if exactly else 5, knows_nobody_left=nobody_left)
        assert attack.leaks(bounded=nobody_left) == []


@examples(30)
@given(histories(), st.sampled_from(FAMILIES))
def test_two_snapshots_never_differ_by_fewer_than_k_people_in_a_group_both_show(
    rosters: list[Roster], tables: Tables
) -> None:
    first, last = published(tables, [], rosters[0]), None
    if first is not None:
        last = published(tables, [first], rosters[-1])
    if first is None or last is None:
        return
    views = views_of(tables)
    for cell in first.published & last.published:
        members = [
            {one for one, member in shot.roster.items() if set(cell) <= set(member.attributes.items())}
            for shot in (first, last)
        ]
        for few in (members[0] - members[1], members[1] - members[0]):
            assert not 0 < len(few) < K
        assert not 0 < abs(len(members[0]) - len(members[1])) < K
    assert {tuple(name for name, _ in cell) for cell in last.published} <= set(views)


def test_the_attack_breaks_a_table_without_complementary_suppression() -> None:
    people = [{"a": "a1", "b": "b1", "c": "c1"}] * 3 + [{"a": "a2", "b": "b1", "c": "c1"}] * 30
    people += [{"a": "a3", "b": "b1", "c": "c1"}] * 40
    shown = [group for group in groups_of(OPTIONS, [["a"]]) if Attack.true(people, group) >= K]
    naive = Attack(OPTIONS, [["a"]], [(people, shown)], K, 1, knows_nobody_left=False)
    (leak,) = naive.leaks(bounded=False)
    assert (leak.group, leak.low, leak.high) == (frozenset({("a", "a1")}), 3, 3)
    ours = defined(published((("a",),), [], enrolled(people)))
    assert {frozenset(cell) for cell in ours.published} == {frozenset(), frozenset({("a", "a3")})}


def test_the_attack_breaks_two_naive_snapshots_that_differ_by_one_person() -> None:
    people = [{"a": "a1", "b": "b1", "c": "c1"}] * 20 + [{"a": "a2", "b": "b1", "c": "c1"}] * 20
    shown = [frozenset(), frozenset({("a", "a1")})]
    grown = [*people, {"a": "a1", "b": "b1", "c": "c1"}]
    naive = Attack(OPTIONS, [["a"]], [(people, shown), (grown, shown)], K, 1, knows_nobody_left=True)
    assert any(leak.what == "joined" for leak in naive.leaks(bounded=False))
    first = published((("a",),), [], enrolled(people))
    assert first is not None
    assert published((("a",),), [first], enrolled(grown)) is None


@pytest.mark.parametrize(
    ("tables", "acyclic"),
    [
        ([], True),
        ([["a"]], True),
        ([["a"], ["b"]], True),
        ([["a", "b"], ["b", "c"], ["c", "d"]], True),
        ([["a", "b", "c"], ["b", "c", "d"], ["c"]], True),
        ([["a", "b"], ["b", "c"], ["a", "c"]], False),
        ([["a", "b"], ["b", "c"], ["a", "c"], ["a", "b", "c"]], True),
        ([["a", "b"], ["b", "c"], ["c", "d"], ["d", "a"]], False),
        ([["a", "b"], ["a", "b"]], True),
    ],
)
def test_tables_that_form_a_cycle_are_told_apart(tables: list[list[str]], acyclic: bool) -> None:
    assert is_acyclic(tables) is acyclic
