"""Settlement: every answer is paid once, corrected when it changes, and the balance is what the answers earn."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from reward_engine import due, posted, problems, settle, tip, totals, wallet
from tests.sample_records import ALL_TAGS, NOW, annotation, minutes, task
from workspaces.records import AnnotationStatus
from workspaces.store.settlements import settlement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reward_engine.settlement import Due
    from tests.stores import Stores
    from workspaces.records import Annotation, Task
    from workspaces.store import Store

DRAFT, SUBMITTED, DISCARDED, DELETED = AnnotationStatus
REWRITE = "A better response, in full."
SUGGESTED = ALL_TAGS | {"suggestion": REWRITE}


class Office:
    """A ledger and three tasks; ``pay`` settles answers as the step does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.tasks: dict[str, Task] = {
            "t1": task("t1", {"qualities": 6, "suggestion": 8}),
            "t2": task("t2", {"qualities": 9, "suggestion": 12}),
            "t3": task("t3", {"preference": 4}, kind="preference"),
        }

    def due(self, answers: Sequence[Annotation], confidence: dict[str, float] | None = None) -> list[Due]:
        with self.store.read() as connection:
            so_far = posted(connection)
        return due(self.tasks, answers, so_far, confidence or {}, lambda _: "The response.")

    def pay(self, *answers: Annotation, confidence: dict[str, float] | None = None) -> list[int]:
        """Settle, and return the points moved."""
        corrections = self.due(answers, confidence)
        with self.store.write() as connection:
            settle(connection, corrections, NOW)
        return [correction.delta for correction in corrections]

    def balance(self, person: str = "p") -> int:
        with self.store.read() as connection:
            assert problems(connection) == []
            return wallet(connection, person).balance

    def reasons(self, person: str = "p") -> list[str]:
        with self.store.read() as connection:
            return [movement.reason for movement in wallet(connection, person).movements]


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def test_an_answer_is_paid_once(office: Office) -> None:
    answer = annotation("t1", "p", SUGGESTED)
    assert office.pay(answer) == [6, 8]
    assert office.pay(answer) == []
    assert office.balance() == 14
    assert office.reasons() == [
        "qualities of a qualitative task of medium significance",
        "suggestion of a qualitative task of medium significance",
    ]


def test_nothing_is_posted_for_what_earns_nothing(office: Office) -> None:
    for status in (DRAFT, DISCARDED, DELETED):
        assert office.pay(annotation("t1", "p", status=status)) == []
    assert office.pay(annotation("t1", "p", {})) == []
    with office.store.read() as connection:
        assert tip(connection).sequence == 0


def test_an_edit_pays_or_takes_back_the_difference(office: Office) -> None:
    office.pay(annotation("t1", "p"))
    assert office.pay(annotation("t1", "p", SUGGESTED, revision=2)) == [8]
    assert office.pay(annotation("t1", "p", ALL_TAGS, revision=3)) == [-8]
    assert office.pay(annotation("t1", "p", {"suggestion": REWRITE}, revision=4)) == [-6, 8]
    assert office.balance() == 8
    assert office.reasons()[-1].endswith("corrected, the answer is now submitted (revision 4)")


def test_a_change_of_opinion_moves_no_points(office: Office) -> None:
    office.pay(annotation("t3", "p", {"preference": "a"}))
    assert office.pay(annotation("t3", "p", {"preference": "b"}, revision=2)) == []
    assert office.balance() == 4


@pytest.mark.parametrize("status", [DRAFT, DISCARDED, DELETED])
def test_a_withdrawn_answer_is_taken_back_and_paid_again_when_it_returns(
    office: Office, status: AnnotationStatus
) -> None:
    for number in range(1, 6, 2):
        assert office.pay(annotation("t1", "p", SUGGESTED, revision=number)) == [6, 8]
        assert office.pay(annotation("t1", "p", {}, status=status, revision=number + 1)) == [-6, -8]
    assert office.balance() == 0


def test_several_answers_of_one_person_to_one_task_are_paid_as_one(office: Office) -> None:
    first = annotation("t1", "p", SUGGESTED, name="one", at=minutes(1))
    second = annotation("t1", "p", ALL_TAGS, name="two", at=minutes(2))
    assert office.pay(first) == [6, 8]
    assert office.pay(first, second) == [-8]  # the latest counts
    assert office.pay(second, first) == []
    assert office.pay(first, replace(second, status=DELETED)) == [8]
    assert office.balance() == 14


def test_a_later_draft_does_not_undo_a_submitted_answer(office: Office) -> None:
    submitted = annotation("t1", "p", name="one", at=minutes(1))
    draft = annotation("t1", "p", {}, name="two", status=DRAFT, at=minutes(9))
    assert office.pay(submitted, draft) == [6]


def test_answers_of_the_same_moment_are_decided_the_same_way_every_time(office: Office) -> None:
    one = annotation("t1", "p", ALL_TAGS, name="one")
    two = annotation("t1", "p", SUGGESTED, name="two")
    assert [d.posting for d in office.due([one, two])] == [d.posting for d in office.due([two, one])]


def test_everybody_is_paid_for_their_own_answer(office: Office) -> None:
    moved = office.pay(annotation("t1", "p"), annotation("t1", "q"), annotation("t2", "p"))
    assert sorted(moved) == [6, 6, 9]
    assert (office.balance("p"), office.balance("q")) == (15, 6)


def test_confidence_multiplies_what_is_paid_and_the_reason_says_so(office: Office) -> None:
    assert office.pay(annotation("t1", "p", SUGGESTED), confidence={"p": 0.75, "q": 2.0}) == [5, 6]
    assert all(reason.endswith("times 0.75 for confidence") for reason in office.reasons())


def test_the_multiplier_of_the_first_payment_stays_with_the_answer(office: Office) -> None:
    office.pay(annotation("t1", "p", ALL_TAGS), confidence={"p": 0.5})
    for later in (1.0, 0.0, 0.25):
        assert office.pay(annotation("t1", "p", ALL_TAGS), confidence={"p": later}) == []
    assert office.pay(annotation("t1", "p", status=DELETED, revision=2), confidence={"p": 1.0}) == [-3]
    assert office.pay(annotation("t1", "p", ALL_TAGS, revision=3), confidence={"p": 1.0}) == [3]
    assert office.pay(annotation("t2", "p", ALL_TAGS), confidence={"p": 1.0}) == [
        9
    ]  # new work, new multiplier
    assert office.balance() == 12


def test_settling_in_halves_or_in_another_order_comes_to_the_same(office: Office, stores: Stores) -> None:
    answers = [
        annotation(task_id, person, SUGGESTED if task_id != "t3" else {"preference": "a"}, at=minutes(number))
        for number, (task_id, person) in enumerate((t, p) for p in "abcde" for t in office.tasks)
    ]
    confidence = {"b": 0.5, "c": 0.9}
    office.pay(*answers, confidence=confidence)
    expected = {person: office.balance(person) for person in "abcde"}
    for seed in range(5):
        other = Office(stores.new())
        shuffled = random.Random(seed).sample(answers, len(answers))
        other.pay(*shuffled[:7], confidence=confidence)
        other.pay(*shuffled[4:9], confidence=confidence)
        other.pay(*shuffled[::-1], confidence=confidence)
        assert {person: other.balance(person) for person in "abcde"} == expected


def test_a_crash_between_batches_leaves_the_rest_for_the_next_run(office: Office) -> None:
    answers = [annotation(t, p) for p in "abc" for t in ("t1", "t2")]
    corrections = office.due(answers)
    with office.store.write() as connection:
        settle(connection, corrections[:2], NOW)
    assert office.pay(*answers) == [correction.delta for correction in corrections[2:]]
    assert office.pay(*answers) == []
    assert sum(office.balance(person) for person in "abc") == 45


def test_a_crash_inside_a_batch_leaves_nothing_of_it(office: Office) -> None:
    corrections = office.due([annotation("t1", "p"), annotation("t2", "p")])

    def killed() -> None:
        with office.store.write() as connection:
            settle(connection, corrections, NOW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert office.balance() == 0
    assert office.pay(annotation("t1", "p"), annotation("t2", "p")) == [6, 9]


def test_two_that_settle_the_same_at_once_pay_once(office: Office) -> None:
    corrections = office.due([annotation("t1", "p")])
    with office.store.write() as connection:
        settle(connection, corrections, NOW)
    with pytest.raises(sa.exc.IntegrityError), office.store.write() as connection:
        settle(connection, corrections, NOW)
    assert office.balance() == 6


def test_a_settlement_names_the_answer_and_revision_it_is_for(office: Office) -> None:
    office.pay(annotation("t1", "p", SUGGESTED, name="one", revision=3), confidence={"p": 0.5})
    with office.store.read() as connection:
        rows = connection.execute(sa.select(settlement).order_by(settlement.c.sequence)).all()
    assert [(r.annotation_id, r.revision, r.part, r.delta, r.multiplier) for r in rows] == [
        ("one", 3, "qualities", 3, 0.5),
        ("one", 3, "suggestion", 4, 0.5),
    ]


def test_a_task_keeps_the_points_it_was_offered_with(office: Office) -> None:
    office.pay(annotation("t1", "p"))
    office.tasks["t4"] = task("t4", {"qualities": 100})
    assert office.pay(annotation("t1", "p"), annotation("t4", "p")) == [100]


def test_who_took_everything_back_leaves_the_leaderboard(office: Office) -> None:
    office.pay(annotation("t1", "p"), annotation("t1", "q"))
    office.pay(annotation("t1", "p", status=DELETED, revision=2))
    with office.store.read() as connection:
        assert list(totals(connection)) == ["q"]
