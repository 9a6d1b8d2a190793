"""Candidates about several responses to one prompt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from task_generators.candidates import Reads, Search, TaskCandidate
from task_generators.prompt_answers import PromptAnswers
from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from task_generators.prompt_answers import Answer, Answered
    from workspaces.records import Conversation, SeedFeedback


def each_group(fewest: int, most: int) -> Search:
    """Return what finds groups of ``fewest`` to ``most`` different responses that follow the same messages.

    All responses to a prompt are dealt by lot into as few groups as hold them, of sizes as equal as can be; a
    response is in one group. Responses with equal texts count as one, and empty ones are left out. With ``trivial``,
    equal and empty ones take part.

    Rewrites are dealt among the responses, no more of them than there are of these, each into a group with a response
    that it does not replace.
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
        fewest, most = self._sizes
        for prefix, answered in self._answers.by_prompt():
            dealt = self._dealt(prefix, answered)
            for group in dealt_groups(len(dealt), fewest, most):
                members = _with_counterparts([dealt[place] for place in group])
                if len(members) >= fewest:
                    yield self._candidate(prefix, members, answered)

    def _dealt(self, prefix: str, answered: Answered) -> list[Answer]:
        """Return what is dealt, in the order of lots: the responses, and rewrites evenly among them."""
        first = {answer.text: answer for answer in reversed(answered.responses)}
        shown = [
            answer
            for answer in answered.responses
            if self._trivial or (first[answer.text] is answer and not answer.empty)
        ]
        places: list[tuple[float, bool, Answer]] = []
        for some in (shown, answered.rewrites):
            by_lot = sorted(
                some, key=lambda it: stable_id("group", self._kind, prefix, it.text, it.message_id)
            )[: len(shown)]
            places += (((n + 0.5) / len(by_lot), some is not shown, it) for n, it in enumerate(by_lot))
        return [answer for *_, answer in sorted(places, key=lambda place: place[:2])]

    def _candidate(self, prefix: str, members: Sequence[Answer], answered: Answered) -> TaskCandidate:
        texts = sorted(answer.text for answer in members)
        distinct = len(set(texts)) == len(texts) and not any(answer.empty for answer in members)
        ids = () if distinct else sorted(answer.message_id for answer in members)
        return TaskCandidate(
            id=stable_id(self._kind, prefix, *texts, *ids),
            kind=self._kind,
            message_ids=tuple(answer.message_id for answer in members),
            conversation_ids=tuple(answer.conversation_id for answer in members),
            significance=self._answers.significance(members),
            alike=tuple(answered.alike[answer.text] for answer in members) if distinct else (),
            rewrites=answered.rewrites_alike(members),
        )


def _with_counterparts(group: Sequence[Answer]) -> list[Answer]:
    """Return a group without the rewrites that stand beside no other response than the one that they replace."""
    responses = {answer.text for answer in group if answer.rewrite_of is None}
    return [answer for answer in group if answer.rewrite_of is None or responses - answer.replaced]


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
