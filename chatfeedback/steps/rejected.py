"""Tasks that a platform did not take: kept from every later push until what they show, or the workbench, changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from task_generators.content import content_of
from workspaces.forms import Form
from workspaces.kinds import kind_of
from workspaces.store.rejections import Rejection, drop_rejections, rejections, save_rejection
from workspaces.store.tasks import placed_tasks
from workspaces.store.withdrawals import end_push
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Conversation, SeedFeedback, Task
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rejected:
    """A task that its platform did not take, and why, in the platform's words."""

    task_id: str
    platform: str
    reason: str


def still_rejected(
    workspace: Workspace,
    tasks: Iterable[Task],
    conversations: Mapping[str, Conversation],
    seeds: Mapping[str, SeedFeedback],
) -> set[str]:
    """Return which of these tasks were rejected and would be sent as they were then."""
    with workspace.store.read() as connection:
        known = rejections(connection)
    return {
        task.id
        for task in tasks
        if (before := known.get(task.id)) is not None
        and before.sent_hash == sent_hash(workspace, task, conversations, seeds.get(task.id))
    }


def reject(
    workspace: Workspace,
    task: Task,
    conversations: Mapping[str, Conversation],
    seed: SeedFeedback | None,
    reason: str,
) -> Rejected:
    """Note that a platform did not take a task; it stands nowhere."""
    sent = sent_hash(workspace, task, conversations, seed)
    with workspace.store.write() as connection:
        save_rejection(connection, Rejection(task.id, reason, sent, utc_now()))
        end_push(connection, [task.id])
    return Rejected(task.id, task.platform, reason)


def retry_rejected(workspace: Workspace) -> int:
    """Let the next push send every rejected task again; return how many."""
    with workspace.exclusive(), workspace.store.write() as connection:
        return drop_rejections(connection, rejections(connection))


def standing_rejections(workspace: Workspace) -> dict[str, str]:
    """Return why tasks that stand nowhere were rejected, by task id."""
    with workspace.store.read() as connection:
        placed = placed_tasks(connection)
        return {name: it.reason for name, it in rejections(connection).items() if name not in placed}


def sent_hash(
    workspace: Workspace, task: Task, conversations: Mapping[str, Conversation], seed: SeedFeedback | None
) -> str:
    """Return a hash of what a task shows, of its form, and of the version that draws both."""
    form = Form.of(kind_of(task.kind).showing(len(task.message_ids)), "", workspace.config.display)
    content = content_of(task, conversations, seed)
    sent = (_version(), task.platform, replace(form, title=""), content)
    return hashlib.sha256(repr(sent).encode("utf-8", "backslashreplace")).hexdigest()


def _version() -> str:
    try:
        return version("chatfeedback-workbench")
    except PackageNotFoundError:  # a checkout that is not installed
        return ""
