"""Explains a wallet in words, with the person's streak and level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.settle import grants_now
from reward_engine import Calendar, RuleBook, current_streak, posted
from reward_engine.bonuses import ANSWER_BONUSES
from reward_engine.explain import explain
from reward_engine.leaderboard import level, totals
from reward_engine.wallets import wallet
from workspaces.store.people import settings_history
from workspaces.store.rules import all_rules
from workspaces.store.who_answered import first_submissions
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from datetime import date

    from reward_engine.explain import Explanation
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExplainedWallet:
    """A person's balance, an explanation of every movement, and their current streak and level.

    ``balance``, ``held`` and ``owed`` are those of ``reward_engine.Wallet``: the movements sum to ``balance - owed``.
    ``today`` is the date in the person's own time zone; ``streak`` counts days with paid work. ``waiting`` are points
    for answers that were given, which are credited when other answers settle the items.
    """

    person_id: str
    balance: int
    held: int
    owed: int
    waiting: int
    level: str | None
    streak: int
    today: date
    movements: tuple[Explanation, ...]


def explain_wallet(workspace: Workspace, person_id: str) -> ExplainedWallet:
    """Explain every movement of a person's wallet."""
    now = utc_now()
    with workspace.store.read() as connection:
        movements, own = explain(connection, person_id), wallet(connection, person_id)
        book = RuleBook(all_rules(connection))
        calendar = Calendar(book, settings_history(connection))
        earned = totals(connection).get(person_id, 0)
        submitted = first_submissions(connection, person_id)
        paid = {
            reference
            for (person, reference, part), so_far in posted(connection).items()
            if person == person_id and so_far.points > 0 and part not in ANSWER_BONUSES
        }
    grace = workspace.config.rates.bonuses.streak_grace_days
    days = (calendar.day(person_id, moment) for (_, task_id), moment in submitted.items() if task_id in paid)
    today = calendar.day(person_id, now)
    return ExplainedWallet(
        person_id=person_id,
        balance=own.balance,
        held=own.held,
        owed=own.owed,
        waiting=_waiting(workspace, book, person_id),
        level=level(earned, workspace.config.levels),
        streak=current_streak(days, today, lambda _: grace),
        today=today,
        movements=tuple(movements),
    )


def _waiting(workspace: Workspace, book: RuleBook, person_id: str) -> int:
    if not any(version.rates.vests for version in book.versions):
        return 0
    granted, _ = grants_now(workspace, book)
    return sum(grant.waiting for grant in granted if grant.claim.person_id == person_id)
