"""The figures of a workspace, as ``status`` shows them, and whatever else names one of these words.

``docs/glossary.md`` defines the words: answer, open task, person, rater and the others.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from chatfeedback.counts import accepted, answers_that_count, count_responses, offered, open_tasks
from chatfeedback.directory import directory, states
from chatfeedback.steps.rewrite_votes import moot_tasks
from reward_engine import totals
from workspaces.records import SharingState
from workspaces.store.conversations import count_by_state
from workspaces.store.gold import all_gold
from workspaces.store.own_answers import own_answers
from workspaces.store.rejections import rejections
from workspaces.store.rewrites import compares_rewrites
from workspaces.store.seed_feedback import count_seeds
from workspaces.store.seed_requests import count_requests, failed_and_open
from workspaces.store.standing import standing
from workspaces.store.tasks import count_placements, placed_tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.records import PersonState
    from workspaces.workspace import Workspace


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

    def as_json(self) -> dict[str, int]:
        """Return the figures by name; those by state as well."""
        plain = asdict(self)
        by_state = {f"people_{state.value}": count for state, count in plain.pop("people").items()}
        shared = {
            f"conversations_{state.value}": count for state, count in plain.pop("conversations").items()
        }
        return {**shared, **plain, "people": self.everybody, **by_state}


OF_RESPONSES = ("responses_shared", "responses_seeded", "responses_to_seed")
"""The figures that are read from the collection (``SeedProgress.as_json``)."""


def figures(workspace: Workspace) -> dict[str, int]:
    """Return all figures of a workspace by name: those of its store, and those of the responses in its collection."""
    by_name = count(workspace).as_json()
    responses = dict.fromkeys(OF_RESPONSES, 0)
    if _are_shared(by_name):
        responses = count_responses(workspace).as_json()
    shared = {name: number for name, number in by_name.items() if name.startswith("conversations_")}
    return {**shared, **responses, **by_name}  # in the order in which they come about


def missing_files(workspace: Workspace, counts: Mapping[str, int]) -> list[str]:
    """Return the files of the collection that are gone: ``figures``, which returned these, counts none of theirs."""
    return workspace.collection.missing_files() if _are_shared(counts) else []


def _are_shared(counts: Mapping[str, int]) -> bool:
    """Return whether there are conversations to look at: what reads them takes long to import."""
    return bool(counts.get(f"conversations_{SharingState.SHARED.value}"))


def count(workspace: Workspace) -> Counts:
    """Count what the store of a workspace holds now."""
    with workspace.store.read() as connection:
        stands = standing(connection)
        tasks = offered(connection)
        moot = moot_tasks(connection, tasks.values(), workspace.config.quality.own)
        left = open_tasks(connection, tasks, stands, moot)
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
