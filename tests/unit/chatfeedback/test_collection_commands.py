"""The commands of the collection: what they count, show and find, and that nobody's terminal obeys a chat log."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from chatfeedback.safe_text import safe
from workspaces.store.near_duplicates import all_groups
from workspaces.workspace import Workspace

GOLDEN = Path(__file__).parents[1] / "task_generators" / "readers" / "golden"
EVIL = "\x1b]0;owned\x07\x1b[2J\u202efdp.exe<script>alert(1)</script>"


def log(number: int, text: object, **changes: object) -> dict[str, Any]:
    return {
        "conversation_id": f"c{number}",
        "conversation": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": f"This is the answer to the question with the number {number}."},
        ],
        "model_name": f"model-{number % 2}",
        "source": "tests",
        "user_id": f"u{number % 3}",
        "timestamp": "2026-01-05T07:58:12Z",
        "conversation_metadata": {},
        "user_metadata": {},
        **changes,
    }


@pytest.fixture(scope="module")
def newly_filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "w"
    Workspace.create(folder).close()
    rows = [
        log(number, f"How do I bake bread of sort {number} with flour and yeast?") for number in range(24)
    ]
    rows += [log(24, EVIL, model_name=EVIL), log(0, 5)]
    file = folder.parent / "logs.jsonl"
    file.write_text("\n".join([*map(json.dumps, rows), "{broken"]), encoding="utf-8")
    done = run(folder, "ingest", str(file), "--publish", "--json", code=5)
    assert (done["added"], done["rejected"], done["cleaned"]) == (25, 2, 0)
    return folder


@pytest.fixture
def filled(newly_filled: Path, tmp_path: Path) -> Path:
    return shutil.copytree(newly_filled, tmp_path / "w")


def run(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert getattr(done.exception, "exit_code", 1) == code, done.exception
    else:
        assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def test_statistics_count_what_is_there(filled: Path, tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    found = run(filled, "collection", "stats", "--json", "--html", str(html))
    assert (found["conversations"], found["givers"], found["turns"], found["files"]) == (25, 3, 25, 1)
    assert found["states"] == {"shared": 25}
    assert found["models"]["model-0"] == 12
    assert found["languages"]["en"] >= 24
    assert sum(found["languages"].values()) == 25  # what cannot be told is 'und'
    assert found["written_by_week"] == {"2026-W02": 25}
    assert sum(found["added_by_week"].values()) == 25
    assert found["left_out"] == {"rejected": 2}
    page = html.read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_what_was_left_out_is_accounted_for_by_file(filled: Path) -> None:
    found = run(filled, "collection", "omissions", "--json")["left_out"]
    assert [(each["file"], each["kind"], each["count"]) for each in found] == [
        ("logs.jsonl", "rejected", 1)
    ] * 2
    assert {each["reason"] for each in found} == {
        "not JSON",
        "a turn has no text",
    }


def test_a_conversation_is_shown_and_obeyed_by_no_terminal(filled: Path) -> None:
    said = run(filled, "collection", "show", "c24")
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\x1b]0;owned\\x07" in said
    found = run(filled, "collection", "show", "c24", "--json")
    assert found["conversation"][0]["content"] == EVIL
    run(filled, "collection", "show", "nobody", code=2)


def test_a_tree_says_what_answers_what_and_a_copy_names_its_like(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace.create(folder).close()
    for name in ("oasst", "lmsys"):
        run(folder, "ingest", str(GOLDEN / f"{name}.jsonl"), "--publish", "--json", code=5)
    said = run(folder, "collection", "show", "oasst-t3").splitlines()
    assert [line for line in said if re.match(r"\d+\. ", line)] == [
        "1. user (zh):",
        "2. assistant (zh):",
        "3. user (en):",
        "4. assistant (to 1):",
        "5. assistant (to 1, zh):",
    ]
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        one, other = sorted(all_groups(connection))
    assert run(folder, "collection", "show", one, "--json")["near_duplicates"] == [other]
    assert run(folder, "collection", "show", "oasst-t3", "--json")["near_duplicates"] == []


def test_search_finds_in_any_case_and_shows_safely(filled: Path) -> None:
    hits = run(filled, "collection", "search", "BREAD OF SORT 7", "--json")["hits"]
    assert [hit["conversation_id"] for hit in hits] == ["c7"]
    assert len(run(filled, "collection", "search", "bread", "--limit", "5", "--json")["hits"]) == 5
    assert run(filled, "collection", "search", "no such words", "--json")["hits"] == []
    assert "\x1b" not in run(filled, "collection", "search", "script")
    run(filled, "collection", "search", " ", code=2)


def test_a_conversation_that_is_not_there_any_more_is_not_found(filled: Path) -> None:
    with Workspace.open(filled) as workspace, workspace.store.write() as connection:
        connection.exec_driver_sql("UPDATE conversation SET state = 'private' WHERE conversation_id = 'c7'")
    run(filled, "collection", "show", "c7", code=2)
    assert run(filled, "collection", "search", "sort 7", "--json")["hits"] == []
    assert run(filled, "collection", "stats", "--json")["conversations"] == 24


def test_topics_and_challenge_are_columns_of_their_own(filled: Path) -> None:
    clustered = run(filled, "collection", "topics", "--json")
    assert sum(clustered["topics"].values()) == clustered["conversations"] == 25
    assert run(filled, "collection", "topics", "--json") == clustered
    assert run(filled, "collection", "challenge", "--limit", "10", "--json")["scored"] == 10
    assert run(filled, "collection", "challenge", "--json")["scored"] == 15
    assert run(filled, "collection", "challenge", "--json")["scored"] == 0
    shown = run(filled, "collection", "show", "c3", "--json")
    assert shown["topic"] in clustered["topics"]
    assert list(shown["challenge"]) == ["heuristic-challenge-1"]
    assert (
        sum(run(filled, "collection", "stats", "--json")["challenge"]["heuristic-challenge-1"].values()) == 25
    )


def test_compaction_is_a_command(filled: Path) -> None:
    assert run(filled, "collection", "compact", "--json") == {"before": 1, "after": 1, "dropped": 0}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain ünïcode 🙂\n\tindented", "plain ünïcode 🙂\n\tindented"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb\u2028c\ufeff", "a\\u202eb\\u2028c\\ufeff"),
        ("\x9b2J\r", "\\x9b2J\\x0d"),
        ("\U000e0041", "\\U000e0041"),
        ("👩‍👧 می‌خواهم", "👩‍👧 می‌خواهم"),
    ],
)
def test_control_characters_are_spelt_out(given: str, shown: str) -> None:
    assert safe(given) == shown
