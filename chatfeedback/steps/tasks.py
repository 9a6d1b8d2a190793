"""Lists tasks: where each stands, how many answers it has, and what it shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import answers_that_count, offered
from chatfeedback.steps.rejected import standing_rejections
from chatfeedback.steps.rewrites import read_rewrites
from task_generators.value import expected_value, uncertainty
from workspaces.chunks import in_chunks
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, SharingState, TaskState
from workspaces.store.conversations import ids_in
from workspaces.store.gold import all_gold
from workspaces.store.posteriors import posteriors
from workspaces.store.rejections import rejections
from workspaces.store.tasks import all_tasks, placed_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from workspaces.records import Conversation, ItemPosterior, Message, Task
    from workspaces.workspace import Workspace

READ_AT_ONCE = 200
"""Tasks whose conversations are in memory at a time."""

EXCERPT = 80
"""Characters of the prompt that a listed task shows."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; None: all. ``text`` is sought in what a task shows, ignoring case. With ``by_value`` those
    come first of which one more answer is worth most.
    """

    kind: str | None = None
    platform: str | None = None
    state: TaskState | None = None
    model: str | None = None
    text: str | None = None
    by_value: bool = False


@dataclass(frozen=True, slots=True)
class ListedTask:
    """One task, with the number of people who answered it, and the models and the last prompt that it shows.

    ``rewrites`` counts the people's rewrites among the responses: no model is named for them.
    ``value`` is what one more answer is worth, by the figures of the last report. ``rejected_because`` is why its
    platform did not take it, in the platform's words.
    """

    id: str
    kind: str
    platform: str
    state: TaskState
    significance: str
    points: int
    answers: int
    overlap: int
    models: tuple[str, ...]
    prompt: str
    conversation_ids: tuple[str, ...]
    message_ids: tuple[str, ...]
    gold: bool
    reask_of: str | None
    mix: str
    value: float
    rewrites: int
    rejected_because: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """The tasks that were asked for, the newest last, and how many there are in all, whatever the limit."""

    total: int
    tasks: tuple[ListedTask, ...]


def list_tasks(workspace: Workspace, wanted: TaskFilter, limit: int | None) -> Listed:
    """Return the first ``limit`` tasks that ``wanted`` lets through; without those that came with chat logs."""
    with workspace.store.read() as connection:
        tasks = [task for task in all_tasks(connection).values() if task.platform != IMPORTED]
        gold = all_gold(connection)
        answers = _answers(connection)
        known = list(posteriors(connection))
    states = states_of(workspace, tasks)
    reasons = standing_rejections(workspace)
    values = _values(workspace, tasks, answers, known)
    chosen = [
        task
        for task in tasks
        if wanted.kind in (None, task.kind)
        and wanted.platform in (None, task.platform)
        and wanted.state in (None, states[task.id])
    ]
    if wanted.by_value:
        chosen.sort(key=lambda task: (-values[task.id], task.id))
    reads_all = wanted.model is not None or wanted.text is not None
    total = 0 if reads_all else len(chosen)
    listed: list[ListedTask] = []
    for task, conversations in _with_conversations(workspace, chosen if reads_all else chosen[:limit]):
        shown = _shown(task, conversations)
        models = tuple(dict.fromkeys(message.model_name for _, message in shown if message.model_name))
        if wanted.model is not None and wanted.model.casefold() not in {name.casefold() for name in models}:
            continue
        texts = [message.content for path, last in shown for message in (*path, last)]
        if wanted.text is not None and not any(wanted.text.casefold() in text.casefold() for text in texts):
            continue
        total += reads_all
        if limit is not None and len(listed) >= limit:
            continue
        listed.append(
            ListedTask(
                task.id,
                task.kind,
                task.platform,
                states[task.id],
                task.significance.value,
                task.points,
                answers[task.id],
                task.overlap,
                models,
                _excerpt(shown),
                task.conversation_ids,
                task.message_ids,
                task.id in gold,
                task.reask_of,
                task.mix,
                round(values[task.id], 4),
                sum(name in task.rewrites for name in task.message_ids),
                reasons.get(task.id) if states[task.id] is TaskState.REJECTED else None,
            )
        )
    return Listed(total, tuple(listed))


def unanswered_tasks(workspace: Workspace, wanted: TaskFilter) -> list[Task]:
    """Return the tasks that nobody answered, the most valuable first; ``model`` and ``text`` are not heeded.

    Gold, what is asked again, and what asks again are none of them.
    """
    with workspace.store.read() as connection:
        every = all_tasks(connection)
        gold, answers, known = all_gold(connection), _answers(connection), list(posteriors(connection))
    repeated = {task.reask_of for task in every.values()}
    tasks = [
        task
        for task in every.values()
        if task.platform != IMPORTED
        and wanted.kind in (None, task.kind)
        and wanted.platform in (None, task.platform)
        and not answers[task.id]
        and task.id not in gold
        and task.id not in repeated
        and task.reask_of is None
    ]
    values = _values(workspace, tasks, answers, known)
    return sorted(tasks, key=lambda task: (-values[task.id], task.id))


def states_of(workspace: Workspace, tasks: Sequence[Task]) -> dict[str, TaskState]:
    """Return where each of these tasks stands."""
    with workspace.store.read() as connection:
        placed, answers = placed_tasks(connection), _answers(connection)
        shared = ids_in(connection, SharingState.SHARED)
        rejected = rejections(connection)

    def state(task: Task) -> TaskState:
        if not shared.issuperset(task.conversation_ids):
            return TaskState.UNSHARED
        if answers[task.id] >= task.overlap or task.closed_at is not None:
            return TaskState.ANSWERED
        if task.id in placed:
            return TaskState.OPEN
        return TaskState.REJECTED if task.id in rejected else TaskState.WAITING

    return {task.id: state(task) for task in tasks}


def _values(
    workspace: Workspace,
    tasks: Iterable[Task],
    answers: Mapping[str, int],
    posteriors: Iterable[ItemPosterior],
) -> dict[str, float]:
    """Return what one more answer to each task is worth, by the weights of its mix; of what is not shown, nothing."""
    known: dict[tuple[str, str], list[ItemPosterior]] = {}
    for posterior in posteriors:
        known.setdefault((posterior.kind, posterior.item), []).append(posterior)
    mixes = workspace.config.all_mixes()
    usual = next(iter(mixes.values()))
    return {
        task.id: expected_value(
            task,
            uncertainty(
                task,
                (
                    posterior
                    for item in kind_of(task.kind).items(task.message_ids, task.conversation_ids)
                    for posterior in known.get((task.kind, item), ())
                ),
            ),
            answers.get(task.id, 0),
            mixes.get(task.mix, usual).significance,
        )
        for task in tasks
    }


def _answers(connection: sa.Connection) -> Counter[str]:
    """Return how many people submitted an answer that counts, by task id."""
    tasks = offered(connection)
    people = {(answer.person_id, answer.task_id) for answer in answers_that_count(connection, tasks)}
    return Counter(task_id for _, task_id in people)


def _with_conversations(
    workspace: Workspace, tasks: Iterable[Task]
) -> Iterator[tuple[Task, Mapping[str, Conversation]]]:
    with workspace.store.read() as connection:
        rewrites = read_rewrites(workspace, connection)
    for some in in_chunks(tasks, READ_AT_ONCE):
        conversations = rewrites.all_shown(
            workspace.collection.read(name for task in some for name in task.conversation_ids)
        )
        for task in some:
            yield task, conversations


def _shown(
    task: Task, conversations: Mapping[str, Conversation]
) -> list[tuple[tuple[Message, ...], Message]]:
    """Return the responses that a task asks about, each with the messages before it; what was deleted is missing."""
    shown = []
    for conversation_id, message_id in zip(task.conversation_ids, task.message_ids, strict=True):
        conversation = conversations.get(conversation_id)
        if conversation is not None and any(message.id == message_id for message in conversation.messages):
            *path, last = conversation.path_to(message_id)
            shown.append((tuple(path), last))
    return shown


def _excerpt(shown: Sequence[tuple[tuple[Message, ...], Message]]) -> str:
    path = next((path for path, _ in shown if path), ())
    text = " ".join(path[-1].content.split()) if path else ""
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
