"""Candidates of kinds that show a conversation as a whole: about all of it, or about its responses together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from task_generators.candidates import InChains, Reads, Search, TaskCandidate
from workspaces.chunks import in_chunks
from workspaces.records import Significance, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from workspaces.records import Conversation, Message, SeedFeedback

_LEVELS = list(Significance)


class _Conversations:
    """Finds every conversation in which some response has seed feedback.

    A conversation is shown along the branch that was written last, with what the person said after the last response.
    Its significance is that of its most significant response. What was generated for comparison is no part of it.
    """

    def __init__(self, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._kind = kind
        self._seeds = seeds
        self._trivial = trivial

    def look(self, conversation: Conversation) -> Iterator[TaskCandidate]:
        """Yield the candidates of one conversation."""
        if logged := conversation.logged():
            path = conversation.path_to(logged[-1].id)
            if rated := self._rated(path):
                yield self._candidate(conversation, path[-1:], rated, stable_id(self._kind, conversation.id))

    def rest(self) -> tuple[TaskCandidate, ...]:
        """Return nothing: every candidate is complete with its own conversation."""
        return ()

    def _rated(self, path: Iterable[Message]) -> list[Message]:
        """Return the responses on a branch that have seed feedback."""
        return [
            message
            for message in path
            if message.is_response
            and message.parent_id is not None
            and message.id in self._seeds
            and (message.content.strip() or self._trivial)
        ]

    def _candidate(
        self, conversation: Conversation, named: Sequence[Message], rated: Iterable[Message], task_id: str
    ) -> TaskCandidate:
        return TaskCandidate(
            id=task_id,
            kind=self._kind,
            message_ids=tuple(message.id for message in named),
            conversation_ids=(conversation.id,) * len(named),
            significance=max((self._seeds[it.id].significance for it in rated), key=_LEVELS.index),
            separate=named is rated,
        )


class _ResponsesTogether(_Conversations):
    def __init__(self, most: int, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        super().__init__(kind, seeds, trivial)
        self._most = most

    def look(self, conversation: Conversation) -> Iterator[TaskCandidate]:
        """Yield the candidates of one conversation, branch by branch."""
        logged = conversation.logged()
        parents = {message.parent_id for message in logged}
        taken: set[str] = set()
        for leaf in (message for message in logged if message.id not in parents):
            waiting = [it for it in self._rated(conversation.path_to(leaf.id)) if it.id not in taken]
            taken.update(message.id for message in waiting)
            for some in in_chunks(waiting, self._most):
                yield self._candidate(
                    conversation, some, some, stable_id(self._kind, *(it.id for it in some))
                )


each_conversation = Search(_Conversations, Reads.NO_CHAINS, InChains.CONVERSATIONS)
"""Finds every conversation in which some response has seed feedback."""


def responses_together(most: int) -> Search:
    """Return what makes finders of the responses of a conversation, up to ``most`` in one candidate.

    Every response that has seed feedback and, unless trivial candidates are wanted, is not empty, is in exactly one
    candidate. The responses of a candidate stand on one branch, in the order of the conversation. Generated responses
    are in none.
    """
    return Search(partial(_ResponsesTogether, most), Reads.NO_CHAINS, InChains.TOGETHER, most)
