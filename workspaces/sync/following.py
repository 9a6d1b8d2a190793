"""Follows a platform between two polls: reads what changed since it was read last, and what hints name.

The poll (``polling``) is the truth; this only makes it quick. What is missed here, because a clock was set back or an
answer appeared long after its time, the next poll finds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workspaces.store.annotations import newest_change
from workspaces.store.inbox import close_hints, open_hints
from workspaces.store.tasks import containers, places_in
from workspaces.sync.polling import Poll
from workspaces.sync.recording import record_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workspaces.platforms.base import Platform
    from workspaces.store import Store
    from workspaces.store.inbox import OpenHint
    from workspaces.sync.polling import IsAccountOf
    from workspaces.sync.recording import Synced

OVERLAP = timedelta(seconds=5)
"""So far back each look goes behind the newest change that was seen: answers are not shown in the order of their times.

Two processes of a server have two clocks, and a time is taken before what it belongs to is written.
"""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Following:
    """What was seen of one platform; make one after its first poll, and ask it again and again.

    Args:
        store: of the workspace.
        clock: for people to read.
        hold_strangers: see ``sync``.
        is_account_of: see ``Poll``.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        hold_strangers: bool,
        is_account_of: IsAccountOf | None = None,
    ) -> None:
        self._is_account_of = is_account_of
        self._store = store
        self._clock = clock
        self._hold = hold_strangers
        self._newest: dict[str, datetime] = {}
        self.tells = True
        """Whether the platform can say what changed; without, only what hints name is read."""

    def look(self, platform: Platform, result: Synced) -> None:
        """Read what changed on a platform, count it in ``result``, and close the hints that came before.

        Raises:
            WorkbenchError: the platform does not answer; hints stay open.
        """
        with self._store.read() as connection:
            boxes = containers(connection, platform.name)
            hints = open_hints(connection, platform.name)
        for box in boxes:
            self._look_into(platform, box, [hint for hint in hints if hint.container_id == box], result)
        if hints:
            with self._store.write() as connection:
                close_hints(connection, [hint.hint_id for hint in hints], self._clock())

    def _look_into(self, platform: Platform, box: str, hints: Sequence[OpenHint], result: Synced) -> None:
        with self._store.read() as connection:
            if box not in self._newest:
                self._newest[box] = newest_change(connection, platform.name, box) or BEGINNING
            placed = {place.remote_id: place for place in places_in(connection, box, platform.name)}
        seen: dict[str, datetime] = {}
        pages = platform.recent(box, max(self._newest[box] - OVERLAP, BEGINNING))
        self.tells = pages is not None
        for page in pages or ():
            record_answers(
                self._store, platform.name, page, placed, self._clock(), result, hold_strangers=self._hold
            )
            seen |= {answer.response_id: answer.updated_at for answer in page}
            self._newest[box] = max([self._newest[box], *(answer.updated_at for answer in page)])
        named = [hint for hint in hints if not _is_seen(hint, seen)]
        places = {
            place.task_id: place for hint in named if (place := placed.get(hint.remote_id or "")) is not None
        }
        if places:
            Poll(self._store, platform, box, self._clock, result, self._is_account_of).read_tasks(
                list(places.values()),
                hold_strangers=self._hold,
                deletions=any(hint.is_deletion for hint in named),
            )


def _is_seen(hint: OpenHint, seen: dict[str, datetime]) -> bool:
    """Return whether an answer was read as late as a hint says that it changed, or later."""
    at = seen.get(hint.response_id)
    return not hint.is_deletion and at is not None and hint.changed_at is not None and at >= hint.changed_at
