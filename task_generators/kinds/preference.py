"""The preference task: two answers to one prompt; A, tie or B."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from task_generators.kinds.candidates import Candidate, turns
from workspaces.forms import ChatField, ChoiceQuestion, Form, TaskContent
from workspaces.records import Preference, Significance, TaskKind, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workspaces.records import Conversation, Message, SeedFeedback, Task

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


def candidates(
    conversations: Iterable[Conversation], seeds: Mapping[str, SeedFeedback]
) -> Iterator[Candidate]:
    """Yield a candidate for every two different answers that have seed feedback and follow the same messages.

    The answers may be siblings in one tree, or stand in conversations that begin alike; nobody is paid twice for
    the same two texts. Blank answers are not compared, nor those that differ where nobody sees it. The cost grows
    with the square of the number of answers to one prompt, and memory with the number of responses.
    """
    answers: dict[str, dict[str, tuple[str, Message]]] = {}
    for conversation in conversations:
        prefixes: dict[str | None, str] = {None: ""}
        for message in conversation.messages:
            prefix = prefixes[message.parent_id]
            prefixes[message.id] = stable_id(prefix, message.role, message.content)
            if message.content.strip() and message.id in seeds and message.parent_id is not None:
                alike = answers.setdefault(prefix, {})
                answer = (conversation.id, message)
                text = _shown(message.content)
                alike[text] = min(alike.get(text, answer), answer, key=lambda found: found[1].id)
    for prefix, group in answers.items():
        for (text_1, (id_1, one)), (text_2, (id_2, other)) in combinations(sorted(group.items()), 2):
            task_id = stable_id(TaskKind.PREFERENCE, prefix, text_1, text_2)
            swap = int(stable_id("display order", task_id), 16) % 2 == 1
            yield Candidate(
                id=task_id,
                kind=TaskKind.PREFERENCE,
                message_ids=(other.id, one.id) if swap else (one.id, other.id),
                conversation_ids=(id_2, id_1) if swap else (id_1, id_2),
                significance=max(seeds[one.id].significance, seeds[other.id].significance, key=_LEVELS.index),
            )


def _shown(text: str) -> str:
    """Return a hash that is the same for texts that look the same: white space at the ends of lines is not seen."""
    return stable_id("\n".join(line.rstrip() for line in text.strip().splitlines()))


def content(task: Task, conversations: Mapping[str, Conversation]) -> TaskContent:
    """Return what one task shows.

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
