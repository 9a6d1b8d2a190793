"""The qualitative task: six qualities of one response, and an optional rewrite.

Source: ChatFeedback, section 3, 'Provide feedback'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.kinds.candidates import TaskCandidate, turns
from workspaces.forms import ChatField, ChoiceQuestion, Form, TaskContent, TextQuestion
from workspaces.records import Quality, Tag, TaskKind, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from task_generators.kinds.candidates import Finder
    from workspaces.records import Conversation, SeedFeedback, Task

_OPTIONS = {Tag.YES.value: "Yes", Tag.NO.value: "No", Tag.NA.value: "N/A"}
_QUESTIONS = {
    Quality.INSTRUCTION: (
        "Follows the instruction?",
        "It does what was asked: task, format, length, language.",
    ),
    Quality.HELPFUL: ("Helpful?", "Useful and correct enough to solve the problem."),
    Quality.FACTUAL: ("Factual?", "Grounded in the instruction and in real-world knowledge."),
    Quality.STYLE: ("Do you like the style?", "Clear, fitting tone, no padding. Your taste counts."),
    Quality.SENSITIVE: ("Sensitive?", "Private details, or matter that some readers should be warned of."),
    Quality.TOXIC: ("Toxic?", "Insults, threatens, demeans or incites."),
}
SUGGESTION = "suggestion"


def form(guidelines: str) -> Form:
    """Return what every qualitative task looks like."""
    return Form(
        kind=TaskKind.QUALITATIVE,
        title="Rate a response",
        guidelines=guidelines,
        fields=(ChatField("conversation", "Conversation so far"), ChatField("response", "Response to judge")),
        questions=(
            *(
                ChoiceQuestion(quality.value, title, description, _OPTIONS)
                for quality, (title, description) in _QUESTIONS.items()
            ),
            TextQuestion(
                SUGGESTION, "Suggestion (optional)", "A better response, written in full. Paid extra."
            ),
        ),
    )


def finder(seeds: Mapping[str, SeedFeedback], *, trivial: bool = False) -> Finder:
    """Return what finds every response that has seed feedback and, unless ``trivial``, says something."""
    return _Responses(seeds, trivial)


class _Responses:
    def __init__(self, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._seeds = seeds
        self._trivial = trivial

    def look(self, conversation: Conversation) -> Iterator[TaskCandidate]:
        """Yield the candidates of one conversation."""
        for message in conversation.responses():
            seed = self._seeds.get(message.id)
            if (
                seed is not None
                and message.parent_id is not None
                and (message.content.strip() or self._trivial)
            ):
                yield TaskCandidate(
                    id=stable_id(TaskKind.QUALITATIVE, message.id),
                    kind=TaskKind.QUALITATIVE,
                    message_ids=(message.id,),
                    conversation_ids=(conversation.id,),
                    significance=seed.significance,
                )

    def rest(self) -> tuple[TaskCandidate, ...]:
        """Return nothing more: each response stands for itself."""
        return ()


def content(
    task: Task, conversations: Mapping[str, Conversation], seed: SeedFeedback | None = None
) -> TaskContent:
    """Return what one task shows; with ``seed`` also that machine's opinion of the response.

    Raises:
        KeyError: its conversation is not among ``conversations`` (it is no longer shared).
    """
    conversation = conversations[task.conversation_ids[0]]
    path = conversation.path_to(task.message_ids[0])
    return TaskContent(
        task_id=task.id,
        chats={"conversation": turns(path[:-1]), "response": turns(path[-1:])},
        significance=task.significance,
        quote=task.quote,
        quote_texts={"qualities": "the six tags", SUGGESTION: "a suggestion"},
        language=conversation.language,
        opinion={}
        if seed is None
        else {_QUESTIONS[quality][0]: _OPTIONS[seed.tags[quality].value] for quality in Quality},
    )
