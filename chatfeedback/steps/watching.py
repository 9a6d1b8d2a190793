"""Follows the platforms for as long as it runs: what people submit is in their wallets a moment later.

Each platform is read as a whole at the start, on schedule, and after it could not be reached. Between, it is asked for
what changed: at once when one of its events comes (``workspaces.sync.receiver``), and every second or few without one.
An event is a hint: the answer is fetched before it is believed, and nothing depends on an event.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from chatfeedback.steps.chat_collect import collect_chats
from chatfeedback.steps.guided_forms import Boards, keep_boards
from chatfeedback.steps.plugin_posts import collect_posts
from chatfeedback.steps.route import keep_routed
from chatfeedback.steps.settle import settle_answers
from chatfeedback.steps.sync import note_new_answers
from chatfeedback.steps.watched import Watched, Way
from workspaces.errors import WorkbenchError
from workspaces.registry import PLATFORMS
from workspaces.store.database import explained
from workspaces.sync.receiver import HOST, Receiver
from workspaces.workspace import CONFIG_NAME, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from chatfeedback.steps.platform_settings import Drift
    from workspaces.sync import Synced
    from workspaces.workspace import Workspace

AFTER_ANSWERS: tuple[tuple[str, Callable[[Workspace], object]], ...] = (
    ("collected", collect_chats),
    ("posts", collect_posts),
    ("settled", settle_answers),
    ("routed", keep_routed),
    ("boards", keep_boards),
)
"""What runs when answers came, and on schedule, in this order: what its result is called, and the step."""

RESTS = {"routed": 5.0}
"""Times its own length that a step rests after it ran."""

PAUSES = {"boards": 60.0}
"""Seconds that a step rests at least after it ran, or failed."""

EVERY_SECONDS = 600.0
"""How often everything is read, however little changed."""

DEBOUNCE_SECONDS = 0.1
"""Events come in crowds: after one, so long for the others."""

FOLLOW_AGAIN_SECONDS = 2.0
"""The pause after a step that failed."""

LOCK_NAME = ".watch.lock"


class AlreadyWatchedError(WorkbenchError):
    """Another process watches this workspace."""


@dataclass(slots=True)
class Round:
    """What one round brought: the counts of the platforms that were read, and what the steps after it returned.

    ``watched`` says how each platform that can be reached is watched. ``failures`` are those of the steps; a
    platform's are in its counts. ``drifts`` are guidelines that somebody changed since the last round that said so.
    ``seconds`` is how long the round took.
    """

    synced: dict[str, Synced]
    watched: dict[str, Way] = field(default_factory=dict)
    after: dict[str, object] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def has_news(self) -> bool:
        """Whether an answer came, changed or went."""
        return any(each.new or each.changed or each.deleted for each in self.synced.values())

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything came, was done or failed."""
        failed = bool(self.failures) or any(each.failures for each in self.synced.values())
        return failed or bool(self.drifts) or self.has_news or any(map(_did, self.after.values()))


def watch(
    workspace: Workspace, *, port: int = 0, address: str | None = None, every: float = EVERY_SECONDS
) -> Generator[Round, None, None]:
    """Yield every round that brought something or failed; return when the configuration file changed.

    Close the iterator to end: hooks are removed from the platforms, and the receiver stops.

    Args:
        workspace: is written to, but only within a round: other commands have their turn between.
        port: where events are received, on the loopback address; 0: any free port.
        address: at which the platforms reach that port, such as ``https://lead.example/events``; None: on this machine.
        every: seconds between two readings of everything.

    Raises:
        AlreadyWatchedError: another process watches this workspace.
        ConfigurationError: the port is in use.
    """
    lock = FileLock(workspace.path / LOCK_NAME, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise AlreadyWatchedError(
            f"another 'chatfeedback sync --watch' follows {workspace.path}: one is enough"
        ) from None
    with ExitStack() as stack:
        stack.callback(lock.release)
        yield from _rounds(workspace, port, address, every, stack)


def _rounds(
    workspace: Workspace, port: int, address: str | None, every: float, stack: ExitStack
) -> Generator[Round, None, None]:
    wake = threading.Event()
    names = workspace.config.platforms.names()
    ears = {name: PLATFORMS[name].hints_in for name in names}
    receiver = stack.enter_context(Receiver(workspace.store, workspace.id, ears, utc_now, wake.set, port))
    token = SecretStr(workspace.key_for("webhooks").get_secret_value().hex())
    watched = {}
    for name in names:
        url = _url(workspace, name, receiver, address)
        watched[name] = Watched(workspace, name, url, token, receiver.secrets, every)
        stack.callback(watched[name].close)
    configuration = workspace.path / CONFIG_NAME
    before = _changed_at(configuration)
    told: dict[str, Way] = {}
    follow = _Follow(every)
    while _changed_at(configuration) in (before, None):
        was_woken, begun = wake.is_set(), time.monotonic()
        wake.clear()
        made = _round(workspace, watched, was_woken=was_woken)
        follow.after(workspace, made)
        made.seconds = time.monotonic() - begun
        made.watched = {name: each.way for name, each in watched.items() if each.is_up}
        if made.watched != told or made.is_worth_telling:
            told = made.watched
            yield made
        pause = min(follow.seconds_until_due(), *(each.seconds_until_due() for each in watched.values()))
        if made.failures:
            pause = FOLLOW_AGAIN_SECONDS
        if wake.wait(pause):
            time.sleep(DEBOUNCE_SECONDS)


def _changed_at(path: Path) -> int | None:
    """Return when a file was changed last, in nanoseconds; None while an editor is replacing it."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _url(workspace: Workspace, name: str, receiver: Receiver, address: str | None) -> str | None:
    """Return where a platform sends its events; None where it cannot reach this machine by the address that we know."""
    if address is not None:
        return f"{address.rstrip('/')}{receiver.path(name)}"
    section = workspace.config.platforms.sections()[name]
    is_here = section.is_managed or getattr(section.url, "host", None) in ("localhost", HOST)
    return f"http://{HOST}:{receiver.port}{receiver.path(name)}" if is_here else None


def _round(workspace: Workspace, watched: Mapping[str, Watched], *, was_woken: bool) -> Round:
    """Read the platforms that are due; after an event, all that can be reached."""
    made = Round({})
    due = [
        name for name, each in watched.items() if each.seconds_until_due() <= 0 or (was_woken and each.is_up)
    ]
    if not due:
        return made
    try:
        with workspace.exclusive():
            for name in due:
                made.synced[name] = watched[name].read()
            if made.has_news:
                note_new_answers(workspace)
    except (WorkbenchError, DBAPIError) as error:  # another command writes for too long, or the disk is full
        made.failures.append(_explained(error))
    return made


class _Follow:
    """Runs what follows answers: each step once after them, and by the clock, at a pace of its own.

    A step rests ``RESTS`` times as long as it took, so that a slow one keeps no answer waiting that came meanwhile.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        begun = time.monotonic()
        # a process before this one may have been stopped between reading and settling
        self._wanted = {name: begun for name, _ in AFTER_ANSWERS}
        self._rested = dict.fromkeys(self._wanted, begun)
        self._drifted: set[tuple[str, str, str, str]] = set()

    def after(self, workspace: Workspace, made: Round) -> None:
        """Run the steps that are due after a round; one that fails, and those after it, are due again after a pause."""
        if made.has_news:
            self._wanted = dict.fromkeys(self._wanted, time.monotonic())
        for name, step in AFTER_ANSWERS:
            begun = time.monotonic()
            if self._due(name) > begun:
                continue
            try:
                result = step(workspace)
            except (WorkbenchError, DBAPIError) as error:
                made.failures.append(_explained(error))
                self._rested[name] = time.monotonic() + PAUSES.get(name, 0)
                return
            if isinstance(result, Boards):
                made.drifts = self._new(result.drifts)
                result = len(result.written)
            made.after[name] = result
            ended = time.monotonic()
            self._wanted[name] = ended + self._every  # what was not answered in time goes to others
            self._rested[name] = ended + max(RESTS.get(name, 0) * (ended - begun), PAUSES.get(name, 0))

    def _new(self, drifts: Sequence[Drift]) -> list[Drift]:
        """Return the drifts that were not there the last time, each change once."""
        now = {(it.platform, it.kind, it.setting, it.digest): it for it in drifts}
        new = [it for key, it in now.items() if key not in self._drifted]
        self._drifted = set(now)
        return new

    def seconds_until_due(self) -> float:
        """Return how long nothing is to be done without news."""
        return max(0.0, min(map(self._due, self._wanted)) - time.monotonic())

    def _due(self, name: str) -> float:
        return max(self._wanted[name], self._rested[name])


def _explained(error: WorkbenchError | DBAPIError) -> str:
    """Return what went wrong, in a line.

    Raises:
        DBAPIError: what the database says is a fault of ours.
    """
    known = error if isinstance(error, WorkbenchError) else explained(error)
    if known is None:
        raise error
    return str(known)


def _did(result: object) -> bool:
    """Return whether a step did anything: the figures that it returns are not all zero."""
    return (
        any(asdict(result).values())
        if is_dataclass(result) and not isinstance(result, type)
        else bool(result)
    )
