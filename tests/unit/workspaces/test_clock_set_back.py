"""A clock that is set back puts nothing before what was there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.sample_records import NOW, chat, seeds_of, task
from workspaces.store.challenges import ChallengeEntry, save_challenges, united_scores
from workspaces.store.confidences import OVERALL, PersonConfidence, latest_confidence, save_confidence
from workspaces.store.flags import FlagStatus, flags, review_flag, save_findings
from workspaces.store.people import PersonSettings, latest_settings, save_settings
from workspaces.store.seed_feedback import latest_seeds, save_seeds
from workspaces.store.tasks import save_tasks, unplaced_tasks

if TYPE_CHECKING:
    from workspaces.store import Store

EARLIER = NOW - timedelta(days=400)


def test_the_newest_confidence_is_the_one_that_was_saved_last(store: Store) -> None:
    for at, multiplier in ((NOW, 1.0), (EARLIER, 0.5), (EARLIER, 0.7)):
        with store.write() as connection:
            save_confidence(
                connection, [PersonConfidence(at, "ada", OVERALL, 0.5, 0.4, 0.6, 9, 1.0, multiplier)]
            )
            assert latest_confidence(connection)["ada"].multiplier == multiplier


def test_the_settings_in_force_are_those_that_were_set_last(store: Store) -> None:
    for at, name in ((NOW, "Ada"), (EARLIER, "Countess"), (EARLIER, "Lovelace")):
        with store.write() as connection:
            save_settings(connection, PersonSettings("ada", at, display_name=name))
            assert latest_settings(connection)["ada"].display_name == name


def test_the_newest_seed_feedback_and_score_are_those_that_were_saved_last(store: Store) -> None:
    (seed,) = seeds_of([chat("c", "question", "answer")]).values()
    for at, agent in ((NOW, "zoe"), (EARLIER, "abe")):
        with store.write() as connection:
            save_seeds(connection, [replace(seed, agent=agent, created_at=at)])
            save_challenges(connection, [ChallengeEntry("c", agent, "1", ("domain",) * len(agent[:1]), at)])
            assert latest_seeds(connection)[seed.message_id].agent == agent
            assert united_scores(connection) == {"c": 1}


def test_the_newest_task_decides_the_overlap(store: Store) -> None:
    with store.write() as connection:
        save_tasks(connection, [replace(task("t1", {"qualities": 1}), overlap=5)])
        save_tasks(connection, [replace(task("t0", {"qualities": 1}), overlap=2, created_at=EARLIER)])
        assert [it.overlap for it in unplaced_tasks(connection, "argilla")] == [5, 2]


def test_a_flag_follows_the_one_that_was_decided_last(store: Store) -> None:
    """It was given the id of one that existed before, and the report stopped."""
    for at, weight in ((NOW, 10), (EARLIER, 20), (EARLIER, 40)):
        with store.write() as connection:
            assert save_findings(connection, [("ada", "guessing", {"answers": weight}, weight)], at) == 1
            assert save_findings(connection, [("ada", "guessing", {"answers": weight}, weight)], at) == 0
            (opened,) = flags(connection, FlagStatus.OPEN)
            review_flag(connection, opened.flag_id, FlagStatus.DISMISSED, None, at)
