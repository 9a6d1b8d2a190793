"""Decides who keeps which assignment, which are taken back, and who is given what next.

Rules that are never broken: ``Hand.never``, ``Hand.not_now`` and ``Hand.full`` for each person, and for each task no
more people than ``Offer.places``. Within them a person gets the task of which one more answer is worth most; each
``OLDEST_EVERY`` th time the oldest that is open to them. So no task starves: as long as somebody works for whom nothing
is against it, the tasks before it are finitely many, and each of them fills up, closes or turns out not to be for them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_generators.routing.hand import Contents, Hand
from task_generators.routing.practice import Stage
from task_generators.routing.queues import MixQueue
from task_generators.routing.reasons import LAPSED_BY, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from task_generators.routing.board import Board, Offer, Reservation, Rules

OLDEST_EVERY = 5
"""Of so many tasks that a person gets, one is the oldest and not the one that is worth most."""


@dataclass(frozen=True, slots=True)
class Given:
    """A task that a person is given now; lower positions are served first."""

    person_id: str
    task_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done, and what stays.

    Args:
        kept: the assignments that stay.
        taken_back: those that do not, with the reason.
        given: new ones, in the order of their positions for each person.
        reserve: tasks that are to stand on the platform although nobody is given them yet, best first.
    """

    kept: tuple[Reservation, ...]
    taken_back: tuple[tuple[Reservation, Reason], ...]
    given: tuple[Given, ...]
    reserve: tuple[str, ...]

    def waiting(self) -> Counter[str]:
        """Return how many tasks wait for each person afterwards."""
        return Counter([*(it.person_id for it in self.kept), *(it.person_id for it in self.given)])

    def wanted(self) -> list[str]:
        """Return the tasks that have to stand on the platform, those that somebody is given first."""
        return list(dict.fromkeys([*(each.task_id for each in self.given), *self.reserve]))


def decide(board: Board, rules: Rules) -> Decision:
    """Decide for everybody at once. The same board gives the same decision; one that was carried out gives no other."""
    table = Table(board, rules)
    return table.decide()


class Table:
    """A board in the course of a decision."""

    def __init__(self, board: Board, rules: Rules) -> None:
        self.board = board
        self.rules = rules
        contents = Contents(board.copies)
        self.hands = {name: Hand(worker, board, rules, contents) for name, worker in board.workers.items()}
        self._taken = Counter({task_id: offer.answers for task_id, offer in board.offers.items()})
        self._positions: Counter[str] = Counter()
        self._kept: list[Reservation] = []
        self._back: list[tuple[Reservation, Reason]] = []
        self._given: list[Given] = []
        self._age: dict[str, int] = {}

    def decide(self) -> Decision:
        """Return the decision."""
        self.keep()
        self._give_drafts()
        queues = self._queues()
        again = self._again()
        for room in self._rooms():
            for hand in sorted(self.hands.values(), key=_turn):
                if hand.full() is None and len(hand.open) < room:
                    self._fill(hand, queues, again, room)
        self._give_lapsed()
        return Decision(
            tuple(self._kept), tuple(self._back), tuple(self._given), tuple(self._reserve(queues))
        )

    def keep(self) -> None:
        """Keep the assignments that hold, work that was begun first, and take the others back."""
        for each in self.board.reservations:
            self._positions[each.person_id] = max(self._positions[each.person_id], each.position)
        for each in sorted(self.board.reservations, key=self._rank):
            reason = self._against(each)
            if reason is not None:
                self._back.append((each, reason))
                continue
            self._kept.append(each)
            self._take(self.hands[each.person_id], self.board.offers[each.task_id])

    def has_places(self, offer: Offer) -> bool:
        """Return whether somebody else can have a task."""
        return self._taken[offer.task.id] < offer.places()

    def others_can(self, hand: Hand, offer: Offer) -> bool:
        """Return whether anybody else can be given a task, now or later, who did not let it lapse."""
        return any(
            other is not hand
            and other.worker.barred is None
            and other.stage is not Stage.FAILED
            and offer.task.id not in other.worker.lapsed
            and other.not_now(offer) is None
            and other.never(offer) is None
            for other in self.hands.values()
        )

    def _against(self, each: Reservation) -> Reason | None:
        hand, offer = self.hands.get(each.person_id), self.board.offers.get(each.task_id)
        if hand is None:
            return Reason.NO_ACCOUNT
        if hand.worker.barred is not None:
            return hand.worker.barred
        if offer is None:
            return Reason.CLOSED
        if (never := hand.never(offer)) is not None:
            return never
        if not self.has_places(offer):
            return Reason.FULL
        if each.expired:
            return Reason.EXPIRED
        if each.served or each.task_id in hand.worker.drafts:
            return None  # a task that somebody saw stays theirs until its time is over
        return Reason.UNSEEN if each.unseen else hand.full() or hand.not_now(offer)

    def _rank(self, each: Reservation) -> tuple[bool, bool, int, str, str]:
        hand = self.hands.get(each.person_id)
        begun = hand is not None and each.task_id in hand.worker.drafts
        return not begun, not each.served, each.position, each.person_id, each.task_id

    def _give_drafts(self) -> None:
        """Give people what they began before it was assigned; nobody loses it."""
        lapsed = {hand.worker.id: set(hand.worker.lapsed) for hand in self.hands.values()}
        for each, reason in self._back:
            if reason in LAPSED_BY:
                lapsed[each.person_id].add(each.task_id)
        for hand in self.hands.values():
            for task_id in sorted(hand.worker.drafts):
                offer = self.board.offers.get(task_id)
                if (
                    offer is not None
                    and hand.worker.barred is None
                    and task_id not in lapsed[hand.worker.id]
                    and self.has_places(offer)
                    and hand.never(offer) is None
                ):
                    self._give(hand, offer)

    def _queues(self) -> Mapping[str, MixQueue]:
        wanted = self.board.offers.keys()
        self._age = {task_id: place for place, task_id in enumerate(self.board.tasks) if task_id in wanted}
        by_mix: dict[str, list[Offer]] = {}
        for offer in self.board.offers.values():
            if not offer.again:
                by_mix.setdefault(offer.task.mix, []).append(offer)
        return {
            mix: MixQueue(offers, self._age.__getitem__, lambda offer: self._taken[offer.task.id])
            for mix, offers in by_mix.items()
        }

    def _again(self) -> Mapping[str, list[Offer]]:
        """Return the tasks that ask again, by the task that they repeat."""
        again: dict[str, list[Offer]] = {}
        for offer in self.board.offers.values():
            if offer.again and offer.task.reask_of is not None:
                again.setdefault(offer.task.reask_of, []).append(offer)
        return again

    def _rooms(self) -> Iterator[int]:
        """Yield how many tasks everybody may have at most, round by round: where tasks are few, all get some."""
        room = 1
        while room < self.rules.ahead:
            yield room
            room *= 2
        yield self.rules.ahead

    def _fill(
        self,
        hand: Hand,
        queues: Mapping[str, MixQueue],
        again: Mapping[str, Sequence[Offer]],
        room: int,
    ) -> None:
        """Give one person tasks until they have as many as there is room for."""
        mine = {mix: queues[mix] for mix in sorted(hand.worker.mixes) if mix in queues}
        aside: dict[str, list[Offer]] = {mix: [] for mix in mine}
        starts = dict.fromkeys(mine, 0)
        repeats = [offer for task_id in again if task_id in hand.worker.had for offer in again[task_id]]
        while hand.full() is None and len(hand.open) < room:
            offer = self._due(hand, repeats)
            if offer is None and hand.count % OLDEST_EVERY == OLDEST_EVERY - 1:
                offer = self._oldest(hand, mine, starts)
            offer = offer or self._best(hand, mine, aside) or self._due(hand, repeats, gap=0)
            if offer is None:
                break
            self._give(hand, offer)
        for mix, offers in aside.items():
            mine[mix].put_back(offers)

    def _best(
        self, hand: Hand, queues: Mapping[str, MixQueue], aside: Mapping[str, list[Offer]]
    ) -> Offer | None:
        while True:
            heads = [(head, mix) for mix, queue in queues.items() if (head := queue.best()) is not None]
            if not heads:
                return None
            (_, offer), mix = min(heads, key=lambda head: head[0][0])
            if self._may_have(hand, offer):
                return offer
            aside[mix].append(queues[mix].set_aside())

    def _oldest(self, hand: Hand, queues: Mapping[str, MixQueue], starts: dict[str, int]) -> Offer | None:
        found: list[tuple[int, Offer]] = []
        for mix, queue in queues.items():
            for after, offer in queue.by_age(starts[mix]):
                if self._may_have(hand, offer):
                    found.append((self._age[offer.task.id], offer))
                    break
                starts[mix] = after
        return min(found, key=lambda each: each[0])[1] if found else None

    def _due(self, hand: Hand, repeats: Iterable[Offer], gap: int | None = None) -> Offer | None:
        """Return a task that asks again what the person answered at least ``gap`` tasks ago."""
        gap = self.rules.ahead if gap is None else gap
        return next(
            (
                offer
                for offer in repeats
                if hand.since(offer.task.reask_of) >= gap
                and self.has_places(offer)
                and self._may_have(hand, offer)
            ),
            None,
        )

    def _may_have(self, hand: Hand, offer: Offer) -> bool:
        return (
            offer.task.id not in hand.worker.lapsed
            and hand.not_now(offer) is None
            and hand.never(offer) is None
        )

    def _give_lapsed(self) -> None:
        """Give people what they let lapse before, where nobody else is left who can take it."""
        for hand in sorted(self.hands.values(), key=_turn):
            for task_id in sorted(hand.worker.lapsed, key=lambda name: self._age.get(name, -1)):
                offer = self.board.offers.get(task_id)
                if hand.full() is not None:
                    break
                if (
                    offer is not None
                    and self.has_places(offer)
                    and hand.not_now(offer) is None
                    and hand.never(offer) is None
                    and not self.others_can(hand, offer)
                ):
                    self._give(hand, offer)

    def _give(self, hand: Hand, offer: Offer) -> None:
        name = hand.worker.id
        self._positions[name] += 1
        self._given.append(Given(name, offer.task.id, self._positions[name]))
        self._take(hand, offer)

    def _take(self, hand: Hand, offer: Offer) -> None:
        self._taken[offer.task.id] += 1
        hand.hold(offer)

    def _reserve(self, queues: Mapping[str, MixQueue]) -> Iterator[str]:
        """Yield the best tasks that are not placed, as many as fill the reserve up."""
        given = {each.task_id for each in self._given}
        there = sum(
            (offer.placed or offer.task.id in given) and self.has_places(offer)
            for offer in self.board.offers.values()
        )
        left = self.rules.reserve - there
        while left > 0:
            heads = [(head, mix) for mix, queue in queues.items() if (head := queue.best()) is not None]
            if not heads:
                return
            (_, offer), mix = min(heads, key=lambda head: head[0][0])
            queues[mix].set_aside()
            if not offer.placed and offer.task.id not in given:
                left -= 1
                yield offer.task.id


def _turn(hand: Hand) -> tuple[bool, int, str]:
    """Return when it is a person's turn: who is away comes last, who has done least first."""
    return hand.worker.away, hand.count, hand.worker.id
