"""What holds for any draw under quotas: none is exceeded, nothing is drawn twice, and the order does not matter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from task_generators.candidates import TaskCandidate
from task_generators.mix import Drawn, Pool, Standing
from task_generators.traits import Traits
from tests.examples import examples
from workspaces.config import MixConfig
from workspaces.config.generation import QuotasConfig
from workspaces.kinds import asked_kinds
from workspaces.records import Significance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

LANGUAGES, MODELS, TOPICS = ("en", "de", "no"), ("m1", "m2", "m3", "m4"), ("code", "poems")
BOUNDS = st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1, 2, 7, 30])


@dataclass(frozen=True)
class World:
    """Candidates, and what each is about by its id."""

    candidates: list[TaskCandidate]
    traits: dict[str, Traits]

    def of(self, candidate: TaskCandidate) -> Traits:
        return self.traits[candidate.id]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(sorted(asked_kinds())),
                st.sampled_from(Significance),
                st.sampled_from(LANGUAGES),
                st.sampled_from(TOPICS),
                st.sets(st.sampled_from(MODELS), min_size=1, max_size=2),
            ),
            max_size=60,
        )
    )
    made = [TaskCandidate(f"t{number}", row[0], ("m",), ("c",), row[1]) for number, row in enumerate(rows)]
    traits = {
        each.id: Traits((row[2],), (row[3],), tuple(sorted(row[4])))
        for each, row in zip(made, rows, strict=True)
    }
    return World(made, traits)


def quotas(names: Iterable[str]) -> st.SearchStrategy[dict[str, float]]:
    return st.dictionaries(st.sampled_from([*names, "each"]), BOUNDS, max_size=3)


MIXES = st.builds(
    lambda limit, model, topic, language: MixConfig(
        kinds=dict.fromkeys(asked_kinds(), 1.0),
        limit=limit,
        quotas=QuotasConfig(model=model, topic=topic, language=language),
    ),
    st.none() | st.integers(1, 40),
    quotas(MODELS),
    quotas(TOPICS),
    quotas(LANGUAGES),
)


def drawn(world: World, mix: MixConfig, before: Iterable[TaskCandidate] = ()) -> Drawn:
    standing, done = Standing(), list(before)
    for each in done:
        standing.add(each.kind, world.of(each))
    room = None if mix.limit is None else max(0, mix.limit - len(done))
    pool = Pool(mix, world.of, room)
    for each in world.candidates:
        if each not in done:
            pool.add(each)
    return pool.draw(standing, room)


def over(world: World, mix: MixConfig, tasks: Iterable[TaskCandidate]) -> list[tuple[str, str]]:
    """Return the values of which there are more tasks than a quota allows."""
    tasks = list(tasks)
    counts = Counter(
        (name, value)
        for each in tasks
        for name, values in world.of(each).values().items()
        for value in values
    )
    bounds = {}
    for name, value in counts:
        quota = getattr(mix.quotas, name)
        bound = quota.get(value, quota.get("each"))
        if bound is not None:
            bounds[name, value] = bound * len(tasks) if bound <= 1 else bound
    return [key for key, bound in bounds.items() if counts[key] > bound + 1e-6]


@examples(300)
@given(worlds(), MIXES)
def test_no_quota_and_no_limit_is_exceeded_and_drawing_again_adds_nothing(
    world: World, mix: MixConfig
) -> None:
    first = drawn(world, mix).candidates
    assert len(set(first)) == len(first) <= (mix.limit or len(world.candidates))
    assert over(world, mix, first) == []
    assert drawn(world, mix, first).candidates == ()


@examples(150)
@given(worlds(), MIXES, st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_nothing(world: World, mix: MixConfig, random: Random) -> None:
    shuffled = list(world.candidates)
    random.shuffle(shuffled)
    assert drawn(World(shuffled, world.traits), mix) == drawn(world, mix)


@examples(150)
@given(worlds(), MIXES, st.integers(0, 60))
def test_growth_keeps_the_quotas_and_takes_nothing_back(world: World, mix: MixConfig, cut: int) -> None:
    few = World(world.candidates[:cut], world.traits)
    first = drawn(few, mix).candidates
    more = drawn(world, mix, first).candidates
    assert not set(first) & set(more)
    assert over(world, mix, (*first, *more)) == []


@examples(150)
@given(worlds(), MIXES)
def test_what_is_left_out_while_there_is_room_is_explained(world: World, mix: MixConfig) -> None:
    found = drawn(world, mix)
    if len(found.candidates) < len(world.candidates) and not found.full:
        assert found.held_back
        assert all(count > 0 for count in found.held_back.values())
