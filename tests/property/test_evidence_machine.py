"""Points equal those of the genuine answers alone, whatever members of a platform with open doors do to each other.

A platform in memory stands for a Label Studio where every member can do everything. The machine remembers what each
person did themselves, and works out from this alone what each of them is owed.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatfeedback import steps
from reward_engine import totals
from reward_engine.verification import verify
from tests.examples import examples
from tests.sample_records import ALL_TAGS, NOW, task
from tests.unit.workspaces.test_sync import MemoryPlatform
from workspaces.platforms.base import RemoteAnswer
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.store.annotations import newest_number
from workspaces.store.disputes import DisputeReason, decide_dispute, disputes
from workspaces.store.flags import FlagStatus
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import save_placements, save_tasks
from workspaces.sync import annotation_id_of, sync
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TASKS = ("t1", "t2")
PEOPLE = ("ada", "bo", "cy", "eve")
"""Eve is a stranger."""

OVERLAP = 2
POINTS = 6
SUBMITTED, DISCARDED = AnnotationStatus.SUBMITTED, AnnotationStatus.DISCARDED
people, tasks, numbers = st.sampled_from(PEOPLE), st.sampled_from(TASKS), st.integers(0, 99)
contents = st.sampled_from([(SUBMITTED, ALL_TAGS), (SUBMITTED, {"helpful": "no"}), (DISCARDED, {})])


@dataclass
class Belief:
    """What a person is known to have said themselves, in one answer, and when they came to say it."""

    person: str
    remote_id: str
    content: tuple[AnnotationStatus, Mapping[str, str]]
    at: datetime
    deleted: bool = False

    def said(self, content: tuple[AnnotationStatus, Mapping[str, str]], at: datetime) -> Belief:
        """Return the belief once they say this; what they said before is nothing new, and takes a deletion back."""
        return Belief(self.person, self.remote_id, content, self.at if content == self.content else at)

    @property
    def task(self) -> str:
        return self.remote_id.removeprefix("remote-")

    @property
    def earns(self) -> bool:
        return not self.deleted and self.content == (SUBMITTED, ALL_TAGS)


class Members(RuleBasedStateMachine):
    """People answer, and do to each other's answers what the platform lets them do."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.workspace = Workspace.create(
            self.folder / "w", "version: 1\nplatforms: {label_studio: {}}\nmix: {overlap: 2}\n"
        )
        self.platform = MemoryPlatform("label_studio")
        self.platform.knows_who_deleted = False
        self.now, self.ours = NOW, NOW
        self.next_id = 1
        self.own: dict[str, tuple[str, str]] = {}
        """Who made each answer, and where."""
        self.beliefs: dict[str, Belief] = {}
        self.members = set(PEOPLE) - {"eve"}

    @initialize()
    def place(self) -> None:
        made = [
            replace(task(name, {"qualities": POINTS}, platform="label_studio"), overlap=OVERLAP)
            for name in TASKS
        ]
        with self.workspace.store.write() as connection:
            save_tasks(connection, made)
            save_placements(connection, [PlacedTask(name, f"remote-{name}", "box") for name in TASKS], NOW)
            admit(connection, self.members, "label_studio", MemberStatus.INVITED, NOW)
        for person in ("ada", "eve"):
            self.answers(person, "t1", (SUBMITTED, ALL_TAGS))
        self.the_lead_syncs_and_settles(None, 1)

    def teardown(self) -> None:
        self.workspace.close()
        shutil.rmtree(self.folder)

    @property
    def standing(self) -> dict[str, RemoteAnswer]:
        return self.platform.answers.setdefault("box", {})

    def some(self, number: int) -> str:
        return sorted(self.standing)[number % len(self.standing)]

    def write(self, name: str, **changes: object) -> None:
        self.now += timedelta(seconds=1)
        self.standing[name] = replace(self.standing[name], updated_at=self.now, **changes)  # type: ignore[arg-type]

    @rule(person=people, at=tasks, content=contents)
    def answers(self, person: str, at: str, content: tuple[AnnotationStatus, Mapping[str, str]]) -> None:
        if any((it.person_id, it.remote_id) == (person, f"remote-{at}") for it in self.standing.values()):
            return
        name, self.next_id = str(self.next_id), self.next_id + 1
        self.standing[name] = RemoteAnswer(
            name, f"remote-{at}", person, person, *content, self.now, task_id=at
        )
        self.own[name] = (person, f"remote-{at}")
        self.write(name)

    @precondition(lambda self: self.standing)
    @rule(number=numbers, content=contents)
    def an_author_edits(self, number: int, content: tuple[AnnotationStatus, Mapping[str, str]]) -> None:
        name = self.some(number)
        person, _ = self.own[name]
        if self.standing[name].person_id == person:
            self.write(name, editor_id=person, status=content[0], values=content[1])

    @precondition(lambda self: self.standing)
    @rule(number=numbers, by=people, content=contents, author=st.one_of(st.none(), people))
    def somebody_edits(
        self,
        number: int,
        by: str,
        content: tuple[AnnotationStatus, Mapping[str, str]],
        author: str | None,
    ) -> None:
        name = self.some(number)
        if name not in self.known or self.own[name][0] == by:
            return  # who takes over an answer that nobody has read yet cannot be told from its author
        named = author or self.standing[name].person_id
        self.write(name, editor_id=by, person_id=named, status=content[0], values=content[1])

    @rule(by=people, author=people, at=tasks, content=contents)
    def somebody_answers_in_anothers_name(
        self, by: str, author: str, at: str, content: tuple[AnnotationStatus, Mapping[str, str]]
    ) -> None:
        if by == author:
            return
        name, self.next_id = str(self.next_id), self.next_id + 1
        self.standing[name] = RemoteAnswer(name, f"remote-{at}", author, by, *content, self.now, task_id=at)
        self.own[name] = ("nobody", f"remote-{at}")
        self.write(name)

    @precondition(lambda self: self.standing)
    @rule(number=numbers, to=st.sampled_from(["remote-t1", "remote-t2", "a copy"]), by=people)
    def somebody_moves_an_answer(self, number: int, to: str, by: str) -> None:
        name = self.some(number)
        if name in self.known:
            self.write(name, editor_id=by, remote_id=to, task_id=to.removeprefix("remote-"))

    @rule(person=people)
    def somebody_answers_a_copy(self, person: str) -> None:
        name, self.next_id = str(self.next_id), self.next_id + 1
        self.standing[name] = RemoteAnswer(name, "a copy", person, person, SUBMITTED, ALL_TAGS, self.now)
        self.own[name] = (person, "a copy")
        self.write(name)

    @precondition(lambda self: self.standing)
    @rule(number=numbers)
    def somebody_deletes_an_answer(self, number: int) -> None:
        del self.standing[self.some(number)]

    @rule(days=st.integers(-900, 900))
    def our_clock_is_set(self, days: int) -> None:
        self.ours += timedelta(days=days)

    @property
    def known(self) -> set[str]:
        return set(self.beliefs)

    @rule(breaks=st.sampled_from([None, None, None, 0, 1]), times=st.integers(1, 2))
    def the_lead_syncs_and_settles(self, breaks: int | None, times: int) -> None:
        self.platform.fails_after = breaks
        for _ in range(times):
            found = sync(self.workspace.store, self.platform, lambda: self.ours)
            assert bool(found.failures) == (
                breaks is not None and breaks < max(len(self.standing), 1) and bool(self.standing)
            )
        self.platform.fails_after = None
        for name, answer in self.standing.items():
            said = (answer.status, answer.values)
            is_own = answer.editor_id == answer.person_id
            before = self.beliefs.get(name)
            if before is None:
                if is_own and answer.remote_id != "a copy":
                    self.beliefs[name] = Belief(answer.person_id, answer.remote_id, said, answer.updated_at)
            elif is_own and (answer.person_id, answer.remote_id) == (before.person, before.remote_id):
                self.beliefs[name] = before.said(said, answer.updated_at)
        self.settle()

    @rule(accept=st.booleans())
    def the_lead_decides_about_deletions(self, accept: bool) -> None:
        names = {annotation_id_of("label_studio", name): name for name in self.beliefs}
        with self.workspace.store.write() as connection:
            for each in disputes(connection, FlagStatus.OPEN):
                status = FlagStatus.ACCEPTED if accept else FlagStatus.DISMISSED
                decide_dispute(connection, each.dispute_id, status, None, self.ours)
                if accept and each.reason is DisputeReason.DELETED:
                    self.beliefs[names[each.annotation_id]].deleted = True
        self.settle()

    @rule()
    def the_lead_accepts_eve(self) -> None:
        with self.workspace.store.write() as connection:
            after = newest_number(connection)
            admit(connection, ["eve"], "label_studio", MemberStatus.ACCEPTED, self.ours, after=after)
        self.members.add("eve")
        self.settle()

    def settle(self) -> None:
        """Settle twice, and compare the points with those of the genuine answers."""
        steps.settle_answers(self.workspace)
        assert steps.settle_answers(self.workspace).corrections == 0
        with self.workspace.store.read() as connection:
            points = totals(connection)
            counted = latest_annotations(connection)
            checked = verify(connection)
        assert (checked.problems, checked.unsettled) == ((), 0)
        assert {it.person_id for it in counted} <= self.members
        meant: dict[tuple[str, str], Belief] = {}  # of several answers, the latest submitted one
        for it in sorted(self.beliefs.values(), key=lambda it: (it.content[0] is SUBMITTED, it.at)):
            if not it.deleted:
                meant[it.person, it.task] = it
        earning = {
            name: {it.person for it in meant.values() if it.task == name and it.earns} & self.members
            for name in TASKS
        }
        for person in PEOPLE:
            owed = POINTS * sum(person in it for it in earning.values())
            assert 0 <= points.get(person, 0) <= owed
        assert sum(points.values()) == sum(POINTS * min(OVERLAP, len(it)) for it in earning.values())

    @invariant()
    def every_belief_is_something_its_person_did(self) -> None:
        for name, belief in self.beliefs.items():
            assert self.own[name] == (belief.person, belief.remote_id)


TestMembers = pytest.mark.slow(Members.TestCase)
TestMembers.settings = settings(examples(25), stateful_step_count=30, deadline=None)
