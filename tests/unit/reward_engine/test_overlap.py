"""At most as many people as the overlap are paid for a task, and who is paid stays paid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_engine import RuleBook, Terms, due
from reward_engine.overlap import beyond, crowded, limit
from tests.sample_records import ALL_TAGS, NOW, annotation, task
from workspaces.config import RatesConfig
from workspaces.errors import ConfigurationError
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import AnnotationRevision
from workspaces.store.promises import next_rules
from workspaces.store.rules import BEGINNING, RulesVersion, all_rules, next_version, rules, save_rules
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from workspaces.store import Store

TASKS = {"t": replace(task("t", {"qualities": 6}), overlap=2)}
SUBMITTED, DISCARDED = AnnotationStatus.SUBMITTED, AnnotationStatus.DISCARDED


def book(**rates: str) -> RuleBook:
    return RuleBook([RulesVersion("1", RatesConfig.model_validate(rates), NOW, BEGINNING)])


def said(
    number: int, person: str, *, full: bool = True, status: AnnotationStatus = SUBMITTED
) -> AnnotationRevision:
    """Return the revision that came in as number ``number``: all tags, or none."""
    return AnnotationRevision(
        annotation_id=f"t/{person}",
        revision=number,
        task_id="t",
        person_id=person,
        platform="argilla",
        response_id=person,
        status=status,
        answers=ALL_TAGS if full else {},
        content_hash="",
        updated_at=NOW,
        synced_at=NOW,
        number=number,
    )


def refused(*revisions: AnnotationRevision, **accepted_after: int) -> set[str]:
    accepted = {(person, "argilla"): number for person, number in accepted_after.items()}
    found = beyond(TASKS, revisions, book(), lambda _: None, accepted)
    return {person for person, _ in found}


def test_the_first_people_to_arrive_are_paid() -> None:
    assert refused(said(1, "c"), said(2, "b"), said(3, "a")) == {"a"}


def test_an_answer_that_earns_nothing_takes_nobodys_place() -> None:
    assert refused(said(1, "blank", full=False), said(2, "b"), said(3, "a")) == set()
    assert refused(said(1, "draft", status=AnnotationStatus.DRAFT), said(2, "b"), said(3, "a")) == set()


def test_who_comes_back_stands_behind_those_who_stayed() -> None:
    left = (said(1, "a"), said(2, "b"), said(3, "c"), said(4, "a", status=DISCARDED))
    assert refused(*left) == set()
    assert refused(*left, said(5, "a")) == {"a"}


def test_an_edit_keeps_the_place() -> None:
    assert refused(said(1, "a"), said(2, "b"), said(3, "c"), said(4, "a")) == {"c"}


def test_who_is_accepted_later_stands_behind_those_who_were_there() -> None:
    assert refused(said(1, "stranger"), said(2, "b"), said(3, "c"), stranger=3) == {"stranger"}
    assert refused(said(1, "stranger"), said(2, "b"), said(3, "c")) == {"c"}


def test_the_rules_of_the_offer_decide() -> None:
    assert limit(TASKS["t"], book()) == 2
    assert limit(TASKS["t"], book(beyond_overlap="pay")) is None
    assert limit(TASKS["t"], RuleBook()) is None
    people = [annotation("t", person) for person in "abc"]
    assert crowded(TASKS, people, book()) == {"t"}
    assert crowded(TASKS, people, book(beyond_overlap="pay")) == set()
    assert crowded(TASKS, people[:2], book()) == set()


def test_nobody_beyond_the_overlap_is_paid_or_given_a_bonus() -> None:
    rates = {"bonuses": {"newcomer_answer": 5}}
    rules = RuleBook([RulesVersion("1", RatesConfig.model_validate(rates), NOW, BEGINNING)])
    people = [annotation("t", person) for person in "abc"]
    found = due(TASKS, people, {}, {}, lambda _: None, Terms(book=rules, beyond=frozenset({("c", "t")})))
    assert {(it.person_id, it.part, it.delta) for it in found} == {
        (person, part, points) for person in "ab" for part, points in (("qualities", 6), ("newcomer", 5))
    }


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.booleans(), st.sampled_from([SUBMITTED, DISCARDED])),
        max_size=20,
    )
)
def test_who_is_paid_stays_paid_as_long_as_the_answer_stands(
    events: list[tuple[str, bool, AnnotationStatus]],
) -> None:
    history: list[AnnotationRevision] = []
    paid: set[str] = set()
    for number, (person, full, status) in enumerate(events, start=1):
        history.append(said(number, person, full=full, status=status))
        latest = {it.person_id: it for it in history}
        earning = {name for name, it in latest.items() if it.answers and it.status is SUBMITTED}
        now_paid = earning - refused(*history)
        assert len(now_paid) == min(len(earning), 2)
        assert paid & earning <= now_paid
        paid = now_paid


def test_a_version_from_before_the_setting_goes_on_to_pay_everybody(store: Store) -> None:
    old = RatesConfig().model_dump(mode="json")
    del old["beyond_overlap"]
    with store.write() as connection:
        connection.execute(
            rules.insert(), {"version": "1", "rates": old, "first_used_at": NOW, "holds_from": BEGINNING}
        )
        known = all_rules(connection)
    assert known[0].rates.beyond_overlap == "pay"
    unset, asked = RatesConfig(), RatesConfig(beyond_overlap="refuse")
    assert next_version(unset, known, NOW, paid_before=True) is None
    with pytest.raises(ConfigurationError, match="beyond_overlap is now refuse instead of pay"):
        next_version(asked, known, NOW, paid_before=True)
    new = next_version(RatesConfig(version="2"), known, NOW, paid_before=True)
    assert new is not None
    assert new.rates.beyond_overlap == "refuse"


def test_a_task_offered_before_versions_were_recorded_pays_everybody(store: Store) -> None:
    """An upgrade from before ``rules`` was a table records the version that its tasks name already."""
    with store.write() as connection:
        save_tasks(connection, [TASKS["t"]])
    with store.read() as connection:
        recorded = next_rules(connection, RatesConfig(), NOW)
        assert recorded is not None
        assert recorded.rates.beyond_overlap == "pay"
        assert limit(TASKS["t"], RuleBook([recorded])) is None
        asked = RatesConfig(beyond_overlap="refuse")
        said = next_rules(connection, asked, NOW)  # nothing was paid yet
        another = next_rules(connection, RatesConfig(version="2"), NOW)
    assert said is not None
    assert said.rates.beyond_overlap == "refuse"
    for changed, there in ((asked, "pay"), (RatesConfig(own=0.0), "1.0")):
        with pytest.raises(
            ConfigurationError, match=rf"instead of {there}, but tasks were offered .*new name"
        ):
            next_version(changed, [], NOW, paid_before=True, offered_before=True)
    assert another is not None
    assert another.rates.beyond_overlap == "refuse"
    assert limit(TASKS["t"], RuleBook([another])) is None
    with store.write() as connection:
        save_rules(connection, recorded)
        assert next_rules(connection, RatesConfig(), NOW) is None
