"""What guidelines promise is what the settings say and the engine pays, whatever the settings are."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from chatfeedback.guidelines import Board, Place, guidelines, plain_name, shown_names
from reward_engine import Calendar, RuleBook, Terms, quote
from reward_engine.acceptance import RewriteVotes, Tally
from reward_engine.bonuses import (
    ACCEPTED_REWRITE,
    NEWCOMER,
    SHARED_CHAT_LOG,
    STREAK,
    Work,
    answer_bonuses,
    sharing_bonuses,
)
from reward_engine.claims import Claim, granted
from reward_engine.overlap import limit
from reward_engine.periods import Period
from tests.examples import examples
from tests.sample_records import ALL_TAGS, annotation, task
from workspaces.config import Config
from workspaces.kinds import asked_kinds, kind_of
from workspaces.platforms.label_studio.form import instructions
from workspaces.records import Display, Significance
from workspaces.registry import PLATFORMS
from workspaces.store.conversations import SharedLog
from workspaces.store.rules import BEGINNING, RulesVersion
from workspaces.time_zones import time_zone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.kinds import Kind

POINTS = st.integers(0, 40)
FACTORS = st.sampled_from([0.0, 0.5, 1.0, 1.15, 3.0])
REWRITE = ALL_TAGS | {"suggestion": "A better response, in full."}

CONFIGURATIONS = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "display": st.sampled_from(Display),
        "platforms": st.just({"argilla": {}}),
        "mix": st.fixed_dictionaries(
            {
                "kinds": st.sampled_from(
                    [{"qualitative": 1}, {"qualitative": 1, "suggestion": 1, "suggestion_check": 2}]
                ),
                "overlap": st.integers(1, 9),
                "show_seed": st.sampled_from([0.0, 0.2, 1.0]),
            }
        ),
        "rates": st.fixed_dictionaries(
            {
                "qualities": POINTS,
                "suggestion": POINTS,
                "preference": POINTS,
                "significance": st.fixed_dictionaries({level.value: FACTORS for level in Significance}),
                "beyond_overlap": st.sampled_from(["pay", "refuse"]),
                "own": st.sampled_from([0.0, 0.25, 1.0, 2.0]),
                "vesting": st.sampled_from(["at_once", "on_agreement"]),
                "vested_at_once": st.sampled_from([0.0, 0.25, 0.5, 1.0]),
                "points_per_day": st.none() | st.integers(1, 500),
                "time_zone": st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]),
                "bonuses": st.fixed_dictionaries(
                    {
                        "shared_chat_log": POINTS,
                        "shared_chat_logs_per_day": st.integers(1, 4),
                        "accepted_rewrite": POINTS,
                        "accepted_by": st.integers(1, 4),
                        "streak_day": POINTS,
                        "streak_grace_days": st.integers(0, 3),
                        "newcomer_answer": POINTS,
                        "newcomer_answers": st.integers(1, 4),
                    }
                ),
            }
        ),
        "levels": st.dictionaries(st.sampled_from(["new", "old", "wise"]), st.integers(0, 999)).filter(
            lambda levels: len(set(levels.values())) == len(levels)
        ),
        "people": st.fixed_dictionaries(
            {
                "strangers": st.sampled_from(["hold", "accept"]),
                "contact": st.sampled_from([None, "Ada Byron (ada_b@example.org)"]),
            }
        ),
    }
).map(Config.model_validate)
KINDS = st.sampled_from(sorted(asked_kinds())).map(kind_of)
PLACES = st.builds(
    Place, st.sampled_from([entry.skip for entry in PLATFORMS.values()]), st.booleans(), st.booleans()
)


def rules_of(config: Config) -> tuple[RuleBook, Calendar]:
    book = RuleBook([RulesVersion("1", config.rates, BEGINNING, BEGINNING)])
    return book, Calendar(book)


def day(config: Config, number: int, hour: int = 12) -> datetime:
    """Return a moment of a day by the clock that decides days."""
    return datetime(2026, 5, 4, hour, tzinfo=time_zone(config.rates.time_zone)) + timedelta(days=number)


def worked(config: Config, number: int, name: str = "t", person: str = "ada", **values: str) -> Work:
    moment = day(config, number)
    answer = annotation(f"{name}{number}", person, REWRITE | values, at=moment)
    about = replace(task(f"{name}{number}", {"qualities": 6, "suggestion": 8}), message_ids=("m",))
    return Work(about, answer, {"qualities": 6, "suggestion": 8}, moment)


def paid(config: Config, work: Iterable[Work], part: str, person: str = "ada") -> list[int]:
    claims = answer_bonuses(work, *rules_of(config))
    return [claim.points for claim in claims if claim.part == part and claim.person_id == person]


def said(text: str, pattern: str) -> re.Match[str] | None:
    found = list(re.finditer(pattern, text))
    assert len(found) <= 1
    return found[0] if found else None


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_every_offer_is_what_a_new_task_is_quoted_at(config: Config, kind: Kind, place: Place) -> None:
    text = guidelines(kind, config, place)
    quotes = [quote(kind.name, level, config.rates) for level in Significance]
    for part in kind.parts:
        of_levels = [promised[part.name] for promised in quotes]
        offer = said(
            text, rf"offers for {part.offer}: (\d+) \(low\), (\d+) \(medium\), (\d+) \(high\) points"
        )
        assert (offer is not None) == any(of_levels)
        assert ([int(figure) for figure in offer.groups()] if offer else [0, 0, 0]) == of_levels
        assert (f"offers no points for {part.offer}." in text) == (not any(of_levels))


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_as_many_people_are_paid_as_is_said(config: Config, kind: Kind, place: Place) -> None:
    text = guidelines(kind, config, place)
    made = replace(task("t", {}), rules_version="1", overlap=config.mix.overlap)
    most = limit(made, rules_of(config)[0])
    few = said(text, r"A new task pays the first (?:(\d+) people|person)")
    assert (few is None) == (most is None) == ("pays everybody who answers" in text)
    assert few is None or int(few[1] or 1) == most


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_the_share_that_is_credited_at_once_is_said_where_points_vest(
    config: Config, kind: Kind, place: Place
) -> None:
    share = said(guidelines(kind, config, place), r"Of the points for choices \*\*([\d.]+) %\*\*")
    about = replace(task("t", {}), kind=kind.name, message_ids=tuple("abcde"[: max(kind.sizes)]))
    terms = Terms(book=rules_of(config)[0])
    shares = {terms.vesting(about, part.name)[0] for part in kind.parts}
    assert (1.0 if share is None else float(share[1]) / 100) == min(shares)


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_every_bonus_is_paid_as_it_is_said_and_no_other(config: Config, kind: Kind, place: Place) -> None:
    text = guidelines(kind, config, place)
    bonuses = config.rates.bonuses
    newcomer = said(
        text, r"\*\*(\d+) points?\*\* for (?:each of )?your first (?:(\d+) answers|answer) that earns?"
    )
    assert (newcomer is not None) == (bonuses.newcomer_answer > 0)
    if newcomer:
        answers = [worked(config, number) for number in range(7)]
        assert paid(config, answers, NEWCOMER) == [int(newcomer[1])] * int(newcomer[2] or 1)
    streak = said(
        text,
        r"\*\*(\d+) points?\*\* for each day with work from the second day of a streak on"
        r"(?:; (?:up to (\d+) days|(a day)) without work in between (?:does|do) not break it)?\.",
    )
    assert (streak is not None) == (bonuses.streak_day > 0)
    if streak:
        pause = int(streak[2] or (1 if streak[3] else 0))
        kept, broken = ([worked(config, 0), worked(config, gap)] for gap in (pause + 1, pause + 2))
        assert paid(config, kept, STREAK) == [int(streak[1])]
        assert paid(config, broken, STREAK) == []
    rewrite = said(
        text, r"\*\*(\d+) points?\*\* for a better response that earns its points, once (one|\d+) others?"
    )
    by_votes, stands_in = config.mix.judges_rewrites, kind.rewrite is not None and kind.rewrite.stand_in
    accepts = kind.rewrite is not None and bool(by_votes or stands_in)
    assert (rewrite is not None) == (bonuses.accepted_rewrite > 0 and accepts)
    needed = 1 if rewrite and rewrite[2] == "one" else int(rewrite[2]) if rewrite else 0
    if rewrite and by_votes:
        own = worked(config, 0)
        of = {(own.annotation.id, own.annotation.revision): "r"}
        enough, disputed, few = Tally(needed), Tally(needed, needed), Tally(needed - 1)
        for tally, points in {enough: [int(rewrite[1])], disputed: [], few: []}.items():
            votes = RewriteVotes(of, {"r": tally}, day(config, 0))
            claims = answer_bonuses([own], *rules_of(config), votes)
            assert [it.points for it in claims if it.part == ACCEPTED_REWRITE] == points
    elif rewrite:
        own = worked(config, 0)
        others = [worked(config, 1, "o", f"p{number}", helpful="no") for number in range(needed)]
        assert paid(config, [own, *others], ACCEPTED_REWRITE) == [int(rewrite[1])]
        assert paid(config, [own, *others[1:]], ACCEPTED_REWRITE) == []
    shared = said(
        text, r"\*\*(\d+) points?\*\* for (?:each of )?the first (?:(\d+) chat logs|chat log) of yours"
    )
    assert (shared is not None) == (bonuses.shared_chat_log > 0)
    if shared:
        logs = [SharedLog(f"c{hour}", "ada", day(config, 0, hour)) for hour in range(8, 15)]
        points = [
            claim.points
            for claim in sharing_bonuses(logs, *rules_of(config))
            if claim.part == SHARED_CHAT_LOG
        ]
        assert points == [int(shared[1])] * int(shared[2] or 1)
    assert ("There are no bonuses" in text) == (not any((newcomer, streak, rewrite, shared)))


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_the_cap_the_clock_the_levels_and_the_contact_are_those_of_the_settings(
    config: Config, kind: Kind, place: Place
) -> None:
    text = guidelines(kind, config, place)
    cap = said(text, r"At most \*\*(\d+) points?\*\* are credited for one person's work of one day")
    much = Claim("ada", "t", "qualities", 10_000, day(config, 0), "work", "1")
    (grant,) = granted([much], *rules_of(config))
    assert grant.points == (int(cap[1]) if cap else 10_000)
    assert ("Nothing limits what you can earn in a day" in text) == (cap is None)
    clock = said(text, r"by the clock of (\S+),")
    assert clock is None or clock[1] == config.rates.time_zone
    assert clock is not None or "streak" not in text
    levels = said(text, r"by all points you ever earned: (.*)\.")
    assert (levels is not None) == bool(config.levels)
    if levels:
        shown = dict(level.rsplit(" from ", 1) for level in levels[1].split(", "))
        assert {name: int(points) for name, points in shown.items()} == config.levels
    assert text.count(config.people.contact or "the person who invited you") == 3
    assert ("your answers wait and earn nothing" in text) == (config.people.strangers == "hold")
    own = said(text, r"that you gave yourself (?:earns (nothing|[\d.]+ times the offer)|counts)")
    factor = (
        1.0 if own is None or own[1] is None else 0.0 if own[1] == "nothing" else float(own[1].split()[0])
    )
    assert factor == config.rates.own


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(150)
def test_nobody_is_told_that_no_opinion_and_no_answer_is_shown_where_one_is(
    config: Config, kind: Kind, place: Place
) -> None:
    text = guidelines(kind, config, place)
    (blind,) = re.findall(r"You are not shown .*?\.", text)
    assert ("machine's opinion" in blind) == (not place.shows_opinions)
    assert ("Some tasks show a machine's opinion" in text) == place.shows_opinions
    assert ("other people's answers" in blind) == place.hides_answers
    assert f"press {place.skip} " in text
    assert ("**as typed**" in text) == (config.display is Display.MARKDOWN)
    assert ("shown as it was typed" in text) == (config.display is Display.PLAIN)


@given(CONFIGURATIONS, KINDS, PLACES)
@examples(100)
def test_the_text_is_drawn_without_a_sign_of_markdown(config: Config, kind: Kind, place: Place) -> None:
    html = instructions(guidelines(kind, config, place))
    assert not re.search(r"[*#`|]|^- ", re.sub(r"<[^>]+>", "\n", html), re.MULTILINE)


@given(
    own=st.booleans(),
    hours=st.none() | st.sampled_from([0.5, 24.0, 48.0]),
    per_day=st.none() | st.integers(1, 50),
    practice=st.none() | st.tuples(st.integers(1, 9), st.sampled_from([0.5, 0.875, 1.0]), st.integers(0, 5)),
    is_routed=st.booleans(),
)
@examples(60)
def test_what_is_said_of_ones_own_tasks_is_what_routing_goes_by(
    own: bool,
    hours: float | None,
    per_day: int | None,
    practice: tuple[int, float, int] | None,
    is_routed: bool,
) -> None:
    rule = None
    if practice is not None:
        items, correct, more = practice
        rule = {"items": items, "correct": correct, "most": items + more}
    routing = {"enabled": True, "own": own, "expires_hours": hours, "per_day": per_day, "qualification": rule}
    config = Config.model_validate({"version": 1, "platforms": {"argilla": {}}, "routing": routing})
    text = guidelines(kind_of("qualitative"), config, Place("Discard", is_routed=is_routed))
    assert ("## Your tasks" in text) == is_routed
    said = text.partition("## Your tasks")[2].partition("## Your points")[0]
    assert ("a conversation that you gave yourself" in said) == (is_routed and not own)
    kept = re.search(r"kept for you for ([\d.]+) hours?", said)
    assert (kept and float(kept[1])) == (hours if is_routed else None)
    most = re.search(r"at most (\d+) tasks? for one day", said)
    assert (most and int(most[1])) == (per_day if is_routed else None)
    first = re.search(r"first (\d+ )?tasks? (?:is|are) practice.*Once ([\d.]+) % of your", said)
    assert (first is not None) == (is_routed and practice is not None)
    if first is not None and practice is not None:
        assert (int(first[1] or 1), float(first[2]) / 100) == practice[:2]
        assert (f"up to {practice[0] + practice[2]} task" in said) == bool(practice[2])


@given(st.text(max_size=40), st.integers(1, 10**6))
def test_no_name_on_the_leaderboard_is_markup_a_link_or_another_line(name: str, points: int) -> None:
    board = Board(Period.WEEK, ((1, name, "0a1b2c", points),))
    config = Config.model_validate({"version": 1, "platforms": {"argilla": {}}})
    text = guidelines(kind_of("qualitative"), config, Place("Discard"), board)
    without = guidelines(kind_of("qualitative"), config, Place("Discard"), Board(Period.WEEK, ()))
    (line,) = [it for it in text.splitlines() if it.startswith("- 1. ")]
    shown = line.removeprefix("- 1. ").rpartition(": ")[0]
    assert shown
    assert not re.search(r"[^\w\s'\u2019-]|_", "".join(c for c in shown if not unicodedata.combining(c)))
    assert len(text.splitlines()) == len(without.splitlines()) + 1
    html = instructions(text)
    assert "<a" not in html
    assert "<img" not in html


@given(
    st.dictionaries(
        st.sampled_from([f"{number}a1b2c" for number in range(5)]),
        st.text("aA*_ ́é-", max_size=3) | st.sampled_from(["0a1b2c", "*1A1B2C*", "0a1b2c!"]),
    )
)
def test_nobody_is_shown_by_what_reads_like_anothers_name_or_pseudonym(names: dict[str, str]) -> None:
    people = [f"{number}a1b2c" for number in range(5)]
    shown = shown_names(names, people)
    seen = [shown.get(it, it).casefold() for it in people]
    assert len(set(seen)) == len(people)
    for person_id, name in names.items():
        plain = plain_name(name)
        others = [plain_name(it).casefold() for other, it in names.items() if other != person_id]
        if plain and plain.casefold() not in (*others, *people):
            assert shown[person_id] == plain


def test_who_share_the_last_place_and_are_not_listed_are_counted() -> None:
    config = Config.model_validate({"version": 1, "platforms": {"argilla": {}}})
    places = ((1, "", "0a1b2c", 9), (2, "", "1a1b2c", 5))
    kind = kind_of("qualitative")
    one, two = (
        guidelines(kind, config, Place("Discard"), Board(Period.WEEK, places, unnamed)) for unnamed in (1, 2)
    )
    assert "- 1 more person shares place 2." in one
    assert "- 2 more people share place 2." in two


def test_the_page_of_ones_own_is_named_where_there_is_one() -> None:
    sections = {"version": 1, "platforms": {"argilla": {}}}
    kind, place = kind_of("qualitative"), Place("Discard")
    assert "your own page" not in guidelines(kind, Config.model_validate(sections), place)
    config = Config.model_validate(sections | {"web": {"address": "https://feedback.example.org"}})
    assert "on your own page: https://feedback.example.org/" in guidelines(kind, config, place)
