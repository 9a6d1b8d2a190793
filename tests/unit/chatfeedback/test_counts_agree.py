"""Every command says the same figure for the same word, in a workspace with everything that can blur it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import ALL_TAGS, minutes
from tests.unit.chatfeedback.test_forget_raters import battle
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.records import IMPORTED, AnnotationStatus, PersonState, SharingState, Task, stable_id
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.gold import save_gold
from workspaces.store.members import MemberStatus, admit, meet, note_revoked
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = """\
version: 1
platforms: {argilla: {url: managed}, label_studio: {url: managed}}
mix: {kinds: {qualitative: 1}, limit: 40, overlap: 2}
budget: {points_total: 100000}
"""
SUBMITTED, DRAFT, DISCARDED, DELETED = (
    AnnotationStatus.SUBMITTED,
    AnnotationStatus.DRAFT,
    AnnotationStatus.DISCARDED,
    AnnotationStatus.DELETED,
)


@dataclass
class Office:
    """A workspace, and what was put into it."""

    workspace: Workspace
    tasks: list[Task]
    people: dict[str, str]
    answers: set[tuple[str, str]] = field(default_factory=set)
    number: int = 0

    def answer(
        self,
        name: str,
        task: Task,
        status: AnnotationStatus = SUBMITTED,
        values: dict[str, str] | None = None,
    ) -> None:
        """Store what a person saved at a task; a submitted answer is counted unless the person is a stranger."""
        self.number += 1
        given = dict(ALL_TAGS if values is None else values) if status is SUBMITTED else {}
        revision = AnnotationRevision(
            annotation_id=stable_id(name, task.id, str(self.number)), revision=1, task_id=task.id,
            person_id=self.people[name], platform=task.platform, response_id=f"{name} {self.number}",
            status=status, answers=given, content_hash=stable_id(str(self.number)),
            updated_at=minutes(self.number), synced_at=minutes(self.number),
        )  # fmt: skip
        with self.workspace.store.write() as connection:
            save_revisions(connection, [revision])
        if status is SUBMITTED and name != "dora":
            self.answers.add((name, task.id))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One workspace with all of it; the tests only read it, except that settling twice changes nothing."""
    patch = pytest.MonkeyPatch()

    @contextmanager
    def connected(_workspace: Workspace, name: str) -> Iterator[MemoryPlatform]:
        memory = MemoryPlatform()
        memory.name = name
        yield memory

    patch.setattr(Workspace, "platform", connected)
    with Workspace.create(tmp_path_factory.mktemp("counts") / "w", CONFIGURATION) as workspace:
        yield fill(workspace)
    patch.undo()


def fill(workspace: Workspace) -> Office:
    with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
        steps.ingest_file(workspace, sample, publish=True)
    with (workspace.path / "battles.jsonl").open("w", encoding="utf-8") as file:
        for number in range(6):
            for judge in ("an arena judge", "another judge", "bob@example.org"):  # bob has an account, too
                row = battle(judge, "model_a", number)
                file.write(json.dumps(row) + "\n")
    steps.ingest_file(workspace, workspace.path / "battles.jsonl", publish=True, processes=1)
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    with workspace.store.read() as connection:
        made = [task for task in all_tasks(connection).values() if task.platform != IMPORTED]
    tasks = list({task.conversation_ids[0]: task for task in reversed(made)}.values())
    name_of = workspace.pseudonyms.on_platform("argilla")
    people = {name: name_of(f"{name}@example.org") for name in ("ada", "bob", "cleo", "dora", "eve")}
    office = Office(workspace, tasks, people)
    with workspace.store.write() as connection:
        for platform in ("argilla", "label_studio"):
            admit(connection, [people["ada"], people["bob"]], platform, MemberStatus.INVITED, minutes(0))
            admit(connection, [people["cleo"], people["eve"]], platform, MemberStatus.ACCEPTED, minutes(0))
            meet(connection, [people["dora"]], platform, minutes(0), hold=True)
        gold = {task.id: {"helpful": "no"} for task in tasks[:2]}
        save_gold(connection, gold, minutes(0))
    for task in tasks[:2]:  # answered wrong, by as many people as the overlap says
        office.answer("ada", task)
        office.answer("cleo", task)
    for name in ("ada", "cleo", "eve"):  # beyond the overlap
        office.answer(name, tasks[2])
    office.answer("ada", tasks[3])
    office.answer("ada", tasks[3])  # twice to one task: one answer
    office.answer("ada", tasks[4], DRAFT)
    office.answer("ada", tasks[5], DISCARDED)
    office.answer("ada", tasks[6], DELETED)
    office.answer("ada", tasks[7], values={"helpful": "yes"})  # submitted, and earns nothing
    office.answer("dora", tasks[3])
    office.answer("dora", tasks[8])
    office.answer("dora", tasks[9], DRAFT)
    office.answer("cleo", tasks[10])  # of a conversation that is deleted
    office.answer("cleo", tasks[11])  # of one that is kept private
    giver = workspace.collection.read([tasks[12].conversation_ids[0]]).popitem()[1].giver_id
    assert giver is not None
    steps.link_giver(workspace, people["ada"], giver)
    office.answer("ada", tasks[12])  # an own answer
    steps.settle_answers(workspace)
    steps.delete_conversations(workspace, [tasks[10].conversation_ids[0]], by="lead")
    steps.change_sharing(workspace, [tasks[11].conversation_ids[0]], SharingState.PRIVATE, by="lead")
    steps.forget_person(workspace, people["eve"], by="giver")
    with workspace.store.write() as connection:
        for platform in ("argilla", "label_studio"):
            note_revoked(connection, people["cleo"], platform, minutes(500))
    steps.settle_answers(workspace)
    return office


def said(office: Office, *arguments: str) -> Any:
    ran = CliRunner().invoke(
        app, [*arguments, "--workspace", str(office.workspace.path), "--json"], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def all_said(office: Office) -> dict[str, Any]:
    commands = {
        "status": ("status",),
        "budget": ("budget",),
        "report": ("report",),
        "people": ("people", "list"),
        "sync": ("sync",),
        "board": ("leaderboard", "--lead"),
        "review": ("people", "review"),
        "settle": ("settle",),
        "omissions": ("collection", "omissions"),
        "collection": ("collection", "stats"),
    }
    return {name: said(office, *arguments) for name, arguments in commands.items()}


def test_answers_are_those_in_force_of_people_and_the_same_everywhere(
    office: Office, all_said: dict[str, Any]
) -> None:
    expected = len(office.answers)
    growth = all_said["report"]["tables"]["growth"]
    assert all_said["status"]["answers"] == expected
    assert all_said["report"]["counts"]["answers"] == expected
    assert sum(row["answers"] for row in all_said["people"]["people"]) == expected
    assert sum(counts["answers"] for counts in all_said["sync"].values()) == expected
    assert sum(day["answers"] for day in growth) == expected
    for row in all_said["people"]["people"]:
        (name,) = [name for name, person_id in office.people.items() if person_id == row["person_id"]]
        assert row["answers"] == sum(who == name for who, _ in office.answers)
    own = sum(row["answers"] for row in all_said["report"]["tables"]["own_answers"])
    assert all_said["status"]["own_answers"] == own == 1
    assert all_said["status"]["drafts"] == all_said["status"]["discarded"] == 1


def test_accepted_answers_are_those_that_earn(office: Office, all_said: dict[str, Any]) -> None:
    # without the one with a single tag; eve's and those to tasks that are gone earned
    assert all_said["status"]["accepted_answers"] == len(office.answers) - 1
    assert all_said["budget"]["accepted_answers"] == all_said["status"]["accepted_answers"]


def test_open_tasks_are_the_same_in_status_and_budget(office: Office, all_said: dict[str, Any]) -> None:
    with office.workspace.store.read() as connection:
        made = [task for task in all_tasks(connection).values() if task.platform != IMPORTED]
    gone = {office.tasks[10].id, office.tasks[11].id}
    hidden = office.tasks[11].conversation_ids
    given = {task.id: len({who for who, task_id in office.answers if task_id == task.id}) for task in made}
    still = {
        task.id: 2 - given[task.id]
        for task in made
        if task.id not in gone and task.conversation_ids != hidden and given[task.id] < 2
    }
    assert all_said["status"]["tasks"] == len(made)
    for command in ("status", "budget"):
        assert all_said[command]["open_tasks"] == len(still)
        assert all_said[command]["answers_to_come"] == sum(still.values())
    assert 0 < len(still) < len(made)


def test_people_have_accounts_and_imported_raters_are_none(office: Office, all_said: dict[str, Any]) -> None:
    listed = {row["person_id"]: row["state"] for row in all_said["people"]["people"]}
    assert listed == {
        office.people["ada"]: PersonState.ACTIVE,
        office.people["bob"]: PersonState.INVITED,
        office.people["cleo"]: PersonState.REVOKED,
        office.people["dora"]: PersonState.HELD,
        office.people["eve"]: PersonState.FORGOTTEN,
    }
    for figures in (all_said["status"], all_said["report"]["counts"]):
        assert figures["people"] == 5
        assert [figures[f"people_{state}"] for state in set(listed.values())] == [1] * 5
    raters = {rater["person"] for rater in all_said["report"]["raters"]}
    assert len(raters) == 2
    assert raters.isdisjoint(listed)
    assert len(raters) <= all_said["status"]["raters"]
    assert office.people["bob"] in {person["person"] for person in all_said["report"]["people"]}
    assert {person["person"] for person in all_said["report"]["people"]} <= set(listed)
    assert all_said["status"]["imported_judgments"] > 0
    assert "people" not in all_said["collection"]
    assert "people" not in all_said["settle"]


def test_answers_that_wait_are_counted_apart_and_alike(office: Office, all_said: dict[str, Any]) -> None:
    assert all_said["status"]["held_answers"] == 2
    assert sum(row["held_answers"] for row in all_said["people"]["people"]) == 2
    assert sum(each["held_answers"] for each in all_said["review"]["strangers"]) == 2
    assert sum(counts["held_answers"] for counts in all_said["sync"].values()) == 2
    (dora,) = {each["person_id"] for each in all_said["review"]["strangers"]}
    assert dora == office.people["dora"]


def test_points_are_the_same_sum_everywhere(all_said: dict[str, Any]) -> None:
    points = all_said["status"]["points"]
    assert points > 0
    assert sum(row["points"] for row in all_said["people"]["people"]) == points
    assert sum(place["points"] for place in all_said["board"]["leaderboard"]) == points
    assert all_said["budget"]["issued_total"] == points
    assert all_said["budget"]["unsettled"] == 0
    assert sum(sum(kinds.values()) for kinds in all_said["budget"]["issued"].values()) == points
    assert sum(day["points"] for day in all_said["report"]["tables"]["growth"]) == points


def test_gold_is_one_figure(office: Office, all_said: dict[str, Any]) -> None:
    assert all_said["status"]["gold_tasks"] == 2
    checks = [person["confidence"]["gold_accuracy"] for person in all_said["report"]["people"]]
    given = [check for check in checks if check is not None]
    assert [(check["n_matching"], check["n_items"]) for check in given] == [(0, 2)] * 2
    rows = [row for row in all_said["report"]["tables"]["people"] if row["gold_votes"] is not None]
    assert [(row["gold_right"], row["gold_votes"]) for row in rows] == [(0, 2)] * 2
    page = (office.workspace.reports / "latest" / "report.html").read_text(encoding="utf-8")
    assert "0 of 4 votes on gold tasks are right" in page
    text = CliRunner().invoke(app, ["report", "--workspace", str(office.workspace.path)]).stdout
    assert text.count("0 of 2") == 2


def test_votes_are_called_votes_and_not_answers(all_said: dict[str, Any]) -> None:
    report = all_said["report"]
    assert report["n_votes"] == sum(question["n_votes"] for question in report["questions"])
    assert report["n_votes"] != report["counts"]["answers"]
    assert not keys_like(report["questions"], "answers") | keys_like(report["people"], "n_answers")


def keys_like(value: Any, word: str) -> set[str]:
    if isinstance(value, dict):
        inner = {key for held in value.values() for key in keys_like(held, word)}
        return inner | {key for key in value if key in {word, f"n_{word}"}}
    if isinstance(value, list):
        return {key for held in value for key in keys_like(held, word)}
    return set()
