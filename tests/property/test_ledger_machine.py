"""Whatever people and crashes do in whatever order: balances are what a simple model says, the ledger is whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sample_records import ALL_TAGS, annotation, task

from reward_engine import Posting, due, leaderboard, post, posted, problems, settle, tip, wallet
from reward_engine.accounts import credit
from reward_engine.ledger import balances
from workspaces.records import AnnotationStatus, TaskKind
from workspaces.store import Store

if TYPE_CHECKING:
    from workspaces.records import Annotation

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TASKS = {
    "t1": task("t1", {"qualities": 7, "suggestion": 9}),
    "t2": task("t2", {"preference": 5}, kind=TaskKind.PREFERENCE),
}
PEOPLE = ("ada", "bo")
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


class Settling(RuleBasedStateMachine):
    """People answer, change their minds and come back; somebody settles now and then, and is killed at times."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store("sqlite://")
        self.store.upgrade()
        self.clock = 0
        self.answers: dict[str, tuple[Annotation, str]] = {}
        self.confidence = dict.fromkeys(PEOPLE, 1.0)
        self.paid: dict[tuple[str, str, str], int] = {}
        self.first: dict[tuple[str, str, str], float] = {}
        self.reverse = False

    def teardown(self) -> None:
        self.store.close()

    # what people do

    @rule(
        person=st.sampled_from(PEOPLE),
        where=st.sampled_from(sorted(TASKS)),
        what=st.sampled_from(sorted(ANSWERS)),
        status=st.sampled_from([AnnotationStatus.SUBMITTED, AnnotationStatus.DRAFT]),
        later=st.booleans(),
    )
    def answer(self, person: str, where: str, what: str, status: AnnotationStatus, later: bool) -> None:
        """Answer a task, perhaps one that was answered before, perhaps at the very same moment."""
        self.clock += later
        name = f"a{len(self.answers)}"
        at = NOW + timedelta(minutes=self.clock)
        given = annotation(where, person, ANSWERS[what], name=name, status=status, at=at)
        self.answers[name] = (given, what)

    @precondition(lambda self: self.answers)
    @rule(
        data=st.data(),
        what=st.sampled_from(sorted(ANSWERS)),
        status=st.sampled_from(AnnotationStatus),
        later=st.booleans(),
    )
    def change(self, data: st.DataObject, what: str, status: AnnotationStatus, later: bool) -> None:
        """Edit, discard, delete or bring back an answer; clocks of platforms do not always move."""
        name = data.draw(st.sampled_from(sorted(self.answers)))
        before, _ = self.answers[name]
        self.clock += later
        values = {} if status is AnnotationStatus.DELETED else ANSWERS[what]
        at = NOW + timedelta(minutes=self.clock) if later else before.updated_at
        after = replace(before, values=values, status=status, revision=before.revision + 1, updated_at=at)
        self.answers[name] = (after, what)

    @rule(person=st.sampled_from(PEOPLE), multiplier=st.sampled_from(MULTIPLIERS))
    def change_confidence(self, person: str, multiplier: float) -> None:
        self.confidence[person] = multiplier

    @rule()
    def read_in_another_order(self) -> None:
        self.reverse = not self.reverse

    # what the workbench does

    @rule(batch=st.integers(1, 3), batches=st.integers(0, 6))
    def settle_and_be_killed(self, batch: int, batches: int) -> None:
        """Settle some batches; the next one is killed inside its transaction."""
        corrections = self._due()
        for start in range(0, len(corrections), batch):
            chosen = corrections[start : start + batch]
            try:
                with self.store.write() as connection:
                    settle(connection, chosen, NOW)
                    if start >= batch * batches:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                return
            for correction in chosen:
                key = (correction.person_id, correction.task_id, correction.part)
                self._model_pays(key)

    @rule()
    def settle_twice(self) -> None:
        self.settle_and_be_killed(500, 500)
        assert self._due() == []

    @rule()
    def settle_what_was_settled_in_the_meantime(self) -> None:
        """Post the same requests again: the ledger knows them."""
        corrections = self._due()
        self.settle_and_be_killed(500, 500)
        with self.store.write() as connection:
            before = tip(connection)
            post(connection, [correction.posting for correction in corrections], NOW + timedelta(days=1))
            assert tip(connection) == before

    def _due(self) -> list:  # type: ignore[type-arg]
        read = [answer for answer, _ in self.answers.values()]
        with self.store.read() as connection:
            so_far = posted(connection)
        return due(TASKS, read[::-1] if self.reverse else read, so_far, self.confidence, lambda _: COPY)

    # the model: a dictionary of what each part of each answer was paid

    def _worth(self, key: tuple[str, str, str]) -> int:
        person, where, part = key
        answers = [
            (answer.status is AnnotationStatus.SUBMITTED, answer.updated_at, answer.id, what)
            for answer, what in self.answers.values()
            if (answer.person_id, answer.task_id) == (person, where)
        ]
        submitted, _, _, what = max(answers)
        points = TASKS[where].quote[part] if submitted and part in EARNS[what] else 0
        factor = self.first.get(key, self.confidence[person])
        return int((points * Decimal(str(factor))).to_integral_value(ROUND_HALF_UP))

    def _model_pays(self, key: tuple[str, str, str]) -> None:
        worth = self._worth(key)
        assert worth != self.paid.get(key, 0)
        self.first.setdefault(key, self.confidence[key[0]])
        self.paid[key] = worth

    @invariant()
    def balances_are_what_the_model_says(self) -> None:
        expected = dict.fromkeys(PEOPLE, 0)
        for (person, _, _), points in self.paid.items():
            expected[person] += points
        with self.store.read() as connection:
            assert {person: wallet(connection, person).balance for person in PEOPLE} == expected
            all_balances = balances(connection)
            assert sum(all_balances.values()) == 0
            assert all_balances.get("treasury", 0) == -sum(expected.values())
            places = leaderboard(connection)
        assert {s.person_id: s.points for s in places} == {p: n for p, n in expected.items() if n}
        assert all(
            standing.rank == 1 + sum(other > standing.points for other in expected.values())
            for standing in places
        )

    @invariant()
    def the_ledger_is_whole(self) -> None:
        with self.store.read() as connection:
            assert problems(connection) == []

    @invariant()
    def what_is_due_is_what_the_model_misses(self) -> None:
        keys = {
            (answer.person_id, answer.task_id, part)
            for answer, _ in self.answers.values()
            for part in TASKS[answer.task_id].quote
        }
        missing = {key: self._worth(key) - self.paid.get(key, 0) for key in keys}
        found = {(d.person_id, d.task_id, d.part): d.delta for d in self._due()}
        assert found == {key: delta for key, delta in missing.items() if delta}


TestSettling = Settling.TestCase
TestSettling.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)

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
@settings(max_examples=30, deadline=None)
def test_posting_in_any_portions_with_any_repeats_is_posting_once(
    postings: list[Posting], data: st.DataObject
) -> None:
    whole, portions = Store("sqlite://"), Store("sqlite://")
    for store in (whole, portions):
        store.upgrade()
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
