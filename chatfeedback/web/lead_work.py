"""Work done and open, in sums that follow the store: what changed is read again, task by task, never all of it.

``Work`` adds up what ``counts`` and ``directory`` say of each answer and each open task. New answers concern a few
tasks: what these were worth before is taken off, by the revisions that were known then, and what they are worth now is
added. What changes without an answer (people, new tasks, conversations) is told by ``_Stamp``; then all is read anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from chatfeedback.counts import ON_OFFER
from chatfeedback.steps.rewrite_votes import moot_tasks
from workspaces.chunks import in_chunks
from workspaces.records import IMPORTED, AnnotationStatus
from workspaces.store.annotations import annotation_revision, latest_genuine, newest_number
from workspaces.store.conversations import count_by_state, ids_in
from workspaces.store.members import MemberStatus, members
from workspaces.store.own_answers import same_annotators, second_answers
from workspaces.store.rewrites import all_showing_rewrites, own_checks
from workspaces.store.standing import SAID
from workspaces.store.tasks import task
from workspaces.store.withdrawals import closed_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from workspaces.config.people import OwnLogs
    from workspaces.store.database import Store

    Place = tuple[str, str]
    """A person and a platform."""

_RANK = {status.value: rank for rank, status in enumerate(SAID)}

MOST_CHANGED = 20_000
"""With more tasks than this to read again, all of them are."""

PAGE = 4_000
"""Tasks that are read in one transaction."""


@dataclass(slots=True)
class Work:
    """Sums over answers and open tasks.

    ``answers`` are in force, by (person, platform, kind); ``held`` and ``set_aside`` by (person, platform) are
    strangers' and barred people's. ``worked`` counts everything that people did there. ``hours`` counts answers by the
    hour (UTC) of their last change, ``imported`` judgments that came with logs by themselves. ``open_tasks``,
    ``to_come`` and ``open_points`` are by kind: tasks that want answers, how many, and what these cost at most.
    """

    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    held: Counter[Place] = field(default_factory=Counter)
    set_aside: Counter[Place] = field(default_factory=Counter)
    worked: Counter[Place] = field(default_factory=Counter)
    hours: Counter[datetime] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    open_tasks: Counter[str] = field(default_factory=Counter)
    to_come: Counter[str] = field(default_factory=Counter)
    open_points: Counter[str] = field(default_factory=Counter)

    def exchange(self, before: Work, now: Work) -> None:
        """Take off what some tasks were worth before, and add what they are worth now."""
        for name in Work.__slots__:
            sums: Counter[Any] = getattr(self, name)
            sums.subtract(getattr(before, name))
            sums.update(getattr(now, name))
            for key in {*getattr(before, name), *getattr(now, name)}:
                if not sums[key]:
                    del sums[key]

    def add(self, more: Work) -> None:
        """Add what further tasks are worth."""
        for name in Work.__slots__:
            getattr(self, name).update(getattr(more, name))

    def by_place(self) -> Counter[Place]:
        """Return the number of answers by person and platform."""
        found: Counter[Place] = Counter()
        for (person_id, platform, _), count in self.answers.items():
            found[person_id, platform] += count
        return found

    def by_kind(self) -> Counter[str]:
        """Return the number of answers by kind."""
        found: Counter[str] = Counter()
        for (_, _, kind), count in self.answers.items():
            found[kind] += count
        return found


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What the sums depend on besides answers; if it is the same, answers alone can have changed them."""

    people: frozenset[tuple[str, str, str]]
    same: frozenset[frozenset[str]]
    hidden: tuple[tuple[str, int], ...]
    tasks: int
    closed: int


class LiveWork:
    """The sums of one workspace. ``follow`` brings them up to date; one thread at a time."""

    def __init__(self, rule: OwnLogs) -> None:
        """Args: ``rule``: of answers about one's own conversation."""
        self._rule = rule
        self._moot: AbstractSet[str] = frozenset()
        self._second: AbstractSet[tuple[str, str]] = frozenset()
        self.work = Work()
        self.was_read_whole = False
        """Whether the last ``follow`` read everything."""

        self._number = 0
        self._revisions = 0
        self._stamp: _Stamp | None = None

    def follow(self, store: Store, *, anew: bool = False) -> None:
        """Bring the sums up to date; ``anew``: by reading everything, whatever changed."""
        with store.read() as connection:
            newest = newest_number(connection)
            revisions = _count(connection, annotation_revision)
            stamp = _stamp(connection)
            came = revisions - self._revisions
            changed = None if anew or stamp != self._stamp else self._changed(connection, newest, came)
            surroundings = _Surroundings.read(connection, self._rule) if changed is None or changed else None
            if changed and surroundings is not None:
                exchanged = {task_id for _, task_id in surroundings.second ^ self._second}
                concerned = sorted(changed | exchanged | (surroundings.moot ^ self._moot))
                then = replace(surroundings, moot=self._moot, second=self._second)
                before = _fold(connection, then, concerned, until=self._number)
                self.work.exchange(before, _fold(connection, surroundings, concerned, until=newest))
        if surroundings is not None:
            self._moot, self._second = surroundings.moot, surroundings.second
        self.was_read_whole = changed is None
        if changed is None and surroundings is not None:
            self.work = _whole(store, surroundings, newest)
        self._number, self._revisions, self._stamp = newest, revisions, stamp

    def _changed(self, connection: sa.Connection, newest: int, came: int) -> set[str] | None:
        """Return the tasks with new revisions; None if something else happened to the revisions, or to too many."""
        if newest == self._number:
            return set() if came == 0 else None
        query = sa.select(annotation_revision.c.task_id).where(annotation_revision.c.number > self._number)
        task_ids = list(connection.execute(query.limit(MOST_CHANGED + 1)).scalars())
        return set(task_ids) if len(task_ids) == came <= MOST_CHANGED else None


def _stamp(connection: sa.Connection) -> _Stamp:
    return _Stamp(
        frozenset((each.person_id, each.platform, each.status) for each in members(connection)),
        frozenset(same_annotators(connection).values()),
        tuple(
            sorted(
                (state.value, count)
                for state, count in count_by_state(connection).items()
                if state not in ON_OFFER
            )
        ),
        _count(connection, task),
        connection.execute(sa.select(sa.func.count(task.c.closed_at))).scalar_one()
        + len(closed_everywhere(connection)),
    )


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What decides about answers and tasks besides themselves, at one moment."""

    statuses: Mapping[Place, MemberStatus]
    own: AbstractSet[tuple[str, str]]
    second: AbstractSet[tuple[str, str]]
    closed: AbstractSet[str]
    shown: AbstractSet[str]
    moot: AbstractSet[str]

    @classmethod
    def read(cls, connection: sa.Connection, rule: OwnLogs) -> _Surroundings:
        """Read it; ``rule``: of answers about one's own conversation."""
        showing = all_showing_rewrites(connection)
        return cls(
            {(each.person_id, each.platform): each.status for each in members(connection)},
            own_checks(connection, {each.id: each for each in showing}),
            second_answers(connection),
            closed_everywhere(connection),
            {name for state in ON_OFFER for name in ids_in(connection, state)},
            moot_tasks(connection, showing, rule),
        )


def _whole(store: Store, surroundings: _Surroundings, until: int) -> Work:
    """Return the sums over all tasks, by the revisions up to a number.

    Each page is a transaction of its own: on SQLite a long one keeps those who write from ending theirs. Revisions are
    only added, so that all pages see the same; what else changed meanwhile, the next ``follow`` sees by the stamp.
    """
    work, last = Work(), ""
    while True:
        with store.read() as connection:
            page = list(connection.execute(_page_query(), {"last": last}).scalars())
            if not page:
                return work
            last = page[-1]
            work.add(_fold(connection, surroundings, page, until))


def _fold(
    connection: sa.Connection, surroundings: _Surroundings, task_ids: Sequence[str], until: int
) -> Work:
    """Return the sums over these tasks, in their order, by the revisions up to a number."""
    work = Work()
    for some in in_chunks(task_ids):
        answers = {
            name: list(rows) for name, rows in groupby(_answers(connection, some, until), itemgetter(0))
        }
        for task_id, kind, overlap, quote, conversation_ids in _tasks(connection, some):
            had = _add(work, kind, task_id, answers.get(task_id, ()), surroundings)
            work.tasks[kind] += 1
            left = overlap - had
            if (
                left > 0
                and task_id not in surroundings.closed
                and task_id not in surroundings.moot
                and surroundings.shown >= set(conversation_ids)
            ):
                work.open_tasks[kind] += 1
                work.to_come[kind] += left
                work.open_points[kind] += left * sum(quote.values())
    return work


def _add(work: Work, kind: str, task_id: str, rows: Iterable[Any], surroundings: _Surroundings) -> int:
    """Add the answers to one task; return how many count towards its overlap."""
    said: dict[Place, tuple[int, datetime]] = {}
    for _, person_id, platform, status, at in rows:
        place, rank = (person_id, platform), _RANK[status]
        known = said.get(place)
        if known is None or rank < known[0] or (rank == known[0] and at > known[1]):
            said[place] = rank, at
    had = 0
    for (person_id, platform), (rank, at) in said.items():
        status = SAID[rank]
        outside = surroundings.statuses.get((person_id, platform))
        if outside in (MemberStatus.STRANGER, MemberStatus.BARRED):
            if status is not AnnotationStatus.DELETED:
                work.worked[person_id, platform] += 1
            if status is AnnotationStatus.SUBMITTED:
                waiting = work.held if outside is MemberStatus.STRANGER else work.set_aside
                waiting[person_id, platform] += 1
            continue
        work.worked[person_id, platform] += 1
        if status is AnnotationStatus.SUBMITTED:
            work.answers[person_id, platform, kind] += 1
            work.hours[at.replace(minute=0, second=0, microsecond=0)] += 1
            who = (person_id, task_id)
            had += who not in surroundings.own and who not in surroundings.second
    return had


def _answers(connection: sa.Connection, task_ids: Sequence[str], until: int) -> Iterable[Any]:
    """Return what people said of these tasks on platforms, in the order of tasks."""
    return connection.execute(_answers_query(), {"task_ids": task_ids, "until": until})


def _tasks(connection: sa.Connection, task_ids: Sequence[str]) -> Iterable[Any]:
    return connection.execute(_tasks_query(), {"task_ids": task_ids})


# Each query is made once: made anew for each 500 of 333,333 tasks, they were 124,000 objects in circles, and to find
# these the garbage collector stopped every page for a quarter of a second.


@cache
def _page_query() -> sa.Select[Any]:
    query = sa.select(task.c.task_id).where(
        task.c.task_id > sa.bindparam("last"), task.c.platform != IMPORTED
    )
    return query.order_by(task.c.task_id).limit(PAGE)


@cache
def _answers_query() -> sa.Select[Any]:
    revision = annotation_revision.c
    query = latest_genuine(
        revision.platform != IMPORTED,
        revision.task_id.in_(sa.bindparam("task_ids", expanding=True)),
        (revision.number <= sa.bindparam("until")) | revision.number.is_(None),
    )
    columns = (revision.task_id, revision.person_id, revision.platform, revision.status, revision.updated_at)
    return query.with_only_columns(*columns).order_by(revision.task_id)


@cache
def _tasks_query() -> sa.Select[Any]:
    columns = (task.c.task_id, task.c.kind, task.c.overlap, task.c.quote, task.c.conversation_ids)
    chosen = task.c.task_id.in_(sa.bindparam("task_ids", expanding=True))
    return sa.select(*columns).where(task.c.platform != IMPORTED, chosen)
