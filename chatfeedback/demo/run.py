"""Runs all steps on the sample: both servers, simulated annotators, points, agreement and exports."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from chatfeedback import steps
from chatfeedback.demo.chats import chat
from chatfeedback.demo.visit import accounts, answer_everything
from chatfeedback.report import write_report
from chatfeedback.steps.status import count
from exports import NothingToExportError, all_projections
from reward_engine import board, totals
from workspaces.errors import ConnectionFailedError
from workspaces.store.standing import standing
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chatfeedback.demo.habits import Simulated
    from chatfeedback.steps.status import Counts
    from exports import ExportResult
    from quality import Report
    from reward_engine import LeaderboardEntry
    from workspaces.servers import ServerAccess
    from workspaces.workspace import Workspace

    Progress = Callable[[str], AbstractContextManager[Callable[[int], None]]]
    """Shows the progress of a step; yields a function that is called with the amount of work done."""

CONFIGURATION = """\
# The demo's workspace; 'chatfeedback init' writes one with every setting explained.
version: 1
platforms:
  argilla: {url: managed, share: 2}
  label_studio: {url: managed, share: 1}
mix:
  kinds: {qualitative: 2, preference: 1}
  limit: 150
  overlap: 3
chat: {stand_in: true}
rates:
  bonuses: {accepted_rewrite: 5, newcomer_answer: 1, newcomer_answers: 5, streak_day: 2}
"""

TEST_SHARE = 0.2
"""More than the default: the sample has few prompts, and each prompt goes to one split as a whole."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The result of the demo."""

    tasks: dict[str, dict[str, int]]
    answers: dict[str, int]
    counts: Counts
    leaderboard: list[LeaderboardEntry]
    people: dict[str, Simulated]
    report: Report
    page: Path
    exports: dict[str, ExportResult]
    connections: Mapping[str, ServerAccess]
    chats: int
    """Answers that people chatted for in this run."""


def run_demo(workspace: Workspace, connections: Mapping[str, ServerAccess], progress: Progress) -> Demo:
    """Run all steps on the sample, from chat log to training set, on servers that are running.

    A second run in the same workspace changes nothing, except that simulated people answer if none of them had.
    """
    with ExitStack() as stack:
        sample = stack.enter_context(as_file(files("chatfeedback.demo") / "sample.jsonl"))
        with progress("Reading the sample") as advance:
            steps.ingest_file(workspace, sample, advance=advance)
    with progress("Rating responses (offline stand-in)") as advance:
        steps.seed_responses(workspace, advance=advance)
    steps.generate_tasks(workspace)
    with progress("Pushing tasks") as advance:
        steps.push_tasks(workspace, advance=advance)
    with progress("Making accounts of simulated annotators"):
        people = accounts(workspace)
    with workspace.store.read() as connection:
        stands = standing(connection)
        answered = bool(stands.answers or stands.drafts or stands.discarded or stands.strangers)
    if not answered:
        with progress("Simulated annotators answer") as advance:
            answer_everything(workspace, people, connections, advance)
    with progress("Reading answers") as advance:
        synced = steps.sync_answers(workspace, advance=advance)
    if failures := [failure for counts in synced.values() for failure in counts.failures]:
        raise ConnectionFailedError(failures[0])
    steps.settle_answers(workspace)
    with workspace.store.read() as connection:
        earners = [place.person_id for place in board(totals(connection))]
    with progress("Simulated people chat for points (offline stand-in)") as advance:
        chats = chat(workspace, earners, advance)
    with progress("Computing agreement and confidence"):
        reported = write_report(workspace)
    with progress("Writing training sets"):
        exports = _export_everything(workspace)
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        given = standing(connection).by_platform()
        places = board(totals(connection))
    platforms = workspace.config.platforms.shares()
    return Demo(
        tasks={
            name: dict(Counter(task.kind for task in tasks.values() if task.platform == name))
            for name in platforms
        },
        answers={name: given[name] for name in platforms},
        counts=count(workspace),
        leaderboard=places,
        people={
            person_id: person
            for person in people
            if (person_id := workspace.pseudonyms.find(person.email, tuple(platforms))) is not None
        },
        report=reported.report,
        page=reported.written.page,
        exports=exports,
        connections=connections,
        chats=chats,
    )


def _export_everything(workspace: Workspace) -> dict[str, ExportResult]:
    """Write every projection that has rows for the demo's answers."""
    results = {}
    for name in all_projections():
        with suppress(NothingToExportError):
            folder = workspace.path / "exports" / name
            results[name] = steps.export(workspace, name, folder, test_share=TEST_SHARE)
    return results
