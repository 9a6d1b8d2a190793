"""One platform that is watched: when it is read next, as a whole or what changed, and whether it sends events."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from chatfeedback.steps.sync import holds_strangers, poll_platform
from workspaces.errors import WorkbenchError
from workspaces.store.inbox import empty_inbox
from workspaces.store.tasks import containers
from workspaces.sync import Following, Synced
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from pydantic import SecretStr

    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace

HOT_SECONDS = 0.25
"""The pause between two looks while answers come."""

QUIET_AFTER_SECONDS = 3.0
"""So long after the last answer they may still come."""

UNHOOKED_SECONDS = 1.0
"""The pause between two looks at a platform that sends no events."""

HOOKED_SECONDS = 5.0
"""The pause between two looks at a platform that sends events: for those that get lost."""

UNTOLD_SECONDS = 30.0
"""The pause between two readings of everything where a platform cannot say what changed."""

LONGEST_BACKOFF_SECONDS = 30.0


KEPT = timedelta(days=7)
"""How long hints stay in the inbox."""


class Way(StrEnum):
    """How a platform is watched: by its events, by asking what changed, or by reading all of it again and again."""

    EVENTS = "events"
    ASKED = "asked"
    POLLED = "polled"


class Watched:
    """A platform and what is known of it.

    Args:
        workspace: whose platform it is.
        name: of the platform.
        url: where it can send events; None: nowhere.
        token: what it shall send with them, where it does not sign them.
        secrets: by platform, what events prove themselves with; is kept up to date.
        every: seconds between two readings of everything.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        url: str | None,
        token: SecretStr,
        secrets: MutableMapping[str, SecretStr],
        every: float,
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._url = url
        self._token = token
        self._secrets = secrets
        self._every = every
        self._stack = ExitStack()
        self._platform: Platform | None = None
        self._following: Following | None = None
        self._failed_in_a_row = 0
        self._last_news = float("-inf")
        self._is_muted = False
        self._look_at = float("-inf")
        self._read_all_at = float("-inf")

    @property
    def is_up(self) -> bool:
        """Whether the last reading went well."""
        return self._following is not None

    @property
    def is_hooked(self) -> bool:
        """Whether the platform sends events."""
        return self._name in self._secrets

    @property
    def way(self) -> Way:
        """How the platform is watched."""
        if self.is_hooked:
            return Way.EVENTS
        return Way.ASKED if self._following is None or self._following.tells else Way.POLLED

    def seconds_until_due(self) -> float:
        """Return in how many seconds the platform is to be read; 0 or less: now."""
        return min(self._look_at, self._read_all_at) - time.monotonic()

    def read(self) -> Synced:
        """Read all of it, or what changed; what cannot be read is a failure in the counts.

        The caller holds the lock of the workspace.
        """
        counts = Synced()
        reads_all = self._following is None or time.monotonic() >= self._read_all_at
        try:
            if self._platform is None:
                self._platform = self._stack.enter_context(self._workspace.platform(self._name))
            if self._following is None or reads_all:
                counts = poll_platform(self._workspace, self._platform)
                with self._workspace.store.write() as connection:
                    empty_inbox(connection, utc_now() - KEPT)
                self._hook(self._platform)
                hold = holds_strangers(self._workspace)
                self._following = Following(
                    self._workspace.store,
                    utc_now,
                    hold_strangers=hold,
                    is_account_of=self._workspace.pseudonyms.is_account_of,
                )
            # after a poll as well: the first look says whether the platform can tell what changed
            self._following.look(self._platform, counts)
            self._mute_or_hook(self._platform, self._following, counts)
        except WorkbenchError as error:
            counts.failures.append(str(error))
            self._let_go()
        self._plan(counts, reads_all=reads_all)
        return counts

    def close(self) -> None:
        """Take our hooks off the platform, and end the connection. What cannot be reached keeps its hook.

        A hook that is left over is found and repaired by the next watcher; until then nobody answers its events.
        """
        if self._platform is not None and self._url is not None and self.is_hooked:
            with suppress(WorkbenchError):
                self._platform.unhook(self._url)
        self._let_go()

    def _hook(self, platform: Platform) -> None:
        """Make sure that the platform sends events; where it does not, it is asked more often."""
        if self._url is None:
            return
        with self._workspace.store.read() as connection:
            boxes = containers(connection, self._name)
        try:
            self._secrets[self._name] = platform.hook(self._url, self._token, boxes)
        except WorkbenchError:
            self._secrets.pop(self._name, None)
        self._is_muted = False

    def _mute_or_hook(self, platform: Platform, following: Following, counts: Synced) -> None:
        """Do without events while answers come one after the other, and have them again afterwards.

        Meanwhile the platform is asked several times a second, and an event costs an Argilla as much as three answers.
        """
        has_news = _has_news(counts)
        is_busy = time.monotonic() - self._last_news < QUIET_AFTER_SECONDS
        if self._is_muted and not is_busy and not has_news:
            self._hook(platform)
            following.look(platform, counts)  # what came before the hook was there again
        elif has_news and is_busy and self.is_hooked and following.tells and not self._is_muted:
            assert self._url is not None
            platform.mute(self._url)
            self._is_muted = True

    def _let_go(self) -> None:
        """Forget the connection: a server that comes back may be another, and is read as a whole."""
        self._platform = self._following = None
        self._stack.close()

    def _plan(self, counts: Synced, *, reads_all: bool) -> None:
        now = time.monotonic()
        if _has_news(counts):
            self._last_news = now
        if counts.failures:
            self._failed_in_a_row += 1
            longest = self._every if self.is_up else LONGEST_BACKOFF_SECONDS
            pause = min(2.0 ** min(self._failed_in_a_row - 1, 20), longest)
            self._read_all_at = now + pause
            if not self.is_up:
                self._look_at = self._read_all_at
                return
        else:
            self._failed_in_a_row = 0
        if now - self._last_news < QUIET_AFTER_SECONDS:
            self._look_at = now + HOT_SECONDS
        else:
            self._look_at = now + (HOOKED_SECONDS if self.is_hooked else UNHOOKED_SECONDS)
        assert self._following is not None
        if reads_all and not counts.failures:
            self._read_all_at = now + (
                self._every if self._following.tells else min(self._every, UNTOLD_SECONDS)
            )


def _has_news(counts: Synced) -> bool:
    return bool(counts.new or counts.changed or counts.deleted)
