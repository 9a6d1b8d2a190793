"""Decides items on which people disagree: by the lead, or by a person whom they trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.rewrites import read_rewrites
from task_generators.content import content_of
from workspaces.errors import UsageError
from workspaces.kinds import TextQuestion, kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id
from workspaces.store.adjudications import Adjudication, adjudications, save_adjudications
from workspaces.store.own_answers import given_by, same_people
from workspaces.store.rewrites import rewrites_shown, writers_of
from workspaces.store.tasks import all_tasks
from workspaces.store.who_answered import people_who_answered
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.answers import Answers
    from quality.disputed import Disagreement
    from workspaces.forms import Turn
    from workspaces.kinds import Kind
    from workspaces.records import Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class DisputedTask:
    """A task that has all answers that were asked for, and questions on which they differ.

    ``answers`` says how many people gave which vote, by question; of two responses ``first`` is the one whose id sorts
    first. ``decided`` are the questions among these that a decision settles.
    """

    task_id: str
    kind: str
    answers: Mapping[str, Mapping[str, int]]
    decided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisputedItem:
    """What somebody who decides sees: the texts, and every answer under a number that says nothing of its author.

    ``chats`` holds the turns by title of the field, ``asked`` the allowed answers by question, ``answers`` one mapping
    of question to answer for each person, in the order of display, their own words included.
    """

    task_id: str
    kind: str
    chats: Mapping[str, Sequence[Turn]]
    asked: Mapping[str, Sequence[str]]
    answers: Sequence[Mapping[str, str]]
    decided: Mapping[str, str]


def disputed_tasks(workspace: Workspace, *, decided: bool = False) -> list[DisputedTask]:
    """Return the tasks on which people disagree, those with the most such questions first.

    Args:
        workspace: whose tasks.
        decided: also those that decisions settle.
    """
    answers = read_answers(workspace)
    with workspace.store.read() as connection:
        made = {(it.kind, it.question, it.item) for it in adjudications(connection)}
    rows: dict[str, DisputedTask] = {}
    for each in _disputes(answers):
        before = rows.get(each.task_id, DisputedTask(each.task_id, each.kind, {}, ()))
        is_decided = (each.kind, each.question, each.item) in made
        rows[each.task_id] = DisputedTask(
            each.task_id,
            each.kind,
            {**before.answers, each.question: each.counts},
            (*before.decided, each.question) if is_decided else before.decided,
        )
    open_ones = [it for it in rows.values() if decided or len(it.decided) < len(it.answers)]
    return sorted(open_ones, key=lambda it: (len(it.decided) - len(it.answers), it.task_id))


def _disputes(answers: Answers) -> list[Disagreement]:
    from quality.disputed import disagreements  # pandas takes a second to import

    found = disagreements(answers.votes, answers.tasks)
    return [each for each in found if not kind_of(each.kind).judges_rewrites]  # votes alone accept a rewrite


def disputed_item(workspace: Workspace, task_id: str) -> DisputedItem:
    """Return a disputed task with its texts and all its answers, without names and in an order that tells nothing.

    Raises:
        UsageError: there is no such task, its conversation is not shared, or people do not disagree on it.
    """
    answers = read_answers(workspace)
    task = _disputed(answers, task_id)
    kind = kind_of(task.kind).showing(len(task.message_ids))
    with workspace.store.read() as connection:
        rewrites = read_rewrites(workspace, connection)
        made = [it for it in adjudications(connection) if it.task_id == task_id]
    conversations = rewrites.all_shown(workspace.collection.get(task.conversation_ids))
    try:
        content = content_of(task, conversations)
    except KeyError:
        raise UsageError(f"task {task_id} shows a conversation that is not shared any more") from None
    given = [
        it for it in answers.annotations if it.task_id == task_id and it.status is AnnotationStatus.SUBMITTED
    ]
    given.sort(key=lambda it: stable_id("answer to a disputed task", it.id))
    names = {question.name for question in kind.questions}
    return DisputedItem(
        task_id,
        task.kind,
        {field.title: content.chats[field.name] for field in kind.fields},
        {name: tuple(question.options) for name, question in kind.with_options.items()},
        [{name: value for name, value in it.values.items() if name in names} for it in given],
        {it.question: it.value for it in made if it.value is not None},
    )


def adjudicate(
    workspace: Workspace, task_id: str, given: Mapping[str, str], *, person_id: str | None = None
) -> list[Adjudication]:
    """Decide questions of a disputed task; the decisions hold in posteriors and training sets whatever the votes.

    Nobody is paid for a decision, and none counts as a vote. Deciding anew replaces an earlier decision.

    Args:
        workspace: whose task.
        task_id: the task.
        given: the right answers by question, in the order of display.
        person_id: who decides; None: the lead.

    Raises:
        UsageError: the task is not disputed, an answer is none, people agree on a question, or the person answered
            the item, gave its conversation or wrote one of its texts.
    """
    with workspace.exclusive():
        answers = read_answers(workspace)
        task = _disputed(answers, task_id)
        kind = kind_of(task.kind).showing(len(task.message_ids))
        votes = _votes(kind, task, given)
        open_ones = {(it.question, it.item) for it in _disputes(answers) if it.kind == task.kind}
        if settled := [name for name in given if not open_ones & set(_about(kind, task, name))]:
            raise UsageError(f"people agree on {settled[0]!r} of task {task_id}, or nobody answered it")
        now = utc_now()
        made = [
            Adjudication(task.kind, question, item, value, task_id, person_id, now)
            for question, item, value in votes
            if (question, item) in open_ones
        ]
        with workspace.store.write() as connection:
            if person_id is not None:
                _check_person(connection, task, person_id)
            save_adjudications(connection, made)
    return made


def take_back(workspace: Workspace, task_id: str) -> int:
    """Take the decisions about a task back: the votes count again; return how many there were.

    Raises:
        UsageError: there is none.
    """
    with workspace.exclusive(), workspace.store.write() as connection:
        made = [it for it in adjudications(connection) if it.task_id == task_id]
        if not made:
            raise UsageError(
                f"nothing was decided about task {task_id!r}: 'chatfeedback adjudicate list --decided' shows what was"
            )
        now = utc_now()
        save_adjudications(
            connection,
            [Adjudication(it.kind, it.question, it.item, None, task_id, None, now) for it in made],
        )
        return len(made)


def _disputed(answers: Answers, task_id: str) -> Task:
    task = answers.tasks.get(task_id)
    if task is None or task.platform == IMPORTED:
        raise UsageError(
            f"there is no task {task_id!r}: 'chatfeedback adjudicate list' shows those on which people disagree"
        )
    if task_id not in {it.task_id for it in _disputes(answers)}:
        raise UsageError(
            f"task {task_id} is not disputed: its answers agree, or more of them are to come ('chatfeedback adjudicate "
            "list' shows those on which people disagree)"
        )
    return task


def _votes(kind: Kind, task: Task, given: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return what the given answers say as votes."""
    canonical: dict[str, str] = {}
    for name, value in given.items():
        question = kind.with_options.get(name)
        if question is None:
            raise UsageError(
                f"{kind.name} tasks have no question {name!r} with options; known: {', '.join(kind.with_options)}"
            )
        if not question.is_complete(value):
            raise UsageError(
                f"{value!r} is no answer to {name!r}: it is one of {', '.join(question.answers)}"
            )
        canonical[name] = question.canonical(value)
    return list(kind.votes(canonical, task.message_ids, task.conversation_ids))


def _about(kind: Kind, task: Task, name: str) -> list[tuple[str, str]]:
    """Return the (question, item) that an answer to a question votes on."""
    whole = kind.item(task.message_ids, task.conversation_ids)
    question = kind.question(name)
    assert not isinstance(question, TextQuestion)
    return [
        (counted.name, item)
        for counted in question.counted
        for item in question.items(task.message_ids, whole)
    ]


def _check_person(connection: sa.Connection, task: Task, person_id: str) -> None:
    """Refuse a person who has a part in what they would decide, also by an id that is linked with theirs."""
    ids = same_people(connection).get(person_id, frozenset({person_id}))
    kind = kind_of(task.kind)
    items = set(kind.items(task.message_ids, task.conversation_ids))
    same = [
        each.id
        for each in all_tasks(connection).values()
        if not items.isdisjoint(kind_of(each.kind).items(each.message_ids, each.conversation_ids))
    ]
    if ids & people_who_answered(connection, same):
        raise UsageError(
            f"{person_id} answered task {task.id} or one about the same: nobody decides their own answers"
        )
    if ids & given_by(connection, task.conversation_ids):
        raise UsageError(f"{person_id} gave the conversation of task {task.id}: somebody else has to decide")
    if any(ids & people for people in writers_of(connection, rewrites_shown(task)).values()):
        raise UsageError(f"{person_id} wrote a text that task {task.id} shows: somebody else has to decide")
