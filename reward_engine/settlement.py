"""Settles work: posts the difference between what it earns now and what was posted for it before.

An edit, a discard or a deletion leads to a correction of the balance. Settling again, in portions or in another order
gives the same balances: grants depend on stored data and on when the work was done, never on when it is settled.
Negative corrections come first, so that no cap is exceeded in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reward_engine.acceptance import RewriteVotes
from reward_engine.accounts import credit
from reward_engine.bonuses import (
    ANSWER_BONUSES,
    SHARED_CHAT_LOG,
    Work,
    answer_bonuses,
    sharing_bonuses,
)
from reward_engine.claims import Claim, granted
from reward_engine.ledger import Posting, post
from reward_engine.rates import earned, multiplied
from reward_engine.rules import Calendar, RuleBook
from workspaces.grammar import counted
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus
from workspaces.store.closings import closing_key
from workspaces.store.insert import insert_rows
from workspaces.store.ledger import ledger_transaction
from workspaces.store.settlements import settlement, sharing_settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from reward_engine.claims import Grant
    from workspaces.records import Annotation, Task
    from workspaces.store.conversations import SharedLog


@dataclass(frozen=True, slots=True)
class Posted:
    """The points posted so far for one part of a person's answer to a task, or for a shared chat log.

    ``evidence`` is the annotation and the revision that the last transaction was for; None for a shared chat log.
    ``moment`` and ``rules_version`` are set for a shared chat log only, because the store may no longer hold it.
    """

    points: int
    times: int
    multiplier: float
    moment: datetime | None = None
    rules_version: str = ""
    evidence: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides bonuses and caps besides the answers. The defaults give no bonus and no cap, and refuse nobody.

    ``first_submitted`` maps (person, task) to the time when the person first submitted an answer to the task. ``own``
    holds the (person, task) whose task is about a conversation that the person gave. ``beyond`` holds the (person,
    task) that are not paid, because enough others are (``overlap``), and ``gone`` those that were paid and for which
    no answer of the person stands any more. ``closed`` holds the keys of the items that are settled (``closing_key``).
    ``own_checks`` holds the (person, task) whose task shows a rewrite of that person, ``second`` those that the same
    human answered before by another account: never paid. ``votes`` are those on rewrites.
    """

    book: RuleBook = field(default_factory=RuleBook)
    calendar: Calendar = field(default_factory=lambda: Calendar(RuleBook()))
    first_submitted: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    shared: Sequence[SharedLog] = ()
    beyond: frozenset[tuple[str, str]] = frozenset()
    gone: frozenset[tuple[str, str]] = frozenset()
    own: frozenset[tuple[str, str]] = frozenset()
    closed: frozenset[str] = frozenset()
    own_checks: frozenset[tuple[str, str]] = frozenset()
    second: frozenset[tuple[str, str]] = frozenset()
    votes: RewriteVotes = field(default_factory=RewriteVotes)

    def vesting(self, task: Task, part: str) -> tuple[float, bool]:
        """Return the share of a part's points that is credited at once, and whether the item is settled.

        The rules of the offer decide; (1, True) where nothing vests.
        """
        version, kind = self.book.named(task.rules_version), kind_of(task.kind)
        if version is None or not version.rates.vests or not kind.can_vest(part):
            return 1.0, True
        settling = kind.settled_by(part, task.message_ids, task.conversation_ids)
        keys = {closing_key(task.kind, question, item) for question, item in settling}
        return version.rates.vested_at_once, keys <= self.closed

    def own_rate(self, person_id: str, task: Task) -> float:
        """Return the factor for an answer: 0 about one's own rewrite or for a second one, that for own conversations by
        the rules of the offer, or 1.
        """
        who = (person_id, task.id)
        if who in self.own_checks or who in self.second:
            return 0.0
        if who not in self.own:
            return 1.0
        version = self.book.named(task.rules_version)
        return version.rates.own if version is not None else 1.0


@dataclass(frozen=True, slots=True)
class Due:
    """One correction to post; ``reference`` is a task id or the key of a shared conversation, as in its ``Claim``.

    ``last_paid`` is the revision that was paid before, for an answer that is nobody's any more.
    """

    person_id: str
    reference: str
    part: str
    delta: int
    multiplier: float
    annotation: Annotation | None
    posting: Posting
    last_paid: tuple[str, int] | None = None

    @property
    def evidence(self) -> tuple[str, int] | None:
        """The annotation and the revision that this is for; None for a shared conversation."""
        return (self.annotation.id, self.annotation.revision) if self.annotation else self.last_paid


def gone(
    so_far: Mapping[tuple[str, str, str], Posted], annotations: Iterable[Annotation]
) -> frozenset[tuple[str, str]]:
    """Return the (person, task) that were paid and have no answer among all ``annotations``."""
    paid = {(key[0], key[1]) for key, before in so_far.items() if before.evidence is not None}
    return frozenset(paid - {(annotation.person_id, annotation.task_id) for annotation in annotations})


def kept_places(
    so_far: Mapping[tuple[str, str, str], Posted], forgotten: Collection[str]
) -> frozenset[tuple[str, str]]:
    """Return the forgotten people's places, as (person, task): they keep the points whose text is deleted."""
    return frozenset(key[:2] for key, before in so_far.items() if key[0] in forgotten and before.points > 0)


def posted(connection: sa.Connection) -> dict[tuple[str, str, str], Posted]:
    """Return what was posted so far, by (person, reference, part) like ``Claim.key``."""
    key = (settlement.c.person_id, settlement.c.task_id, settlement.c.part)
    paid = (settlement.c.delta, settlement.c.multiplier, settlement.c.annotation_id, settlement.c.revision)
    query = sa.select(*key, *paid).order_by(settlement.c.sequence)
    so_far: dict[tuple[str, str, str], Posted] = {}
    for person_id, task_id, part, delta, multiplier, annotation_id, revision in connection.execute(query):
        before = so_far.get((person_id, task_id, part), Posted(0, 0, multiplier))
        so_far[person_id, task_id, part] = Posted(
            before.points + delta, before.times + 1, before.multiplier, evidence=(annotation_id, revision)
        )
    so_far.update(_posted_for_sharing(connection))
    return so_far


def _posted_for_sharing(connection: sa.Connection) -> dict[tuple[str, str, str], Posted]:
    key = (sharing_settlement.c.person_id, sharing_settlement.c.conversation_key)
    transaction = ledger_transaction.c
    query = (
        sa.select(*key, sharing_settlement.c.delta, transaction.event_at, transaction.rules_version)
        .join(ledger_transaction, transaction.sequence == sharing_settlement.c.sequence)
        .order_by(sharing_settlement.c.sequence)
    )
    so_far: dict[tuple[str, str, str], Posted] = {}
    for person_id, conversation_key, delta, moment, version in connection.execute(query):
        before = so_far.get(
            (person_id, conversation_key, SHARED_CHAT_LOG), Posted(0, 0, 1.0, moment, version)
        )
        so_far[person_id, conversation_key, SHARED_CHAT_LOG] = Posted(
            before.points + delta, before.times + 1, 1.0, before.moment, before.rules_version
        )
    return so_far


def due(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    so_far: Mapping[tuple[str, str, str], Posted],
    multipliers: Mapping[str, float],
    response_of: Callable[[Task], str | None],
    terms: Terms | None = None,
) -> list[Due]:
    """Return the corrections that bring every balance to what the work earns; see ``grants``. Pure."""
    return corrections(grants(tasks, annotations, so_far, multipliers, response_of, terms), so_far)


def corrections(granted_now: Iterable[Grant], so_far: Mapping[tuple[str, str, str], Posted]) -> list[Due]:
    """Return what is to be posted so that everything granted now is credited. Pure."""
    found = [
        correction
        for grant in granted_now
        if (correction := _correction(grant, so_far.get(grant.claim.key))) is not None
    ]
    found.sort(key=_order)
    return found


def grants(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    so_far: Mapping[tuple[str, str, str], Posted],
    multipliers: Mapping[str, float],
    response_of: Callable[[Task], str | None],
    terms: Terms | None = None,
) -> list[Grant]:
    """Return what the work earns now, and what of it waits until items are settled. Pure.

    If a person answered one task several times (Label Studio allows it), the latest submitted answer counts. An answer
    keeps the multiplier that it was first paid with, so a later drop in confidence never takes back points for old
    work. Bonuses and caps follow the rules in force when the work was done.

    Args:
        tasks: every task, by id.
        annotations: the latest genuine revision of every annotation, or of some.
        so_far: what was posted already.
        multipliers: the current confidence multipliers by person; 1 for a person who is missing.
        response_of: returns the text that a rewrite in the task would replace; None if it is not known.
        terms: what decides bonuses and caps; None: neither bonuses nor caps.
    """
    terms = terms or Terms()
    counted = _counted(annotations)
    work = [
        _work(tasks[task_id], annotation, terms, response_of) for (_, task_id), annotation in counted.items()
    ]
    claims = [claim for item in work for claim in _claims(item, so_far, multipliers, terms)]
    paid = (item for item in work if any(item.parts.values()))
    claims += answer_bonuses(paid, terms.book, terms.calendar, terms.votes)
    claims += sharing_bonuses(terms.shared, terms.book, terms.calendar)
    claims += _lapsed(so_far, {claim.key for claim in claims}, counted, tasks, terms)
    return granted(claims, terms.book, terms.calendar)


def _order(correction: Due) -> tuple[bool, datetime, str, str, str]:
    """Return the sort key of a correction: negative ones first, then by moment."""
    gives, moment = correction.delta > 0, correction.posting.event_at
    return gives, moment, correction.person_id, correction.reference, correction.part


def settle(connection: sa.Connection, corrections: Sequence[Due], now: datetime) -> None:
    """Post corrections and record what each was for, in the caller's transaction."""
    numbers = post(connection, [correction.posting for correction in corrections], now)
    numbered = list(zip(numbers, corrections, strict=True))
    answers = [
        (
            correction.person_id,
            correction.reference,
            correction.part,
            number,
            *correction.evidence,
            correction.multiplier,
            correction.delta,
        )
        for number, correction in numbered
        if correction.evidence is not None
    ]
    shared = [
        (correction.person_id, correction.reference, number, correction.delta)
        for number, correction in numbered
        if correction.evidence is None
    ]
    insert_rows(connection, settlement, answers)
    insert_rows(connection, sharing_settlement, shared)


def _counted(annotations: Iterable[Annotation]) -> dict[tuple[str, str], Annotation]:
    counted: dict[tuple[str, str], Annotation] = {}
    for annotation in annotations:
        key = (annotation.person_id, annotation.task_id)
        if key not in counted or _rank(annotation) > _rank(counted[key]):
            counted[key] = annotation
    return counted


def _rank(annotation: Annotation) -> tuple[bool, datetime, str]:
    return (annotation.status is AnnotationStatus.SUBMITTED, annotation.updated_at, annotation.id)


def _work(
    task: Task, annotation: Annotation, terms: Terms, response_of: Callable[[Task], str | None]
) -> Work:
    who = (annotation.person_id, task.id)
    response = response_of(task) if kind_of(task.kind).rewrite_in(annotation.values) else None
    parts = earned(task.kind, task.quote, annotation, response, len(task.message_ids))
    rate = terms.own_rate(annotation.person_id, task)
    parts = {part: 0 if who in terms.beyond else multiplied(points, rate) for part, points in parts.items()}
    note = "" if rate == 1.0 else f", times {rate:g} on a conversation of one's own"
    note = ", on a rewrite of one's own" if who in terms.own_checks else note
    note = ", which the same person answered before by another account" if who in terms.second else note
    return Work(task, annotation, parts, terms.first_submitted.get(who, annotation.updated_at), note)


def _claims(
    work: Work,
    so_far: Mapping[tuple[str, str, str], Posted],
    multipliers: Mapping[str, float],
    terms: Terms,
) -> list[Claim]:
    task, annotation = work.task, work.annotation
    claims: list[Claim] = []
    for part, points in work.parts.items():
        before = so_far.get((annotation.person_id, task.id, part))
        multiplier = before.multiplier if before else multipliers.get(annotation.person_id, 1.0)
        at_once, settled = terms.vesting(task, part)
        factor = "" if before or multiplier == 1.0 else f", times {multiplier:.2f} for confidence"
        claims.append(
            Claim(
                person_id=annotation.person_id,
                reference=task.id,
                part=part,
                points=multiplied(points, multiplier),
                moment=work.moment,
                reason=f"{part} of a {task.kind} task of {task.significance} significance{work.note}{factor}",
                rules_version=task.rules_version,
                annotation=annotation,
                multiplier=multiplier,
                at_once=at_once,
                settled=settled,
            )
        )
    return claims


def _lapsed(
    so_far: Mapping[tuple[str, str, str], Posted],
    claimed: set[tuple[str, str, str]],
    counted: Mapping[tuple[str, str], Annotation],
    tasks: Mapping[str, Task],
    terms: Terms,
) -> list[Claim]:
    """Return a claim to 0 points for everything that was paid and that nobody can claim any more."""
    lapsed: list[Claim] = []
    for key in so_far.keys() - claimed:
        before, (person_id, reference, part) = so_far[key], key
        annotation = counted.get((person_id, reference)) if part in ANSWER_BONUSES else None
        reason = f"bonus {part}: no longer earned"
        if annotation is not None:
            moment = terms.first_submitted.get((person_id, reference), annotation.updated_at)
            version = terms.book.at(moment)
            if version is None:
                continue
            rules_version = version.version
        elif before.moment is not None:
            moment, rules_version = before.moment, before.rules_version
        elif (person_id, reference) in terms.gone and (task := tasks.get(reference)) is not None:
            moment = terms.first_submitted.get((person_id, reference), task.created_at)
            rules_version = task.rules_version
            if part not in ANSWER_BONUSES:
                reason = f"{part} of a {task.kind} task: no answer of this person stands"
        else:
            continue
        lapsed.append(Claim(person_id, reference, part, 0, moment, reason, rules_version, annotation))
    return lapsed


def _correction(grant: Grant, before: Posted | None) -> Due | None:
    claim, annotation = grant.claim, grant.claim.annotation
    delta = grant.points - (before.points if before else 0)
    if delta == 0:
        return None
    paid = annotation is not None and claim.part not in ANSWER_BONUSES
    reason = claim.reason
    whole = grant.points + grant.waiting
    if grant.waiting:
        reason += f", {grant.points:,} of {counted(whole, 'point')} now and the rest when the item is settled"
    vested = (
        claim.settled and before is not None and before.points == min(whole, multiplied(whole, claim.at_once))
    )
    if vested and delta > 0:
        reason += f": the item is settled, the rest of {counted(whole, 'point')}"
    elif before is not None:
        reason += ": corrected"
        if annotation is not None and paid:
            reason += f", the answer is now {annotation.status} (revision {annotation.revision})"
    times = before.times if before else 0
    last_paid = before.evidence if before else None
    posting = Posting(
        key=f"{'bonus' if annotation is None and last_paid is None else 'settle'}/{'/'.join(claim.key)}/{times + 1}",
        entries=credit(claim.person_id, delta),
        reason=f"{reason}; {grant.cap}" if grant.cap else reason,
        rules_version=claim.rules_version,
        event_at=annotation.updated_at if annotation is not None and paid else claim.moment,
    )
    return Due(
        claim.person_id, claim.reference, claim.part, delta, claim.multiplier, annotation, posting, last_paid
    )
