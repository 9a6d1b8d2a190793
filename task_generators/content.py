"""The content of a task as an annotator sees it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from task_generators.shown import turns_of
from task_generators.window import windowed, windowed_between
from workspaces.forms import TaskContent
from workspaces.kinds import TextQuestion, kind_of
from workspaces.records import Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.forms import Turn
    from workspaces.kinds import ChatField, Kind
    from workspaces.records import Conversation, Message, SeedFeedback, Task


def content_of(
    task: Task,
    conversations: Mapping[str, Conversation],
    seed: SeedFeedback | None = None,
    paid_people: int | None = None,
) -> TaskContent:
    """Return what a task shows; with ``seed`` also the seed feedback on the questions that it answers, as an opinion.

    Of a conversation it shows a window (``task_generators.window``), of responses the whole.

    Args:
        task: a task of any kind.
        conversations: at least those of the task, by id.
        seed: the seed feedback that the task shows; None for a blind task.
        paid_people: how many people are paid for it; None: all who answer.

    Raises:
        KeyError: a conversation of the task is not in ``conversations`` (it is no longer shared).
    """
    kind = kind_of(task.kind).showing(len(task.message_ids))
    paths = [
        conversations[conversation_id].path_to(message_id)
        for conversation_id, message_id in zip(task.conversation_ids, task.message_ids, strict=True)
    ]
    if kind.judges_rewrites or task.rewrites:
        paths = [(*path[:-1], _as_people_write(path[-1])) for path in paths]
    numbers = {task.message_ids[question.response]: question.response + 1 for question in kind.each_response}
    return TaskContent(
        task_id=task.id,
        chats={field.name: _chat(field, paths, numbers) for field in kind.fields},
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


def _as_people_write(message: Message) -> Message:
    """Return a message without what a person's rewrite never has: it would tell which answer is the model's."""
    return replace(message, content=message.content.strip(), reasoning=None, tool_calls=())


def _chat(
    field: ChatField, paths: Sequence[Sequence[Message]], numbers: Mapping[str, int]
) -> tuple[Turn, ...]:
    """Return the turns of a field; the paths lead to the messages that the task names.

    Where a field shows the whole conversation, numbered messages are whole and what stands between is windowed.
    """
    if field.whole:
        parts: list[tuple[tuple[Turn, ...], tuple[Turn, ...]]] = []
        before: list[Message] = []
        for message in paths[-1]:
            if message.id in numbers:
                parts.append((_turns(before), _turns([message], numbers)))
                before = []
            else:
                before.append(message)
        return windowed_between(parts) if numbers else windowed(_turns(before))
    return windowed(_turns(paths[0][:-1])) if field.response is None else _turns(paths[field.response][-1:])


def _turns(
    messages: Iterable[Message], numbers: Mapping[str, int] = MappingProxyType({})
) -> tuple[Turn, ...]:
    """Return the turns of messages; the speaker of a message that has a number says it."""
    return tuple(
        replace(turn, speaker=f"Answer {numbers[message.id]} · {turn.speaker}", asked=True)
        if message.id in numbers
        else turn
        for message in messages
        for turn in turns_of(message)
    )
