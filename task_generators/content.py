"""The content of a task as an annotator sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from task_generators.shown import turns_of
from workspaces.forms import TaskContent
from workspaces.kinds import TextQuestion, kind_of
from workspaces.records import Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.forms import Turn
    from workspaces.kinds import Kind
    from workspaces.records import Conversation, Message, SeedFeedback, Task


def content_of(
    task: Task,
    conversations: Mapping[str, Conversation],
    seed: SeedFeedback | None = None,
    paid_people: int | None = None,
) -> TaskContent:
    """Return what a task shows; with ``seed`` also the seed feedback on the questions that it answers, as an opinion.

    Args:
        task: a task of any kind.
        conversations: at least those of the task, by id.
        seed: the seed feedback that the task shows; None for a blind task.
        paid_people: how many people are paid for it; None: all who answer.

    Raises:
        KeyError: a conversation of the task is not in ``conversations`` (it is no longer shared).
    """
    kind = kind_of(task.kind)
    paths = [
        conversations[conversation_id].path_to(message_id)
        for conversation_id, message_id in zip(task.conversation_ids, task.message_ids, strict=True)
    ]
    if kind.judges_rewrites:  # people write no reasoning: it would tell which answer is the model's
        paths = [(*path[:-1], replace(path[-1], reasoning=None)) for path in paths]
    return TaskContent(
        task_id=task.id,
        chats={
            field.name: _turns(paths[0][:-1] if field.response is None else paths[field.response][-1:])
            for field in kind.fields
        },
        significance=task.significance,
        quote=task.quote,
        quote_texts={part.name: part.offer for part in kind.parts},
        language=conversations[task.conversation_ids[0]].language,
        opinion={} if seed is None else opinion_of(kind, seed),
        paid_people=paid_people,
        prefilled={
            question.name: paths[0][-1].content
            for question in kind.questions
            if isinstance(question, TextQuestion) and question.prefilled
        },
    )


def opinion_of(kind: Kind, seed: SeedFeedback) -> dict[str, str]:
    """Return what seed feedback says of the questions of a kind, by title; empty if it says nothing.

    That a question does not apply is no opinion.
    """
    answers = ((question, seed.tags[Quality(question.name)].value) for question in kind.seeded)
    return {
        question.title: question.options[answer]
        for question, answer in answers
        if answer != question.not_applicable
    }


def _turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    return tuple(turn for message in messages for turn in turns_of(message))
