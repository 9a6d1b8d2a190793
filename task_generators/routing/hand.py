"""What one person had and has open, and the rules that no assignment breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.routing.practice import Stage
from task_generators.routing.reasons import Reason
from workspaces.kinds import all_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from task_generators.routing.board import Board, Offer, Rules, Worker
    from workspaces.records import Task

    Content = tuple[str, str]
    """What asks (``_askers``), and the item that it asks about or the group of near copies that this is in."""


class Contents:
    """What tasks ask about, each looked up once."""

    def __init__(self, copies: Mapping[str, str]) -> None:
        """Args: ``copies``: the group of each conversation that has near copies."""
        self._copies = copies
        self._askers = _askers()
        self._items: dict[str, tuple[Content, ...]] = {}
        self._groups: dict[str, tuple[Content, ...]] = {}

    def items(self, task: Task) -> tuple[Content, ...]:
        """Return the items that a task votes on, with what asks about them."""
        if task.id not in self._items:
            kind = all_kinds().get(task.kind)
            items: Iterable[str] = task.message_ids
            if kind is not None:
                items = kind.showing(len(task.message_ids)).items(task.message_ids, task.conversation_ids)
            self._items[task.id] = tuple((self._asker(task), item) for item in items)
        return self._items[task.id]

    def groups(self, task: Task) -> tuple[Content, ...]:
        """Return the groups of near copies that a task shows conversations of, with what asks; mostly none."""
        if task.id not in self._groups:
            found = {self._copies.get(name) for name in task.conversation_ids} - {None}
            self._groups[task.id] = tuple((self._asker(task), group) for group in found if group)
        return self._groups[task.id]

    def in_group(self, task: Task, group: Content) -> frozenset[str]:
        """Return the conversations of a group that a task shows."""
        return frozenset(name for name in task.conversation_ids if self._copies.get(name) == group[1])

    def _asker(self, task: Task) -> str:
        return self._askers.get(task.kind, task.kind)


class Hand:
    """One person in the course of a decision; ``hold`` changes what they have open."""

    def __init__(self, worker: Worker, board: Board, rules: Rules, contents: Contents) -> None:
        self.worker = worker
        self.open: set[str] = set()
        self._rules = rules
        self._contents = contents
        self._items: dict[Content, set[str]] = {}
        self._alike: dict[Content, set[frozenset[str]]] = {}
        self._answered = {task_id: place for place, task_id in enumerate(worker.answered)}
        practice = rules.practice
        self.stage = Stage.QUALIFIED if practice is None else practice.stage(worker.results)
        self._practice_room = 0 if practice is None else practice.room(worker.results)
        for task_id in worker.had:
            if task_id in board.tasks:
                self._see(board.tasks[task_id])

    @property
    def count(self) -> int:
        """How many tasks the person had or has open."""
        return len(self.worker.had) + len(self.open)

    def never(self, offer: Offer) -> Reason | None:
        """Return the rule that keeps a task from the person, whoever else answers it; None: none does."""
        task, worker = offer.task, self.worker
        if task.id in worker.had or task.id in self.open:
            return Reason.HAD
        if task.mix not in worker.mixes:
            return Reason.MIX
        if not worker.own.isdisjoint(task.conversation_ids):
            return Reason.OWN
        if task.id in worker.rewrites:
            return Reason.REWRITE
        first = task.reask_of if offer.again else None
        if offer.again and first not in self._answered:
            return Reason.FIRST
        for item in self._contents.items(task):
            if (seen := self._items.get(item)) and seen - {first}:
                return Reason.COPY
        for group in self._contents.groups(task):
            if (seen_of := self._alike.get(group)) and seen_of != {self._contents.in_group(task, group)}:
                return Reason.COPY
        return None

    def not_now(self, offer: Offer) -> Reason | None:
        """Return why a task of this sort is not for the person at their stage; None: it is."""
        if self.stage is not Stage.QUALIFIED:
            return None if offer.gold else Reason.PRACTICE
        return Reason.KEPT if offer.practice and self._rules.practice is not None else None

    def full(self) -> Reason | None:
        """Return why the person gets no further task, whatever it is; None: there is room."""
        if self.worker.barred is not None:
            return self.worker.barred
        if self.stage is Stage.FAILED:
            return Reason.FAILED
        if len(self.open) >= self._rules.ahead:
            return Reason.AHEAD
        if self._rules.per_day is not None and self.worker.today + len(self.open) >= self._rules.per_day:
            return Reason.DAILY
        if self.stage is Stage.PRACTISING and len(self.open) >= self._practice_room:
            return Reason.PRACTICE
        return None

    def since(self, task_id: str | None) -> int:
        """Return how many tasks the person answered after this one, which they answered."""
        return len(self._answered) - 1 - self._answered.get(task_id or "", -1)

    def hold(self, offer: Offer) -> None:
        """Let the person have a task open."""
        self.open.add(offer.task.id)
        self._see(offer.task)

    def _see(self, task: Task) -> None:
        for item in self._contents.items(task):
            self._items.setdefault(item, set()).add(task.id)
        for group in self._contents.groups(task):
            self._alike.setdefault(group, set()).add(self._contents.in_group(task, group))


def _askers() -> dict[str, str]:
    """Return one name for all kinds that ask the same: two that have a question in common, such as the six tags."""
    by_question: dict[str, str] = {}
    askers: dict[str, str] = {}
    for name, kind in sorted(all_kinds().items()):
        questions = [question.name for question in kind.counted]
        known = {by_question[each] for each in questions if each in by_question}
        asker = min(known, default=name)
        askers = {each: asker if whose in known else whose for each, whose in askers.items()} | {name: asker}
        by_question = {each: asker if whose in known else whose for each, whose in by_question.items()}
        by_question.update(dict.fromkeys(questions, asker))
    return askers
