"""Bonuses in addition to the quotes of tasks: pure functions from stored data to claims.

Source: ChatFeedback, section 3, 'Chat with LLMs' (a reward for sharing) and 'Gamification' (the daily streak).

The rules in force when the work was done decide each bonus. The confidence multiplier does not apply to bonuses.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reward_engine.acceptance import Outcome, RewriteVotes
from reward_engine.claims import Claim
from reward_engine.streaks import streak_lengths
from workspaces.kinds import kind_of
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from reward_engine.rules import Calendar, RuleBook
    from workspaces.records import Annotation, Task
    from workspaces.store.conversations import SharedLog

STREAK = "streak"
NEWCOMER = "newcomer"
ACCEPTED_REWRITE = "accepted_rewrite"
SHARED_CHAT_LOG = "shared_chat_log"

ANSWER_BONUSES = frozenset({STREAK, NEWCOMER, ACCEPTED_REWRITE})
"""The bonuses that are paid for an answer."""


@dataclass(frozen=True, slots=True)
class Work:
    """An answer to a task, with its points.

    ``parts`` maps paid parts to points before the confidence multiplier. ``moment`` is when the person first submitted
    an answer to the task; edits do not change it. ``note`` is a clause of the reason that the parts are paid for.
    """

    task: Task
    annotation: Annotation
    parts: Mapping[str, int]
    moment: datetime
    note: str = ""


def answer_bonuses(
    work: Iterable[Work], book: RuleBook, calendar: Calendar, votes: RewriteVotes | None = None
) -> list[Claim]:
    """Return the claims to bonuses for answers: newcomer, streak and accepted rewrite.

    ``votes`` are those on rewrites; None: nobody was asked about rewrites.
    """
    done = sorted(work, key=lambda piece: (piece.moment, piece.task.id))
    by_person: dict[str, list[Work]] = {}
    for piece in done:
        by_person.setdefault(piece.annotation.person_id, []).append(piece)
    claims = [
        claim
        for own in by_person.values()
        for claims in (_newcomer(own, book), _streak(own, book, calendar))
        for claim in claims
    ]
    return [*claims, *_accepted_rewrites(done, book, votes or RewriteVotes())]


def sharing_bonuses(logs: Sequence[SharedLog], book: RuleBook, calendar: Calendar) -> list[Claim]:
    """Return the claims to bonuses for shared chat logs: the first ones of each calendar day of their giver."""
    claims: list[Claim] = []
    shared: Counter[tuple[str, date]] = Counter()
    for log in sorted(logs, key=lambda log: (log.shared_at, log.conversation_id)):
        version = book.at(log.shared_at)
        if version is None or not (points := version.rates.bonuses.shared_chat_log):
            continue
        day = (log.giver_id, calendar.day(log.giver_id, log.shared_at))
        shared[day] += 1
        if shared[day] > version.rates.bonuses.shared_chat_logs_per_day:
            continue
        claims.append(
            Claim(
                person_id=log.giver_id,
                reference=conversation_key(log.conversation_id),
                part=SHARED_CHAT_LOG,
                points=points,
                moment=log.shared_at,
                reason=f"bonus for sharing a chat log, number {shared[day]} on {day[1]}",
                rules_version=version.version,
            )
        )
    return claims


def conversation_key(conversation_id: str) -> str:
    """Return the key of a conversation in the ledger, which must not contain an id that came from outside."""
    return stable_id("shared", conversation_id)


def _newcomer(own: Sequence[Work], book: RuleBook) -> Iterator[Claim]:
    for number, work in enumerate(own, start=1):
        version = book.at(work.moment)
        if version is None or not (points := version.rates.bonuses.newcomer_answer):
            continue
        if number <= (first := version.rates.bonuses.newcomer_answers):
            reason = f"bonus for a newcomer's answer, number {number} of the first {first}"
            yield _claim(work, NEWCOMER, points, reason, version.version)


def _streak(own: Sequence[Work], book: RuleBook, calendar: Calendar) -> Iterator[Claim]:
    first: dict[date, Work] = {}
    for work in own:
        first.setdefault(calendar.day(work.annotation.person_id, work.moment), work)

    def grace(day: date) -> int:
        version = book.at(first[day].moment)
        return version.rates.bonuses.streak_grace_days if version else 0

    for day, length in streak_lengths(first, grace).items():
        version = book.at(first[day].moment)
        if version is not None and length > 1 and (points := version.rates.bonuses.streak_day):
            reason = f"bonus for day {length} of a streak, {day}"
            yield _claim(first[day], STREAK, points, reason, version.version)


def _accepted_rewrites(done: Sequence[Work], book: RuleBook, votes: RewriteVotes) -> Iterator[Claim]:
    """Yield a claim for each rewrite that others accepted by their votes on it, or that a stand-in accepts."""
    stands_in = _stand_in(done)
    for work in done:
        version = book.at(work.moment)
        if (
            version is None
            or not (points := version.rates.bonuses.accepted_rewrite)
            or not _rewrite_earns(work)
        ):
            continue
        needed = version.rates.bonuses.accepted_by
        outcome = votes.outcome(work.annotation, work.moment, book)
        if outcome is Outcome.ACCEPTED:
            reason = f"bonus for an accepted rewrite: {needed} others or more, and most of them, prefer it"
        elif outcome is None and stands_in(work, needed):
            reason = f"bonus for an accepted rewrite: {needed} others or more found the response not helpful"
        else:
            continue
        yield _claim(work, ACCEPTED_REWRITE, points, reason, version.version)


def _stand_in(done: Sequence[Work]) -> Callable[[Work, int], bool]:
    """Return whether so many others agree that a rewrite was needed, for work where nobody judges the rewrite itself.

    See ``workspaces.kinds.StandIn``.
    """
    rated: dict[tuple[str, str], dict[str, str]] = {}
    for work in done:
        if len(work.task.message_ids) != 1:
            continue  # it says nothing of one response
        for question in kind_of(work.task.kind).choices:
            if answer := work.annotation.values.get(question.name):
                about = (work.task.message_ids[0], question.name)
                rated.setdefault(about, {})[work.annotation.person_id] = answer
    counts = {about: Counter(by_person.values()) for about, by_person in rated.items()}

    def accepts(work: Work, needed: int) -> bool:
        rewrite = kind_of(work.task.kind).rewrite
        if rewrite is None or (rule := rewrite.stand_in) is None:
            return False
        about = (work.task.message_ids[0], rule.question)
        own = rated.get(about, {}).get(work.annotation.person_id, "")
        others = counts.get(about, Counter()) - Counter([own])
        return others[rule.needed] >= needed and others[rule.needed] > others[rule.opposed]

    return accepts


def _rewrite_earns(work: Work) -> bool:
    """Return whether an answer holds a rewrite that earns its points."""
    kind = kind_of(work.task.kind)
    if kind.rewrite is None:
        return False
    return any(work.parts.get(part.name) for part in kind.parts if kind.rewrite.name in part.questions)


def _claim(work: Work, part: str, points: int, reason: str, rules_version: str) -> Claim:
    return Claim(
        person_id=work.annotation.person_id,
        reference=work.task.id,
        part=part,
        points=points,
        moment=work.moment,
        reason=reason,
        rules_version=rules_version,
        annotation=work.annotation,
    )
