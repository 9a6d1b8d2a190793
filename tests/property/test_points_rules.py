"""Bonuses, caps and rule changes: whatever the order of events and of settling, the same points and never too many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from reward_engine import Calendar, RuleBook, Terms, due, posted, problems, settle, streak_lengths
from reward_engine.bonuses import answer_bonuses, conversation_key, sharing_bonuses
from reward_engine.claims import Claim, granted
from reward_engine.ledger import balances
from reward_engine.settlement import _counted, _work, grants
from tests.examples import examples
from tests.sample_records import ALL_TAGS, annotation, task
from workspaces.config import RatesConfig
from workspaces.records import AnnotationStatus, Quality
from workspaces.store import Store
from workspaces.store.closings import closing_key
from workspaces.store.conversations import SharedLog
from workspaces.store.people import PersonSettings
from workspaces.store.rules import BEGINNING, RulesVersion
from workspaces.store.tables import metadata
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from workspaces.records import Annotation

START = datetime(2026, 3, 27, tzinfo=UTC)  # Berlin's clocks change on the 29th
PEOPLE = ("ada", "bo", "chidi")
TASKS = {
    f"t{i}": replace(
        task(f"t{i}", {"qualities": 5 + i, "suggestion": 7}), message_ids=(f"m{i % 2}",), rules_version="v0"
    )
    for i in range(4)
}
VALUES: tuple[dict[str, str], ...] = (
    ALL_TAGS,
    ALL_TAGS | {"helpful": "no"},
    ALL_TAGS | {"helpful": "no", "suggestion": "A better response, in full."},
    {},
)
ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", None)
HOURS = st.integers(0, 24 * 5)
MOMENTS = HOURS.map(lambda hours: START + timedelta(hours=hours))


@st.composite
def versions(draw: st.DrawFn) -> list[RulesVersion]:
    """Rules that change now and then; the first hold from the beginning."""
    starts = [BEGINNING, *sorted(draw(st.sets(MOMENTS, max_size=2)))]
    return [RulesVersion(f"v{i}", draw(rates(f"v{i}")), start, start) for i, start in enumerate(starts)]


def rates(name: str) -> st.SearchStrategy[RatesConfig]:
    bonuses = {
        "shared_chat_log": st.integers(0, 3),
        "shared_chat_logs_per_day": st.integers(1, 2),
        "accepted_rewrite": st.integers(0, 5),
        "accepted_by": st.integers(1, 2),
        "streak_day": st.integers(0, 3),
        "streak_grace_days": st.integers(0, 1),
        "newcomer_answer": st.integers(0, 3),
        "newcomer_answers": st.integers(1, 3),
    }
    fields = {
        "version": st.just(name),
        "points_per_day": st.none() | st.integers(1, 30),
        "vesting": st.sampled_from(["at_once", "on_agreement"]),
        "vested_at_once": st.sampled_from([0, 0.3, 0.5, 1]),
        "bonuses": st.fixed_dictionaries(bonuses),
        "time_zone": st.sampled_from(ZONES[:-1]),
    }
    return st.fixed_dictionaries(fields).map(RatesConfig.model_validate)


ANSWERS = st.builds(
    lambda where, person, values, status, moment: annotation(where, person, values, status=status, at=moment),
    st.sampled_from(sorted(TASKS)),
    st.sampled_from(PEOPLE),
    st.sampled_from(VALUES),
    st.sampled_from([AnnotationStatus.SUBMITTED] * 4 + [AnnotationStatus.DISCARDED]),
    MOMENTS,
)
SETTINGS = st.lists(
    st.builds(
        lambda person, moment, zone: PersonSettings(person, moment, time_zone=zone),
        st.sampled_from(PEOPLE),
        MOMENTS,
        st.sampled_from(ZONES),
    ),
    max_size=3,
)
LOGS = st.lists(
    st.builds(SharedLog, st.sampled_from("klmn"), st.sampled_from(PEOPLE), MOMENTS),
    max_size=4,
    unique_by=lambda log: log.conversation_id,
)


@dataclass
class World:
    """What is stored at some moment: revisions of answers as they arrived, shared logs, and items that closed."""

    book: RuleBook
    calendar: Calendar
    events: list[Annotation | SharedLog | str]

    def seen(self, count: int) -> tuple[list[Annotation], Terms]:
        """Return what a step reads when so many events have arrived."""
        latest: dict[str, Annotation] = {}
        first: dict[tuple[str, str], datetime] = {}
        logs = []
        closed: set[str] = set()
        for event in self.events[:count]:
            if isinstance(event, SharedLog):
                logs.append(event)
                continue
            if isinstance(event, str):
                closed |= {closing_key("qualitative", quality.value, event) for quality in Quality}
                continue
            before = latest.get(event.id)
            latest[event.id] = replace(event, revision=before.revision + 1 if before else 1)
            if event.status is AnnotationStatus.SUBMITTED:
                key = (event.person_id, event.task_id)
                first[key] = min(first.get(key, event.updated_at), event.updated_at)
        terms = Terms(self.book, self.calendar, first, logs, closed=frozenset(closed))
        return list(latest.values()), terms


@st.composite
def worlds(draw: st.DrawFn) -> World:
    book = RuleBook(draw(versions()))
    closings = draw(st.sets(st.sampled_from(["m0", "m1"])))
    events: list[Annotation | SharedLog | str] = [
        *draw(st.lists(ANSWERS, max_size=14)),
        *draw(LOGS),
        *sorted(closings),
    ]
    return World(book, Calendar(book, draw(SETTINGS)), draw(st.permutations(events)))


class Office:
    """A ledger that is settled as the step does it, and may be killed between and inside batches."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Store("sqlite://")
        metadata.create_all(self.store.engine)  # migrating would take longer than all the rest

    def settle(self, count: int, *, batch: int = 500, batches: int = 500, reverse: bool = False) -> None:
        answers, terms = self.world.seen(count)
        with self.store.read() as connection:
            so_far = posted(connection)
        ordered = answers[::-1] if reverse else answers
        corrections = due(TASKS, ordered, so_far, {"bo": 0.5}, lambda _: "Text.", terms)
        for start in range(0, len(corrections), batch):
            try:
                with self.store.write() as connection:
                    settle(connection, corrections[start : start + batch], START)
                    if start >= batch * batches:
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                return
            if all(correction.delta > 0 for correction in corrections[start + batch :]):
                self.check_caps(terms)  # what is taken back comes first

    def check_caps(self, terms: Terms) -> None:
        """From when nothing is left to take back on, a day's work is within the highest cap of that day."""
        logs = {conversation_key(log.conversation_id): log.shared_at for log in terms.shared}
        paid: Counter[tuple[str, date]] = Counter()
        caps: dict[tuple[str, date], list[int | None]] = {}
        with self.store.read() as connection:
            so_far = posted(connection)
        for (person, subject, _), it in so_far.items():
            moment = logs.get(subject) or terms.first_submitted[person, subject]
            day = (person, self.world.calendar.day(person, moment))
            version = self.world.book.at(moment)
            assert version is not None
            paid[day] += it.points
            caps.setdefault(day, []).append(version.rates.points_per_day)
            assert it.points >= 0
        for day, points in paid.items():
            known = [cap for cap in caps[day] if cap is not None]
            assert len(known) < len(caps[day]) or points <= max(known)

    def balances(self) -> dict[str, int]:
        with self.store.read() as connection:
            assert problems(connection) == []
            return {account: points for account, points in balances(connection).items() if points}


@given(worlds(), st.data())
@examples(50)
def test_settling_at_any_time_in_any_portions_comes_to_the_same_balances(
    world: World, data: st.DataObject
) -> None:
    once = Office(world)
    once.settle(len(world.events))
    often = Office(world)
    for seen in sorted(data.draw(st.lists(st.integers(0, len(world.events)), max_size=4))):
        often.settle(
            seen,
            batch=data.draw(st.integers(1, 4)),
            batches=data.draw(st.integers(0, 5)),
            reverse=data.draw(st.booleans()),
        )
    often.settle(len(world.events), reverse=True)
    assert often.balances() == once.balances()
    before = often.balances()
    often.settle(len(world.events))
    assert often.balances() == before
    once.store.close()
    often.store.close()


def claims_of(world: World, book: RuleBook) -> list[Claim]:
    answers, terms = world.seen(len(world.events))
    work = [
        _work(TASKS[where], given, terms, lambda _: "Text.")
        for (_person, where), given in _counted(answers).items()
    ]
    paid = [
        Claim(w.annotation.person_id, w.task.id, part, points, w.moment, "", "1", w.annotation)
        for w in work
        for part, points in w.parts.items()
    ]
    bonuses = answer_bonuses([w for w in work if any(w.parts.values())], book, world.calendar)
    return [*paid, *bonuses, *sharing_bonuses(terms.shared, book, world.calendar)]


@given(worlds(), st.data())
@examples(40)
def test_what_vests_comes_to_what_was_offered_and_never_falls_by_other_peoples_answers(
    world: World, data: st.DataObject
) -> None:
    """What is credited and what waits is what is due without vesting, and a closing only turns waiting into credit."""
    answers, terms = world.seen(len(world.events))
    every = {closing_key("qualitative", quality.value, item) for quality in Quality for item in ("m0", "m1")}
    multipliers = {"bo": 0.5}

    def granted_with(closed: frozenset[str]) -> dict[tuple[str, str, str], tuple[int, int]]:
        found = grants(TASKS, answers, {}, multipliers, lambda _: "Text.", replace(terms, closed=closed))
        return {grant.claim.key: (grant.points, grant.waiting) for grant in found}

    some, whole = granted_with(terms.closed), granted_with(frozenset(every))
    assert {key: sum(points) for key, points in some.items()} == {key: sum(it) for key, it in whole.items()}
    assert all(waiting == 0 for _, waiting in whole.values())
    more = granted_with(terms.closed | {data.draw(st.sampled_from(sorted(every)))})
    assert all(more[key][0] >= points for key, (points, _) in some.items())


@given(worlds(), MOMENTS, rates("new"))
@examples(80)
def test_new_rules_change_nothing_about_work_that_was_done(
    world: World, change: datetime, new: RatesConfig
) -> None:
    old = [version for version in world.book.versions if version.holds_from < change]
    before, after = RuleBook(old), RuleBook([*old, RulesVersion("new", new, change, change)])
    # the days of old work stay, for who sets no time zone as well
    kept = Calendar(before, [s for own in world.calendar._settings.values() for s in own])
    told = Calendar(after, [s for own in world.calendar._settings.values() for s in own])

    def of_old_work(book: RuleBook, calendar: Calendar) -> dict[tuple[str, str, str], int]:
        past = replace(world, book=book, calendar=calendar)
        return {
            grant.claim.key: grant.points
            for grant in granted(claims_of(past, book), book, calendar)
            if grant.claim.moment < change and grant.points
        }

    assert of_old_work(after, told) == of_old_work(before, kept)


@given(worlds(), st.sampled_from(PEOPLE), MOMENTS, st.integers(1, 20))
@examples(80)
def test_another_claim_never_lowers_what_a_day_comes_to(
    world: World, person: str, moment: datetime, points: int
) -> None:
    claims = claims_of(world, world.book)
    another = Claim(person, "another", "qualities", points, moment, "", "1")

    def totals(these: list[Claim]) -> Counter[tuple[str, date]]:
        found: Counter[tuple[str, date]] = Counter()
        for grant in granted(these, world.book, world.calendar):
            claim = grant.claim
            found[claim.person_id, world.calendar.day(claim.person_id, claim.moment)] += grant.points
        return found

    before, after = totals(claims), totals([*claims, another])
    assert all(after[day] >= before[day] for day in before)
    assert granted(claims, world.book, world.calendar) == granted(claims[::-1], world.book, world.calendar)


@given(
    st.sampled_from([zone for zone in ZONES if zone] + ["Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
    st.dates(date(1990, 1, 1), date(2030, 1, 1)),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 23), st.integers(0, 59)), min_size=1, max_size=12),
    st.integers(0, 2),
)
@examples(80)
def test_a_streak_counts_dates_by_the_persons_clock_through_every_change_of_clocks(
    zone: str, first: date, local: list[tuple[int, int, int]], grace: int
) -> None:
    """Whatever the offset is, work at a local date counts for that date, and one date follows another."""
    clock = time_zone(zone)
    calendar = Calendar(RuleBook(), [PersonSettings("p", BEGINNING, time_zone=zone)])
    worked = [
        datetime(first.year, first.month, first.day, hour, minute, tzinfo=clock) + timedelta(days=day)
        for day, hour, minute in local
    ]
    instants = [moment.astimezone(UTC) for moment in worked]
    told = [calendar.day("p", instant) for instant in instants]
    assert told == [instant.astimezone(clock).date() for instant in instants]
    lengths = streak_lengths(told, lambda _: grace)
    ordered = sorted(set(told))
    expected, length = {}, 0
    for before, day in zip([None, *ordered], ordered, strict=False):
        missed = (day - before).days - 1 if before else 0
        length = length + 1 if before and missed <= grace else 1
        expected[day] = length
    assert lengths == expected
