"""Points that vest: a share at once, the rest when others' answers settle the item; explained, and reserved for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from chatfeedback import steps
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.evaluation import evaluate
from reward_engine import verify
from tests.sample_records import ALL_TAGS, minutes
from tests.unit.chatfeedback.test_points_commands import run, words
from tests.unit.chatfeedback.test_strangers import everybody_answers, platform, points
from tests.unit.chatfeedback.test_strangers import workspace as strangers_workspace
from workspaces.store.closings import closed_keys
from workspaces.store.tasks import task
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from tests.unit.workspaces.test_sync import MemoryPlatform

__all__ = ["platform", "strangers_workspace"]  # fixtures

VESTING = (
    "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}, overlap: 3}\n"
    "rates: {version: '2', vesting: on_agreement, vested_at_once: 0.4}\nbudget: {points_total: 100000}\n"
    "people: {strangers: accept}\n"
)


def vesting(workspace: Workspace) -> Workspace:
    """Let the same tasks be offered by rules under which points vest."""
    (workspace.path / CONFIG_NAME).write_text(VESTING, encoding="utf-8")
    return Workspace.open(workspace.path)


def explained(workspace: Workspace, person: str) -> str:
    movements: list[dict[str, str]] = run(workspace.path, "wallet", person, "--explain")["movements"]
    return "\n".join(movement["text"] for movement in movements)


def test_the_rest_is_credited_once_when_the_item_is_settled_and_the_wallet_says_so(
    strangers_workspace: Workspace, platform: MemoryPlatform
) -> None:

    with strangers_workspace.store.write() as connection:
        connection.execute(sa.update(task).values(rules_version="2", overlap=3))
    with vesting(strangers_workspace) as opened:
        steps.settle_answers(opened)  # records the rules
        (ada,) = everybody_answers(opened, platform, "ada@example.org")
        steps.sync_answers(opened)
        before = steps.budget_report(opened)
        evaluate(opened)
        steps.settle_answers(opened)
        with opened.store.read() as connection:
            assert closed_keys(connection) == frozenset(), "one answer settles nothing"
        some = points(opened, ada)
        waiting = steps.explain_wallet(opened, ada).waiting
        assert 0 < some < waiting
        assert steps.budget_report(opened).waiting == waiting
        assert steps.budget_report(opened).left == before.left, "what waits stays reserved"
        assert "points now and the rest when the item is settled" in explained(opened, ada)
        text = words(opened.path, "wallet", ada, "--explain")
        assert f"Waiting until other answers settle the items: {waiting}" in text
        for name in ("bo@example.org", "cy@example.org"):
            everybody_answers(opened, platform, name)
        steps.sync_answers(opened)
        evaluate(opened)
        steps.settle_answers(opened)
        assert points(opened, ada) == some + waiting
        assert run(opened.path, "wallet", ada, "--explain")["waiting"] == 0
        assert "the item is settled, the rest of" in explained(opened, ada)
        assert steps.settle_answers(opened).corrections == 0
        # others change their minds: what was credited stays
        tasks = [it.task_id for it in read_answers(opened).annotations]
        for task_id in tasks:
            for name in ("bo@example.org", "cy@example.org"):
                said: dict[str, Any] = {**ALL_TAGS, "helpful": "no", "toxic": "no"}
                person = opened.pseudonyms.on_platform("argilla")(name)
                platform.give(f"{name} {task_id}", task_id, person=person, at=minutes(5), **said)
        steps.sync_answers(opened)
        evaluate(opened)
        assert steps.settle_answers(opened).corrections == 0
        with opened.store.read() as connection:
            assert verify(connection).is_whole


def test_without_vesting_nothing_closes_and_everything_is_credited_at_once(
    strangers_workspace: Workspace, platform: MemoryPlatform
) -> None:
    (ada,) = everybody_answers(strangers_workspace, platform, "ada@example.org")
    steps.sync_answers(strangers_workspace)
    evaluate(strangers_workspace)
    steps.settle_answers(strangers_workspace)
    with strangers_workspace.store.read() as connection:
        assert closed_keys(connection) == frozenset()
    explained = steps.explain_wallet(strangers_workspace, ada)
    assert explained.waiting == 0 < explained.balance
