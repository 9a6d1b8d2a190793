"""Bonuses and the day's cap, in worked figures, settled in a real ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from reward_engine import Calendar, RuleBook, Terms, due, posted, problems, settle, wallet
from reward_engine.bonuses import conversation_key
from tests.sample_records import ALL_TAGS, annotation, task
from workspaces.config import RatesConfig
from workspaces.kinds import ChoiceQuestion, Kind, PaidPart, registered
from workspaces.records import AnnotationStatus
from workspaces.store import Store
from workspaces.store.conversations import SharedLog
from workspaces.store.people import PersonSettings
from workspaces.store.rules import BEGINNING, RulesVersion
from workspaces.store.settlements import sharing_settlement
from workspaces.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reward_engine.settlement import Due
    from workspaces.records import Annotation, Task

DELETED = AnnotationStatus.DELETED
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
REWRITE = ALL_TAGS | {"suggestion": "A better response, in full."}
NO = ALL_TAGS | {"helpful": "no"}


def at(day: int, hour: int = 12) -> datetime:
    return NOON + timedelta(days=day, hours=hour - 12)


def rules(
    name: str, holds_from: datetime = BEGINNING, cap: int | None = None, **bonuses: int
) -> RulesVersion:
    rates = RatesConfig.model_validate({"version": name, "points_per_day": cap, "bonuses": bonuses})
    return RulesVersion(name, rates, max(holds_from, NOON), holds_from)


class Office:
    """A ledger, and tasks t0 to t9 that offer 10 points for the tags and 6 for a rewrite."""

    def __init__(self) -> None:
        self.store = Store("sqlite://")
        metadata.create_all(self.store.engine)
        self.tasks: dict[str, Task] = {
            f"t{i}": replace(task(f"t{i}", {"qualities": 10, "suggestion": 6}), message_ids=(f"m{i}",))
            for i in range(10)
        }
        self.versions: list[RulesVersion] = []
        self.settings: list[PersonSettings] = []
        self.shared: list[SharedLog] = []
        self.first: dict[tuple[str, str], datetime] = {}
        self.answers: dict[str, Annotation] = {}

    def answer(
        self,
        number: int,
        when: datetime,
        values: dict[str, str] | None = None,
        *,
        person: str = "p",
        status: AnnotationStatus = AnnotationStatus.SUBMITTED,
    ) -> None:
        """Somebody answers, or changes their answer."""
        given = annotation(f"t{number}", person, values, at=when, status=status)
        before = self.answers.get(given.id)
        self.answers[given.id] = replace(given, revision=before.revision + 1 if before else 1)
        if status is AnnotationStatus.SUBMITTED:
            key = (person, f"t{number}")
            self.first[key] = min(self.first.get(key, when), when)

    def due(self, confidence: dict[str, float] | None = None) -> list[Due]:
        book = RuleBook(self.versions)
        terms = Terms(book, Calendar(book, self.settings), self.first, self.shared)
        with self.store.read() as connection:
            so_far = posted(connection)
        return due(self.tasks, self.answers.values(), so_far, confidence or {}, lambda _: "Text.", terms)

    def pay(self, confidence: dict[str, float] | None = None) -> dict[tuple[str, str], int]:
        """Settle, and return the points moved by (task, part)."""
        corrections = self.due(confidence)
        with self.store.write() as connection:
            settle(connection, corrections, NOON)
        assert self.due(confidence) == []
        return {(it.reference, it.part): it.delta for it in corrections}

    def balance(self, person: str = "p") -> int:
        with self.store.read() as connection:
            assert problems(connection) == []
            return wallet(connection, person).balance

    def reasons(self) -> list[str]:
        with self.store.read() as connection:
            return [movement.reason for movement in wallet(connection, "p").movements]


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.store.close()


def test_without_recorded_rules_there_is_no_bonus_and_no_cap(office: Office) -> None:
    office.versions = [rules("1", at(1), cap=5, newcomer_answer=3)]
    office.answer(0, at(0))
    assert office.pay() == {("t0", "qualities"): 10}


def test_the_first_answers_of_a_newcomer_earn_more(office: Office) -> None:
    office.versions = [rules("1", newcomer_answer=3, newcomer_answers=2)]
    for number in range(3):
        office.answer(number, at(0, 8 + number))
    assert office.pay() == {
        ("t0", "qualities"): 10,
        ("t0", "newcomer"): 3,
        ("t1", "qualities"): 10,
        ("t1", "newcomer"): 3,
        ("t2", "qualities"): 10,
    }
    assert "bonus for a newcomer's answer, number 2 of the first 2" in office.reasons()
    office.answer(0, at(1), {}, status=DELETED)  # the third answer moves up
    assert office.pay() == {("t0", "qualities"): -10, ("t0", "newcomer"): -3, ("t2", "newcomer"): 3}
    assert office.balance() == 26


def test_an_answer_that_earns_nothing_is_no_first_answer_and_no_day_of_work(office: Office) -> None:
    office.versions = [rules("1", newcomer_answer=3, newcomer_answers=1, streak_day=5)]
    office.answer(0, at(0), {"helpful": "yes"})
    office.answer(1, at(1))
    assert office.pay() == {("t1", "qualities"): 10, ("t1", "newcomer"): 3}


def test_each_day_of_a_streak_earns_from_the_second_one_on(office: Office) -> None:
    office.versions = [rules("1", streak_day=2)]
    for number, day in enumerate((0, 0, 1, 1, 2, 4, 5)):
        office.answer(number, at(day, 8 + number))
    moved = office.pay()
    assert {key[0]: points for key, points in moved.items() if key[1] == "streak"} == {
        "t2": 2,
        "t4": 2,
        "t6": 2,
    }
    assert "bonus for day 3 of a streak, 2026-05-06" in office.reasons()
    office.answer(7, at(3))  # an answer that is synced late closes the gap
    assert office.pay() == {("t7", "qualities"): 10, ("t7", "streak"): 2, ("t5", "streak"): 2}
    office.answer(2, at(6), {}, status=DELETED)  # another answer of that day takes its place
    assert office.pay() == {("t2", "qualities"): -10, ("t2", "streak"): -2, ("t3", "streak"): 2}
    assert office.balance() == 70 + 10


def test_an_edit_on_another_day_is_no_work_of_that_day(office: Office) -> None:
    office.versions = [rules("1", streak_day=2)]
    office.answer(0, at(0))
    office.answer(0, at(1), NO)
    assert office.pay() == {("t0", "qualities"): 10}


def test_a_streak_goes_by_the_persons_own_midnight(office: Office) -> None:
    office.versions = [rules("1", streak_day=2)]
    office.settings = [PersonSettings("q", BEGINNING, time_zone="Europe/London")]
    for person in ("p", "q"):
        for number, hour in enumerate((22, 23)):
            office.answer(number, at(0, hour) + timedelta(minutes=30), person=person)
    moved = office.due()
    assert [(it.person_id, it.delta) for it in moved if it.part == "streak"] == [("q", 2)]


def test_a_rewrite_is_accepted_when_enough_others_found_the_response_not_helpful(office: Office) -> None:
    office.versions = [rules("1", accepted_rewrite=7, accepted_by=2)]
    office.answer(0, at(0), REWRITE | {"helpful": "no"})
    office.answer(0, at(1), NO, person="q")
    assert ("t0", "accepted_rewrite") not in office.pay()  # one's own vote does not count
    office.answer(0, at(2), NO, person="r")
    assert office.pay() == {("t0", "qualities"): 10, ("t0", "accepted_rewrite"): 7}
    assert office.balance() == 10 + 6 + 7
    for person in ("s", "u"):
        office.answer(0, at(3), ALL_TAGS, person=person)  # two against two: no longer a majority
    assert office.pay()["t0", "accepted_rewrite"] == -7
    assert office.balance() == 16


def test_an_answer_about_two_responses_accepts_no_rewrite_of_one_of_them(office: Office) -> None:
    helpful = ChoiceQuestion("helpful", "Are both helpful?", "", {"yes": "Yes", "no": "No"})
    part = PaidPart("both_helpful", ("helpful",), 3, "your answer", "whether both are helpful")
    pairs = Kind("both", "Both", responses=2, questions=(helpful,), parts=(part,))
    office.versions = [rules("1", accepted_rewrite=7, accepted_by=1)]
    pair = replace(office.tasks["t1"], kind="both", message_ids=("m0", "m9"), quote={"both_helpful": 3})
    office.tasks["t1"] = pair
    office.answer(0, at(0), REWRITE)
    office.answer(1, at(1), {"helpful": "no"}, person="q")
    with registered(pairs):
        points = office.pay()
    assert points == {("t0", "qualities"): 10, ("t0", "suggestion"): 6, ("t1", "both_helpful"): 3}


def test_a_rewrite_that_is_withdrawn_loses_its_bonus(office: Office) -> None:
    office.versions = [rules("1", accepted_rewrite=7, accepted_by=1)]
    office.answer(0, at(0), REWRITE)
    office.answer(0, at(0), NO, person="q")
    office.pay()
    office.answer(0, at(1), ALL_TAGS)
    assert office.pay() == {("t0", "suggestion"): -6, ("t0", "accepted_rewrite"): -7}
    assert office.reasons()[-2:] == [
        "bonus accepted_rewrite: no longer earned: corrected",
        "suggestion of a qualitative task of medium significance: corrected, the answer is now submitted (revision 2)",
    ]


def test_sharing_chat_logs_earns_for_the_first_ones_of_a_day(office: Office) -> None:
    office.versions = [rules("1", shared_chat_log=4, shared_chat_logs_per_day=2)]
    office.shared = [SharedLog(f"log {i}", "p", at(0, 9 + i)) for i in range(3)] + [
        SharedLog("next day", "p", at(1)),
        SharedLog("another's", "q", at(0)),
    ]
    moved = office.pay()
    paid = {conversation_key(name) for name in ("log 0", "log 1", "next day", "another's")}
    assert moved == {(key, "shared_chat_log"): 4 for key in paid}
    office.shared = office.shared[1:]  # made private again, or deleted
    assert office.pay() == {
        (conversation_key("log 0"), "shared_chat_log"): -4,
        (conversation_key("log 2"), "shared_chat_log"): 4,
    }
    assert (office.balance(), office.balance("q")) == (12, 4)
    with office.store.read() as connection:
        rows = connection.execute(sa.select(sharing_settlement)).all()
    assert sum(row.delta for row in rows) == 16
    office.shared = []
    office.pay()
    assert (office.balance(), office.balance("q")) == (0, 0)


def test_the_ledger_does_not_repeat_the_id_of_a_conversation(office: Office) -> None:
    office.versions = [rules("1", shared_chat_log=4)]
    office.shared = [SharedLog("ada@example.org/7", "p", at(0))]
    assert "ada" not in repr(office.due())


def test_a_days_cap_serves_work_in_the_order_it_was_done(office: Office) -> None:
    office.versions = [rules("1", cap=25)]
    for number in range(4):
        office.answer(number, at(0, 8 + number))
    office.answer(4, at(1))
    assert office.pay() == {
        ("t0", "qualities"): 10,
        ("t1", "qualities"): 10,
        ("t2", "qualities"): 5,
        ("t4", "qualities"): 10,
    }
    what = "qualities of a qualitative task of medium significance"
    assert office.reasons()[1:3] == [
        f"{what}; within the cap of 25 points for 2026-05-04 (rules 1)",
        f"{what}; the cap of 25 points for 2026-05-04 (rules 1) leaves 5 of 10",
    ]
    office.answer(0, at(2), {}, status=DELETED)  # its room goes to those after it
    assert office.pay() == {("t0", "qualities"): -10, ("t2", "qualities"): 5, ("t3", "qualities"): 5}
    assert office.balance() == 35


def test_work_that_is_synced_late_takes_its_place_and_the_day_stays_within_the_cap(office: Office) -> None:
    office.versions = [rules("1", cap=15)]
    office.answer(1, at(0, 11))
    office.answer(2, at(0, 12))
    assert office.pay() == {("t1", "qualities"): 10, ("t2", "qualities"): 5}
    office.answer(0, at(0, 8))
    corrections = office.due()
    assert [(it.reference, it.delta) for it in corrections] == [("t1", -5), ("t2", -5), ("t0", 10)]
    office.pay()
    assert office.balance() == 15


def test_the_cap_holds_bonuses_too_and_is_the_persons_own(office: Office) -> None:
    office.versions = [rules("1", cap=12, newcomer_answer=5, newcomer_answers=9)]
    office.settings = [PersonSettings("q", BEGINNING, time_zone="Europe/London")]
    for person in ("p", "q"):
        office.answer(0, at(0, 22) + timedelta(minutes=30), person=person)
        office.answer(1, at(0, 23) + timedelta(minutes=30), person=person)
    office.pay()
    assert (office.balance("p"), office.balance("q")) == (
        12,
        24,
    )  # in London the second answer is of the next day


def test_confidence_is_counted_before_the_cap(office: Office) -> None:
    office.versions = [rules("1", cap=12)]
    office.answer(0, at(0, 8))
    office.answer(1, at(0, 9))
    assert office.pay({"p": 0.75}) == {("t0", "qualities"): 8, ("t1", "qualities"): 4}


def test_a_lower_cap_and_other_bonuses_change_nothing_about_work_that_was_done(office: Office) -> None:
    office.versions = [rules("1", cap=25, streak_day=2)]
    for number in range(3):
        office.answer(number, at(0, 8 + number))
    office.answer(3, at(1, 8))
    office.pay()
    office.versions.append(rules("2", at(1, 10), cap=11, streak_day=9, newcomer_answer=1))
    assert office.pay() == {}
    office.answer(4, at(1, 11))  # 12 points were given before the change: nothing is left, nothing is taken
    assert office.pay() == {}
    office.answer(5, at(2, 11))
    assert office.pay() == {("t5", "newcomer"): 1, ("t5", "qualities"): 10}
    assert (
        office.balance() == 25 + 12 + 11
    )  # newcomer, qualities and streak in this order: no room for the streak


def test_a_bonus_names_the_version_that_held_and_an_answer_that_of_its_task(office: Office) -> None:
    office.versions = [rules("old"), rules("new", at(0), newcomer_answer=1)]
    office.answer(0, at(1))
    assert {it.part: it.posting.rules_version for it in office.due()} == {"qualities": "1", "newcomer": "new"}
