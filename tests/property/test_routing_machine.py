"""Whoever joins, leaves, answers, skips, drafts or stays away, and wherever a run is killed: no rule of routing is
broken, a run after which nothing happened changes nothing, and no task starves.

The machine keeps what a platform and the store would know. It checks each assignment, as it is made, by rules of its
own, written down here once more without the data structures of the policy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from task_generators.mix import asks_again, repeated
from task_generators.routing import (
    LAPSED_BY,
    Board,
    Explanation,
    Offer,
    Practice,
    Reason,
    Reservation,
    Rules,
    Stage,
    Worker,
    decide,
)
from task_generators.routing.policy import OLDEST_EVERY
from tests.examples import examples
from tests.sample_records import NOW, task
from workspaces.records import Significance, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

CONVERSATIONS = 8
WEIGHTS = {Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
GROUP_MIXES = {None: frozenset({"default"}), "experts": frozenset({"hard", "default"})}
KEPT_FOR = 3
"""Ticks for which a task is kept for a person."""

numbers = st.integers(0, 999)


@dataclass
class Person:
    """What is true of a person."""

    id: str
    group: str | None = None
    is_open: bool = True
    own: set[str] = field(default_factory=set)
    rewrites: set[str] = field(default_factory=set)
    answered: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    results: list[float] = field(default_factory=list)
    today: int = 0
    lapsed: dict[str, int] = field(default_factory=dict)


@dataclass
class Held:
    """An assignment on the platform."""

    position: int
    until: int
    begun: bool = False
    served: bool = False
    unseen: bool = False


class World:
    """Tasks, people, the platform and the store."""

    def __init__(self, rules: Rules, kept_for: int = KEPT_FOR) -> None:
        self.rules = rules
        self.kept_for = kept_for
        self.now = 0
        self.tasks: dict[str, Task] = {}
        self.placed: set[str] = set()
        self.gold: set[str] = set()
        self.copies: dict[str, str] = {}
        self.people: dict[str, Person] = {}
        self.held: dict[tuple[str, str], Held] = {}

    def board(self) -> Board:
        """Return what routing reads."""
        count = self.answers()
        offers = {
            it.id: Offer(
                it,
                count[it.id],
                1.0 / (1 + count[it.id]),
                WEIGHTS,
                placed=it.id in self.placed,
                again=asks_again(it),
                gold=it.id in self.gold,
                practice=it.id in self.gold and it.reask_of is None,
            )
            for it in self.tasks.values()
            if it.closed_at is None and count[it.id] < it.overlap
        }
        workers = {it.id: self._worker(it) for it in self.people.values()}
        reservations = [
            Reservation(
                person, task_id, it.position, it.until <= self.now, it.served, it.unseen and not it.served
            )
            for (person, task_id), it in self.held.items()
        ]
        return Board(self.tasks, offers, workers, reservations, self.copies)

    def answers(self) -> Counter[str]:
        return Counter(
            task_id for it in self.people.values() for task_id in it.answered if task_id not in it.rewrites
        )

    def _worker(self, it: Person) -> Worker:
        return Worker(
            it.id,
            GROUP_MIXES[it.group],
            had=frozenset({*it.answered, *it.skipped}),
            answered=tuple(it.answered),
            drafts=frozenset(
                task_id for (name, task_id), held in self.held.items() if name == it.id and held.begun
            ),
            own=frozenset(it.own),
            rewrites=frozenset(it.rewrites),
            today=it.today,
            results=tuple(it.results),
            lapsed=frozenset(it.lapsed),
            away=any(after == len(it.answered) + len(it.skipped) for after in it.lapsed.values()),
            barred=None if it.is_open else Reason.REVOKED,
        )

    def route(self, operations: int | None = None) -> int:
        """Run once, or so many of its operations as if killed then; return how many assignments changed."""
        left = 10**9 if operations is None else operations
        decision = decide(self.board(), self.rules)
        changed = 0
        for each, reason in decision.taken_back:
            if not left:
                return changed
            if reason in LAPSED_BY:  # the store first, then the platform
                person = self.people[each.person_id]
                person.lapsed[each.task_id] = len(person.answered) + len(person.skipped)
            left -= 1
            if not left:
                return changed
            del self.held[each.person_id, each.task_id]
            left -= 1
            changed += 1
        for task_id in decide(self.board(), self.rules).wanted():
            if not left:
                return changed
            self.placed.add(task_id)
            left -= 1
        board = self.board()
        board = replace(board, offers={name: it for name, it in board.offers.items() if it.placed})
        for given in decide(board, self.rules).given:
            if not left:
                return changed
            self.give(given.person_id, given.task_id, given.position)
            left -= 1
            changed += 1
        return changed

    def give(self, person_id: str, task_id: str, position: int) -> None:
        """Assign a task, if no rule is against it."""
        broken = list(self.broken(self.people[person_id], self.tasks[task_id]))
        assert not broken, (person_id, task_id, broken)
        assert task_id in self.placed
        assert all(position > it.position for (name, _), it in self.held.items() if name == person_id)
        self.held[person_id, task_id] = Held(position, self.now + self.kept_for)

    def broken(self, person: Person, given: Task) -> Iterator[str]:
        """Yield which rules an assignment would break now."""
        yield from self.lasting(person, given)
        mine = [task_id for (name, task_id) in self.held if name == person.id]
        if len(mine) >= self.rules.ahead:
            yield "ahead"
        if self.rules.per_day is not None and person.today + len(mine) >= self.rules.per_day:
            yield "daily"
        holders = sum(task_id == given.id for _, task_id in self.held)
        count = self.answers()[given.id]
        most = given.overlap
        if given.least_answers is not None:
            most = min(most, max(given.least_answers, count + 1))
        if count + holders >= most:
            yield "full"

    def lasting(self, person: Person, given: Task) -> Iterator[str]:
        """Yield which rules keep a task from a person, whatever else they have open."""
        had = {
            *person.answered,
            *person.skipped,
            *(task_id for name, task_id in self.held if name == person.id),
        }
        if not person.is_open:
            yield "no access"
        if given.closed_at is not None:
            yield "closed"
        if given.id in had:
            yield "had"
        if set(given.conversation_ids) & person.own:
            yield "own"
        if given.id in person.rewrites:
            yield "rewrite"
        if given.mix not in GROUP_MIXES[person.group]:
            yield "mix"
        if asks_again(given) and given.reask_of not in person.answered:
            yield "first"
        for task_id in had:
            other = self.tasks[task_id]
            if _asked_by(other) != _asked_by(given) or (asks_again(given) and task_id == given.reask_of):
                continue
            if set(other.message_ids) == set(given.message_ids):
                yield "same"
            ours, theirs = (self._groups(it) for it in (given, other))
            if any(ours[group] != theirs[group] for group in ours.keys() & theirs.keys()):
                yield "copy"
        practice = self.rules.practice
        if practice is None:
            return
        stage = practice.stage(person.results)
        if stage is Stage.FAILED:
            yield "failed"
        if stage is Stage.PRACTISING and given.id not in self.gold:
            yield "practice"
        if stage is Stage.QUALIFIED and given.id in self.gold and given.reask_of is None:
            yield "kept"

    def _groups(self, it: Task) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name in it.conversation_ids:
            if name in self.copies:
                found.setdefault(self.copies[name], set()).add(name)
        return found

    def answer(self, person: Person, task_id: str, *, right: bool) -> None:
        """Answer a task that is assigned; its time may be over."""
        del self.held[person.id, task_id]
        person.answered.append(task_id)
        person.today += 1
        if task_id in self.gold:
            person.results.append(float(right))

    def queue(self, person: Person) -> list[str]:
        """Return what waits for a person, first things first."""
        mine = sorted(
            (it.position, task_id) for (name, task_id), it in self.held.items() if name == person.id
        )
        return [task_id for _, task_id in mine]


class RoutingMachine(RuleBasedStateMachine):
    """Anything may happen between two runs, and a run may be killed anywhere."""

    @initialize(
        ahead=st.integers(1, 4),
        reserve=st.integers(0, 3),
        per_day=st.none() | st.integers(1, 6),
        practice=st.none() | st.builds(Practice, st.just(2), st.sampled_from([0.5, 1.0]), st.integers(2, 3)),
    )
    def begin(self, ahead: int, reserve: int, per_day: int | None, practice: Practice | None) -> None:
        self.world = World(Rules(ahead, reserve, per_day, practice))

    def _person(self, number: int) -> Person:
        return list(self.world.people.values())[number % len(self.world.people)]

    def _task(self, number: int) -> Task:
        return list(self.world.tasks.values())[number % len(self.world.tasks)]

    @rule(
        count=st.integers(1, 4),
        kind=st.sampled_from(["qualitative", "qualitative_reasons", "preference"]),
        mix=st.sampled_from(["default", "default", "hard"]),
        level=st.sampled_from(list(Significance)),
        overlap=st.integers(1, 3),
        least=st.none() | st.just(1) | st.just(2),
        start=numbers,
        is_gold=st.booleans(),
    )
    def make_tasks(
        self,
        count: int,
        kind: str,
        mix: str,
        level: Significance,
        overlap: int,
        least: int | None,
        start: int,
        is_gold: bool,
    ) -> None:
        for number in range(count):
            name = f"t{len(self.world.tasks):03}"
            conversation = f"c{(start + number) % CONVERSATIONS}"
            other = f"c{(start + number + 1) % CONVERSATIONS}"
            shown = (f"{conversation}#{start % 3}", f"{other}#{start % 3}")[
                : 2 if kind == "preference" else 1
            ]
            made = replace(
                task(name, {}, kind=kind),
                message_ids=shown,
                conversation_ids=(conversation, other)[: len(shown)],
                mix=mix,
                significance=level,
                overlap=overlap,
                least_answers=None if least is None else min(least, overlap),
            )
            self.world.tasks[name] = made
            if is_gold:
                self.world.gold.add(name)

    @precondition(lambda self: self.world.tasks)
    @rule(number=numbers, purpose=st.sampled_from(["re-ask", "gold"]))
    def repeat(self, number: int, purpose: str) -> None:
        first = self._task(number)
        if first.reask_of is None:
            again = repeated(first, purpose, first.overlap, NOW)
            if again.id not in self.world.tasks:
                self.world.tasks[again.id] = again
                if purpose == "gold":
                    self.world.gold.add(again.id)

    @rule(
        group=st.sampled_from([None, None, "experts"]),
        own=st.sets(st.sampled_from(["c0", "c1", "c2"]), max_size=1),
    )
    def join(self, group: str | None, own: set[str]) -> None:
        if len(self.world.people) < 5:
            name = f"p{len(self.world.people)}"
            self.world.people[name] = Person(name, group, own=set(own))

    @precondition(lambda self: self.world.people)
    @rule(number=numbers, how=st.sampled_from(["leave", "return", "group", "own"]), what=numbers)
    def change(self, number: int, how: str, what: int) -> None:
        person = self._person(number)
        if how in ("leave", "return"):
            person.is_open = how == "return"
        elif how == "group":
            person.group = None if person.group else "experts"
        else:
            person.own.add(f"c{what % CONVERSATIONS}")

    @precondition(lambda self: self.world.people and self.world.tasks)
    @rule(number=numbers, what=numbers)
    def write_what_is_judged(self, number: int, what: int) -> None:
        self._person(number).rewrites.add(self._task(what).id)

    @rule(first=st.integers(0, CONVERSATIONS - 1), second=st.integers(0, CONVERSATIONS - 1))
    def find_copies(self, first: int, second: int) -> None:
        names = {f"c{first}", f"c{second}"}
        groups = {self.world.copies[name] for name in names if name in self.world.copies}
        every = names | {name for name, group in self.world.copies.items() if group in groups}
        if len(every) > 1:
            self.world.copies.update(dict.fromkeys(every, min(every)))

    @precondition(lambda self: self.world.tasks)
    @rule(number=numbers)
    def settle(self, number: int) -> None:
        chosen = self._task(number)
        if chosen.least_answers is not None and self.world.answers()[chosen.id] >= chosen.least_answers:
            self.world.tasks[chosen.id] = replace(chosen, closed_at=NOW)

    @precondition(lambda self: self.world.people)
    @rule(number=numbers, right=st.booleans(), times=st.integers(1, 4))
    def work(self, number: int, right: bool, times: int) -> None:
        person = self._person(number)
        for task_id in self.world.queue(person)[:times]:
            if person.is_open:
                self.world.answer(person, task_id, right=right)

    @precondition(lambda self: self.world.held)
    @rule(number=numbers, what=st.sampled_from(["skip", "draft", "look", "stay away"]))
    def touch(self, number: int, what: str) -> None:
        (name, task_id), held = list(self.world.held.items())[number % len(self.world.held)]
        if what == "skip":
            del self.world.held[name, task_id]
            self.world.people[name].skipped.add(task_id)
        elif what == "draft":
            held.begun, held.until = True, self.world.now + KEPT_FOR
        elif what == "stay away":
            held.unseen = True
        else:
            held.served = True

    @rule(ticks=st.integers(1, KEPT_FOR + 1), new_day=st.booleans())
    def wait(self, ticks: int, new_day: bool) -> None:
        self.world.now += ticks
        if new_day:
            for person in self.world.people.values():
                person.today = 0

    @rule(operations=st.integers(0, 12))
    def route_and_die(self, operations: int) -> None:
        self.world.route(operations)

    @rule()
    def route(self) -> None:
        self.world.route()
        assert self.world.route() == 0, "a run after which nothing happened changes nothing"
        board = self.world.board()
        there = {name for name, it in board.offers.items() if it.placed}
        self._explained(
            replace(board, offers={name: it for name, it in board.offers.items() if name in there})
        )

    def _explained(self, board: Board) -> None:
        """What is said of each person is what holds, and says of each task the same."""
        why = Explanation(board, self.world.rules)
        for name in board.workers:
            full, others = why.full(name), why.person(name)
            holds = sum(person == name for person, _ in self.world.held)
            known = sum(task_id in board.offers for person, task_id in self.world.held if person == name)
            assert others.total() == len(board.offers) - known
            if full is None:
                assert others[Reason.LATER] == 0, "whoever has room has all that is open to them"
                assert holds < self.world.rules.ahead
        for task_id in board.offers:
            for name, reason in why.task(task_id).items():
                assert (reason is None) == ((name, task_id) in self.world.held)

    @invariant()
    def no_task_has_more_than_its_overlap(self) -> None:
        if not hasattr(self, "world"):
            return
        counts = self.world.answers() + Counter(
            task_id
            for person, task_id in self.world.held
            if task_id not in self.world.people[person].rewrites
        )
        for task_id, count in counts.items():
            assert count <= self.world.tasks[task_id].overlap

    def teardown(self) -> None:
        if hasattr(self, "world"):
            _work_until_nothing_is_left(self.world)


def _asked_by(it: Task) -> str:
    """Return what asks: the six tags are the same six questions with and without reasons."""
    return it.kind.removesuffix("_reasons")


def _work_until_nothing_is_left(world: World) -> None:
    """One in two people answer all they get, the others stay away: no task is left that one of the first could answer.

    Who stays away holds each task at most once before somebody who works has had their turn, ``ahead`` at a time.
    """
    world.rules = replace(world.rules, per_day=None)
    workers = [it for it in world.people.values() if it.is_open][::2]
    patience = len(world.tasks) // world.rules.ahead + len(world.people) + 3
    quiet = 0
    while quiet < patience:
        world.route()
        quiet += 1
        for person in workers:
            for task_id in world.queue(person):
                world.answer(person, task_id, right=True)
                quiet = 0
        world.now += KEPT_FOR
    count = world.answers()
    for each in world.tasks.values():
        begun = sum(task_id == each.id and it.begun for (_, task_id), it in world.held.items())
        if each.closed_at is None and count[each.id] + begun < each.overlap:
            for person in workers:
                assert list(world.lasting(person, each)), (
                    f"{each.id} starves although {person.id} could answer it"
                )


RoutingMachine.TestCase.settings = settings(examples(150), stateful_step_count=40, deadline=None)
TestRouting = RoutingMachine.TestCase


def test_a_task_of_little_value_is_given_although_better_ones_come_all_the_time() -> None:
    world = World(Rules(ahead=1))
    world.people["p"] = Person("p")
    for number in range(3):
        world.tasks[f"old{number}"] = _single(f"old{number}", Significance.LOW)
    given: list[str] = []
    for number in range(4 * OLDEST_EVERY):
        world.tasks[f"new{number:02}"] = _single(f"new{number:02}", Significance.HIGH)
        world.route()
        (task_id,) = world.queue(world.people["p"])
        given.append(task_id)
        world.answer(world.people["p"], task_id, right=True)
    old = [place for place, task_id in enumerate(given) if task_id.startswith("old")]
    assert old == [OLDEST_EVERY * turn - 1 for turn in (1, 2, 3)], given


def test_what_somebody_lets_lapse_is_not_theirs_again_while_others_are_busy_with_better_tasks() -> None:
    # the old task is all that is open to one of them, and its time runs out when it is not the turn of the oldest
    world = World(Rules(ahead=1), kept_for=OLDEST_EVERY)
    world.tasks["old"] = _single("old", Significance.LOW)
    world.people["away"] = Person("away")
    world.route()
    assert world.queue(world.people["away"]) == ["old"]
    busy = world.people["busy"] = Person("busy", "experts")
    for number in range(4 * OLDEST_EVERY):
        world.tasks[f"new{number:02}"] = replace(_single(f"new{number:02}", Significance.HIGH), mix="hard")
        world.route()
        (task_id,) = world.queue(busy)
        world.answer(busy, task_id, right=True)
        world.now += 1
    assert "old" in busy.answered


def test_what_is_asked_again_is_for_whoever_answered_it_first_after_other_tasks() -> None:
    world = World(Rules(ahead=2))
    first = world.tasks["first"] = _single("first", Significance.HIGH)
    again = repeated(first, "re-ask", 2, NOW)
    gold = repeated(first, "gold", 2, NOW)
    world.tasks |= {it.id: it for it in (again, gold)}
    for name in ("answers", "skips", "neither"):
        world.people[name] = Person(name)
    world.people["answers"].answered.append("first")
    world.people["skips"].skipped.add("first")
    for number in range(4):
        world.tasks[f"t{number}"] = replace(_single(f"t{number}", Significance.LOW), overlap=3)
    given: dict[str, list[str]] = {name: [] for name in world.people}
    for _ in range(6):
        world.route()
        for name, person in world.people.items():
            for task_id in world.queue(person):
                given[name].append(task_id)
                world.answer(person, task_id, right=True)
    assert again.id in given["answers"]
    assert given["answers"].index(again.id) >= world.rules.ahead, "not right after the first"
    assert again.id not in given["skips"] + given["neither"]
    assert gold.id in given["neither"]
    assert gold.id not in given["answers"] + given["skips"]


def _single(name: str, level: Significance) -> Task:
    return replace(
        task(name, {}),
        message_ids=(f"{name}#1",),
        conversation_ids=(name,),
        significance=level,
        overlap=1,
        created_at=NOW + timedelta(seconds=1),
    )
