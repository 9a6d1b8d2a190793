"""Selections of the collection itself: its conversations, and the prompts of a benchmark. No answer is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports.context import UNKNOWN, Prompt, clean, distinct
from exports.omissions import Omission, OmissionReason
from exports.projection import Selection
from exports.verdicts import sorted_omissions
from exports.whole_conversations import WholeConversation
from workspaces.records import Role, stable_id

if TYPE_CHECKING:
    from exports.collected import BenchmarkChoice, BenchmarkPrompt
    from exports.judgments import Judgment
    from exports.projection import Evidence

NO_MESSAGE = "conversation without a message"


@dataclass(frozen=True)
class BenchmarkQuestion:
    """A prompt of a benchmark, and the choice that it is part of. ``question_id`` depends on the prompt alone."""

    question: BenchmarkPrompt
    choice: BenchmarkChoice
    person_ids: tuple[str, ...] = ()
    judgments: tuple[Judgment, ...] = ()
    rules_versions: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def question_id(self) -> str:
        """A hash of the prompt."""
        return stable_id("question", clean(self.question.prompt))

    @property
    def id(self) -> str:
        """The same as ``question_id``: every export item has an id."""
        return self.question_id

    @property
    def conversation_ids(self) -> tuple[str, ...]:
        """The conversation that it opens."""
        return (self.question.conversation_id,)

    @property
    def prompt(self) -> Prompt:
        """The prompt, one turn of a user."""
        return ((Role.USER.value, clean(self.question.prompt)),)

    @property
    def licences(self) -> tuple[str, ...]:
        """The licence of the log."""
        return distinct((self.question.licence or UNKNOWN,))

    @property
    def sources(self) -> tuple[str, ...]:
        """The source of the log."""
        return distinct((self.question.source,))


def select_collection(evidence: Evidence) -> Selection[WholeConversation]:
    """Return every conversation that may be exported and has a message, sorted by id."""
    items = []
    empty = 0
    for conversation in evidence.collected.conversations():
        if any(message.content.strip() or message.tool_calls for message in conversation.messages):
            language = evidence.languages.get(conversation.id) or conversation.language
            items.append(WholeConversation(conversation, language and clean(language)))
        else:
            empty += 1
    return Selection(
        items=sorted(items, key=lambda item: item.id),
        omissions=_all_answers(evidence),
        shortage="no conversation is shared",
        item="conversation",
        items_left_out={NO_MESSAGE: empty} if empty else {},
    )


def select_benchmark(evidence: Evidence) -> Selection[BenchmarkQuestion]:
    """Return the chosen prompts of the benchmark, sorted by id; of the others, how many for which reason."""
    choice = evidence.collected.benchmark()
    items = {item.id: item for it in choice.prompts for item in [BenchmarkQuestion(it, choice)]}
    return Selection(
        items=[items[name] for name in sorted(items)],
        omissions=_all_answers(evidence),
        shortage="no prompt is challenging enough: lower exports.benchmark_least, or run 'chatfeedback collection "
        "challenge' and 'chatfeedback collection topics'",
        item="prompt",
        items_left_out={f"prompt with {reason}": count for reason, count in choice.left_out.items() if count},
    )


def _all_answers(evidence: Evidence) -> tuple[Omission, ...]:
    answered = {annotation.task_id for annotation in evidence.annotations}
    return sorted_omissions(
        [
            *(
                Omission(evidence.set_aside.get(it.id, OmissionReason.OF_ANSWERS), it.task_id, it.id)
                for it in evidence.annotations
            ),
            *(Omission(OmissionReason.NOT_ANSWERED, name) for name in evidence.tasks.keys() - answered),
        ]
    )
