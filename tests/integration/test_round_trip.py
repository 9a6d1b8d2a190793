"""Our own exports, read back: the same pairs and labels, in every projection and both kinds of files."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import exports
from chatfeedback import steps
from exports import ExportResult, NothingToExportError
from task_generators.chat_logs.readers import tied_pairs
from tests.filled_workspace import fill
from workspaces.errors import UsageError
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMPT_SHAPES = (
    [("user", "Which river runs through {n}?")],
    [("user", "Hello"), ("assistant", "Hello to you"), ("user", "Name the river of {n}, please.")],
    [("system", "You are brief."), ("user", "How long is river {n}?")],
)


def _battles(n: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        shape = PROMPT_SHAPES[number % len(PROMPT_SHAPES)]
        prompt = [{"role": role, "content": said.format(n=number)} for role, said in shape]
        yield {
            "prompt": prompt,
            "chosen": [{"role": "assistant", "content": f"It is river number {number}:\n\n- a long one."}],
            "rejected": [{"role": "assistant", "content": f"I cannot say what river {number} is called."}],
        }


def _labels(n: int) -> Iterator[dict[str, Any]]:
    for number in range(n):
        yield {
            "prompt": [{"role": "user", "content": f"Write a line about hill {number}."}],
            "completion": [{"role": "assistant", "content": f"Hill {number} stands above the town."}],
            "label": number % 3 > 0,
        }


def _written(path: Path, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _ingest(workspace: Workspace, path: Path) -> None:
    found = steps.ingest_file(workspace, path, publish=True)
    assert found.rejected == 0, found.reasons
    workspace.collection.share_due(utc_now())


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in sorted((folder / "data" / table).glob("*.parquet")):
        rows += pq.read_table(file).to_pylist()
    return rows


def _joined(folder: Path, table: str, path: Path) -> Path:
    """Write the files of a table into one: each that is read starts a process. A whole folder is read further below."""
    files = sorted((folder / "data" / table).glob("*.parquet"))
    pq.write_table(pa.concat_tables(map(pq.read_table, files)), path)
    return path


def _first_table(name: str) -> str:
    return exports.projection_of(name).tables[0].name


def _content(rows: list[dict[str, Any]]) -> set[str]:
    """Return what rows say; what tells how sure the votes made a row is not part of it."""
    return {
        json.dumps({name: value for name, value in row.items() if name != "margin"}, sort_keys=True)
        for row in rows
    }


def _exported(workspace: Workspace, name: str, folder: Path) -> ExportResult:
    return steps.export(workspace, name, folder, any_licence=True)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with pairs and labels."""
    folder = tmp_path_factory.mktemp("filled")
    with Workspace.create(folder / "workspace") as made:
        _ingest(made, _written(folder / "pairs.jsonl", _battles(24)))
        _ingest(made, _written(folder / "labels.jsonl", _labels(24)))
        yield made


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, mt_bench: Path) -> Iterator[Workspace]:
    """A workspace with the real judgments of MT-bench."""
    folder = tmp_path_factory.mktemp("mt-bench")
    with (mt_bench / "conversations.jsonl").open(encoding="utf-8") as file:
        logs = {row["conversation_id"]: row["conversation"] for row in map(json.loads, file)}
    with (mt_bench / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {
                **row,
                "turn": 1,
                **{
                    f"conversation_{side}": logs[f"mt-bench-{row['question_id']}-{row[f'model_{side}']}"]
                    for side in "ab"
                },
            }
            for row in csv.DictReader(file)
        ]
    with Workspace.create(folder / "workspace") as made:
        _ingest(made, _written(folder / "judgments.jsonl", rows))
        yield made


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The demo's chats with the answers of its people, without servers."""
    with fill(tmp_path_factory.mktemp("demo") / "workspace") as made:
        yield made


ADDRESS = re.compile(r"\[EMAIL_\d+\]|[\w.]+@example\.com")
"""What an annotator wrote is redacted when it is read back."""

_SPECIAL = ("benchmark", "edit", "moderation", "rubric", "safety", "tpo")
NAMES = [name for name in exports.all_projections() if name not in _SPECIAL]
"""The exports that have rows in every workspace here: no log holds rewrites, and nobody was asked about more."""

JUDGED = [name for name in NAMES if name not in ("sft", "ranking", "helpsteer3", "sharelm", "ultrafeedback")]
"""The exports whose rows are read back as they were; of rankings and strengths the comparisons come back."""


def _read_back(workspace: Workspace, name: str, tmp_path: Path, as_json: bool) -> tuple[set[str], set[str]]:
    """Return the rows of a projection, and those of the export of a workspace that read them back."""
    _exported(workspace, name, tmp_path / "first")
    table = _first_table(name)
    rows = _rows(tmp_path / "first", table)
    with Workspace.create(tmp_path / "another") as another:
        if as_json:
            _ingest(another, _written(tmp_path / "rows.jsonl", rows))
        else:
            _ingest(another, _joined(tmp_path / "first", table, tmp_path / "rows.parquet"))
        _exported(another, name, tmp_path / "second")
    return _content(rows), _content(_rows(tmp_path / "second", table))


@pytest.mark.parametrize("name", JUDGED)
@pytest.mark.parametrize("as_json", [False, True], ids=["parquet", "jsonl"])
def test_an_export_read_back_gives_the_same_rows(
    filled: Workspace, tmp_path: Path, name: str, as_json: bool
) -> None:
    before, after = _read_back(filled, name, tmp_path, as_json)
    assert len(before) >= 24
    assert after == before


@pytest.mark.parametrize("name", JUDGED)
def test_the_judgments_of_mt_bench_come_back_from_every_export(
    replayed: Workspace, tmp_path: Path, name: str
) -> None:
    before, after = _read_back(replayed, name, tmp_path, as_json=False)
    assert len(before) > 200
    assert after == before


@pytest.mark.parametrize("name", JUDGED)
def test_what_people_answered_in_the_demo_comes_back_from_the_folder_of_every_export(
    demo: Workspace, tmp_path: Path, name: str
) -> None:
    _exported(demo, name, tmp_path / "first")
    with Workspace.create(tmp_path / "another") as another:
        _ingest(another, tmp_path / "first")
        _exported(another, name, tmp_path / "second")
    table = _first_table(name)
    before, after = (
        {ADDRESS.sub("[EMAIL]", row) for row in _content(_rows(tmp_path / folder, table))}
        for folder in ("first", "second")
    )
    assert len(before) > 20
    assert after == before


@pytest.mark.parametrize("of", ["filled", "demo"])
def test_conversations_to_imitate_come_back_as_they_are_without_a_label_because_they_have_none(
    request: pytest.FixtureRequest, tmp_path: Path, of: str
) -> None:
    _exported(request.getfixturevalue(of), "sft", tmp_path / "first")
    rows = _rows(tmp_path / "first", _first_table("sft"))
    with Workspace.create(tmp_path / "another") as another:
        found = steps.ingest_file(another, tmp_path / "first", publish=True)
        assert (found.format, found.read, found.feedback) == ("openai", len(rows), 0)
        assert found.added + found.duplicates == len(rows)
        another.collection.share_due(utc_now())
        with pytest.raises(NothingToExportError):
            _exported(another, "sft", tmp_path / "second")
        read = {
            ADDRESS.sub(
                "[EMAIL]", json.dumps([[message.role, message.content] for message in conversation.messages])
            )
            for conversation in another.collection.scan()
        }
    assert read == {
        ADDRESS.sub(
            "[EMAIL]", json.dumps([[message["role"], message["content"]] for message in row["messages"]])
        )
        for row in rows
    }


def test_pairs_without_a_majority_come_back_with_their_votes(demo: Workspace, tmp_path: Path) -> None:
    _exported(demo, "dpo", tmp_path / "first")
    with Workspace.create(tmp_path / "another") as another:
        for table in ("trl", "ties"):
            _ingest(another, _joined(tmp_path / "first", table, tmp_path / f"{table}.parquet"))
        _exported(another, "dpo", tmp_path / "second")
    texts_and_votes = ("pair_id", "prompt", "first", "second")
    before, after = (
        {
            json.dumps(
                {name: row[name] for name in row if name in texts_and_votes or name in tied_pairs.VOTES}
            )
            for row in _rows(tmp_path / folder, "ties")
        }
        for folder in ("first", "second")
    )
    assert len(before) > 5
    assert after == before


def test_the_tables_beside_an_export_say_what_they_are(demo: Workspace, tmp_path: Path) -> None:
    for name in ("dpo", "kto"):
        _exported(demo, name, tmp_path / name)
        with Workspace.create(tmp_path / f"read {name}") as another:
            found = steps.ingest_file(another, tmp_path / name, publish=True)
            said = "".join(what for _, what in found.losses.counts)
            for table in sorted((tmp_path / name / "data").iterdir()):
                if table.name in ("trl", "ties"):
                    continue
                file = next(table.glob("*.parquet"))
                assert file.name in said
                with pytest.raises(UsageError, match=r"of an export, without texts|what an export left out"):
                    steps.ingest_file(another, file)
