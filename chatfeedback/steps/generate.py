"""Draws tasks from the shared conversations by the mixes, prices them and stores them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.steps.budget import payable_people, points_left
from chatfeedback.steps.chat_collect import collect_chats
from chatfeedback.steps.collect import Collector
from chatfeedback.steps.expected_cost import SeedCost, seed_cost
from chatfeedback.steps.mixed import Mixed, Mixing
from chatfeedback.steps.outcomes import Outcome, Seen, outcomes
from chatfeedback.steps.rewrites import moot, note_judging, read_rewrites, withdraw_moot
from chatfeedback.steps.rules import book_of, keep_rules, use_rules
from chatfeedback.steps.standing_seeds import standing_seeds
from chatfeedback.steps.survey import survey
from chatfeedback.steps.unanimous import unanimous_answers
from reward_engine.budget import within
from reward_engine.periods import Period, bounds
from task_generators.asked import Asked
from task_generators.candidates import Reads, generated_kinds, reads_of
from workspaces.garbage import collector_paused
from workspaces.kinds import rubric_of
from workspaces.records import IMPORTED
from workspaces.store.chat_exchanges import is_waiting
from workspaces.store.conversations import count_by_state
from workspaces.store.gold import all_gold, save_gold
from workspaces.store.rewrites import compares_rewrites
from workspaces.store.rubrics import save_rubrics
from workspaces.store.tasks import all_tasks, save_tasks
from workspaces.time_zones import time_zone
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from chatfeedback.steps.survey import Survey
    from task_generators.mix import Pool
    from task_generators.traits import Facts
    from workspaces.kinds import Criterion
    from workspaces.records import Task
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Generated:
    """The result of a draw. ``waiting`` counts the responses that ``seed`` would rate, if tasks wait for any of them;
    ``beyond_budget`` counts drawn tasks that were not made because ``budget.points_total`` could not pay them in full.

    The ``created`` tasks ask for ``answers``, for ``points`` at most. Of them, ``showing_seed`` show seed feedback,
    as a machine's opinion, ``asked_again`` repeat another task, and ``gold`` of these repeat one on which everybody
    agreed. ``counterparts`` counts the accepted rewrites that tasks may show, and ``with_counterparts`` the new tasks
    that compare one of them with other responses than the one that it replaces. ``left_out`` counts the shared
    conversations that ``select`` omits, by reason; ``answers_left_out`` counts the answers that it withholds in the
    other conversations, by flag. ``outcomes`` say of every conversation of the collection what came of it, and what
    would change it: their counts add up to ``conversations``. ``mixes`` say what came of each mix, and ``seed_cost``
    what it would cost to rate the responses that wait; None: nothing, for the stand-in rates them.

    With ``dry_run`` nothing was made: these are the tasks that would be. ``chats_waiting``: a draw would read chats
    into the collection first.
    """

    created: int
    existing: int
    waiting: int
    by_kind: dict[str, int] = field(default_factory=dict)
    by_platform: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    points: int = 0
    beyond_budget: int = 0
    showing_seed: int = 0
    asked_again: int = 0
    gold: int = 0
    counterparts: int = 0
    with_counterparts: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    answers_left_out: dict[str, int] = field(default_factory=dict)
    conversations: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    mixes: dict[str, Mixed] = field(default_factory=dict)
    seed_cost: SeedCost | None = None
    dry_run: bool = False
    chats_waiting: bool = False


def generate_tasks(workspace: Workspace, *, dry_run: bool = False) -> Generated:
    """Draw tasks by the mixes, price them, and store them with their quotes.

    A quote is a promise: tasks are made in the order of the draw, up to the first that the budget could not pay if
    every answer earned its full quote. A candidate goes to the first mix that draws it. With ``dry_run`` no task is
    made; conversations whose delay is over are shared, as by any command.

    Raises:
        ConfigurationError: the rates were changed without their version.
    """
    config = workspace.config
    now = utc_now()
    kinds = [
        kind for kind in generated_kinds() if any(mix.kinds.get(kind) for mix in config.all_mixes().values())
    ]
    if not dry_run:
        collect_chats(workspace)
    with workspace.exclusive(), collector_paused():
        book = book_of(workspace) if dry_run else use_rules(workspace)
        wanted_of = payable_people(workspace, book)
        workspace.collection.share_due(now)
        with workspace.store.write() as connection:
            note_judging(connection, kinds, None if dry_run else now)
        seeds = standing_seeds(workspace)
        with workspace.store.read() as connection:
            gold = all_gold(connection)
            existing = {
                task_id: task for task_id, task in all_tasks(connection).items() if task.platform != IMPORTED
            }
            rewrites = read_rewrites(workspace, connection)
        asked = Asked(existing.values())
        surveyed = survey(
            workspace,
            asked.conversation_ids,
            seeds,
            prompts=any(reads_of(kind) is Reads.SHARED_PROMPTS for kind in kinds),
            characters=config.llm is not None,
        )
        facts, selections = surveyed.facts, surveyed.selections
        selection = selections.usual
        seen = Seen(surveyed.outlines, surveyed.index, facts.taken())
        unseeded = seen.conversations(selection)
        today = _made(existing.values(), now, config.rates.time_zone)
        mixings = [Mixing(name, config, existing, today(name)) for name in config.all_mixes()]
        pools = _pools(mixings, facts)
        trivial = any(it.mix.trivial for it in mixings)
        Collector(surveyed, kinds, seeds, rewrites, asked, pools, seen, trivial=trivial).collect(
            workspace.collection
        )
        gone = {task.id for task in moot(existing.values(), rewrites)}
        unanimous = unanimous_answers(workspace, existing) if any(it.mix.gold for it in mixings) else {}

        tasks: list[Task] = []
        right: dict[str, Mapping[str, str]] = {}

        def takes(task: Task) -> bool:
            return task.id not in gone and selections.takes(task)

        def draw() -> tuple[list[Task], list[tuple[Task, Mapping[str, str]]]]:
            drawn: list[Task] = []
            for mixing in mixings:
                drawn += mixing.draw(facts, {task.id for task in (*tasks, *drawn)}, seeds, now)
            again = [task for mixing in mixings for task in mixing.again(takes, now)]
            checks = [pair for mixing in mixings for pair in mixing.gold(unanimous, gold | right, takes, now)]
            return [*drawn, *again, *(task for task, _ in checks)], checks

        left = points_left(workspace)
        wanted, checks = draw()
        paid, cut = within(wanted, left, wanted_of), False  # repeated tasks come after all others
        while True:
            while any(mixing.narrow(paid) for mixing in mixings):
                cut = True
                fewer, checks = draw()
                paid = within(fewer, left, wanted_of)
            tasks += paid
            made = {task.id for task in tasks}
            right |= {task.id: answers for task, answers in checks if task.id in made}
            if left is None or not (cut and paid):
                break
            # a draw of fewer tasks may leave points that pay for some after all, as a second run would find
            left -= sum(task.points * wanted_of(task) for task in paid)
            for mixing in mixings:
                mixing.keep(paid)
            fewer, checks = draw()
            paid = within(fewer, left, wanted_of)
        if not dry_run:
            with workspace.store.write() as connection:
                if tasks:
                    keep_rules(connection, book)
                save_tasks(connection, tasks)
                save_rubrics(connection, _asked_about(workspace, tasks), now)
                save_gold(connection, right, now)
                withdraw_moot(connection, existing.values(), rewrites)
        with workspace.store.read() as connection:
            states = count_by_state(connection)
            chats_waiting = is_waiting(connection)
        waiting = surveyed.outlines.waiting if seen.waiting else 0
        characters = _characters(workspace, surveyed, unseeded) * waiting // max(seen.waiting, 1)
        conversations = int(unseeded.sum()) * waiting // max(seen.waiting, 1)
        cost = seed_cost(workspace, waiting, conversations, characters)
    all_paid = len(tasks) == len(wanted)
    mixed = {
        it.name: it.result(tasks, facts, _count_gold(it.name, existing, tasks, gold, right), all_paid)
        for it in mixings
    }
    ended = outcomes(
        states,
        selection,
        seen,
        _conversations_of([*existing.values(), *tasks]),
        _conversations_of(task for task in wanted if task.id not in made),
        {name: it.stopped for name, it in mixed.items()},
    )
    return Generated(
        created=len(tasks),
        existing=len(existing),
        waiting=waiting,
        by_kind=dict(Counter(task.kind for task in tasks)),
        by_platform=dict(Counter(task.platform for task in tasks)),
        answers=sum(wanted_of(task) for task in tasks),
        points=sum(task.points * wanted_of(task) for task in tasks),
        beyond_budget=max(0, len(wanted) - len(tasks)),
        showing_seed=sum(task.seed_shown for task in tasks),
        asked_again=sum(task.reask_of is not None for task in tasks),
        gold=len(right),
        counterparts=sum(
            it.id in rewrites.accepted
            for name, some in rewrites.by_conversation.items()
            if name in selection.taken
            for it in some
        ),
        with_counterparts=sum(compares_rewrites(task) for task in tasks),
        left_out=selection.reasons(),
        answers_left_out=dict(selection.omitted_answers),
        conversations=sum(outcome.conversations for outcome in ended),
        outcomes=ended,
        mixes=mixed,
        seed_cost=cost,
        dry_run=dry_run,
        chats_waiting=chats_waiting,
    )


def _asked_about(workspace: Workspace, tasks: Iterable[Task]) -> dict[str, tuple[Criterion, ...]]:
    """Return the rubrics that tasks ask about, as the configuration has them."""
    names = {rubric_of(kind) for kind in {task.kind for task in tasks}}
    return {name: criteria for name, criteria in workspace.config.criteria().items() if name in names}


def _pools(mixings: Sequence[Mixing], facts: Facts) -> dict[str, Pool]:
    """Return the pool of each mix, which keeps as many candidates as it and the mixes before it can draw."""
    pools: dict[str, Pool] = {}
    most: int | None = 0
    for mixing in mixings:
        most = None if most is None or mixing.room is None else most + mixing.room
        pools[mixing.name] = mixing.pool(most, facts.of)
    return pools


def _characters(workspace: Workspace, surveyed: Survey, unseeded: NDArray[np.bool_]) -> int:
    """Return what tasks may usually show of the conversations in which responses have no seed feedback."""
    outlines, usual = surveyed.outlines, surveyed.selections.usual
    if not len(outlines.characters):
        return 0
    whole = unseeded.copy()
    whole[surveyed.index.places_of(usual.withheld)] = False
    in_part = workspace.collection.get(outlines.taken(unseeded & ~whole)).values()
    return int(outlines.characters[whole].sum()) + sum(
        len(message.content) for conversation in in_part for message in usual.shown(conversation).messages
    )


def _made(tasks: Iterable[Task], now: datetime, zone: str) -> Callable[[str], tuple[int, int]]:
    """Return a function that tells how many tasks a mix made on the day, and in the week, of ``now``."""
    clock = time_zone(zone)
    starts = [span[0] for period in (Period.DAY, Period.WEEK) if (span := bounds(period, now, clock))]
    first = [task for task in tasks if task.reask_of is None]
    counts = [Counter(task.mix for task in first if task.created_at >= start) for start in starts]
    return lambda name: (counts[0][name], counts[1][name])


def _count_gold(
    name: str,
    existing: Mapping[str, Task],
    made: Iterable[Task],
    gold: Collection[str],
    right: Collection[str],
) -> int:
    return sum(it.mix == name and it.id in gold for it in existing.values()) + sum(
        it.mix == name and it.id in right for it in made
    )


def _conversations_of(tasks: Iterable[Task]) -> frozenset[str]:
    return frozenset(name for task in tasks for name in task.conversation_ids)
