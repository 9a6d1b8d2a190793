"""The preference task: two answers to one prompt; A, tie or B."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from task_generators.kinds.candidates import TaskCandidate, turns
from workspaces.forms import ChatField, ChoiceQuestion, Form, TaskContent
from workspaces.records import Preference, Significance, TaskKind, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from task_generators.kinds.candidates import Finder
    from workspaces.records import Conversation, SeedFeedback, Task

QUESTION = "preference"
_OPTIONS = {
    Preference.A.value: "A is better",
    Preference.TIE.value: "About the same",
    Preference.B.value: "B is better",
}
_LEVELS = list(Significance)


def form(guidelines: str) -> Form:
    """Return what every preference task looks like."""
    return Form(
        kind=TaskKind.PREFERENCE,
        title="Choose between two answers",
        guidelines=guidelines,
        fields=(
            ChatField("conversation", "Conversation so far"),
            ChatField("answer_a", "Answer A"),
            ChatField("answer_b", "Answer B"),
        ),
        side_by_side=("answer_a", "answer_b"),
        questions=(
            ChoiceQuestion(
                QUESTION, "Which answer is better?", "The one you would rather have received.", _OPTIONS
            ),
        ),
    )


def finder(seeds: Mapping[str, SeedFeedback], *, trivial: bool = False) -> Finder:
    """Return what finds every two different answers that have seed feedback and follow the same messages.

    The answers may be siblings in one tree, or stand in conversations that begin alike. Answers that read the same
    count as one, so that nobody is paid twice for the same two texts, and empty ones are not compared, unless
    ``trivial`` asks for these as well. The cost grows with the square of the number of answers to one prompt, and
    memory with the number of responses.
    """
    return _Pairs(seeds, trivial)


class _Pairs:
    def __init__(self, seeds: Mapping[str, SeedFeedback], trivial: bool) -> None:
        self._seeds = seeds
        self._trivial = trivial
        self._prompts: dict[str, list[_Answer]] = {}

    def look(self, conversation: Conversation) -> tuple[TaskCandidate, ...]:
        """Return nothing yet: a later conversation may begin alike."""
        prefixes: dict[str | None, str] = {None: ""}
        for message in conversation.messages:
            prefix = prefixes[message.parent_id]
            prefixes[message.id] = stable_id(prefix, message.role, message.content)
            if message.id in self._seeds and message.parent_id is not None:
                answer = _Answer(
                    _shown(message.content), message.id, conversation.id, not message.content.strip()
                )
                self._prompts.setdefault(prefix, []).append(answer)
        return ()

    def rest(self) -> Iterator[TaskCandidate]:
        """Yield the candidates of all conversations."""
        for prefix, answers in self._prompts.items():
            answers.sort(key=lambda answer: (answer.text, answer.message_id))
            first = {answer.text: answer for answer in reversed(answers)}
            chosen = (
                answers if self._trivial else [it for it in answers if first[it.text] is it and not it.empty]
            )
            for one, other in combinations(chosen, 2):
                plain = one.text != other.text and all(
                    first[it.text] is it and not it.empty for it in (one, other)
                )
                yield self._candidate(prefix, one, other, () if plain else (one.message_id, other.message_id))

    def _candidate(
        self, prefix: str, one: _Answer, other: _Answer, messages: tuple[str, ...]
    ) -> TaskCandidate:
        task_id = stable_id(TaskKind.PREFERENCE, prefix, one.text, other.text, *messages)
        swap = int(stable_id("display order", task_id), 16) % 2 == 1
        shown = (other, one) if swap else (one, other)
        return TaskCandidate(
            id=task_id,
            kind=TaskKind.PREFERENCE,
            message_ids=tuple(answer.message_id for answer in shown),
            conversation_ids=tuple(answer.conversation_id for answer in shown),
            significance=max(
                (self._seeds[answer.message_id].significance for answer in shown), key=_LEVELS.index
            ),
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer to one prompt; ``text`` is the same for answers that read the same."""

    text: str
    message_id: str
    conversation_id: str
    empty: bool


def _shown(text: str) -> str:
    """Return a hash that is the same for texts that look the same: white space at the ends of lines is not seen."""
    return stable_id("\n".join(line.rstrip() for line in text.strip().splitlines()))


def content(
    task: Task, conversations: Mapping[str, Conversation], seed: SeedFeedback | None = None
) -> TaskContent:
    """Return what one task shows. Seed feedback has no opinion on which answer is better, and is not shown.

    Raises:
        KeyError: one of its conversations is not among ``conversations`` (it is no longer shared).
    """
    paths = [
        conversations[conversation_id].path_to(message_id)
        for conversation_id, message_id in zip(task.conversation_ids, task.message_ids, strict=True)
    ]
    return TaskContent(
        task_id=task.id,
        chats={
            "conversation": turns(paths[0][:-1]),
            "answer_a": turns(paths[0][-1:]),
            "answer_b": turns(paths[1][-1:]),
        },
        significance=task.significance,
        quote=task.quote,
        quote_texts={QUESTION: "your choice"},
        language=conversations[task.conversation_ids[0]].language,
    )
