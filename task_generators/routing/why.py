"""Says of each task and person why they are given to each other, or not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from task_generators.routing.policy import Table
from task_generators.routing.reasons import Reason

if TYPE_CHECKING:
    from task_generators.routing.board import Board, Offer, Rules
    from task_generators.routing.hand import Hand


class Explanation:
    """Of a board with the assignments as they are to stay."""

    def __init__(self, board: Board, rules: Rules) -> None:
        self._board = board
        self._table = Table(board, rules)
        self._table.keep()

    def full(self, person_id: str) -> Reason | None:
        """Return why a person gets no further task, whatever it is; None: they get what is open to them."""
        return self._table.hands[person_id].full()

    def person(self, person_id: str) -> Counter[Reason]:
        """Return why each open task that a person does not have is not given to them."""
        hand = self._table.hands[person_id]
        return Counter(
            self._reason(hand, offer)
            for task_id, offer in self._board.offers.items()
            if task_id not in hand.open
        )

    def task(self, task_id: str) -> dict[str, Reason | None]:
        """Return why each person is not given one of the offers, by person; None: they have it."""
        offer = self._board.offers[task_id]
        return {name: self._why(hand, offer) for name, hand in self._table.hands.items()}

    def _why(self, hand: Hand, offer: Offer) -> Reason | None:
        if offer.task.id in hand.open:
            return None
        reason = self._reason(hand, offer)
        return hand.full() or reason if reason is Reason.LATER else reason

    def _reason(self, hand: Hand, offer: Offer) -> Reason:
        if hand.worker.barred is not None:
            return hand.worker.barred
        if (never := hand.never(offer)) is not None:
            return never
        if not self._table.has_places(offer):
            return Reason.FULL
        if (later := hand.not_now(offer)) is not None:
            return later
        if offer.task.id in hand.worker.lapsed and self._table.others_can(hand, offer):
            return Reason.LAPSED
        return Reason.LATER
