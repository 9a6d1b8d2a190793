"""Nothing that was paid is taken back because a server was lost, restored, exchanged, or tidied up by an owner.

A platform in memory numbers everything from 1 (``tests/numbered_platform.py``). The machine remembers what each person
did themselves: an answer that was read stands until its author changes or deletes it, whatever becomes of the server.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from chatfeedback import steps
from reward_engine import totals
from reward_engine.verification import verify
from tests.examples import examples
from tests.numbered_platform import Database, NumberedPlatform
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.errors import ConnectionFailedError
from workspaces.store.members import MemberStatus, admit
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks, containers, places_in
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS, OVERLAP = 3, 2
PEOPLE = ("ada", "bo", "cy")
SOME = {**ALL_TAGS, "helpful": "no"}
people, numbers, contents = st.sampled_from(PEOPLE), st.integers(0, 99), st.sampled_from([ALL_TAGS, SOME])
breaks = st.sampled_from([None, None, None, *range(8)])


class Servers(RuleBasedStateMachine):
    """Tasks of one workspace on a server to which everything happens."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.workspace = Workspace.create(
            self.folder / "w",
            f"version: 1\nplatforms: {{label_studio: {{}}}}\nmix: {{kinds: {{qualitative: 1}}, overlap: {OVERLAP}}}\n",
        )
        self.platform = NumberedPlatform()
        self.copies: list[Database] = []
        self.saved: dict[tuple[str, str], int] = {}
        """What stands, by person and task: how many rows of it were read and not deleted by their author."""
        self.patch = pytest.MonkeyPatch()

    @initialize()
    def place(self) -> None:
        @contextmanager
        def connected(_workspace: Workspace, _name: str) -> Iterator[NumberedPlatform]:
            yield self.platform

        self.patch.setattr(Workspace, "platform", connected)
        logs = [chat(f"c{n}", f"question {n}", f"answer {n}") for n in range(TASKS)]
        self.workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(self.workspace)
        assert steps.generate_tasks(self.workspace).created == TASKS
        with self.workspace.store.write() as connection:
            admit(connection, PEOPLE, "label_studio", MemberStatus.INVITED, NOW)
        self.the_lead_pushes(None)

    def teardown(self) -> None:
        self.patch.undo()
        self.workspace.close()
        shutil.rmtree(self.folder)

    # ---- what people do

    def ours(self) -> list[str]:
        """Return the numbers of the tasks that annotators of our project see."""
        project = self.platform.project_of("ours")
        return [number for number, it in self.platform.database.tasks.items() if it.place == project]

    @precondition(lambda self: self.ours())
    @rule(person=people, number=numbers, content=contents, copied=st.booleans(), read=st.booleans())
    def somebody_answers_or_edits(
        self, person: str, number: int, content: dict[str, str], copied: bool, read: bool
    ) -> None:
        tasks = self.ours()
        if copied:
            self.the_server_is_copied()
        self.platform.answer(tasks[number % len(tasks)], person, content)
        if read:
            self.the_lead_syncs(None)

    # ---- what happens to servers

    @rule()
    def the_server_is_copied(self) -> None:
        self.copies.append(self.platform.copy())

    @precondition(lambda self: self.copies)
    @rule(number=numbers, pushed=st.booleans())
    def the_server_is_restored(self, number: int, pushed: bool) -> None:
        self.platform.database = self.copies.pop(-1 - number % min(3, len(self.copies)))
        if pushed:
            self.the_lead_pushes(None)
        self.the_lead_syncs(None)

    @rule(others=st.booleans(), pushed=st.booleans())
    def the_server_is_made_anew_or_another_one_is_named(self, others: bool, pushed: bool) -> None:
        self.copies.append(self.platform.copy())
        self.platform.database = Database()
        if others:
            project = self.platform.new_project("another workspace's")
            with self.workspace.store.read() as connection:
                for task_id in all_tasks(connection):  # the same log makes the same tasks
                    self.platform.answer(self.platform.new_task(project, task_id), "ada", SOME)
        if pushed:
            self.the_lead_pushes(None)
        self.the_lead_syncs(None)

    @precondition(lambda self: self.platform.project_of("ours"))
    @rule(reused=st.booleans(), other=st.booleans())
    def an_owner_deletes_the_project(self, reused: bool, other: bool) -> None:
        project = self.platform.project_of("ours")
        assert project is not None
        self.platform.delete_project(project)
        if reused:
            self.platform.reuse_numbers()
        if other:
            self.platform.new_project("another workspace's")

    @precondition(lambda self: self.ours())
    @rule(number=numbers, again=st.sampled_from([None, "another one", "moved"]))
    def an_owner_deletes_a_task(self, number: int, again: str | None) -> None:
        tasks = self.ours()
        chosen = tasks[number % len(tasks)]
        project = self.platform.database.tasks[chosen].place
        self.platform.delete_task(chosen)
        self.platform.reuse_numbers()
        if again is not None:
            with self.workspace.store.read() as connection:
                names = list(all_tasks(connection))
            text = names[number % len(names)] if again == "moved" else again
            made = self.platform.new_task(project, text)
            self.platform.answer(made, PEOPLE[number % len(PEOPLE)], SOME)

    # ---- what the lead does

    @rule(breaks=breaks)
    def the_lead_pushes(self, breaks: int | None) -> None:
        self.platform.requests_left = breaks
        try:
            steps.push_tasks(self.workspace)
        except ConnectionFailedError:
            assert breaks is not None
        self.platform.requests_left = None
        if breaks is None:
            self.everything_has_its_place()
            assert not steps.push_tasks(self.workspace).any

    def everything_has_its_place(self) -> None:
        """After a push each task stands once where we say, or has its answers and no place."""
        with self.workspace.store.read() as connection:
            answers = standing(connection).by_task()
            boxes = containers(connection, "label_studio")
            places = [it for box in boxes for it in places_in(connection, box, "label_studio")]
            tasks = all_tasks(connection)
        held = self.platform.database.tasks
        for place in places:
            there = held[place.remote_id]
            assert (there.text, there.place, there.made_at) == (
                place.task_id,
                place.container_id,
                place.made_at,
            )
        assert {it.task_id for it in places} | {it for it, n in answers.items() if n >= OVERLAP} == set(tasks)
        synced = steps.sync_answers(self.workspace)["label_studio"]
        assert synced.failures == []
        self.look(synced.deleted)

    @rule(breaks=breaks)
    def the_lead_syncs(self, breaks: int | None) -> None:
        self.platform.requests_left = breaks
        synced = steps.sync_answers(self.workspace)["label_studio"]
        self.platform.requests_left = None
        self.look(synced.deleted)

    def look(self, deleted: int) -> None:
        """Nobody deleted anything: every answer that was ever read stands, is paid, and is what its author said."""
        assert deleted == 0
        steps.settle_answers(self.workspace)
        with self.workspace.store.read() as connection:
            stands = standing(connection)
            points, checked = totals(connection), verify(connection)
        assert (checked.problems, checked.unsettled) == ((), 0)
        assert not stands.deleted
        found = {(person, task_id): 1 for person, _, task_id in stands.answers}
        assert self.saved.keys() <= found.keys()
        self.saved = found
        paid = min(len(found), 1)
        assert (sum(points.values()) > 0) == bool(paid)


TestServers = pytest.mark.slow(Servers.TestCase)
TestServers.settings = settings(examples(15), stateful_step_count=20, deadline=None)
