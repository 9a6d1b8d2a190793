"""Reads what routing decides from: people, open tasks, answers, and what is assigned on the platform."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import offered, open_tasks
from chatfeedback.steps.closing import is_practice, what_is_wanted
from chatfeedback.steps.practice import practice_of, practice_results_of
from chatfeedback.steps.rewrite_votes import moot_tasks
from reward_engine import Calendar, RuleBook
from task_generators.mix import asks_again
from task_generators.routing import Board, Offer, Reason, Rules, Worker
from task_generators.value import uncertainty
from workspaces.kinds import asked_kinds, kind_of
from workspaces.records import SharingState
from workspaces.store.annotations import newest_numbers
from workspaces.store.conversations import ids_in
from workspaces.store.deletions import forgotten_people
from workspaces.store.gold import all_gold
from workspaces.store.groups import all_groups
from workspaces.store.members import MemberStatus, members
from workspaces.store.near_duplicates import all_groups as near_copies
from workspaces.store.own_answers import own_conversations, same_annotators
from workspaces.store.people import settings_history
from workspaces.store.posteriors import posteriors
from workspaces.store.rewrites import for_nothing
from workspaces.store.rules import all_rules
from workspaces.store.standing import standing
from workspaces.store.takebacks import lapsed
from workspaces.store.who_answered import first_submissions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    import sqlalchemy as sa

    from chatfeedback.steps.assignments import Assigned
    from workspaces.config import Config
    from workspaces.records import ItemPosterior, Task
    from workspaces.store.members import Member
    from workspaces.store.standing import Standing
    from workspaces.workspace import Workspace


def rules_of(config: Config) -> Rules:
    """Return the lead's rules."""
    routing = config.routing
    return Rules(routing.ahead, routing.reserve, routing.per_day, practice_of(config))


def read_board(
    workspace: Workspace,
    platform: str,
    assigned: Assigned,
    now: datetime,
    *,
    blocked: Collection[str] = (),
) -> Board:
    """Return the board of one platform.

    Args:
        workspace: whose store is read.
        platform: its name.
        assigned: what the platform says now.
        now: tells the day that each person's work counts for.
        blocked: tasks that cannot be pushed.
    """
    with workspace.store.read() as connection:
        tasks = offered(connection)
        stands = standing(connection)
        known = _Known.read(connection, tasks, stands, assigned)
        offers = _offers(workspace, connection, platform, tasks, stands, known)
        wanted = {task_id: offer for task_id, offer in offers.items() if task_id not in blocked}
        workers = _workers(workspace, connection, platform, tasks, stands, known, now)
        copies = near_copies(connection)
    reservations = assigned.reservations(workspace.config.routing, now)
    return Board(tasks, wanted, workers, reservations, copies)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who had which task, by what is stored and by what the platform says."""

    assigned: Assigned
    for_nothing: frozenset[tuple[str, str]]
    had: Mapping[str, set[str]]
    new: frozenset[tuple[str, str]]
    """Answered on the platform, and not read into the store yet: (person, task)."""

    gold: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(
        cls, connection: sa.Connection, tasks: Mapping[str, Task], stands: Standing, assigned: Assigned
    ) -> _Known:
        had: dict[str, set[str]] = {}
        sets = (stands.answers, stands.discarded, stands.deleted, stands.held, stands.set_aside)
        for some in sets:
            for person_id, _, task_id in some:
                had.setdefault(person_id, set()).add(task_id)
        new = {pair for pair in assigned.answered if pair[1] not in had.get(pair[0], ())}
        for person_id, task_id in new:
            had.setdefault(person_id, set()).add(task_id)
        return cls(assigned, for_nothing(connection, tasks), had, frozenset(new), all_gold(connection))


def _offers(
    workspace: Workspace,
    connection: sa.Connection,
    platform: str,
    tasks: Mapping[str, Task],
    stands: Standing,
    known: _Known,
) -> dict[str, Offer]:
    """Return the tasks of a platform that want answers and can be shown."""
    shared = ids_in(connection, SharingState.SHARED)
    moot = moot_tasks(connection, tasks.values(), workspace.config.quality.own)
    answers = Counter(
        task_id
        for person_id, task_id in {(person_id, task_id) for person_id, _, task_id in stands.answers}
        if (person_id, task_id) not in known.for_nothing
    )
    answers.update(
        task_id for person_id, task_id in known.new if (person_id, task_id) not in known.for_nothing
    )
    by_item = _by_item(posteriors(connection))
    mixes = workspace.config.all_mixes()
    usual, kinds = next(iter(mixes.values())), asked_kinds()
    wanted_of = what_is_wanted(workspace.config)
    offers: dict[str, Offer] = {}
    for task_id in open_tasks(connection, tasks, stands, moot):
        task = tasks[task_id]
        if task.platform != platform or task.closed_at is not None or task.kind not in kinds:
            continue
        placed = task_id in known.assigned.places
        if not placed and not shared.issuperset(task.conversation_ids):
            continue
        practice, wanted = is_practice(task, known.gold), wanted_of(task)
        offers[task_id] = Offer(
            task,
            answers=answers[task_id],
            uncertain=_uncertain(task, by_item),
            weights=mixes.get(task.mix, usual).significance,
            placed=placed,
            again=asks_again(task),
            gold=task_id in known.gold,
            practice=practice,
            enough=None if practice or wanted is None or not wanted.audits(task) else wanted.as_good_as,
        )
    return offers


def _workers(
    workspace: Workspace,
    connection: sa.Connection,
    platform: str,
    tasks: Mapping[str, Task],
    stands: Standing,
    known: _Known,
    now: datetime,
) -> dict[str, Worker]:
    """Return everybody who is a member of a platform or has an account there."""
    config, assigned = workspace.config, known.assigned
    rows = {each.person_id: each for each in members(connection) if each.platform == platform}
    people = {*rows, *assigned.accounts} - forgotten_people(connection)
    submitted = first_submissions(connection)
    answered: dict[str, list[str]] = {}
    for (person_id, task_id), _ in sorted(submitted.items(), key=lambda item: (item[1], item[0])):
        if person_id in people and task_id in tasks and task_id in known.had.get(person_id, ()):
            answered.setdefault(person_id, []).append(task_id)
    calendar = Calendar(RuleBook(all_rules(connection)), settings_history(connection))
    today = {person_id: calendar.day(person_id, now) for person_id in people}
    done = Counter(
        person_id
        for (person_id, task_id), moment in submitted.items()
        if person_id in people and task_id in tasks and calendar.day(person_id, moment) == today[person_id]
    )
    done.update(person_id for person_id, _ in known.new)
    drafts: dict[str, set[str]] = {}
    for person_id, name, task_id in stands.drafts:
        if name == platform and (person_id, task_id) not in assigned.answered:
            drafts.setdefault(person_id, set()).add(task_id)
    for person_id, begun in assigned.begun().items():
        drafts.setdefault(person_id, set()).update(begun)
    newest = newest_numbers(connection)
    let_go: dict[str, set[str]] = {}
    away: set[str] = set()
    came_back = {person_id for person_id, _ in known.new}
    for each in lapsed(connection):
        let_go.setdefault(each.person_id, set()).add(each.task_id)
        if newest.get(each.person_id, 0) <= each.after and each.person_id not in came_back:
            away.add(each.person_id)
    own = {} if config.routing.own else own_conversations(connection, people)
    same = same_annotators(connection)
    writers: dict[str, set[str]] = {}
    for person_id, task_id in known.for_nothing:
        writers.setdefault(person_id, set()).add(task_id)
    groups, made = all_groups(connection), {task.mix for task in tasks.values()}
    has_rule = practice_of(config) is not None
    results = practice_results_of(connection, known.gold, tasks) if has_rule else {}
    return {
        person_id: Worker(
            id=person_id,
            mixes=config.mixes_of(groups.get(person_id), made),
            had=frozenset(name for it in same.get(person_id, (person_id,)) for name in known.had.get(it, ())),
            answered=answered.get(person_id, []),
            drafts=frozenset(drafts.get(person_id, ())),
            own=frozenset(own.get(person_id, ())),
            rewrites=frozenset(writers.get(person_id, ())),
            today=done[person_id],
            results=results.get(person_id, []),
            lapsed=frozenset(let_go.get(person_id, ())),
            away=person_id in away,
            barred=_barred(config, rows.get(person_id), has_account=person_id in assigned.accounts),
        )
        for person_id in sorted(people)
    }


def _barred(config: Config, row: Member | None, *, has_account: bool) -> Reason | None:
    """Return why a person is given nothing, whatever it is."""
    if row is not None and row.revoked_at is not None:
        return Reason.REVOKED
    if not has_account:
        return Reason.NO_ACCOUNT
    if row is not None and row.status is MemberStatus.BARRED:
        return Reason.BARRED
    stranger = row is None or row.status is MemberStatus.STRANGER
    return Reason.HELD if stranger and config.people.strangers == "hold" else None


def _by_item(known: Iterable[ItemPosterior]) -> dict[tuple[str, str], list[ItemPosterior]]:
    by_item: dict[tuple[str, str], list[ItemPosterior]] = {}
    for posterior in known:
        by_item.setdefault((posterior.kind, posterior.item), []).append(posterior)
    return by_item


def _uncertain(task: Task, by_item: Mapping[tuple[str, str], list[ItemPosterior]]) -> float:
    if not by_item:
        return 1.0
    items = kind_of(task.kind).items(task.message_ids, task.conversation_ids)
    found = [posterior for item in items for posterior in by_item.get((task.kind, item), ())]
    return uncertainty(task, found) if found else 1.0
