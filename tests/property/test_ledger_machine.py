"""Whatever people and crashes do in whatever order: balances are what a simple model says, the ledger is whole.

On a SQLite file and on PostgreSQL. Neither waits for the disk here: a crash is a connection that is dropped in the
middle of a transaction. That commits survive a killed process is shown in ``tests/crash/test_ledger_kill.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reward_engine import (
    HoldError,
    NotEnoughPointsError,
    Outcome,
    Posting,
    Purchase,
    adjust,
    board,
    capture,
    due,
    post,
    posted,
    problems,
    quote,
    release,
    release_expired,
    reserve,
    settle,
    tip,
    totals,
    verify,
)
from reward_engine.accounts import credit
from reward_engine.ledger import balances
from tests.examples import examples
from tests.sample_records import ALL_TAGS, annotation, task
from tests.stores import POSTGRESQL, SQLITE
from workspaces.config import RatesConfig
from workspaces.records import AnnotationStatus, ChatMode, Significance
from workspaces.store import Store
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.tables import metadata
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from reward_engine import Tip
    from reward_engine.settlement import Due
    from tests.stores import Stores
    from workspaces.records import Annotation, Task

RUNS, STEPS = {SQLITE: 126, POSTGRESQL: 66}, 50
"""Runs on each database, which only keeps what the same code decides, and steps of each run."""

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PEOPLE = ("ada", "bo")
MOST_TASKS = 5
REWRITE = "A better response, written in full."
COPY = "The response that was shown."
ANSWERS = {
    "all tags": ALL_TAGS,
    "a suggestion": ALL_TAGS | {"suggestion": REWRITE},
    "a copy": ALL_TAGS | {"suggestion": COPY},
    "half": {"helpful": "yes", "suggestion": REWRITE},
    "nothing": {},
    "a choice": {"preference": "tie"},
}
EARNS = {
    "all tags": {"qualities"},
    "a suggestion": {"qualities", "suggestion"},
    "a copy": {"qualities"},
    "half": {"suggestion"},
    "nothing": set(),
    "a choice": {"preference"},
}
MULTIPLIERS = (1.0, 0.5, 0.85, 0.0)


class CrashError(Exception):
    """The connection broke."""


@dataclass
class HoldModel:
    """What the model knows of a hold."""

    person: str
    price: int
    expires: int
    outcome: Outcome | None = None
    spent: int = 0


class Points(RuleBasedStateMachine):
    """People answer, change their minds and spend; somebody settles now and then, and connections break."""

    stores: ClassVar[Stores]
    opened: ClassVar[Store]
    runs: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.clock = 0
        self.tasks: dict[str, Task] = {}
        self.answers: dict[str, tuple[Annotation, str]] = {}
        self.confidence = dict.fromkeys(PEOPLE, 1.0)
        self.paid: dict[tuple[str, str, str], int] = {}
        self.first: dict[tuple[str, str, str], float] = {}
        self.corrections: dict[tuple[str, int, str], int] = {}
        self.holds: dict[str, HoldModel] = {}
        self.reverse = self.twice = False
        self.noted: Tip | None = None

    @property
    def store(self) -> Store:
        return type(self).opened

    @initialize()
    def begin(self) -> None:
        self.stores.empty(self.store)
        self._add_tasks("1", rates("1", qualities=5, suggestion=6, preference=3))

    def teardown(self) -> None:
        with self.store.read() as connection:
            known = [("the run", self.noted)] if self.noted else []
            assert verify(connection, known).problems == ()

    # what people do

    @rule(
        person=st.sampled_from(PEOPLE),
        data=st.data(),
        what=st.sampled_from(sorted(ANSWERS)),
        status=st.sampled_from([AnnotationStatus.SUBMITTED, AnnotationStatus.DRAFT]),
        later=st.booleans(),
    )
    def submit(
        self, person: str, data: st.DataObject, what: str, status: AnnotationStatus, later: bool
    ) -> None:
        """Answer a task, perhaps one that was answered before, perhaps at the very same moment."""
        self.clock += later
        name = f"a{len(self.answers)}"
        where = data.draw(st.sampled_from(sorted(self.tasks)))
        self._arrives(
            annotation(where, person, ANSWERS[what], name=name, status=status, at=self._now()), what
        )

    @precondition(lambda self: self.answers)
    @rule(
        data=st.data(),
        what=st.sampled_from(sorted(ANSWERS)),
        status=st.sampled_from(AnnotationStatus),
        later=st.booleans(),
    )
    def edit_discard_or_delete(
        self, data: st.DataObject, what: str, status: AnnotationStatus, later: bool
    ) -> None:
        """Change an answer or bring it back; clocks of platforms do not always move."""
        before, _ = self.answers[data.draw(st.sampled_from(sorted(self.answers)))]
        self.clock += later
        values = {} if status is AnnotationStatus.DELETED else ANSWERS[what]
        at = self._now() if later else before.updated_at
        after = replace(before, values=values, status=status, revision=before.revision + 1, updated_at=at)
        self._arrives(after, what)

    def _arrives(self, answer: Annotation, what: str) -> None:
        self.answers[answer.id] = (answer, what)
        with self.store.write() as connection:
            save_revisions(connection, [revision(answer)])

    @rule(person=st.sampled_from(PEOPLE), multiplier=st.sampled_from(MULTIPLIERS))
    def change_confidence(self, person: str, multiplier: float) -> None:
        self.confidence[person] = multiplier

    @rule(twice=st.booleans())
    def read_in_another_order_or_twice(self, twice: bool) -> None:
        self.twice, self.reverse = twice, not self.reverse

    # what the lead does

    @precondition(lambda self: len(self.tasks) < MOST_TASKS)
    @rule(qualities=st.integers(0, 20), suggestion=st.integers(0, 20), preference=st.integers(0, 20))
    def change_the_rules(self, qualities: int, suggestion: int, preference: int) -> None:
        """New tasks have the new quote, old ones keep theirs."""
        version = str(len(self.tasks))
        self._add_tasks(
            version,
            rates(version, qualities=qualities, suggestion=suggestion, preference=preference),
        )

    def _add_tasks(self, version: str, rates: RatesConfig) -> None:
        added = [
            replace(
                task(f"t{version}{kind}"[:24], quote(kind, Significance.MEDIUM, rates), kind=kind),
                rules_version=version,
            )
            for kind in ("qualitative", "preference")
        ]
        self.tasks |= {each.id: each for each in added}
        with self.store.write() as connection:
            save_tasks(connection, added)

    @rule(
        person=st.sampled_from(PEOPLE),
        points=st.integers(-9, 9).filter(bool),
        reason=st.sampled_from(["gift", "mistake"]),
        crash=st.booleans(),
    )
    def correct(self, person: str, points: int, reason: str, crash: bool) -> None:
        """A correction that was made is not made again."""

        def work(connection: sa.Connection) -> None:
            _, is_new = adjust(
                connection, person, points, reason=reason, author="Grace", rules_version="1", now=NOW
            )
            assert is_new == ((person, points, reason) not in self.corrections)

        if self._commits(work, crash):
            self.corrections[person, points, reason] = points

    # what the workbench does

    @rule(batch=st.integers(1, 3), batches=st.integers(0, 6))
    def settle_and_break(self, batch: int, batches: int) -> None:
        """Settle some batches; the connection of the next one breaks inside its transaction."""
        corrections = self._due()
        for start in range(0, len(corrections), batch):
            chosen = corrections[start : start + batch]
            if not self._commits(self._settling(chosen), start >= batch * batches):
                return
            for correction in chosen:
                self._model_pays((correction.person_id, correction.reference, correction.part))

    @staticmethod
    def _settling(chosen: list[Due]) -> Callable[[sa.Connection], object]:
        return lambda connection: settle(connection, chosen, NOW)

    @rule()
    def settle_twice(self) -> None:
        keys = {
            (answer.person_id, answer.task_id, part)
            for answer, _ in self.answers.values()
            for part in self.tasks[answer.task_id].quote
        }
        missing = {key: self._worth(key) - self.paid.get(key, 0) for key in keys}
        found = {(d.person_id, d.reference, d.part): d.delta for d in self._due()}
        assert found == {key: delta for key, delta in missing.items() if delta}
        self.settle_and_break(500, 500)
        assert self._due() == []

    @rule()
    def settle_what_was_settled_in_the_meantime(self) -> None:
        """Post the same requests again: the ledger knows them, whatever became of them."""
        corrections = self._due()
        self.settle_and_break(500, 500)
        with self.store.write() as connection:
            before = tip(connection)
            post(connection, [correction.posting for correction in corrections], NOW + timedelta(days=1))
            assert tip(connection) == before

    @rule()
    def reopen(self) -> None:
        """Open the store as another process does, and verify the ledger."""
        self.store.close()
        self.store.upgrade()
        with self.store.read() as connection:
            assert verify(connection, [("before", self.noted)] if self.noted else []).problems == ()
            self.noted = tip(connection)

    # spending

    @rule(
        person=st.sampled_from(PEOPLE),
        price=st.integers(1, 12),
        duration=st.integers(1, 6),
        again=st.booleans(),
        crash=st.booleans(),
    )
    def spend(self, person: str, price: int, duration: int, again: bool, crash: bool) -> None:
        """Set a price aside, perhaps by the very call that was made before."""
        hold_id = f"h{len(self.holds)}"
        if again and self.holds:
            hold_id = max(self.holds)
            person, price = self.holds[hold_id].person, self.holds[hold_id].price
        purchase = Purchase("model-x", ChatMode.DIRECT, price, "1")
        expires = self.clock + duration
        expired = [hold for hold in self._under_way(person) if hold.expires <= self.clock]
        available = self._net(person)
        can_pay = available >= price or available + sum(hold.price for hold in expired) >= price

        def work(connection: sa.Connection) -> None:
            now, expires_at = self._now(), self._now(duration)
            reserve(connection, person, purchase, hold_id=hold_id, now=now, expires_at=expires_at)

        if hold_id in self.holds:
            self._commits(work, crash)
        elif not can_pay:
            with pytest.raises(NotEnoughPointsError):
                self._commits(work, crash=False)
        elif self._commits(work, crash):
            if available < price:
                end(expired, Outcome.EXPIRED)
            self.holds[hold_id] = HoldModel(person, price, expires)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), share=st.integers(-1, 3), crash=st.booleans())
    def capture_or_release(self, data: st.DataObject, share: int, crash: bool) -> None:
        """End a hold in some way, perhaps one that has ended."""
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        hold = self.holds[hold_id]
        spent = max(hold.price * share // 3, 0)
        wanted = Outcome.CAPTURED if spent else Outcome.RELEASED

        def work(connection: sa.Connection) -> None:
            if share < 0:
                release(connection, hold_id, now=self._now())
            else:
                capture(connection, hold_id, spent, now=self._now())

        if hold.outcome is None and (share < 0 or hold.expires > self.clock):
            if self._commits(work, crash):
                hold.outcome, hold.spent = wanted, spent
        elif (hold.outcome, hold.spent) == (wanted, spent) or (share < 0 and hold.outcome is Outcome.EXPIRED):
            self._commits(work, crash)
        else:
            with pytest.raises(HoldError):
                self._commits(work, crash=False)

    @rule(minutes=st.integers(0, 6), crash=st.booleans())
    def time_passes_and_holds_expire(self, minutes: int, crash: bool) -> None:
        self.clock += minutes
        expired = [
            hold for person in PEOPLE for hold in self._under_way(person) if hold.expires <= self.clock
        ]

        def work(connection: sa.Connection) -> None:
            assert release_expired(connection, self._now()) == len(expired)

        if self._commits(work, crash):
            end(expired, Outcome.EXPIRED)

    # how it is done

    def _commits(self, work: Callable[[sa.Connection], object], crash: bool) -> bool:
        """Do some work in a transaction; return whether it was committed, and not lost with its connection."""
        try:
            with self.store.write() as connection:
                work(connection)
                if crash:
                    connection.invalidate()
                    raise CrashError
        except CrashError:
            return False
        return True

    def _now(self, minutes: int = 0) -> datetime:
        return NOW + timedelta(minutes=self.clock + minutes)

    def _due(self) -> list[Due]:
        read = [answer for answer, _ in self.answers.values()] * (1 + self.twice)
        with self.store.read() as connection:
            so_far = posted(connection)
        return due(self.tasks, read[::-1] if self.reverse else read, so_far, self.confidence, lambda _: COPY)

    # the model: what each part of each answer was paid, each correction, and the holds

    def _worth(self, key: tuple[str, str, str]) -> int:
        person, where, part = key
        answers = [
            (answer.status is AnnotationStatus.SUBMITTED, answer.updated_at, answer.id, what)
            for answer, what in self.answers.values()
            if (answer.person_id, answer.task_id) == (person, where)
        ]
        submitted, _, _, what = max(answers)
        points = self.tasks[where].quote[part] if submitted and part in EARNS[what] else 0
        factor = self.first.get(key, self.confidence[person])
        return int((points * Decimal(str(factor))).to_integral_value(ROUND_HALF_UP))

    def _model_pays(self, key: tuple[str, str, str]) -> None:
        worth = self._worth(key)
        assert worth != self.paid.get(key, 0)
        self.first.setdefault(key, self.confidence[key[0]])
        self.paid[key] = worth

    def _under_way(self, person: str) -> list[HoldModel]:
        return [hold for hold in self.holds.values() if hold.person == person and hold.outcome is None]

    def _earned(self, person: str) -> int:
        given = sum(points for (who, _, _), points in self.paid.items() if who == person)
        return given + sum(points for (who, _, _), points in self.corrections.items() if who == person)

    def _net(self, person: str) -> int:
        spent = sum(hold.spent for hold in self.holds.values() if hold.person == person)
        return self._earned(person) - spent - sum(hold.price for hold in self._under_way(person))

    @invariant()
    def balances_are_what_the_model_says(self) -> None:
        type(self).steps += 1
        expected = {"treasury": -sum(self._earned(person) for person in PEOPLE)}
        expected["spent"] = sum(hold.spent for hold in self.holds.values())
        for person in PEOPLE:
            net = self._net(person)
            expected[f"person:{person}"], expected[f"owed:{person}"] = max(net, 0), min(net, 0)
            expected[f"held:{person}"] = sum(hold.price for hold in self._under_way(person))
        with self.store.read() as connection:
            found = balances(connection)
            places = board(totals(connection))
        assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}
        earned = {person: self._earned(person) for person in PEOPLE}
        assert {place.person_id: place.points for place in places} == {p: n for p, n in earned.items() if n}
        assert all(place.rank == 1 + sum(n > place.points for n in earned.values() if n) for place in places)


def end(holds: list[HoldModel], outcome: Outcome) -> None:
    for hold in holds:
        hold.outcome = outcome


def rates(version: str, **points: int) -> RatesConfig:
    return RatesConfig.model_validate({"version": version, **points})


def revision(answer: Annotation) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=answer.id,
        revision=answer.revision,
        task_id=answer.task_id,
        person_id=answer.person_id,
        platform=answer.platform,
        response_id=answer.id,
        status=answer.status,
        answers=dict(answer.values),
        content_hash="",
        updated_at=answer.updated_at,
        synced_at=answer.updated_at,
    )


def test_balances_are_what_a_simple_model_says_whatever_happens(stores: Stores) -> None:
    class Here(Points):
        pass

    Here.stores, Here.opened = stores, stores.new()
    runs = examples(RUNS[stores.kind])
    run_state_machine_as_test(
        Here,
        settings=settings(runs, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck)),
    )
    print(f"\n{stores.kind}: {Here.runs} runs, {Here.steps:,} steps")
    enough = runs.max_examples * 5 // 6  # some runs are shorter
    assert Here.runs >= enough
    assert Here.steps >= runs.max_examples * STEPS * 4 // 5


ACCOUNTS = st.sampled_from(["ada", "bo", "chidi"])
POSTINGS = st.lists(
    st.builds(
        lambda number, person, points: Posting(
            f"k{number}", credit(person, points), "because", "1", NOW + timedelta(seconds=number)
        ),
        st.integers(0, 12),
        ACCOUNTS,
        st.integers(-50, 50).filter(bool),
    ),
    max_size=12,
    unique_by=lambda posting: posting.key,
)


@given(POSTINGS, st.data())
@examples(30)
def test_posting_in_any_portions_with_any_repeats_is_posting_once(
    postings: list[Posting], data: st.DataObject
) -> None:
    whole, portions = Store("sqlite://"), Store("sqlite://")
    for store in (whole, portions):
        metadata.create_all(store.engine)
    with whole.write() as connection:
        numbers = post(connection, postings, NOW)
    assert numbers == list(range(1, len(postings) + 1))
    done = 0
    while done < len(postings):
        start = data.draw(st.integers(0, done))
        end = data.draw(st.integers(done + 1, len(postings)))
        with portions.write() as connection:
            assert post(connection, postings[start:end], NOW) == numbers[start:end]
        done = end
    with whole.read() as one, portions.read() as other:
        assert tip(one) == tip(other)
        assert balances(one) == balances(other)
        assert problems(other) == []
    whole.close()
    portions.close()
