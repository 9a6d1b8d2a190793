"""The figures of the lead's page: read beside the requests, never in one, from sums that follow the store.

A request gets what was read last, with its time. While somebody looks, it is read anew, and rests ten times as long as
that took.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from chatfeedback.directory import directory_of
from chatfeedback.web.lead_work import LiveWork, Work
from reward_engine.accounts import TREASURY
from reward_engine.budget import issued
from reward_engine.ledger import balance, tip
from task_generators.seed_feedback.progress import LiveSeedProgress
from workspaces.files import read_text
from workspaces.store.agreements import agreement_history
from workspaces.store.confidences import latest_confidence
from workspaces.store.conversation_reports import waiting_reports
from workspaces.store.conversations import count_by_state, hold
from workspaces.store.disputes import disputes
from workspaces.store.flags import FlagStatus, flags
from workspaces.store.groups import all_groups
from workspaces.store.requests import FAILED, RequestState
from workspaces.store.seed_requests import count_requests, seed_request
from workspaces.store.spending import spent
from workspaces.store.takebacks import takeback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from chatfeedback.directory import PersonEntry
    from task_generators.seed_feedback.progress import SeedProgress
    from workspaces.records import SharingState
    from workspaces.store.agreements import QuestionAgreement
    from workspaces.store.confidences import PersonConfidence
    from workspaces.store.conversations import Hold
    from workspaces.store.database import Store
    from workspaces.store.disputes import Dispute
    from workspaces.store.flags import Flag
    from workspaces.store.spending import Spent
    from workspaces.workspace import Workspace

_LOG = logging.getLogger("chatfeedback.web")

RESTS = 10.0
"""Times its own length that the reading rests after it read."""

LEAST_SECONDS = 1.0
LONGEST_REST = 60.0
ANEW_SECONDS = 600.0
"""How often everything is read, whatever changed; not before twenty times as long as it takes."""

SNAPSHOTS = 12
"""Reports whose agreement is shown."""

FAULTS = 50
TRANSACTIONS = 20_000
"""Of the ledger, read at a time."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong with requests to a judge, and how often."""

    agent: str
    state: RequestState
    fault: str
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What the page shows. Two with the same figures are equal, whenever they were read.

    ``issued`` are points by day and kind, ``next_steps`` and ``reported_at`` are of the last report (None: none),
    ``confidence`` is that of the people of the report, without raters; ``expired`` are assignments that ran out, ever
    and within a day.
    """

    work: Work
    people: tuple[PersonEntry, ...]
    groups: Mapping[str, str]
    issued: Mapping[date, Mapping[str, int]]
    issued_total: int
    money: tuple[Spent, ...]
    conversations: Mapping[SharingState, int]
    held: Hold
    flags: tuple[Flag, ...]
    disputes: tuple[Dispute, ...]
    reports: int
    agreement: tuple[QuestionAgreement, ...]
    confidence: Mapping[str, PersonConfidence]
    seeds: SeedProgress
    requests: Mapping[RequestState, int]
    faults: tuple[Fault, ...]
    expired: tuple[int, int]
    next_steps: tuple[str, ...]
    reported_at: datetime | None
    read_at: datetime = field(compare=False)
    seconds: float = field(compare=False)


class LiveFigures:
    """The figures of one workspace."""

    def __init__(self, workspace: Workspace, clock: Callable[[], datetime]) -> None:
        self._workspace = workspace
        self._clock = clock
        self._work = LiveWork(workspace.config.quality.own)
        self._seeds = LiveSeedProgress(workspace.collection, workspace.store)
        self._issued: dict[date, dict[str, int]] = {}
        self._sequence = 0
        self._anew_at = 0.0
        self._rest_until = 0.0
        self._reading = threading.Lock()
        self._figures: Figures | None = None
        self.version = 0
        """Grows when a figure changes."""

    def current(self, wait: float = 0.0) -> Figures | None:
        """Return what was read last, and see to it that it is read anew; None where nothing was read in time.

        Args:
            wait: seconds to wait for the first figures.
        """
        if time.monotonic() >= self._rest_until and self._reading.acquire(blocking=False):
            thread = threading.Thread(target=self._read_and_release, name="lead figures", daemon=True)
            thread.start()
        until = time.monotonic() + wait
        while self._figures is None and time.monotonic() < until:
            time.sleep(0.01)
        return self._figures

    def look_again(self, wait: float) -> None:
        """Read anew at once, as after something was done here, and wait a little for it."""
        before, self._rest_until = self._figures, 0.0
        until = time.monotonic() + wait
        while self.current() is before and time.monotonic() < until:
            time.sleep(0.01)

    def read_now(self) -> Figures:
        """Read the figures in this thread, and return them."""
        with self._reading:
            return self._read()

    def _read_and_release(self) -> None:
        try:
            self._read()
        except Exception as error:  # tried again after a rest; the page shows how old its figures are
            _LOG.warning("the figures of the lead's page cannot be read: %s", type(error).__name__)
            self._rest_until = time.monotonic() + LONGEST_REST
        finally:
            self._reading.release()

    def _read(self) -> Figures:
        from chatfeedback.web import lead_charts  # noqa: F401 - takes long to import: here, not in a request

        begun = time.monotonic()
        anew = begun >= self._anew_at
        found = self._figures_now(begun, anew=anew)
        if self._work.was_read_whole:
            self._anew_at = time.monotonic() + max(ANEW_SECONDS, 20 * found.seconds)
        if found != self._figures:
            self.version += 1
        self._figures = found
        self._rest_until = time.monotonic() + max(LEAST_SECONDS, min(LONGEST_REST, RESTS * found.seconds))
        return found

    def _figures_now(self, begun: float, *, anew: bool) -> Figures:
        workspace, now = self._workspace, self._clock()
        delay = timedelta(hours=workspace.config.consent.delay_hours)
        next_steps, reported_at = _of_report(workspace.reports / "latest")
        self._work.follow(workspace.store, anew=anew)
        self._follow_ledger(workspace.store)
        seeds = self._seeds.follow(anew=anew)
        work = deepcopy(self._work.work)
        with workspace.store.read() as connection:
            people = directory_of(
                connection, answers=work.by_place(), held=work.held, worked=set(work.worked)
            )
            measured = latest_confidence(connection)
            return Figures(
                work=work,
                people=tuple(people),
                groups=all_groups(connection),
                issued={day: dict(kinds) for day, kinds in self._issued.items()},
                issued_total=-balance(connection, TREASURY),
                money=tuple(spent(connection)),
                conversations=count_by_state(connection),
                held=hold(connection, now, delay),
                flags=tuple(flags(connection, FlagStatus.OPEN)),
                disputes=tuple(disputes(connection, FlagStatus.OPEN)),
                reports=waiting_reports(connection),
                agreement=tuple(agreement_history(connection, SNAPSHOTS)),
                confidence={
                    each.person_id: measured[each.person_id]
                    for each in people
                    if each.platforms and each.person_id in measured
                },
                seeds=seeds,
                requests=count_requests(connection),
                faults=_faults(connection),
                expired=_expired(connection, now - timedelta(days=1)),
                next_steps=next_steps,
                reported_at=reported_at,
                read_at=now,
                seconds=time.monotonic() - begun,
            )

    def _follow_ledger(self, store: Store) -> None:
        """Add what was posted since, some at a time; the ledger only grows."""
        zone = self._workspace.config.rates.time_zone
        while True:
            with store.read() as connection:
                newest = tip(connection).sequence
                if newest < self._sequence:  # another ledger: the store was restored
                    self._issued, self._sequence = {}, 0
                until = min(newest, self._sequence + TRANSACTIONS)
                if until == self._sequence:
                    return
                found = issued(connection, zone, after=self._sequence, until=until)
            for day, kinds in found.items():
                known = self._issued.setdefault(day, {})
                for kind, points in kinds.items():
                    known[kind] = known.get(kind, 0) + points
            self._issued = dict(sorted(self._issued.items()))
            self._sequence = until


def _faults(connection: sa.Connection) -> tuple[Fault, ...]:
    columns = seed_request.c
    key = (columns.agent, columns.state, sa.func.coalesce(columns.fault, ""))
    bad = [state.value for state in (*FAILED, RequestState.UNANSWERED, RequestState.REPAIR)]
    count = sa.func.count()
    query = sa.select(*key, count).where(columns.state.in_(bad)).group_by(*key).order_by(count.desc(), *key)
    return tuple(
        Fault(agent, RequestState(state), fault, number)
        for agent, state, fault, number in connection.execute(query.limit(FAULTS))
    )


def _expired(connection: sa.Connection, since: datetime) -> tuple[int, int]:
    ever = sa.select(sa.func.count()).where(takeback.c.expired)
    lately = ever.where(takeback.c.taken_at >= since)
    return connection.execute(ever).scalar_one(), connection.execute(lately).scalar_one()


def _of_report(folder: Path) -> tuple[tuple[str, ...], datetime | None]:
    """Return the steps of the last report, and when it was written."""
    path = folder / "next_steps.json"
    try:
        steps = json.loads(read_text(path, 1_000_000))
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, ValueError):
        return (), None
    return tuple(map(str, steps)), at
