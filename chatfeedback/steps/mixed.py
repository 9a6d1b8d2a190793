"""The tasks of one mix: what exists of it, what was drawn for it, and where each goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chatfeedback.steps.shortfalls import Shortfall, of_part, of_quotas, of_shares
from reward_engine import quote
from task_generators.allotment import allot, chosen, unit
from task_generators.content import opinion_of
from task_generators.mix import Drawn, Pool, Standing, asked_again, may_show_seed, repeated
from task_generators.traits import DIMENSIONS
from workspaces.kinds import kind_of
from workspaces.records import Significance, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from task_generators.candidates import TaskCandidate
    from task_generators.traits import Facts, Traits
    from workspaces.config import Config, MixConfig
    from workspaces.records import SeedFeedback
    from workspaces.store.seed_index import Seeds

KIND, PLATFORM, SIGNIFICANCE = "kind", "platform", "significance"
LIMIT, PER_DAY, PER_WEEK = "limit", "per_day", "per_week"


@dataclass(slots=True)
class Mixed:
    """What a draw did for one mix.

    ``tables`` counts its tasks, repetitions aside: ``{dimension: {value: [existing, new]}}``, by kind, significance,
    platform, language, topic and model. ``candidates`` counts what new tasks could be made of, by kind. ``stopped`` is
    what left room for no more (``limit``, ``per_day`` or ``per_week``); None: there was room. ``shortfalls`` are the
    shares that the tasks miss, ``unknown`` the names in filters and quotas that no conversation has, by setting.
    """

    existing: int = 0
    created: int = 0
    tables: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    candidates: dict[str, int] = field(default_factory=dict)
    stopped: str | None = None
    shortfalls: list[Shortfall] = field(default_factory=list)
    unknown: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Mixing:
    """Draws the tasks of one mix."""

    def __init__(
        self, name: str, config: Config, existing: Mapping[str, Task], today: tuple[int, int]
    ) -> None:
        """Args: every existing task by id; ``today``: how many the mix made this day and this week."""
        self.name = name
        self.mix: MixConfig = config.all_mixes()[name]
        self._config = config
        self._all = existing
        self._first = [it for it in existing.values() if it.mix == name and it.reask_of is None]
        self._again = [it for it in existing.values() if it.mix == name and it.reask_of is not None]
        self._stood, self._stood_again = len(self._first), len(self._again)
        self._kept: set[str] = set()
        rooms = {
            LIMIT: None if self.mix.limit is None else self.mix.limit - len(self._first),
            PER_DAY: None if self.mix.per_day is None else self.mix.per_day - today[0],
            PER_WEEK: None if self.mix.per_week is None else self.mix.per_week - today[1],
        }
        bounds = {bound: max(0, left) for bound, left in rooms.items() if left is not None}
        self.bound = min(bounds, key=bounds.__getitem__, default=None)
        self.room = None if self.bound is None else bounds[self.bound]
        self._drawn = Drawn()
        self._pool: Pool | None = None
        self._new: list[Task] = []
        self._paid: int | None = None

    def pool(self, most: int | None, traits: Callable[[TaskCandidate], Traits]) -> Pool:
        """Return the pool that collects the candidates; ``most`` as ``Pool`` has it."""
        self._pool = Pool(self.mix, traits, most)
        return self._pool

    def draw(self, facts: Facts, taken: Collection[str], seeds: Seeds, now: datetime) -> list[Task]:
        """Return the new tasks; candidates in ``taken`` went to another mix."""
        assert self._pool is not None
        standing = Standing()
        for task in self._first:
            standing.add(task.kind, facts.of(task))
        drawn = self._pool.draw(standing, self.room if self._paid is None else self._paid, taken)
        if self._paid is None and not self._kept:
            self._drawn = drawn
        candidates = drawn.candidates
        places = self._places(candidates)
        shown = self._shown(candidates, seeds)
        self._new = [
            Task(
                id=candidate.id,
                kind=candidate.kind,
                message_ids=candidate.message_ids,
                conversation_ids=candidate.conversation_ids,
                significance=candidate.significance,
                quote=self._quote(candidate.kind, candidate.significance, len(candidate.message_ids)),
                rules_version=self._config.rates.version,
                platform=places[candidate.id],
                overlap=self.mix.overlap,
                created_at=now,
                seed_agent=shown[candidate.id].agent if candidate.id in shown else None,
                seed_prompt_version=shown[candidate.id].prompt_version if candidate.id in shown else None,
                mix=self.name,
                least_answers=self._least(candidate.id),
                rewrites=candidate.rewrites,
            )
            for candidate in candidates
        ]
        return self._new

    def narrow(self, paid: Iterable[Task]) -> bool:
        """Bound the next draw by how many new tasks are among those ``paid``; return whether it has to be made.

        It has where the budget cut this one off and quotas bound shares of the tasks that there are in the end.
        """
        count = sum(it.mix == self.name and it.reask_of is None for it in paid)
        if count == len(self._new) or not any(getattr(self.mix.quotas, name) for name in DIMENSIONS):
            return False
        self._paid = count
        return True

    def keep(self, paid: Iterable[Task]) -> None:
        """Count tasks that this run makes as existing ones in the draws that follow."""
        kept = [it for it in paid if it.mix == self.name]
        first = [it for it in kept if it.reask_of is None]
        self._first += first
        self._again += [it for it in kept if it.reask_of is not None]
        self._kept |= {it.id for it in kept}
        self._new, self._paid = [], None
        if self.room is not None:
            self.room -= len(first)

    def again(self, takes: Callable[[Task], bool], now: datetime) -> list[Task]:
        """Return new repetitions of tasks, old and new, that are on offer today."""
        before = {it.reask_of for it in self._again}
        possible = [it for it in self._first if it.id not in before and it.closed_at is None and takes(it)]
        have = len(self._again)
        return asked_again(
            [*possible, *self._new], self.mix.reask, self.mix.overlap, now, have, self._total()
        )

    def gold(
        self,
        unanimous: Mapping[str, Mapping[str, str]],
        gold: Mapping[str, Mapping[str, str]],
        takes: Callable[[Task], bool],
        now: datetime,
    ) -> list[tuple[Task, Mapping[str, str]]]:
        """Return repetitions of unanimous tasks that are gold from now on, with their right answers.

        They are offered for what new tasks are offered for, so that points tell them from no work.

        Args:
            unanimous: the answers of tasks on which everybody agrees, by task id.
            gold: the right answers that are known, by task id; the lead's count towards the share.
            takes: whether what a task shows may be shown today.
            now: the creation time.
        """
        have = sum(it.id in gold for it in (*self._first, *self._again))
        possible = {it.id: it for it in self._first if it.id in unanimous and it.id not in gold and takes(it)}
        copies = {
            task_id: replace(
                repeated(it, "gold", self.mix.overlap, now),
                quote=self._quote(it.kind, it.significance, len(it.message_ids)),
                rules_version=self._config.rates.version,
            )
            for task_id, it in possible.items()
        }
        fresh = [
            task_id
            for task_id, copy in copies.items()
            if copy.id not in self._all and copy.id not in self._kept
        ]
        taken = chosen(fresh, self.mix.gold, have, self._total(), "gold")
        return [(copies[task_id], unanimous[task_id]) for task_id in fresh if task_id in taken]

    def result(self, made: Sequence[Task], facts: Facts, gold: int, paid_all: bool) -> Mixed:
        """Return what came of the draw.

        Args:
            made: the tasks made in this draw, of any mix, repetitions included.
            facts: of the conversations.
            gold: how many tasks of the mix are gold now.
            paid_all: whether the budget paid for all that was drawn.
        """
        new = [it for it in made if it.mix == self.name and it.reask_of is None]
        again = sum(it.mix == self.name and it.reask_of is not None for it in made) + self._stood_again
        stood = self._first[: self._stood]
        tables: dict[str, dict[str, list[int]]] = {}
        for place, tasks in enumerate((stood, new)):
            for task in tasks:
                values = facts.of(task).values()
                values |= {
                    KIND: (task.kind,),
                    PLATFORM: (task.platform,),
                    SIGNIFICANCE: (task.significance.value,),
                }
                for dimension, some in values.items():
                    for value in some:
                        tables.setdefault(dimension, {}).setdefault(value, [0, 0])[place] += 1
        order = [KIND, PLATFORM, SIGNIFICANCE, *DIMENSIONS]
        assert self._pool is not None
        return Mixed(
            existing=self._stood,
            created=len(new),
            tables={name: _ordered(name, tables[name]) for name in order if name in tables},
            candidates=dict(self._pool.available),
            stopped=self.bound if self._drawn.full else None,
            shortfalls=self._shortfalls([*stood, *new], again, gold, paid_all),
            unknown=facts.unknown(self.mix),
        )

    def _shortfalls(self, tasks: Sequence[Task], again: int, gold: int, paid_all: bool) -> list[Shortfall]:
        assert self._pool is not None
        mix, total = self.mix, len(tasks)
        drawn = Counter(it.kind for it in self._drawn.candidates)
        left = Counter(self._pool.available)
        left.subtract(drawn)
        weights = {kind: weight for kind, weight in mix.kinds.items() if weight > 0}
        why = {
            kind: f"the collection has {self._pool.available[kind]:,} candidates for it beside the tasks that exist"
            for kind in weights
            if left[kind] <= 0
        }
        if self._drawn.held_back:
            why = dict.fromkeys(weights, "quotas left its other candidates out") | why
        otherwise = (
            "tasks that exist were made by other shares; later draws make up for it"
            if paid_all
            else "budget.points_total could pay no more"
        )
        kinds = Counter(it.kind for it in tasks)
        found = list(of_shares("kind", weights, kinds, why, otherwise))
        for kind in sorted(kinds):
            shares = mix.shares_of(kind, self._config.platforms.shares())
            places = Counter(it.platform for it in tasks if it.kind == kind)
            found += of_shares(f"platform of {kind} tasks:", shares, places, {}, otherwise)
        if not self._drawn.full:
            found += of_quotas(mix, self._drawn.held_back, total)
        may_show = [it for it in tasks if may_show_seed(it.kind)]
        shown = sum(it.seed_shown for it in may_show)
        found += of_part(
            "show_seed", mix.show_seed, shown, len(may_show), _FEW_OPINIONS if paid_all else otherwise
        )
        found += of_part("reask", mix.reask, again, total, otherwise)
        found += of_part("gold", mix.gold, gold, total, _FEW_UNANIMOUS if paid_all else otherwise)
        return found

    def _total(self) -> int:
        return len(self._first) + len(self._new)

    def _quote(self, kind: str, significance: Significance, responses: int) -> dict[str, int]:
        return quote(kind, significance, self._config.rates, responses)

    def _least(self, task_id: str) -> int | None:
        adaptive = self.mix.adaptive
        if adaptive is None or unit(f"audit {task_id}") < adaptive.audit:
            return None
        return adaptive.least

    def _places(self, candidates: Iterable[TaskCandidate]) -> dict[str, str]:
        ids: dict[str, list[str]] = {}
        for candidate in candidates:
            ids.setdefault(candidate.kind, []).append(candidate.id)
        usual = self._config.platforms.shares()
        places: dict[str, str] = {}
        for kind, some in ids.items():
            have = Counter(it.platform for it in self._first if it.kind == kind)
            places |= allot(some, self.mix.shares_of(kind, usual), have, "platform")
        return places

    def _shown(self, candidates: Sequence[TaskCandidate], seeds: Seeds) -> dict[str, SeedFeedback]:
        """Return the seed feedback that new tasks show, by task id: where it says what could sway somebody."""
        if not self.mix.show_seed:
            return {}
        seeds.load(it.message_ids[0] for it in candidates if may_show_seed(it.kind))
        says = {
            candidate.id: seed
            for candidate in candidates
            if may_show_seed(candidate.kind)
            and opinion_of(kind_of(candidate.kind), seed := seeds[candidate.message_ids[0]])
        }
        before = [it for it in self._first if may_show_seed(it.kind)]
        have = sum(it.seed_shown for it in before)
        shown = chosen(says, self.mix.show_seed, have, len(before) + len(says), "show seed")
        return {task_id: says[task_id] for task_id in shown}


_FEW_OPINIONS = (
    "seed feedback of the others says nothing on what is asked, or tasks that exist were made otherwise"
)
_FEW_UNANIMOUS = (
    "too few tasks have three answers that agree, or more than wanted are gold already; give right answers: "
    "chatfeedback gold add FILE"
)


def _ordered(dimension: str, counts: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return counts: significance from low to high, all else the largest first."""
    if dimension == SIGNIFICANCE:
        return {level.value: counts[level.value] for level in Significance if level.value in counts}
    return dict(sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0])))
