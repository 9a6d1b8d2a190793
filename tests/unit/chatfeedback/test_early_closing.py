"""Tasks that close early leave their platform; their answers stay and are paid, and the promise for the rest ends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import steps
from chatfeedback.steps.assignments import Assigned
from chatfeedback.steps.board import read_board
from chatfeedback.steps.evaluation import evaluate
from chatfeedback.steps.status import count
from tests.sample_records import ALL_TAGS, NOW, chat, seeds_of
from tests.unit.chatfeedback.test_strangers import WithAccounts, everybody_answers, points
from workspaces.config.generation import AdaptiveConfig
from workspaces.records import PlacedTask, TaskState
from workspaces.store.gold import save_gold
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.tasks import all_tasks, placed_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse, Settings
    from workspaces.records import GivenAnswer

CONFIGURATION = """
version: 1
platforms: {argilla: {}}
mix: {kinds: {qualitative: 1}, overlap: 5, adaptive: {least: 3, sure: 0.8, audit: 0.3}}
budget: {points_total: 100000}
people: {strangers: accept}
"""
TASKS = 24


class Shelf(WithAccounts):
    """Holds tasks as well; one that is removed takes its answers with it."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: set[str] = set()
        self.away = False

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        return None

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        raise NotImplementedError

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        placed = [PlacedTask(each.task_id, f"remote-{each.task_id}", "box") for each in contents]
        self.tasks |= {each.task_id for each in placed}
        yield placed

    def standing(self, container_id: str) -> list[PlacedTask]:
        return [PlacedTask(name, f"remote-{name}", container_id) for name in sorted(self.tasks)]

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        return []

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        if self.away:
            raise KeyboardInterrupt
        gone = {each.remote_id for each in tasks}
        self.tasks -= {each.task_id for each in tasks}
        box = self.answers.setdefault("box", {})
        self.answers["box"] = {name: it for name, it in box.items() if it.remote_id not in gone}

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        for answer in answers:
            self.answers["box"].pop(answer.response_id, None)

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        return True


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    made = Shelf()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[Shelf]:
        yield made

    monkeypatch.setattr(Workspace, "platform", connected)
    return made


@pytest.fixture
def answered(tmp_path: Path, shelf: Shelf) -> Iterator[Workspace]:
    """A workspace whose tasks three people answered alike."""
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(TASKS)]
    with Workspace.create(tmp_path / "workspace", CONFIGURATION) as made:
        made.collection.append(logs, now=NOW, delay=NOW - NOW)
        with made.store.write() as connection:
            save_seeds(connection, list(seeds_of(logs).values()))
        steps.generate_tasks(made)
        steps.push_tasks(made)
        everybody_answers(made, shelf, "ada", "ben", "eve")
        steps.sync_answers(made)
        evaluate(made)
        yield made


def promised(workspace: Workspace) -> int:
    return steps.budget_report(workspace).promised


def test_settled_tasks_are_taken_off_and_their_answers_stay_and_are_paid(
    answered: Workspace, shelf: Shelf
) -> None:
    with answered.store.read() as connection:
        tasks = all_tasks(connection)
    audit = {name for name, it in tasks.items() if it.least_answers is None}
    assert 0 < len(audit) < TASKS
    assert {it.overlap for it in tasks.values()} == {5}
    before = promised(answered)
    pushed = steps.push_tasks(answered)
    assert pushed.closed == TASKS - len(audit)
    assert shelf.tasks == audit
    assert promised(answered) == before * len(audit) // TASKS
    again = steps.push_tasks(answered)
    assert (again.closed, again.total) == (0, 0)
    assert shelf.tasks == audit
    steps.sync_answers(answered)
    steps.settle_answers(answered)
    ada = answered.pseudonyms.on_platform("argilla")("ada")
    assert points(answered, ada) == sum(it.quote["qualities"] for it in tasks.values())
    listed = steps.list_tasks(answered, steps.TaskFilter(by_value=True), None)
    assert {it.state for it in listed.tasks if it.id not in audit} == {TaskState.ANSWERED}
    assert {it.answers for it in listed.tasks} == {3}
    assert {it.value for it in listed.tasks if it.id not in audit} == {0.0}
    assert steps.generate_tasks(answered).created == 0


def test_what_takes_a_fixed_number_of_answers_closes_at_it_and_is_asked_no_more(
    answered: Workspace, shelf: Shelf
) -> None:
    """Of 24 items nothing is known of people yet: those that may close early take as many as the audit slice."""
    for as_good_as, closes in ((4, 0), (3, TASKS)):
        adaptive = AdaptiveConfig(as_good_as=as_good_as)
        mix = answered.config.mix.model_copy(update={"adaptive": adaptive})
        answered.config = answered.config.model_copy(update={"mix": mix})
        board = read_board(answered, "argilla", Assigned(), utc_now())
        audit = [it for it in board.offers.values() if it.task.least_answers is None]
        assert {it.places() for it in audit} == {as_good_as}
        assert steps.push_tasks(answered).closed == closes
    assert shelf.tasks == set()


def test_tasks_to_practise_on_stay_for_whoever_comes(answered: Workspace, shelf: Shelf) -> None:
    adaptive = AdaptiveConfig(as_good_as=3)
    mix = answered.config.mix.model_copy(update={"adaptive": adaptive})
    answered.config = answered.config.model_copy(update={"mix": mix})
    with answered.store.write() as connection:
        practice = set(sorted(all_tasks(connection))[::8])
        save_gold(connection, {name: {"helpful": "yes"} for name in practice}, NOW)
    board = read_board(answered, "argilla", Assigned(), utc_now())
    assert min(board.offers[name].places() for name in practice) > 3
    assert steps.push_tasks(answered).closed == TASKS - len(practice)
    assert shelf.tasks == practice


def test_agreement_is_measured_on_the_audit_slice_and_says_so(answered: Workspace) -> None:
    report = evaluate(answered)
    assert all(question.audited for question in report.questions)
    assert {question.n_items for question in report.questions} == {TASKS}
    with answered.store.read() as connection:
        audit = sum(it.least_answers is None for it in all_tasks(connection).values())
    assert {question.coefficients["percent_agreement"].n_items for question in report.questions} == {audit}


def test_a_push_that_is_killed_in_between_is_finished_by_the_next_one(
    answered: Workspace, shelf: Shelf
) -> None:
    before = promised(answered)
    shelf.away = True
    with pytest.raises(KeyboardInterrupt):
        steps.push_tasks(answered)
    assert promised(answered) == before  # they still stand there: answers may come, and will be paid
    shelf.away = False
    steps.push_tasks(answered)
    assert promised(answered) < before
    with answered.store.read() as connection:
        assert placed_tasks(connection) == shelf.tasks
        closed = [it for it in all_tasks(connection).values() if it.closed_at is not None]
    assert {it.id for it in closed}.isdisjoint(shelf.tasks)


def test_nobody_is_asked_in_the_stead_of_somebody_who_was_forgotten_for_nothing(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their answer counts and keeps its place, and is gone there: whoever came in its stead was not paid."""
    monkeypatch.setattr(Workspace, "servers", lambda _workspace: {})  # it is a server of the lead's own
    logs = [chat(f"c{number}", f"question {number}", f"answer {number}") for number in range(3)]
    tags: dict[str, Any] = {**ALL_TAGS}
    rules = (
        "platforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}, overlap: 2}\npeople: {strangers: accept}\n"
    )
    with Workspace.create(tmp_path / "workspace", f"version: 1\n{rules}") as workspace:
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        with workspace.store.write() as connection:
            save_seeds(connection, list(seeds_of(logs).values()))
        steps.generate_tasks(workspace)
        steps.push_tasks(workspace)
        with workspace.store.read() as connection:
            one, two, three = sorted(all_tasks(connection))
        on = workspace.pseudonyms.on_platform("argilla")
        ada, bo, cy = on("ada"), on("bo"), on("cy")

        def say(person: str, *task_ids: str) -> None:
            for task_id in task_ids:
                shelf.give(f"{person} {task_id}", task_id, person=person, **tags)

        say(ada, one, two)
        say(bo, one)
        steps.sync_answers(workspace)
        steps.settle_answers(workspace)
        before = points(workspace, ada), points(workspace, bo)
        steps.forget_person(workspace, ada, by="giver")
        assert shelf.tasks == {two, three}
        assert not any(it.person_id == ada for it in shelf.answers["box"].values())
        say(bo, three)
        say(cy, two, three)
        steps.sync_answers(workspace)
        assert shelf.tasks == {three}  # both who answered it are there: the platform itself asks nobody else
        steps.push_tasks(workspace)
        assert shelf.tasks == {three}
        steps.settle_answers(workspace)
        assert (points(workspace, ada), points(workspace, bo)) == (before[0], before[1] * 2)
        assert points(workspace, cy) == before[0]  # paid for all that was asked
        assert count(workspace).answers_to_come == 0
