"""The responses to each prompt, from all conversations that begin alike, and the rewrites that stand beside them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

from task_generators.shown import text_of
from workspaces.records import Significance, shown_hash, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workspaces.records import Conversation, Message, SeedFeedback


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to one prompt; ``text`` is a hash that is equal for responses that look the same.

    Of a rewrite, ``rewrite_of`` is the response that it replaces, and ``replaced`` the hashes of what that looks like,
    and of what others look like for which somebody wrote the same.
    """

    text: str
    message_id: str
    conversation_id: str
    empty: bool
    rewrite_of: str | None = None
    replaced: frozenset[str] = frozenset()


@dataclass(slots=True)
class Answered:
    """The responses to one prompt, equal texts beside each other, and the rewrites that are counterparts to them.

    A rewrite that reads like a response, or like another rewrite, is none: it adds no text. ``alike`` maps each text
    to the ids of all that read so, these included.
    """

    responses: list[Answer] = field(default_factory=list)
    rewrites: list[Answer] = field(default_factory=list)
    alike: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def rewrites_alike(self, shown: Iterable[Answer]) -> tuple[str, ...]:
        """Return the rewrites whose text is shown with these answers: the ones among them, and those that read so."""
        return tuple(sorted({name for it in shown if it.rewrite_of for name in self.alike[it.text]}))


class PromptAnswers:
    """The responses to each prompt, from all conversations that begin alike; memory grows with their number."""

    def __init__(self, seeds: Mapping[str, SeedFeedback]) -> None:
        """Args: ``seeds``: by message id; a response without seed feedback is left out."""
        self._seeds = seeds
        self._prompts: dict[str, list[Answer]] = {}

    def look(self, conversation: Conversation) -> None:
        """Read a conversation, with the rewrites that may be compared with other responses than their own."""
        prefixes: dict[str | None, str] = {None: ""}
        by_id: dict[str, Message] = {}
        for message in conversation.messages:
            by_id[message.id] = message
            prefix = prefixes[message.parent_id]
            structure = (message.structure,) if message.structure else ()
            prefixes[message.id] = stable_id(prefix, message.role, message.content, *structure)
            if message.parent_id is None or not message.is_response:
                continue
            if message.id in self._seeds or message.rewrite_of is not None:
                replaced = by_id.get(message.rewrite_of or "")
                answer = Answer(
                    shown_hash(text_of(message)),
                    message.id,
                    conversation.id,
                    not message.content.strip(),
                    message.rewrite_of,
                    frozenset() if replaced is None else frozenset({shown_hash(text_of(replaced))}),
                )
                self._prompts.setdefault(prefix, []).append(answer)

    def by_prompt(self) -> Iterator[tuple[str, Answered]]:
        """Yield a hash of each prompt with the responses to it."""
        for prefix, answers in self._prompts.items():
            answers.sort(key=lambda answer: (answer.text, answer.message_id))
            alike = {
                text: frozenset(answer.message_id for answer in some)
                for text, some in groupby(answers, key=lambda answer: answer.text)
            }
            responses = [answer for answer in answers if answer.rewrite_of is None]
            taken = {answer.text for answer in responses}
            rewrites: dict[str, Answer] = {}
            for it in answers:
                if it.rewrite_of and it.text not in taken:
                    first = rewrites.setdefault(it.text, it)
                    rewrites[it.text] = replace(first, replaced=first.replaced | it.replaced)
            yield prefix, Answered(responses, list(rewrites.values()), alike)

    def significance(self, shown: Iterable[Answer]) -> Significance:
        """Return how much feedback on these is worth: on a rewrite as much as on the response that it replaces."""
        levels = list(Significance)
        rated = (self._seeds.get(it.rewrite_of or it.message_id) for it in shown)
        found = (Significance.LOW if seed is None else seed.significance for seed in rated)
        return max(found, key=levels.index)
