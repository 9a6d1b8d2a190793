"""Candidates about several responses to one prompt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from task_generators.candidates import LEVELS, PromptAnswers, Reads, Search, TaskCandidate
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.records import Conversation, SeedFeedback


def each_group(fewest: int, most: int) -> Search:
    """Return what finds groups of ``fewest`` to ``most`` different responses that follow the same messages.

    All responses to a prompt are dealt by lot into as few groups as hold them, of sizes as equal as can be; a
    response is in one group. Responses with equal texts count as one, and empty ones are left out. With ``trivial``,
    equal and empty ones take part.
    """
    return Search(partial(_Groups, (fewest, most)), Reads.SHARED_PROMPTS)


class _Groups:
    def __init__(
        self, sizes: tuple[int, int], kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool
    ) -> None:
        self._kind = kind
        self._seeds = seeds
        self._trivial = trivial
        self._sizes = sizes
        self._answers = PromptAnswers(seeds)

    def look(self, conversation: Conversation) -> tuple[TaskCandidate, ...]:
        """Return nothing yet: a later conversation may have the same beginning."""
        self._answers.look(conversation)
        return ()

    def rest(self) -> Iterator[TaskCandidate]:
        """Yield the candidates of all conversations."""
        for prefix, answers in self._answers.by_prompt():
            same: dict[str, frozenset[str]] = {}
            for answer in answers:
                same[answer.text] = same.get(answer.text, frozenset()) | {answer.message_id}
            first = {answer.text: answer for answer in reversed(answers)}
            shown = (
                answers
                if self._trivial
                else [answer for answer in answers if first[answer.text] is answer and not answer.empty]
            )
            dealt = sorted(
                shown,
                key=lambda answer: stable_id("group", self._kind, prefix, answer.text, answer.message_id),
            )
            for group in dealt_groups(len(dealt), *self._sizes):
                members = [dealt[place] for place in group]
                texts = sorted(answer.text for answer in members)
                distinct = len(set(texts)) == len(texts) and not any(answer.empty for answer in members)
                ids = () if distinct else sorted(answer.message_id for answer in members)
                yield TaskCandidate(
                    id=stable_id(self._kind, prefix, *texts, *ids),
                    kind=self._kind,
                    message_ids=tuple(answer.message_id for answer in members),
                    conversation_ids=tuple(answer.conversation_id for answer in members),
                    significance=max(
                        (self._seeds[answer.message_id].significance for answer in members), key=LEVELS.index
                    ),
                    alike=tuple(same[answer.text] for answer in members) if distinct else (),
                )


def dealt_groups(number: int, fewest: int, most: int) -> Iterator[range]:
    """Yield consecutive places 0 to ``number`` - 1 in as few groups as hold them, each of ``fewest`` to ``most``.

    Places that make no group of their own are left out, as 2 of 2, or with groups of 4 to 5 as 2 of 7.
    """
    groups = -(-number // most)
    while groups and number < groups * fewest:
        groups -= 1
    start, room = 0, min(number, groups * most)
    for place in range(groups):
        size = room // groups + (place < room % groups)
        yield range(start, start + size)
        start += size
