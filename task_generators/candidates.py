"""Task candidates: possible tasks, before they are drawn and priced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, product
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from task_generators.prompt_answers import PromptAnswers
from workspaces.kinds import Kind, all_kinds
from workspaces.records import SeedFeedback, Significance, shown_hash, stable_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from task_generators.prompt_answers import Answer, Answered
    from workspaces.records import Conversation

LEVELS = list(Significance)
"""The levels of significance, ascending."""

SideT = TypeVar("SideT")


@dataclass(frozen=True, slots=True)
class TaskCandidate:
    """A possible task. Its id depends on the responses alone.

    ``alike`` holds, for each response, the ids of all that look the same to annotators, itself included; empty: none
    but itself. What is asked about one of them is not asked about another. ``separate``: every response is asked about
    by itself, so that a task may show any of them. ``trivial`` ones decide themselves: an empty response, or two that
    read the same. ``rewrites`` are those whose text it shows, as ``Task`` has them.
    """

    id: str
    kind: str
    message_ids: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    significance: Significance
    alike: tuple[frozenset[str], ...] = ()
    separate: bool = False
    trivial: bool = False
    rewrites: tuple[str, ...] = ()

    def about(self, message_ids: Collection[str]) -> TaskCandidate:
        """Return the candidate about some of its responses alone."""
        kept = [place for place, message_id in enumerate(self.message_ids) if message_id in message_ids]
        names = tuple(self.message_ids[place] for place in kept)
        return replace(
            self,
            id=stable_id(self.kind, *names),
            message_ids=names,
            conversation_ids=tuple(self.conversation_ids[place] for place in kept),
        )


class Finder(Protocol):
    """Finds the candidates of one kind, one conversation at a time, so that no text is kept."""

    def look(self, conversation: Conversation) -> Iterable[TaskCandidate]:
        """Return the candidates that this conversation completes."""
        ...

    def rest(self) -> Iterable[TaskCandidate]:
        """Return the remaining candidates, after the last conversation."""
        ...


Find: TypeAlias = Callable[[str, Mapping[str, SeedFeedback], bool], Finder]
"""Takes a kind's name, the newest seed feedback by message id, and whether trivial candidates are wanted, too."""


class Reads(StrEnum):
    """Which conversations a finder must be shown; of all others it finds nothing."""

    ALL = "all"
    NO_CHAINS = "no chains"
    """All but chains (``task_generators.outlines``), whose candidates follow from their outlines."""

    SHARED_PROMPTS = "shared prompts"
    """Those with a rated response to a prompt to which there is another one; with the rewrites that were accepted."""

    REWRITTEN = "rewritten"
    """Those with rewrites, which they are shown with."""


class InChains(StrEnum):
    """What a finder that reads ``NO_CHAINS`` finds in a chain; ``task_generators.blocks`` finds it in columns."""

    RESPONSES = "responses"
    """Every response that is rated and not blank."""

    CONVERSATIONS = "conversations"
    """The conversation, if such a response is in it."""

    TOGETHER = "together"
    """Such responses, up to ``Search.most`` in one candidate."""


@dataclass(frozen=True, slots=True)
class Search:
    """A ``Find`` that says what it must read."""

    find: Find
    reads: Reads
    in_chains: InChains | None = None
    most: int = 1

    def __call__(self, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> Finder:
        """Return the finder of the candidates of a kind."""
        return self.find(kind, seeds, trivial)


@dataclass(frozen=True, kw_only=True)
class GeneratedKind(Kind):
    """A kind whose tasks are made from chat logs; ``find`` returns the finder of its candidates."""

    find: Find


def reads_of(kind: str) -> Reads:
    """Return which conversations a finder of a kind must be shown."""
    find = generated_kinds()[kind].find
    return find.reads if isinstance(find, Search) else Reads.ALL


def generated_kinds() -> Mapping[str, GeneratedKind]:
    """Return every kind whose tasks can be made from chat logs, by name."""
    return {name: kind for name, kind in all_kinds().items() if isinstance(kind, GeneratedKind)}


def candidates(
    kinds: Iterable[str],
    conversations: Iterable[Conversation],
    seeds: Mapping[str, SeedFeedback],
    *,
    trivial: bool = False,
    shown: Callable[[str, Conversation], Conversation | None] = lambda kind, conversation: conversation,
) -> Iterator[TaskCandidate]:
    """Yield the candidates of these kinds, in one pass over the conversations.

    Args:
        kinds: names of kinds.
        conversations: each is read once and not kept.
        seeds: the newest seed feedback by message id; a response without seed feedback is no candidate.
        trivial: also yield trivial candidates: empty responses, and pairs of equal ones.
        shown: returns the part of a conversation that tasks of a kind may show; None: they may not show it.
    """
    generated = generated_kinds()
    finders = {kind: generated[kind].find(kind, seeds, trivial) for kind in kinds}
    for conversation in conversations:
        for kind, finder in finders.items():
            if (view := shown(kind, conversation)) is not None:
                yield from finder.look(view)
    for finder in finders.values():
        yield from finder.rest()


class _Responses:
    """Finds every response that has seed feedback and, unless ``trivial``, is not empty."""

    def __init__(self, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._kind = kind
        self._seeds = seeds
        self._trivial = trivial

    def look(self, conversation: Conversation) -> Iterator[TaskCandidate]:
        """Yield the candidates of one conversation."""
        for message in conversation.responses():
            seed = self._seeds.get(message.id)
            empty = not message.content.strip()
            if seed is not None and message.parent_id is not None and (not empty or self._trivial):
                yield TaskCandidate(
                    id=stable_id(self._kind, message.id),
                    kind=self._kind,
                    message_ids=(message.id,),
                    conversation_ids=(conversation.id,),
                    significance=seed.significance,
                    trivial=empty,
                )

    def rest(self) -> tuple[TaskCandidate, ...]:
        """Return nothing: every candidate is complete with its own conversation."""
        return ()


class _Pairs:
    """Finds every two different responses that have seed feedback and follow the same messages.

    The responses may be siblings in one tree, or come from conversations with equal beginnings. Responses with equal
    texts count as one, so that nobody is paid twice for the same two texts, and empty ones are not compared, unless
    ``trivial`` asks for these, too. A rewrite is compared with every response but the one that it replaces. Time grows
    with the square of the number of responses to one prompt, memory with the number of responses.
    """

    def __init__(self, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._kind = kind
        self._seeds = seeds
        self._trivial = trivial
        self._answers = PromptAnswers(seeds)

    def look(self, conversation: Conversation) -> tuple[TaskCandidate, ...]:
        """Return nothing yet: a later conversation may have the same beginning."""
        self._answers.look(conversation)
        return ()

    def rest(self) -> Iterator[TaskCandidate]:
        """Yield the candidates of all conversations."""
        for prefix, answered in self._answers.by_prompt():
            answers = answered.responses
            first = {answer.text: answer for answer in reversed(answers)}
            plain = [answer for answer in answers if first[answer.text] is answer and not answer.empty]
            compared = answers if self._trivial else plain
            for left, right in combinations(compared, 2):
                trivial = left.text == right.text or any(
                    first[answer.text] is not answer or answer.empty for answer in (left, right)
                )
                yield self._candidate(prefix, (left, right), answered, trivial=trivial)
            for rewrite, answer in product(answered.rewrites, plain):
                if answer.text not in rewrite.replaced:
                    pair = (rewrite, answer) if rewrite.text < answer.text else (answer, rewrite)
                    yield self._candidate(prefix, pair, answered, trivial=False)

    def _candidate(
        self, prefix: str, pair: tuple[Answer, Answer], answered: Answered, *, trivial: bool
    ) -> TaskCandidate:
        """Return the candidate of two answers, in the order of their texts."""
        left, right = pair
        messages = (left.message_id, right.message_id) if trivial else ()
        task_id = stable_id(self._kind, prefix, left.text, right.text, *messages)
        shown = _drawn_by_lot(task_id, left, right)
        return TaskCandidate(
            id=task_id,
            kind=self._kind,
            message_ids=tuple(answer.message_id for answer in shown),
            conversation_ids=tuple(answer.conversation_id for answer in shown),
            significance=self._answers.significance(shown),
            alike=() if trivial else tuple(answered.alike[answer.text] for answer in shown),
            trivial=trivial,
            rewrites=answered.rewrites_alike(shown),
        )


class _Rewrites:
    """Finds every rewrite beside the response that it replaces, unless both look the same.

    Which of the two stands first is drawn by lot, the same for the same rewrite. A rewrite is as significant as the
    response; low, if nothing is known of that.
    """

    def __init__(self, kind: str, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._kind = kind
        self._seeds = seeds

    def look(self, conversation: Conversation) -> Iterator[TaskCandidate]:
        """Yield the candidates of one conversation."""
        by_id = {message.id: message for message in conversation.messages}
        rewrites = {it.id: shown_hash(it.content) for it in conversation.messages if it.rewrite_of}
        for message in conversation.messages:
            response = by_id.get(message.rewrite_of or "")
            if response is None or rewrites[message.id] == shown_hash(response.content):
                continue
            task_id = stable_id(self._kind, message.id)
            alike = (name for name, text in rewrites.items() if text == rewrites[message.id])
            seed = self._seeds.get(response.id)
            yield TaskCandidate(
                id=task_id,
                kind=self._kind,
                message_ids=_drawn_by_lot(task_id, response.id, message.id),
                conversation_ids=(conversation.id, conversation.id),
                significance=Significance.LOW if seed is None else seed.significance,
                rewrites=tuple(sorted(alike)),
            )

    def rest(self) -> tuple[TaskCandidate, ...]:
        """Return nothing: every candidate is complete with its own conversation."""
        return ()


def _drawn_by_lot(task_id: str, left: SideT, right: SideT) -> tuple[SideT, SideT]:
    """Return two sides in the order of display, which the id of their task decides."""
    swap = int(stable_id("display order", task_id), 16) % 2 == 1
    return (right, left) if swap else (left, right)


each_response = Search(_Responses, Reads.NO_CHAINS, InChains.RESPONSES)
"""Finds every response that has seed feedback and, unless ``trivial``, is not empty."""

each_pair = Search(_Pairs, Reads.SHARED_PROMPTS)
"""Finds every two different responses that have seed feedback and follow the same messages."""

each_rewrite = Search(_Rewrites, Reads.REWRITTEN)
"""Finds every rewrite beside the response that it replaces."""
