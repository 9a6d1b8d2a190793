"""Chats that wait for the collection are their givers' already: whoever names one, or asks for theirs, has it moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError
from workspaces.store.chat_exchanges import is_waiting, waiting_chats
from workspaces.store.own_answers import givers_of
from workspaces.workspace import LOCK_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspaces.workspace import Workspace

MOMENT_SECONDS = 0.2
"""How long somebody who only reads waits for another step to end."""


def collect_named(workspace: Workspace, conversation_ids: Collection[str]) -> None:
    """Move chats into the collection if one of these waits, so that it can be changed or deleted.

    Raises:
        WorkbenchError: one waits, and cannot be moved now.
    """
    with workspace.store.read() as connection:
        waiting = waiting_chats(connection, conversation_ids=conversation_ids)
    if waiting:
        _collect(workspace, LOCK_TIMEOUT_SECONDS)


def collect_given(workspace: Workspace, giver_id: str) -> None:
    """Move chats into the collection if one of a giver's waits.

    Raises:
        WorkbenchError: one waits, and cannot be moved now.
    """
    with workspace.store.read() as connection:
        waiting = waiting_chats(connection, people=[giver_id])
    if waiting:
        _collect(workspace, LOCK_TIMEOUT_SECONDS)


def collect_own(workspace: Workspace, person_id: str) -> int:
    """Move chats into the collection if one of a person's waits, unless another step is at work or it fails.

    Returns:
        How many of theirs still wait.
    """
    waiting = _own(workspace, person_id)
    if not waiting:
        return 0
    try:
        _collect(workspace, MOMENT_SECONDS)
    except WorkbenchError:
        return len(waiting)
    return len(_own(workspace, person_id))


def collect_waiting(workspace: Workspace) -> None:
    """Move all chats that wait into the collection, for whoever names conversations otherwise than by ids.

    Raises:
        WorkbenchError: some wait, and cannot be moved now.
    """
    with workspace.store.read() as connection:
        waiting = is_waiting(connection)
    if waiting:
        _collect(workspace, LOCK_TIMEOUT_SECONDS)


def _own(workspace: Workspace, person_id: str) -> set[str]:
    with workspace.store.read() as connection:
        return waiting_chats(connection, people=givers_of(connection, person_id))


def _collect(workspace: Workspace, wait_seconds: float) -> None:
    from chatfeedback.steps.chat_collect import collect_chats  # slow to import, and seldom needed

    collect_chats(workspace, wait_seconds=wait_seconds)
