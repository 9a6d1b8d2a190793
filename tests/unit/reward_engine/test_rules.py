"""Versions of the rules: what holds when, what a change needs, and which day a moment is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from reward_engine import Calendar, RuleBook, adjust
from tests.sample_records import NOW, chat
from workspaces.config import BonusesConfig, RatesConfig
from workspaces.errors import ConfigurationError
from workspaces.kinds import ChoiceQuestion, Kind, PaidPart, registered
from workspaces.store import Store
from workspaces.store.people import PersonSettings
from workspaces.store.rules import (
    BEGINNING,
    RulesVersion,
    UnknownPaidPartError,
    all_rules,
    next_version,
    rules,
    save_rules,
)

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

DAY = timedelta(days=1)


def rates(**fields: object) -> RatesConfig:
    return RatesConfig.model_validate(fields)


def version(name: str, holds_from: datetime, **fields: object) -> RulesVersion:
    return RulesVersion(name, rates(version=name, **fields), max(holds_from, NOW), holds_from)


def test_work_is_judged_by_the_version_that_held_when_it_was_done() -> None:
    book = RuleBook([version("2", NOW + DAY), version("1", NOW)])
    names = [
        found.version if (found := book.at(moment)) else None
        for moment in (NOW - DAY, NOW, NOW + DAY - timedelta(microseconds=1), NOW + DAY, NOW + 99 * DAY)
    ]
    assert names == [None, "1", "1", "2", "2"]
    assert book.named("2") is book.versions[1]
    assert book.named("3") is None


def test_the_first_version_holds_from_the_beginning_unless_points_were_paid_before() -> None:
    fresh = next_version(rates(version="a"), [], NOW, paid_before=False)
    legacy = next_version(rates(version="a"), [], NOW, paid_before=True)
    assert fresh is not None
    assert legacy is not None
    assert (fresh.holds_from, legacy.holds_from) == (BEGINNING, NOW)
    assert fresh.first_used_at == legacy.first_used_at == NOW


def test_rates_that_are_in_use_are_recorded_once() -> None:
    assert next_version(RatesConfig(), [version("1", BEGINNING)], NOW, paid_before=False) is None


def test_a_changed_number_with_the_old_version_is_refused_and_both_are_named() -> None:
    changed = rates(qualities=7, bonuses=BonusesConfig(streak_day=3))
    with pytest.raises(ConfigurationError) as caught:
        next_version(changed, [version("1", BEGINNING)], NOW, paid_before=False)
    said = str(caught.value)
    assert "rates.qualities is now 7 instead of 6 and rates.bonuses.streak_day is now 3 instead of 0" in said
    assert "rates.version '1' has been used since 2026-05-01" in said


def test_a_version_that_was_left_cannot_hold_twice() -> None:
    known = [version("1", BEGINNING), version("2", NOW, qualities=9)]
    with pytest.raises(
        ConfigurationError, match=r"'1' was replaced by '2' on 2026-05-01.*give .* new version"
    ):
        next_version(RatesConfig(), known, NOW + DAY, paid_before=True)
    with pytest.raises(ConfigurationError, match=r"rates\.preference is now 1 instead of 4"):
        next_version(rates(preference=1), known, NOW + DAY, paid_before=True)


def test_a_new_name_alone_is_a_new_version() -> None:
    new = next_version(RatesConfig(version="2"), [version("1", BEGINNING)], NOW, paid_before=True)
    assert new is not None
    assert (new.version, new.holds_from) == ("2", NOW)


def test_a_clock_that_was_set_back_does_not_put_a_new_version_before_the_old_one() -> None:
    new = next_version(RatesConfig(version="2"), [version("1", NOW)], NOW - DAY, paid_before=True)
    assert new is not None
    assert NOW < new.holds_from < NOW + timedelta(seconds=1)


def test_a_stored_version_comes_back_as_it_was_and_cannot_be_changed() -> None:
    store = Store("sqlite://")
    store.upgrade()
    kept = version("1", NOW, points_per_day=50, bonuses={"newcomer_answer": 2})
    with store.write() as connection:
        save_rules(connection, kept)
    with store.read() as connection:
        assert all_rules(connection) == [kept]
    for statement in ("UPDATE rules SET rates = '{}'", "DELETE FROM rules"):
        with (
            pytest.raises(sa.exc.IntegrityError, match="rules is append-only"),
            store.write() as connection,
        ):
            connection.execute(sa.text(statement))
    store.close()


def test_a_setting_that_an_old_version_did_not_know_has_its_default() -> None:
    store = Store("sqlite://")
    store.upgrade()
    row = 'INSERT INTO rules VALUES (\'1\', \'{"version": "1", "qualities": 5}\', :now, :now)'
    with store.write() as connection:
        connection.execute(sa.text(row), {"now": "2026-05-01 12:00:00.000000"})
    with store.read() as connection:
        (kept,) = all_rules(connection)
    assert kept.rates == rates(qualities=5, beyond_overlap="pay"), "everybody who answered was paid then"
    store.close()


def test_days_are_told_by_the_time_zone_that_was_set_at_the_moment() -> None:
    book = RuleBook([version("1", BEGINNING, time_zone="Asia/Tokyo"), version("2", NOW + 2 * DAY)])
    calendar = Calendar(
        book,
        [
            PersonSettings("p", NOW + DAY, time_zone="America/New_York"),
            PersonSettings("p", NOW - DAY, time_zone="Pacific/Auckland"),
            PersonSettings("p", NOW + 3 * DAY),
        ],
    )
    late = datetime(2026, 5, 1, 23, tzinfo=UTC)
    assert calendar.zone("p", NOW - 2 * DAY) == "Asia/Tokyo"  # nothing set yet: that of the rules
    assert calendar.day("p", late) == date(2026, 5, 2)  # 11:00 in Auckland
    assert calendar.day("p", late + DAY) == date(2026, 5, 2)  # 19:00 in New York
    assert calendar.day("p", late + 3 * DAY) == date(2026, 5, 4)  # unset again: UTC, by version 2
    assert calendar.day("q", late) == date(2026, 5, 2)
    assert Calendar(RuleBook()).day("q", late) == date(2026, 5, 1)


def test_the_steps_refuse_changed_numbers_before_anything_is_priced_or_paid(workspace: Workspace) -> None:
    from chatfeedback import steps

    steps.generate_tasks(workspace)
    with workspace.store.write() as connection:
        adjust(connection, "p", 5, reason="thanks", author="Grace", rules_version="1", now=NOW)
    steps.settle_answers(workspace)
    workspace.config = workspace.config.model_copy(update={"rates": rates(suggestion=9)})
    for step in (steps.generate_tasks, steps.settle_answers):
        with pytest.raises(ConfigurationError, match=r"rates\.suggestion is now 9 instead of 8"):
            step(workspace)
    workspace.config = workspace.config.model_copy(update={"rates": rates(version="2", suggestion=9)})
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        assert [each.version for each in all_rules(connection)] == ["1", "2"]


def test_rates_may_change_under_their_version_until_something_is_promised(workspace: Workspace) -> None:
    from chatfeedback import steps

    for number in (8, 9):
        workspace.config = workspace.config.model_copy(update={"rates": rates(suggestion=number)})
        steps.settle_answers(workspace)
        steps.generate_tasks(workspace)
    chat_log = chat("c", "How long is the tooth of a walrus?", "It has about forty centimetres.")
    workspace.collection.append([chat_log], now=NOW, delay=timedelta(0))
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    with workspace.store.read() as connection:
        (known,) = all_rules(connection)
    assert (known.version, known.rates.points("suggestion"), known.holds_from) == ("1", 9, BEGINNING)
    workspace.config = workspace.config.model_copy(update={"rates": rates(suggestion=8)})
    with pytest.raises(ConfigurationError, match=r"rates\.suggestion is now 8 instead of 9"):
        steps.generate_tasks(workspace)


def test_two_that_record_rules_at_once_keep_one_of_them(workspace: Workspace) -> None:
    first, other = version("1", BEGINNING), version("1", BEGINNING, qualities=9)
    for each in (first, other, version("2", BEGINNING)):
        with workspace.store.write() as connection:
            save_rules(connection, each)
    with workspace.store.read() as connection:
        assert all_rules(connection) == [first]


def test_rules_that_pay_for_a_kind_that_is_gone_are_named_and_kept_as_they_are(workspace: Workspace) -> None:
    question = ChoiceQuestion("clear", "Clear?", "Could a newcomer follow it?", {"yes": "Yes", "no": "No"})
    part = PaidPart("clearness", ("clear",), points=3, offer="your answer", description="a rating of clarity")
    with registered(Kind("clarity", "How clear is it?", questions=(question,), parts=(part,))):
        paying = version("spring", BEGINNING, clearness=5)
        with workspace.store.write() as connection:
            save_rules(connection, paying)
    with workspace.store.read() as connection:
        stored = connection.execute(sa.select(rules)).all()
        with pytest.raises(UnknownPaidPartError, match=r"'spring' pays for 'clearness'.*Install the package"):
            all_rules(connection)
    with (
        registered(Kind("clarity", "How clear is it?", questions=(question,), parts=(part,))),
        workspace.store.read() as connection,
    ):
        assert connection.execute(sa.select(rules)).all() == stored
        assert all_rules(connection) == [paying]
