"""Takes tasks off the platforms when their conversation is no longer shared; their answers are saved first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspaces.chunks import in_chunks
from workspaces.errors import ConfigurationError, WorkbenchError, together
from workspaces.kinds import asked_kinds, text_questions
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.registry import PLATFORMS
from workspaces.store.annotations import latest_revisions
from workspaces.store.erasure import drop_unanswered
from workspaces.store.withdrawals import end_withdrawal, pending, pending_platforms
from workspaces.sync import Synced, names_of, record_answers
from workspaces.workspace import CONFIG_NAME, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.platforms.base import Platform, RemoteAnswer
    from workspaces.store.withdrawals import PendingWithdrawal
    from workspaces.workspace import Workspace

BATCH = 100
"""Tasks taken off at a time."""

REMOVED_TEXT = "[this text was deleted together with the conversation it belonged to]"
"""Replaces a rewrite of a deleted conversation, so that the answer keeps the points it earned."""


def withdraw_tasks(workspace: Workspace) -> None:
    """Take every task with a pending withdrawal off its platform. The caller holds the lock of the workspace.

    Raises:
        ConfigurationError: such a task stands on a platform that the configuration no longer names.
        ConnectionFailedError: platforms do not answer; their withdrawals stay pending.
    """
    with workspace.store.read() as connection:
        names = pending_platforms(connection)
    failed: list[WorkbenchError] = []
    for name in names:
        if name not in platforms_in_use(workspace):
            title = PLATFORMS[name].title if name in PLATFORMS else name
            failed.append(
                ConfigurationError(
                    f"some tasks still have to go from {title}, which {CONFIG_NAME} no longer names: "
                    f"put platforms.{name} back, with 'share: 0' if it shall get no new ones"
                )
            )
            continue
        try:
            with workspace.platform(name) as platform:
                withdraw_from(workspace, platform)
        except WorkbenchError as error:
            failed.append(error)
    if failed:
        raise together(failed)


def platforms_in_use(workspace: Workspace) -> list[str]:
    """Return the platforms in the configuration, whatever their share, without managed servers never started here."""
    servers = workspace.servers()
    return [
        name
        for name in workspace.config.platforms.names()
        if name not in servers or servers[name].was_started()
    ]


def withdraw_from(workspace: Workspace, platform: Platform) -> None:
    """Take the tasks with a pending withdrawal off one platform, after their last answers are saved."""
    with workspace.store.read() as connection:
        waiting = pending(connection, platform.name)
    for batch in in_chunks(waiting, BATCH):
        placed = _placed(platform, batch)
        _keep_answers(workspace, platform, batch, placed)
        platform.remove(placed)
        with workspace.store.write() as connection:
            end_withdrawal(connection, [withdrawal.task_id for withdrawal in batch])
            drop_unanswered(connection, [withdrawal.task_id for withdrawal in batch if withdrawal.forget])


def masked(values: Mapping[str, str], response: str | None) -> dict[str, str]:
    """Return an answer without free text: a rewrite becomes ``REMOVED_TEXT``, other text is dropped.

    A text that earns nothing, because it is too short or changes too little of the response, is no rewrite. Of the
    others ``REMOVED_TEXT`` is cut to the length, but never so short that it would earn nothing.

    Args:
        values: plain answers by question name.
        response: the text that was rewritten; None if it is not known.
    """
    texts = text_questions()
    kept = {name: value for name, value in values.items() if name not in texts}
    for name in texts.keys() & values.keys():
        if texts[name].is_complete(values[name], response):
            words = " ".join(values[name].split())
            kept[name] = REMOVED_TEXT[: max(len(words), texts[name].min_characters)]
    return {name: kept[name] for name in values if name in kept}


def without_text(values: Mapping[str, str]) -> dict[str, str]:
    """Return an answer without its free text."""
    texts = text_questions()
    return {name: value for name, value in values.items() if name not in texts}


def _placed(platform: Platform, withdrawals: Sequence[PendingWithdrawal]) -> list[PlacedTask]:
    placed = [
        PlacedTask(
            withdrawal.task_id, withdrawal.remote_id, withdrawal.container_id or "", withdrawal.made_at
        )
        for withdrawal in withdrawals
        if withdrawal.remote_id
    ]
    for name, kind in asked_kinds().items():
        lost = [
            withdrawal.task_id
            for withdrawal in withdrawals
            if not withdrawal.remote_id and withdrawal.kind == name
        ]
        for container in kind.forms if lost else ():
            placed += platform.find(container, lost)
    return placed


def _keep_answers(
    workspace: Workspace,
    platform: Platform,
    withdrawals: Sequence[PendingWithdrawal],
    placed: Sequence[PlacedTask],
) -> None:
    deleted = {withdrawal.task_id for withdrawal in withdrawals if withdrawal.forget}
    places = {task.remote_id: task for task in placed}
    answers = [
        replace(answer, values=masked(answer.values, None)) if place.task_id in deleted else answer
        for place in places.values()
        for answer in platform.answers_to(place) or ()
    ]
    with workspace.store.read() as connection:
        known = latest_revisions(connection, [withdrawal.task_id for withdrawal in withdrawals])
        names = names_of(connection, platform.name, answers)

    def is_newer(answer: RemoteAnswer, name: str) -> bool:
        before = known.get(name)
        # the time of a deletion is ours
        return (
            before is None
            or before.status is AnnotationStatus.DELETED
            or answer.updated_at > before.updated_at
        )

    newer = [
        answer
        for answer, name in zip(answers, names, strict=True)
        if places[answer.remote_id].task_id not in deleted or is_newer(answer, name)
    ]
    hold = workspace.config.people.strangers == "hold"
    record_answers(workspace.store, platform.name, newer, places, utc_now(), Synced(), hold_strangers=hold)
