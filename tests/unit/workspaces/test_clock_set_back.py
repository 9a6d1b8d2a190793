"""A clock that is set back puts nothing before what was there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback import steps
from reward_engine import totals
from tests.sample_records import ALL_TAGS, NOW, chat, seeds_of, task
from workspaces.config import Config
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.challenges import ChallengeEntry, save_challenges, united_scores
from workspaces.store.confidences import OVERALL, PersonConfidence, latest_confidence, save_confidence
from workspaces.store.flags import FlagStatus, flags, review_flag, save_findings
from workspaces.store.people import PersonSettings, latest_settings, save_settings
from workspaces.store.seed_feedback import latest_seeds, save_seeds
from workspaces.store.tasks import save_tasks, unplaced_tasks
from workspaces.store.who_answered import after_work
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.store import Store
    from workspaces.workspace import Workspace

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


def test_new_rules_and_time_zones_judge_no_work_that_was_read_before(workspace: Workspace) -> None:
    """A platform's clock that is ahead put answers behind a change of ours: bonuses were taken back, days exchanged."""
    ada, ahead = workspace.pseudonyms.on_platform("argilla")("ada"), utc_now() + timedelta(hours=2)
    raw = workspace.config.model_dump(exclude_unset=True)

    def ruled(version: str, **rates: object) -> None:
        workspace.config = Config.model_validate(raw | {"rates": {"version": version, **rates}})

    def settled() -> int:
        steps.settle_answers(workspace)
        with workspace.store.read() as connection:
            return totals(connection).get(ada, 0)

    ruled("1", bonuses={"newcomer_answer": 7, "newcomer_answers": 9}, points_per_day=25)
    with workspace.store.write() as connection:
        save_tasks(
            connection, [replace(task(f"t{n}", {"qualities": 10}), rules_version="1") for n in range(3)]
        )
        given = [
            replace(a_revision(f"t{n}", ada), updated_at=ahead + timedelta(minutes=n), response_id=f"r{n}")
            for n in range(2)
        ]
        save_revisions(connection, given)
    assert settled() == 25  # of 34, by the day's cap
    ruled("2")
    assert settled() == 25
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):  # 25 hours apart: always another day
        steps.set_person(workspace, ada, zone=zone)
        assert settled() == 25
    with workspace.store.write() as connection:
        later = replace(a_revision("t2", ada), updated_at=ahead + timedelta(minutes=9))
        save_revisions(connection, [later])
    assert settled() == 35  # the new rules have no cap and no bonus
    with workspace.store.write() as connection:
        far = replace(a_revision("t0", "zoe"), updated_at=utc_now() + timedelta(days=4_000))
        save_revisions(connection, [far])
        assert after_work(connection, NOW) == NOW  # a time that is plainly wrong is not waited for


def a_revision(task_id: str, person_id: str) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=f"{person_id} {task_id}",
        revision=1,
        task_id=task_id,
        person_id=person_id,
        platform="argilla",
        response_id=f"{person_id} {task_id}",
        status=AnnotationStatus.SUBMITTED,
        answers=ALL_TAGS,
        content_hash="h",
        updated_at=NOW,
        synced_at=NOW,
    )
