"""Says of each task and person why they are given to each other, or not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from task_generators.routing.policy import Table
from task_generators.routing.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from task_generators.routing.board import Board, Offer, Rules
    from task_generators.routing.hand import Hand


def person_reasons(board: Board, rules: Rules, person_id: str) -> tuple[Reason | None, Counter[Reason]]:
    """Return why a person gets no further task whatever it is, and why each open task that they do not have is none.

    Args:
        board: with the assignments as they are to stay.
        rules: the lead's.
        person_id: one of the workers of the board.
    """
    table = _table(board, rules)
    hand = table.hands[person_id]
    reasons = Counter(
        _reason(table, hand, offer) for task_id, offer in board.offers.items() if task_id not in hand.open
    )
    return hand.full(), reasons


def task_reasons(board: Board, rules: Rules, task_id: str) -> Mapping[str, Reason | None]:
    """Return why each person is not given a task, by person; None: they have it. The task is one of the offers."""
    table = _table(board, rules)
    offer = board.offers[task_id]
    return dict(_people(table, offer))


def _people(table: Table, offer: Offer) -> Iterator[tuple[str, Reason | None]]:
    for name, hand in table.hands.items():
        if offer.task.id in hand.open:
            yield name, None
        else:
            reason = _reason(table, hand, offer)
            full = hand.full()
            yield name, full if reason is Reason.LATER and full is not None else reason


def _table(board: Board, rules: Rules) -> Table:
    table = Table(board, rules)
    table.keep()
    return table


def _reason(table: Table, hand: Hand, offer: Offer) -> Reason:
    barred = hand.worker.barred
    if barred is not None:
        return barred
    if (never := hand.never(offer)) is not None:
        return never
    if not table.has_places(offer):
        return Reason.FULL
    if (later := hand.not_now(offer)) is not None:
        return later
    if offer.task.id in hand.worker.lapsed and table.others_can(hand, offer):
        return Reason.LAPSED
    return Reason.LATER
