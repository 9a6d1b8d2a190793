"""How much there is of everything. Whatever prints or writes one of these words takes its figure from here.

``docs/glossary.md`` defines the words: answer, open task, person, rater and the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from chatfeedback.directory import directory, states
from reward_engine import earned, totals
from reward_engine.overlap import remaining
from workspaces.records import IMPORTED, AnnotationStatus, SharingState
from workspaces.store.conversations import count_by_state, those_in
from workspaces.store.gold import all_gold
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rejections import rejections
from workspaces.store.rewrites import compares_rewrites, own_checks
from workspaces.store.seed_feedback import count_seeds
from workspaces.store.seed_requests import count_requests, failed_and_open
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks, count_placements, placed_tasks
from workspaces.store.withdrawals import closed_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from task_generators.seed_feedback.progress import SeedProgress
    from workspaces.records import Annotation, PersonState, Task
    from workspaces.store.standing import Standing
    from workspaces.workspace import Workspace

ON_OFFER = frozenset({SharingState.SHARED, SharingState.HELD})
"""The states of a conversation whose tasks stand on a platform; one that grew is held again and keeps its tasks."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of a workspace.

    ``conversations`` and ``people`` are by state. ``seed_requests_failed`` have no usable reply, ``seed_requests_open``
    none yet. ``tasks_rejected`` are those among ``tasks_not_pushed`` that
    their platform did not take. ``tasks_with_rewrites`` compare an accepted rewrite with other responses than the one
    that it replaces. ``answers_to_come`` is what ``open_tasks`` still ask for;
    ``accepted_answers`` are the ``answers`` that earn something, ``own_answers`` those about the person's own
    conversation. ``held_answers`` are strangers' and ``barred_answers`` those of people whom the lead barred; neither
    are among ``answers``. ``imported_judgments`` came with chat logs, from ``raters``. ``points`` were credited and
    not taken back.
    """

    conversations: dict[SharingState, int]
    responses_with_seed_feedback: int
    seed_requests_failed: int
    seed_requests_open: int
    tasks: int
    placed_tasks: int
    tasks_not_pushed: int
    tasks_rejected: int
    open_tasks: int
    answers_to_come: int
    gold_tasks: int
    tasks_with_rewrites: int
    answers: int
    accepted_answers: int
    own_answers: int
    drafts: int
    discarded: int
    held_answers: int
    barred_answers: int
    imported_judgments: int
    people: dict[PersonState, int]
    raters: int
    points: int

    @property
    def everybody(self) -> int:
        """The number of people in all."""
        return sum(self.people.values())

    def as_json(self) -> dict[str, object]:
        """Return the figures by name, each a number; those by state as well."""
        plain = asdict(self)
        by_state = {f"people_{state.value}": count for state, count in plain.pop("people").items()}
        shared = {
            f"conversations_{state.value}": count for state, count in plain.pop("conversations").items()
        }
        return {**shared, **plain, "people": self.everybody, **by_state}


def count(workspace: Workspace) -> Counts:
    """Count what the store of a workspace holds now."""
    with workspace.store.read() as connection:
        stands = standing(connection)
        tasks = offered(connection)
        left = open_tasks(connection, tasks, stands)
        entries = directory(connection, stands)
        accounts = {entry.person_id for entry in entries if entry.platforms}
        own = own_answers(connection)
        failed, waiting = failed_and_open(count_requests(connection))
        placed = count_placements(connection)
        return Counts(
            conversations=dict(sorted(count_by_state(connection).items())),
            responses_with_seed_feedback=count_seeds(connection),
            seed_requests_failed=failed,
            seed_requests_open=waiting,
            tasks=len(tasks),
            placed_tasks=placed,
            tasks_not_pushed=len(tasks) - placed,
            tasks_rejected=len(rejections(connection).keys() - placed_tasks(connection)),
            open_tasks=len(left),
            answers_to_come=sum(left.values()),
            gold_tasks=len(all_gold(connection)),
            tasks_with_rewrites=sum(map(compares_rewrites, tasks.values())),
            answers=len(stands.answers),
            accepted_answers=len(accepted(tasks, answers_that_count(connection, tasks))),
            own_answers=sum((person_id, task_id) in own for person_id, _, task_id in stands.answers),
            drafts=len(stands.drafts),
            discarded=len(stands.discarded),
            held_answers=len(stands.held),
            barred_answers=len(stands.set_aside),
            imported_judgments=stands.imported,
            people=states(entries),
            raters=len(stands.raters - accounts),
            points=sum(totals(connection).values()),
        )


def count_responses(workspace: Workspace) -> SeedProgress:
    """Count the responses of shared conversations and those with seed feedback; reads the ids of all."""
    from task_generators.seed_feedback.progress import LiveSeedProgress  # brings the Parquet reader

    return LiveSeedProgress(workspace.collection, workspace.store).follow()


def offered(connection: sa.Connection) -> dict[str, Task]:
    """Return the tasks that were made for people, by id: none that came with a chat log."""
    return {key: task for key, task in all_tasks(connection).items() if task.platform != IMPORTED}


def open_tasks(connection: sa.Connection, tasks: Mapping[str, Task], stands: Standing) -> dict[str, int]:
    """Return how many answers each open task asks for, by id.

    A task is open while fewer people have answered it than its overlap says, unless it closed early and left its
    platform, and while its conversation can be shown: neither kept private nor deleted.
    """
    judging, closed = own_checks(connection, tasks), closed_everywhere(connection)
    had = Counter(task_id for person_id, _, task_id in stands.answers if (person_id, task_id) not in judging)
    left = remaining((task for task in tasks.values() if task.id not in closed), had)
    shown = those_in(connection, {name for key in left for name in tasks[key].conversation_ids}, ON_OFFER)
    return {key: n for key, n in left.items() if shown.issuperset(tasks[key].conversation_ids)}


def answers_that_count(connection: sa.Connection, tasks: Mapping[str, Task]) -> list[Annotation]:
    """Return the submitted answers to these tasks; those of writers about their own rewrites do not count."""
    judging = own_checks(connection, tasks)
    return [
        answer
        for answer in latest_annotations(connection)
        if answer.status is AnnotationStatus.SUBMITTED
        and answer.task_id in tasks
        and (answer.person_id, answer.task_id) not in judging
    ]


def accepted(tasks: Mapping[str, Task], annotations: Iterable[Annotation]) -> set[tuple[str, str]]:
    """Return the answers that earn something, before confidence, cap and rules, as (person, task)."""
    return {
        (answer.person_id, answer.task_id)
        for answer in annotations
        if (task := tasks.get(answer.task_id)) is not None
        and answer.status is AnnotationStatus.SUBMITTED
        and any(earned(task.kind, task.quote, answer, responses=len(task.message_ids)).values())
    }
