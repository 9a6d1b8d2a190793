"""Draws tasks from the shared conversations, prices them and stores them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.budget import payable_people, points_left
from chatfeedback.steps.outcomes import Outcome, Seen, outcomes
from chatfeedback.steps.rules import keep_rules, use_rules
from reward_engine import quote
from reward_engine.budget import within
from task_generators.asked import Asked
from task_generators.candidates import candidates, generated_kinds
from task_generators.content import opinion_of
from task_generators.mix import asked_again, choose_platform, draw, shows_seed
from task_generators.seed_feedback.judges import united
from task_generators.select import COLUMNS, Known, Selector
from workspaces.kinds import kind_of
from workspaces.records import IMPORTED, Task
from workspaces.store import near_duplicates
from workspaces.store.challenges import latest_scores
from workspaces.store.conversations import count_by_state
from workspaces.store.moderations import flagged_messages
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.tasks import all_tasks, save_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from task_generators.candidates import TaskCandidate
    from task_generators.select import Selection
    from workspaces.config import Config
    from workspaces.records import Conversation, SeedFeedback
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Generated:
    """The result of a draw. ``waiting`` counts responses without seed feedback, which no task is made of;
    ``beyond_budget`` counts drawn tasks that were not made because ``budget.points_total`` could not pay them in full.

    Of the ``created`` tasks, ``showing_seed`` show seed feedback, as a machine's opinion, and ``asked_again`` repeat
    another task. ``left_out`` counts the shared conversations that ``select`` omits, by reason; ``answers_left_out``
    counts the answers that it withholds in the other conversations, by flag. ``outcomes`` say of every conversation of
    the collection what came of it, and what would change it: their counts add up to ``conversations``.
    """

    created: int
    existing: int
    waiting: int
    by_kind: dict[str, int] = field(default_factory=dict)
    by_platform: dict[str, int] = field(default_factory=dict)
    points: int = 0
    beyond_budget: int = 0
    showing_seed: int = 0
    asked_again: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    answers_left_out: dict[str, int] = field(default_factory=dict)
    conversations: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


def generate_tasks(workspace: Workspace) -> Generated:
    """Draw tasks by the mix, price them, and store them with their quotes.

    A quote is a promise: tasks are made in the order of the draw, up to the first that the budget could not pay if
    every answer earned its full quote.

    Raises:
        ConfigurationError: the rates were changed without their version.
    """
    config = workspace.config
    with workspace.exclusive():
        book = use_rules(workspace)
        wanted_of = payable_people(workspace, book)
        workspace.collection.share_due(utc_now())
        with workspace.store.read() as connection:
            seeds = united(all_seeds(connection), config.judges())
            existing = {
                task_id: task for task_id, task in all_tasks(connection).items() if task.platform != IMPORTED
            }
        selection = _select_conversations(
            workspace, {name for task in existing.values() for name in task.conversation_ids}
        )
        seen = Seen(config.mix)
        kinds = [kind for kind in generated_kinds() if config.mix.kinds.get(kind)]
        shown = _shown(workspace, selection, seeds, seen)
        found = seen.candidates(candidates(kinds, shown, seeds, trivial=config.mix.trivial))
        possible = Asked(existing.values()).new(found)
        now = utc_now()
        first = {task.id: task.kind for task in existing.values() if task.reask_of is None}
        drawn = [_task(candidate, config, seeds, now) for candidate in draw(possible, config.mix, first)]
        standing = filter(selection.takes, existing.values())
        again = asked_again([*standing, *drawn], config.mix.reask, config.mix.overlap, now)
        wanted = [*drawn, *(task for task in again if task.id not in existing)]
        tasks = within(wanted, points_left(workspace), wanted_of)  # repeated tasks come after all others
        with workspace.store.write() as connection:
            if tasks:
                keep_rules(connection, book)
            save_tasks(connection, tasks)
            states = count_by_state(connection)
    ended = outcomes(
        states,
        selection,
        seen,
        _conversations_of([*existing.values(), *tasks]),
        _conversations_of(wanted[len(tasks) :]),
    )
    return Generated(
        created=len(tasks),
        existing=len(existing),
        waiting=seen.waiting,
        by_kind=dict(Counter(task.kind for task in tasks)),
        by_platform=dict(Counter(task.platform for task in tasks)),
        points=sum(task.points * wanted_of(task) for task in tasks),
        beyond_budget=len(wanted) - len(tasks),
        showing_seed=sum(task.seed_shown for task in tasks),
        asked_again=sum(task.reask_of is not None for task in tasks),
        left_out=selection.reasons(),
        answers_left_out=dict(selection.omitted_answers),
        conversations=sum(outcome.conversations for outcome in ended),
        outcomes=ended,
    )


def _shown(
    workspace: Workspace, selection: Selection, seeds: Mapping[str, SeedFeedback], seen: Seen
) -> Iterator[Conversation]:
    """Yield what tasks may show of each conversation that was taken, and note it."""
    for conversation in workspace.collection.scan(selection.omissions):
        shown = selection.shown(conversation)
        seen.conversation(shown, seeds)
        yield shown


def _conversations_of(tasks: Iterable[Task]) -> frozenset[str]:
    return frozenset(name for task in tasks for name in task.conversation_ids)


def _select_conversations(workspace: Workspace, in_use: AbstractSet[str]) -> Selection:
    """Select the shared conversations that tasks are made of; ``in_use`` are the conversations that have tasks."""
    config = workspace.config
    with workspace.store.read() as connection:
        known = Known(
            groups=near_duplicates.all_groups(connection),
            scores=latest_scores(connection) if config.select.challenge is not None else {},
            moderated=flagged_messages(connection),
            in_use=in_use,
        )
    selector = Selector(config.select, known, trivial=config.mix.trivial)
    for batch in workspace.collection.scan_batches(COLUMNS):
        selector.look(batch)
    return selector.selection()


def _task(candidate: TaskCandidate, config: Config, seeds: Mapping[str, SeedFeedback], now: datetime) -> Task:
    shown = seeds[candidate.message_ids[0]] if shows_seed(candidate, config.mix.show_seed) else None
    if shown is not None and not opinion_of(kind_of(candidate.kind), shown):
        shown = None  # it says nothing that could sway anybody
    return Task(
        id=candidate.id,
        kind=candidate.kind,
        message_ids=candidate.message_ids,
        conversation_ids=candidate.conversation_ids,
        significance=candidate.significance,
        quote=quote(candidate.kind, candidate.significance, config.rates),
        rules_version=config.rates.version,
        platform=choose_platform(candidate.id, config.platforms.shares()),
        overlap=config.mix.overlap,
        created_at=now,
        seed_agent=shown.agent if shown else None,
        seed_prompt_version=shown.prompt_version if shown else None,
    )
