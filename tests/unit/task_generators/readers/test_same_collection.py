"""The rows of every golden file, whole, twice, in two halves, in another order: the same collection and feedback.

What depends on what is seen together is left out of the comparison, and README.md says so: of rows that contradict
each other, and of one text under two ids, the first that is read counts; a table of messages, whose rows name no
message that they answer, is cut between conversations, and so is a batch, whose results have no questions; ranks are
compared with those of the same file.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from chatfeedback import steps
from task_generators.chat_logs import Source, ingest, keep_feedback
from tests.sample_records import NOW
from tests.unit.task_generators.readers.golden_files import FILES, found_in
from workspaces.collection import Collection
from workspaces.collection.files import SCHEMA
from workspaces.privacy.redaction import Redactor
from workspaces.records import SharingState
from workspaces.store import Store
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks
from workspaces.workers import LocalWorkers
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from task_generators.chat_logs import Ingested

    Row = dict[str, Any]

REDACTOR = Redactor()
TOGETHER = {"csv-messages", "openai-batch", "sillytavern", "chatgpt-export", "helpsteer"}
METADATA = ("user_metadata", "conversation_metadata")


class Desk:
    """A collection, and the feedback that came with it; people keep their names, so that ids can be compared."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = Store("sqlite://")
        self._store.upgrade()
        self.collection = Collection(folder / "collection", self._store)

    def read(self, name: str, rows: Sequence[Row]) -> Ingested:
        file = self._folder / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return ingest(
            file,
            self.collection,
            rejects=self._folder / "rejects.jsonl",
            giver_id_of=str,
            key="keyed-{}".format,
            now=NOW,
            delay=timedelta(0),
            redactor=REDACTOR,
            format_name=name,
            workers=LocalWorkers(1),
            keep_feedback=lambda attached: keep_feedback(self._store, attached, str, NOW),
        )

    def contents(self) -> dict[str, Any]:
        """Return every conversation with all its columns but the texts that it grew from."""
        batches = self.collection.scan_batches(SCHEMA.names[:-1], [SharingState.HELD])
        return {
            row["conversation_id"]: row | {name: json.loads(row[name]) for name in METADATA}
            for batch in batches
            for row in batch.to_pylist()
        }

    def feedback(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return what every imported answer is about, by the answer's id, which depends on all that it says."""
        with self._store.read() as connection:
            tasks = all_tasks(connection)
            return {
                each.id: (tasks[each.task_id].kind, tasks[each.task_id].message_ids)
                for each in latest_annotations(connection)
            }

    def empty(self) -> None:
        with self._store.write() as connection:
            for name in ("annotation_revision", "task", "near_duplicate", "conversation"):
                connection.execute(sa.text(f"DELETE FROM {name}"))
        self.collection.clear_leftovers()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def units(file: Path) -> list[list[Row]]:
    """Return what may be read apart, in the file's order: rows, or whole conversations where rows need each other."""
    values = {row.number: row.value for row in Source(file).rows()}
    chosen: dict[int, list[Row]] = {}
    seen: set[str] = set()
    for found in found_in(file)[1:]:
        said = json.dumps([found.get("model"), [it[2:] for it in found.get("messages", ())]])
        if "messages" not in found or not seen.isdisjoint((said, found["id"])):
            continue
        seen |= {said, found["id"]}
        left_out = {position for position, _ in found.get("left_out", ())}
        rows = {line: values[line] for at, line in enumerate(found["lines"]) if at not in left_out}
        whole = {min(rows): list(rows.values())}
        chosen |= whole if file.stem in TOGETHER else {line: [row] for line, row in rows.items()}
    return [chosen[line] for line in sorted(chosen)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_the_same_rows_come_to_the_same_collection(file: Path, desk: Desk) -> None:
    parts = units(file)
    half = len(parts) // 2
    shuffled = random.Random(5).sample(parts, len(parts))

    def read(*files: Sequence[list[Row]]) -> tuple[dict[str, Any], dict[str, Any], list[Ingested]]:
        desk.empty()
        chosen = [[row for rows in some for row in rows] for some in files]
        told = [desk.read(file.stem, some) for some in chosen]
        if any(each.rejected for each in told):  # once more, as their messages advise
            told += [desk.read(file.stem, some) for some in chosen]
        for each in told:
            assert (
                each.read
                == each.added + each.grown + each.duplicates + each.rejected + each.cleaned + each.merged
            )
        return desk.contents(), desk.feedback(), told

    contents, feedback, (whole, *_) = read(parts)
    assert whole.added == len(contents) > 5
    twice, twice_said, (_, again, *_) = read(parts, parts)
    assert (again.added, again.grown, again.feedback) == (0, 0, 0)
    assert (twice, twice_said) == (contents, feedback)
    assert read(shuffled)[:2] == (contents, feedback)

    def within_one(halves: Sequence[list[list[Row]]]) -> dict[str, Any]:
        """Return the feedback without comparisons of answers that never stand in one file."""
        sides = [
            {
                f"oasst-{row.get('message_tree_id')}#oasst-{row.get('message_id')}"
                for rows in some
                for row in rows
            }
            for some in halves
        ]
        return {
            key: (kind, about)
            for key, (kind, about) in feedback.items()
            if file.stem != "oasst" or any(side.issuperset(about) for side in sides)
        }

    grown = 0
    for halves in (
        (parts[:half], parts[half:]),
        (parts[half:], parts[:half]),
        (shuffled[::2], shuffled[1::2]),
    ):
        found, said, told = read(*halves)
        assert found == contents
        assert said == within_one(halves)
        grown += sum(each.grown for each in told)
    spread = any("fragments" in each for each in found_in(file)[1:])
    assert (grown > 3) == spread


def test_any_battle_s_moderation_is_its_question_s_in_one_file_or_two(tmp_path: Path) -> None:
    def battle(at: int, *categories: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": f"answer {at}"}]
        other = [turns[0], {"role": "assistant", "content": f"other {at}"}]
        return {
            "question_id": "q1", "model_a": f"a{at}", "model_b": f"b{at}", "winner": "model_a", "judge": "j",
            "conversation_a": turns, "conversation_b": other, "turn": 1, "language": "English", "tstamp": float(at),
            "openai_moderation": {"flagged": bool(categories), "categories": dict.fromkeys(categories, True)},
        }  # fmt: skip

    rows = [battle(1), battle(2, "violence"), battle(3, "hate")]
    for number, files in enumerate(([rows], [rows[:1], rows[1:]], [rows[2:], rows[:2]])):
        with Workspace.create(tmp_path / f"w{number}") as workspace:
            for part, some in enumerate(files):
                path = tmp_path / f"{number}-{part}.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
                steps.ingest_file(workspace, path, publish=True)
            (found,) = workspace.collection.scan()
        assert found.conversation_metadata == {
            "openai_moderation": [{"flagged": True, "categories": ["hate", "violence"]}]
        }
