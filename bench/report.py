"""How long does the whole report take? A store full of answers, then the step that ``chatfeedback report`` runs.

Run: python -m bench.report [answers to questions, 1,000,000 by default]

Nine of ten answers are tags (six to a response, three people each), the rest choices between two; 2,000 people of
different reliability, seeds for every response, shown with a fifth of the tasks; one in fifty tasks is asked twice, one
in a hundred has a right answer. What they show lies in the collection: 8 languages, 12 models, 30 topics.
"""

from __future__ import annotations

import cProfile
import pstats
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from chatfeedback.report import write_report
from workspaces.collection.files import to_batch, write_file
from workspaces.records import Conversation, Message, Preference, Quality, Role, SharingState, Tag
from workspaces.store.annotations import annotation_revision
from workspaces.store.conversations import ConversationEntry, register
from workspaces.store.gold import save_gold
from workspaces.store.ledger import ledger_transaction
from workspaces.store.seed_feedback import seed_feedback
from workspaces.store.settlements import settlement
from workspaces.store.tasks import task
from workspaces.store.topics import TopicEntry, replace_topics
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from numpy.typing import NDArray

OVERLAP, PEOPLE = 3, 2000
START = datetime(2026, 1, 1, tzinfo=UTC)
LEVELS = ("low", "medium", "high")
TAGS = [tag.value for tag in Tag]
LANGUAGES = ("en", "de", "es", "fr", "zh", "ja", "pt", "ru")
SIDES = [side.value for side in Preference]


def fill(workspace: Workspace, n_answers: int) -> None:
    """Write tasks, seeds, answers and points straight into the tables."""
    rng = np.random.default_rng(5)
    n_rated = int(n_answers * 0.9 / (len(Quality) * OVERLAP))
    n_compared = int(n_answers * 0.1 / OVERLAP)
    right = rng.beta(12, 3, PEOPLE)
    with workspace.store.write() as connection:
        for first in range(0, n_rated + n_compared, 20_000):
            numbers = range(first, min(first + 20_000, n_rated + n_compared))
            rows: dict[sa.Table, list[dict[str, object]]] = {
                table: []
                for table in (task, seed_feedback, annotation_revision, ledger_transaction, settlement)
            }
            for number in numbers:
                _task(rows, rng, right, number, rated=number < n_rated)
            for table, many in rows.items():
                if many:
                    connection.execute(sa.insert(table), many)
            _conversations(workspace, connection, numbers)
        gold_tasks = range(0, n_rated, 100)
        save_gold(connection, {f"t{number:022}": {"helpful": "yes"} for number in gold_tasks}, START)
        topics = [TopicEntry(number, f"topic {number}", (), "terms") for number in range(30)]
        of = {f"c{number}": number % 30 for number in range(n_rated + n_compared)}
        replace_topics(connection, topics, of, START)


def _task(
    rows: dict[sa.Table, list[dict[str, object]]],
    rng: np.random.Generator,
    right: NDArray[np.float64],
    number: int,
    *,
    rated: bool,
) -> None:
    name, again = f"t{number:022}", number % 50 == 0
    truth = rng.choice(3, len(Quality), p=(0.1, 0.4, 0.5))
    shown = ("judge", "1") if rated and number % 5 == 0 else (None, None)
    if rated:
        seed = {quality.value: TAGS[value] for quality, value in zip(Quality, truth, strict=True)}
        rows[seed_feedback].append({
            "message_id": f"c{number}#1", "agent": "judge", "prompt_version": "1", "tags": seed,
            "significance": LEVELS[number % 3], "created_at": START,
        })  # fmt: skip
    people = rng.choice(PEOPLE, OVERLAP, replace=False)
    for copy in range(2 if again else 1):
        task_id = name if copy == 0 else f"r{name[1:]}"
        rows[task].append({
            "task_id": task_id, "kind": "qualitative" if rated else "preference",
            "message_ids": [f"c{number}#1"] if rated else [f"c{number}#1", f"c{number}#3"],
            "conversation_ids": [f"c{number}"] * (1 if rated else 2), "significance": LEVELS[number % 3],
            "quote": {"qualities": 6, "suggestion": 8} if rated else {"preference": 4}, "rules_version": "1",
            "platform": "argilla", "overlap": OVERLAP, "created_at": START, "seed_agent": shown[0],
            "seed_prompt_version": shown[1], "reask_of": None if copy == 0 else name,
        })  # fmt: skip
        for person in people:
            said = np.where(rng.random(len(truth)) < right[person], truth, rng.integers(0, 3, len(truth)))
            values = (
                {quality.value: TAGS[value] for quality, value in zip(Quality, said, strict=True)}
                if rated
                else {"preference": SIDES[said[0]]}
            )
            if rated and rng.random() < 0.1:
                values["suggestion"] = "A better response, written in full."
            at = START + timedelta(seconds=int(rng.integers(0, 200 * 86_400)))
            answer_id = f"{copy}{number:017}{person:06}"
            rows[annotation_revision].append({
                "annotation_id": answer_id, "revision": 1, "task_id": task_id, "person_id": f"p{person:023}",
                "platform": "argilla", "response_id": answer_id, "status": "submitted", "answers": values,
                "content_hash": answer_id, "updated_at": at, "synced_at": at,
            })  # fmt: skip
            _points(rows, task_id, f"p{person:023}", at, 6 if rated else 4)


def _conversations(workspace: Workspace, connection: sa.Connection, numbers: range) -> None:
    """Write what tasks show: a prompt with two answers of two models."""
    folder = workspace.path / "collection"
    folder.mkdir(exist_ok=True)
    for first in range(numbers.start, numbers.stop, 2_000):
        logs = [_log(number) for number in range(first, min(first + 2_000, numbers.stop))]
        part = f"part-{first:024}.parquet"
        write_file(folder / part, pa.Table.from_batches([to_batch(logs)]))
        register(
            connection,
            [
                ConversationEntry(log.id, log.id, part, None, SharingState.SHARED, START, START)
                for log in logs
            ],
        )


def _log(number: int) -> Conversation:
    name, other = f"c{number}", 1 + number // 12 % 11
    messages = (
        Message(f"{name}#0", None, Role.USER, "A prompt of usual length, or nearly so. " * 10),
        *(
            Message(f"{name}#{place}", f"{name}#0", Role.ASSISTANT, "An answer. " * 60, f"model-{model % 12}")
            for place, model in ((1, number), (3, number + other))
        ),
    )
    return Conversation(name, messages, source="bench", language=LANGUAGES[number % 20 % 8])


SEQUENCE = iter(range(1, 10**9))


def _points(
    rows: dict[sa.Table, list[dict[str, object]]], task_id: str, person: str, at: datetime, points: int
) -> None:
    number = next(SEQUENCE)
    rows[ledger_transaction].append({
        "sequence": number, "key": str(number), "request_hash": "", "reason": "", "rules_version": "1",
        "event_at": at, "created_at": at, "previous_hash": str(number - 1), "hash": str(number),
    })  # fmt: skip
    rows[settlement].append({
        "person_id": person, "task_id": task_id, "part": "all", "sequence": number, "annotation_id": "",
        "revision": 1, "multiplier": 1.0, "delta": points,
    })  # fmt: skip


def main(n_answers: int, *, profiled: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "w") as workspace:
        start = time.perf_counter()
        fill(workspace, n_answers)
        print(f"filled in {time.perf_counter() - start:.1f} s")
        profile = cProfile.Profile(time.process_time)
        start, busy = time.perf_counter(), time.process_time()
        if profiled:
            profile.enable()
        found = write_report(workspace)
        profile.disable()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
        size = found.written.page.stat().st_size / 1e3
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(
            f"{found.report.n_votes:,} votes of {found.report.n_voters:,} people: report in {seconds:.1f} s "
            f"({busy:.1f} s of one core), at most {memory:,.0f} MB; "
            f"page of {size:,.0f} kB, {len(found.written.tables)} tables"
        )
        if profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    numbers = [int(word.replace(",", "")) for word in sys.argv[1:] if not word.startswith("-")]
    main(numbers[0] if numbers else 1_000_000, profiled="--profile" in sys.argv)
