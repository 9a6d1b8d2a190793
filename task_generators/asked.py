"""What is asked already: the same responses are one task, whatever became of their texts."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from task_generators.candidates import TaskCandidate
    from workspaces.records import Task


PAIR = 2


class Asked:
    """The existing tasks, by their ids and by the responses that they show, in any order.

    The id of a task about several responses depends on their texts, and redacting the collection again changes texts;
    the ids of messages stay. A task about three responses or more is asked when tasks of its kind show most of its
    pairs together: few new responses to a prompt do not have all older ones ranked once more.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Args: ``tasks``: the existing tasks, repetitions among them or not."""
        self._ids: set[str] = set()
        self._messages: set[tuple[str, str]] = set()
        self._shown: set[tuple[str, frozenset[str]]] = set()
        self._together: set[tuple[str, frozenset[str]]] = set()
        self.conversation_ids: set[str] = set()
        """The conversations that tasks show."""
        for task in tasks:
            self.conversation_ids.update(task.conversation_ids)
            self._ids.add(task.id)
            self._messages.update((task.kind, message_id) for message_id in task.message_ids)
            self._shown.add((task.kind, frozenset(task.message_ids)))
            if len(task.message_ids) > PAIR:
                self._together.update((task.kind, pair) for pair in _pairs(task.message_ids))

    @property
    def task_ids(self) -> AbstractSet[str]:
        """The ids of the existing tasks."""
        return self._ids

    @property
    def message_ids(self) -> AbstractSet[str]:
        """The messages that they show."""
        return {message_id for _, message_id in self._messages}

    def __contains__(self, candidate: TaskCandidate) -> bool:
        """Return whether a task asks about these responses, or about others that look the same to annotators."""
        kind = candidate.kind
        if len(candidate.message_ids) > PAIR:
            pairs = _pairs(candidate.message_ids)
            if 2 * sum((kind, pair) in self._together for pair in pairs) > len(pairs):
                return True
        alike = candidate.alike or [(message_id,) for message_id in candidate.message_ids]
        asked = ([each for each in same if (kind, each) in self._messages] for same in alike)
        return candidate.id in self._ids or any(
            (kind, frozenset(shown)) in self._shown for shown in product(*asked)
        )

    def rest(self, candidate: TaskCandidate) -> TaskCandidate | None:
        """Return what no task asks about yet, of responses asked about by themselves the others; None: nothing."""
        if not candidate.separate:
            return None if candidate in self else candidate
        left = [each for each in candidate.message_ids if (candidate.kind, each) not in self._messages]
        if len(left) == len(candidate.message_ids):
            return candidate
        return candidate.about(left) if left else None


def _pairs(message_ids: Sequence[str]) -> list[frozenset[str]]:
    return [frozenset(pair) for pair in combinations(message_ids, PAIR)]
