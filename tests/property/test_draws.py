"""What holds for any draw of tasks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from task_generators.allotment import allot
from task_generators.candidates import TaskCandidate
from task_generators.mix import draw
from tests.examples import examples
from workspaces.config import MixConfig
from workspaces.kinds import asked_kinds
from workspaces.records import Significance

if TYPE_CHECKING:
    from random import Random

WEIGHTS = st.sampled_from([0.0, 0.5, 1.0, 3.0, 1e-9, 1e9])
CANDIDATES = st.lists(
    st.builds(
        lambda number, kind, level: TaskCandidate(f"{kind}-{number}", kind, ("m",), ("c",), level),
        st.integers(0, 60),
        st.sampled_from(sorted(asked_kinds())),
        st.sampled_from(Significance),
    ),
    max_size=40,
    unique_by=lambda candidate: candidate.id,
)


@st.composite
def mixes(draw_from: st.DrawFn) -> MixConfig:
    kinds = draw_from(
        st.dictionaries(st.sampled_from(sorted(asked_kinds())), WEIGHTS).filter(lambda w: any(w.values()))
    )
    levels = draw_from(
        st.dictionaries(st.sampled_from(Significance), WEIGHTS).filter(lambda w: any(w.values()))
    )
    limit = draw_from(st.none() | st.integers(1, 50))
    return MixConfig(kinds=kinds, significance=levels, limit=limit)


@examples(100)
@given(CANDIDATES, mixes(), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(
    candidates: list[TaskCandidate], mix: MixConfig, random: Random
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert draw(shuffled, mix, {}) == draw(candidates, mix, {})


@examples(100)
@given(CANDIDATES, mixes())
def test_a_draw_holds_to_limit_and_weights_and_is_done_once(
    candidates: list[TaskCandidate], mix: MixConfig
) -> None:
    drawn = draw(candidates, mix, {})
    wanted = [
        each
        for each in candidates
        if mix.kinds.get(each.kind, 0) > 0 and mix.significance.get(each.significance, 0) > 0
    ]
    assert len(drawn) == min(len(wanted), mix.limit or len(wanted))
    assert set(drawn) <= set(wanted)
    assert len({each.id for each in drawn}) == len(drawn)
    assert draw(candidates, mix, {each.id: each.kind for each in drawn}) == []


@examples(100)
@given(CANDIDATES, mixes(), st.data())
def test_growth_only_adds(candidates: list[TaskCandidate], mix: MixConfig, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(candidates)))
    tasks = {each.id: each.kind for each in draw(candidates[:cut], mix, {})}
    added = draw(candidates, mix, tasks)
    assert not tasks.keys() & {each.id for each in added}
    if mix.limit is None:
        assert tasks.keys() | {each.id for each in added} == {each.id for each in draw(candidates, mix, {})}
    else:
        assert len(tasks) + len(added) == len(draw(candidates, mix, {}))


@examples(100)
@given(
    st.lists(st.text(max_size=8), unique=True, max_size=60),
    st.dictionaries(st.text(max_size=3), st.floats(1e-3, 1e3), min_size=1, max_size=4),
    st.integers(0, 60),
)
def test_an_allotment_is_exact_to_a_task_and_is_topped_up(
    ids: list[str], shares: dict[str, float], cut: int
) -> None:
    got = allot(ids, shares, {}, "lot")
    assert got.keys() == set(ids)
    whole = sum(shares.values())
    counts = Counter(got.values())
    for name, share in shares.items():
        assert abs(counts[name] - share / whole * len(ids)) < max(1, len(shares) - 1)
    first = allot(ids[:cut], shares, {}, "lot")
    rest = allot(ids[cut:], shares, Counter(first.values()), "lot")
    assert Counter((*first.values(), *rest.values())) == counts
