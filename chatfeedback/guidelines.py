"""The guidelines that annotators read: what the kind of task says, then what the configuration promises.

Every sentence with a figure is written from the setting that decides it, so none says what does not hold.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine import quote
from reward_engine.periods import Period
from workspaces.config.people import OwnLogs
from workspaces.forms import points_text
from workspaces.grammar import counted, word_for
from workspaces.kinds import ChoiceQuestion, TextQuestion
from workspaces.records import Display, Significance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from workspaces.config import Config
    from workspaces.kinds import Kind, PaidPart


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the platform where the guidelines stand.

    Args:
        skip: the words on its button that passes a task by.
        shows_opinions: whether tasks of the kind show the seed feedback there.
        hides_answers: whether annotators cannot see each other's answers there.
        is_routed: whether people are given tasks of their own there.
    """

    skip: str
    shows_opinions: bool = False
    hides_answers: bool = True
    is_routed: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """The highest places of a leaderboard: rank, the name that the person chose or nothing, pseudonym, and points.

    ``unnamed`` people share the last of these places and are not listed.
    """

    period: Period
    places: tuple[tuple[int, str, str, int], ...]
    unnamed: int = 0


def guidelines(kind: Kind, config: Config, place: Place, board: Board | None = None) -> str:
    """Return the guidelines of a kind in Markdown: headings, lists, bold text and paragraphs alone."""
    contact = config.people.contact or "the person who invited you"
    sections = (
        kind.guidelines.strip(),
        *([_section("Your tasks", _tasks(config))] if place.is_routed else []),
        _section("Your points", (*_offers(kind, config), *_rules(kind, config))),
        *([] if board is None else [_section("Leaderboard", _leaders(board, contact))]),
        _section("Please", _requests(place, config.display)),
        _section("Whom to ask", _answers(place, contact, config)),
    )
    return "\n\n".join(sections) + "\n"


def _section(title: str, items: Iterable[str]) -> str:
    return "\n".join((f"## {title}", "", *(f"- {item}" for item in items)))


def _tasks(config: Config) -> Iterator[str]:
    """Yield which tasks people are given, and for how long."""
    routing = config.routing
    yield "You find tasks that were given to you, the most useful first. When they are done, others follow."
    if not routing.own:
        yield "None of them shows a conversation that you gave yourself."
    if (hours := routing.expires_hours) is not None:
        kept = f"{hours:g} {'hour' if hours == 1 else 'hours'}"
        seen = ""
        if (unseen := routing.unseen_hours) is not None and unseen < hours:
            pause = f"{unseen:g} {'hour' if unseen == 1 else 'hours'}"
            seen = f". If you look at none for {pause}, those that you did not see may go to others before"
        yield (
            f"A task is kept for you for {kept}, and for as long again whenever you save a draft; then somebody else "
            f"may get it, and you get another one{seen}."
        )
    if routing.per_day is not None:
        yield f"You get at most {counted(routing.per_day, 'task')} for one day."
    if (rule := routing.qualification) is not None:
        more = f"; else you go on, up to {counted(rule.limit, 'task')}" if rule.limit > rule.items else ""
        first = (
            "Your first task is practice, paid like all others: its right answers are known."
            if rule.items == 1
            else f"Your first {rule.items} tasks are practice, paid like all others: their right answers are known."
        )
        yield (
            f"{first} Once {100 * rule.correct:g} % of your answers there are right you get the other tasks{more}. Ask "
            "how far you are whenever you like."
        )


def _offers(kind: Kind, config: Config) -> Iterator[str]:
    """Yield what new tasks of a kind offer, and to how many people."""
    yield (
        "The line above each task says what it is worth, and that offer is kept when the rates change. "
        "**Significance** (low, medium, high) tells how much feedback on it is expected to matter; it sets the points."
    )
    quotes = {level: quote(kind.name, level, config.rates) for level in Significance}
    for part in {part.offer: part for part in kind.parts}.values():  # one offer for each of several responses
        points = [quotes[level][part.name] for level in Significance]
        if any(points):
            levels = ", ".join(
                f"{amount} ({level})" for level, amount in zip(Significance, points, strict=True)
            )
            yield f"A new task offers for {part.offer}: {levels} points{_condition(kind, part)}."
        else:
            yield f"A new task offers no points for {part.offer}."
    if config.rates.beyond_overlap == "pay":
        yield "A new task pays everybody who answers it."
    else:
        yield _paid_people(kind, config)
    mixes = [mix for mix in config.all_mixes().values() if mix.kinds.get(kind.name)]
    if any(mix.adaptive is not None for mix in mixes):
        yield (
            "A task may be closed and taken away before, once enough people gave it the same answers; what you "
            "submitted until then is kept and paid, what you did not submit is lost."
        )


def _paid_people(kind: Kind, config: Config) -> str:
    mixes = config.all_mixes().values()
    overlaps = sorted(
        {mix.overlap for mix in mixes if mix.kinds.get(kind.name)} or {mix.overlap for mix in mixes}
    )
    if len(overlaps) > 1:
        some = " or ".join(map(str, overlaps))
        return (
            f"A new task pays as many people as the line above it says ({some}), the first whose answers earn points; "
            "it earns nothing for whoever comes later."
        )
    (people,) = overlaps
    who = "first person whose answer earns" if people == 1 else f"first {people} people whose answers earn"
    return f"A new task pays the {who} points; it earns nothing for whoever comes later."


def _condition(kind: Kind, part: PaidPart) -> str:
    """Return what a text has to be like to earn the points of a part; empty where there is no text."""
    texts = [question for name in part.questions if isinstance(question := kind.question(name), TextQuestion)]
    least = max((question.min_characters for question in texts), default=0)
    conditions = []
    rewrites = any(question.rewrites for question in texts)
    if least > 1:
        conditions.append(
            f"with {least} characters or more" + (" (or as many as a shorter response)" if rewrites else "")
        )
    change = max((question.min_change for question in texts), default=0.0)
    if change:
        conditions.append(
            f"if it changes {100 * change:g} % of the response's characters or more, capitals, white space and "
            "the punctuation of sentences not counted"
        )
    elif rewrites:
        conditions.append("unless it repeats the response but for capitals, white space and punctuation")
    return f", {' and '.join(conditions)}" if conditions else ""


def _rules(kind: Kind, config: Config) -> Iterator[str]:
    """Yield the rules that decide about points beside the offers."""
    rates = config.rates
    bonuses = list(_bonuses(kind, config))
    yield from bonuses or ["There are no bonuses on top of the offers."]
    if rates.points_per_day is None:
        yield "Nothing limits what you can earn in a day."
    else:
        yield (
            f"At most **{points_text(rates.points_per_day)}** are credited for one person's work of one day, "
            "bonuses included."
        )
    if rates.points_per_day is not None or rates.bonuses.streak_day or rates.bonuses.shared_chat_log:
        yield (
            f"A day begins at midnight by the clock of {rates.time_zone}, or of your own time zone from the moment on "
            "when you had it set."
        )
    yield from _own_logs(config)
    if kind.judges_rewrites or (kind.compares is not None and config.mix.judges_rewrites):
        yield "An answer about a text that you wrote yourself earns nothing and counts nowhere."
    if config.levels:
        reached = sorted(config.levels.items(), key=lambda level: level[1])
        names = ", ".join(f"{name} from {points}" for name, points in reached)
        yield f"Levels, by all points you ever earned: {names}."
    if rates.vests and rates.vested_at_once < 1 and any(kind.can_vest(part.name) for part in kind.parts):
        yield (
            f"Of the points for choices **{100 * rates.vested_at_once:g} %** are credited at once. The rest follows "
            "when several people's answers make it sure what most choose, or when as many as were asked have answered, "
            "whatever you chose."
        )
    yield (
        "Points are credited when the project lead collects the answers. When you change or withdraw an answer they "
        "are corrected; nothing is paid twice."
    )
    yield (
        "Disagreeing with others costs nothing. Only a large amount of answers that almost certainly go against "
        "everybody else's lowers what your later answers earn; it takes nothing back."
    )
    if config.people.strangers == "hold":
        yield "If you were not invited by the project lead, your answers wait and earn nothing until you are accepted."


def _bonuses(kind: Kind, config: Config) -> Iterator[str]:
    """Yield the bonuses that are paid, as ``reward_engine.bonuses`` claims them."""
    bonuses = config.rates.bonuses
    if bonuses.newcomer_answer:
        first = (
            "your first answer that earns"
            if bonuses.newcomer_answers == 1
            else f"each of your first {bonuses.newcomer_answers} answers that earn"
        )
        yield f"Bonus: **{points_text(bonuses.newcomer_answer)}** for {first} something."
    if bonuses.streak_day:
        days = bonuses.streak_grace_days
        pause = (
            ""
            if not days
            else f"; {'a day' if days == 1 else f'up to {days} days'} without work in between "
            f"{'does' if days == 1 else 'do'} not break it"
        )
        yield (
            f"Bonus: **{points_text(bonuses.streak_day)}** for each day with work from the second day of a streak "
            f"on{pause}."
        )
    if bonuses.accepted_rewrite and (once := _acceptance(kind, config)):
        yield (
            f"Bonus: **{points_text(bonuses.accepted_rewrite)}** for a better response that earns its points, once "
            f"{once}."
        )
    if bonuses.shared_chat_log:
        most = bonuses.shared_chat_logs_per_day
        which = "the first chat log" if most == 1 else f"each of the first {most} chat logs"
        yield (
            f"Bonus: **{points_text(bonuses.shared_chat_log)}** for {which} of yours that are shared on a day; it is "
            "taken back when you make the chat log private or have it deleted."
        )


def _acceptance(kind: Kind, config: Config) -> str:
    """Return when a rewrite counts as accepted, as ``reward_engine.acceptance`` decides it; empty if it never does."""
    if kind.rewrite is None:
        return ""
    needed = config.rates.bonuses.accepted_by
    others = "one other" if needed == 1 else f"{needed} others"
    if config.mix.judges_rewrites:
        return (
            f"{others} or more, and more than half of all who judge it against the response, prefer it; they do not "
            "know which of the two is yours, or whose it is"
        )
    rule = kind.rewrite.stand_in
    if rule is None:
        return ""
    question = kind.question(rule.question)
    assert isinstance(question, ChoiceQuestion)
    return (
        f"{others} or more answered “{question.title}” with {question.options[rule.needed]}, and more than with "
        f"{question.options[rule.opposed]}"
    )


def _own_logs(config: Config) -> Iterator[str]:
    """Yield what becomes of answers about a conversation that the annotator gave."""
    factor, rule = config.rates.own, config.quality.own
    paid = "earns nothing" if not factor else "" if factor == 1 else f"earns {factor:g} times the offer"
    counts = "" if rule is OwnLogs.ALLOWED else "counts in no figure and in no training set"
    if said := " and ".join(filter(None, (paid, counts))):
        yield f"An answer about a conversation that you gave yourself {said}."


def _requests(place: Place, display: Display) -> Iterator[str]:
    """Yield how to work."""
    hidden = ["the models' names"]
    if place.hides_answers:
        hidden.insert(0, "other people's answers")
    if not place.shows_opinions:
        hidden.append("any machine's opinion")
    *others, last = hidden
    blind = f"You are not shown {', '.join(others)} or {last}." if others else f"You are not shown {last}."
    opinion = (
        " Some tasks show a machine's opinion, on a line that says so: it may be wrong."
        if place.shows_opinions
        else ""
    )
    look = (
        ""
        if place.hides_answers
        else " Please do not look at other people's answers before you have given yours."
    )
    yield f"Judge for yourself. {blind}{opinion}{look}"
    shown = (
        "Markdown is laid out where a text has it, and **as typed** beside such a text unfolds every character; links "
        "and pictures are only named"
        if display is Display.MARKDOWN
        else "It is shown as it was typed"
    )
    yield f"The text comes from strangers. {shown}: do not open its links, do not run its code, do not do what it says."
    yield f"Press **{place.skip}** on what you do not want to judge. It earns nothing and costs nothing."


def _answers(place: Place, contact: str, config: Config) -> Iterator[str]:
    """Yield whom to ask for what."""
    yield f"Questions about the work: ask {contact}."
    yield (
        "**To report a task** (a real person's private details, something harmful or forbidden, a text that is broken "
        f"or makes no sense), press {place.skip} and tell {contact} the task's number, which stands above it."
    )
    if config.web.address is None:
        yield (
            f"**Your points**, and the reason of each credit, are in your wallet: ask {contact} to show it to you."
        )
    else:
        yield f"**Your points**, and the reason of each credit, are on your own page: {config.web.address}"


PERIODS = {
    Period.DAY: "today",
    Period.WEEK: "this week",
    Period.MONTH: "this month",
    Period.ALL: "so far",
}


def _leaders(board: Board, contact: str) -> Iterator[str]:
    """Yield who earned most, by the name that they chose or by pseudonym; nobody's name is markup."""
    if not board.places:
        yield f"Nobody was credited any points {PERIODS[board.period]} yet."
    for rank, name, person_id, points in board.places:
        yield f"{rank}. {plain_name(name) or person_id}: {points_text(points)}"
    if board.unnamed:
        yield (
            f"{counted(board.unnamed, 'more person')} {word_for(board.unnamed, 'shares', 'share')} place "
            f"{board.places[-1][0]}."
        )
    if board.places:
        yield f"These earned most {PERIODS[board.period]}, when this was written last."
    yield (
        "You are shown by a pseudonym unless you choose a name, and not at all if you would rather not be: ask "
        f"{contact}."
    )


def shown_names(names: Mapping[str, str], people: Collection[str]) -> dict[str, str]:
    """Return the names by which people can be shown, by person: none that reads like another's name or pseudonym.

    Args:
        names: the names that people chose, by person.
        people: every pseudonym.
    """
    plain = {person_id: plain_name(name) for person_id, name in names.items()}
    chosen = Counter(name.casefold() for name in plain.values())
    pseudonyms = {person_id.casefold() for person_id in people}
    return {
        person_id: name
        for person_id, name in plain.items()
        if name and chosen[name.casefold()] == 1 and name.casefold() not in pseudonyms
    }


def plain_name(name: str) -> str:
    """Return a name without what could be markup, a link or an address: letters, digits, and what stands within words.

    Names are chosen by annotators and stand in a page of the platform, before all others.
    """
    kept = "".join(
        letter if letter.isalnum() or unicodedata.combining(letter) or letter in "-'’" else " "
        for letter in unicodedata.normalize("NFC", name)
    )
    return " ".join(kept.split())
