"""What cannot be read is said in one line that says what to do; each test is of a kind of mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from task_generators.chat_logs.readers import format_names
from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.workspace import CONFIG_NAME, Workspace
from workspaces.yaml_text import explained, load_yaml

BASE = "version: 1\nplatforms: {argilla: {}}\n"


def refused(folder: Path, *arguments: str) -> str:
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    assert isinstance(ran.exception, WorkbenchError), ran.output
    said = str(ran.exception)
    assert "\n" not in said
    assert "Errno" not in said
    return said


TABLES = {
    "question,reply\nHow are you?,Fine\n": "{csv_columns: {prompt: 'question', response: 'reply'}}",
    "id;User text;Bot text\n1;Hi;Ho\n": "{csv_columns: {prompt: 'User text', response: 'Bot text'}}",
    "id,Input,Bot Answer\n1,How are you?,Fine\n": "{csv_columns: {prompt: 'Input', response: 'Bot Answer'}}",
    "Frage,Antwort,Bot,wann\nWie geht es?,Gut.,gpt-4,2026-01-01\n": (
        "{csv_columns: {prompt: 'Frage', response: 'Antwort'}}; its columns are Frage, Antwort, Bot, wann;"
    ),
    "a,b\nHow are you?,Fine\n": "{csv_columns: {prompt: 'COLUMN-OF-PROMPTS', response: 'COLUMN-OF-RESPONSES'}}",
}
NO_CHATS = {
    "a,b\n1,2\n",
    "question_id,model_a,model_b,judge,winner\n"
    + "".join(
        f"8{n},alpaca-13b,gpt-4,{judge},{['tie', 'model_b'][n % 2]}\n"
        for n, judge in enumerate(["expert"] * 6)
    ),
}
OBJECTS: list[tuple[Any, str]] = [
    ({"title": "t", "mapping": {}, "current": "x"}, "--format"),
    ({"chosen": "a", "rejectd": "b"}, "Rename the columns to prompt and response"),
    (
        {"frage": "a", "antwort": "b"},
        "messages, a list of {role, content}; or write a reader: docs/adding-a-reader.md",
    ),
]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_a_mapping_gets_one_to_copy(workspace: Workspace, tmp_path: Path, table: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(table)
    said = refused(workspace.path, "ingest", str(file))
    assert TABLES[table] in said
    assert "no reader knows its rows (unknown columns:" in said
    assert "conversation_id, role, content" in said


@pytest.mark.parametrize("table", sorted(NO_CHATS))
def test_a_table_without_texts_gets_no_mapping(workspace: Workspace, tmp_path: Path, table: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(table)
    said = refused(workspace.path, "ingest", str(file))
    assert "holds texts of prompts or responses" in said
    assert "csv_columns" not in said
    assert refused(workspace.path, "ingest", "--check", str(file)).partition("(")[2] == said.partition("(")[2]


def test_three_formats_are_named_and_the_docs_list_all(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    closest = refused(workspace.path, "ingest", str(file)).partition("the closest are ")[2]
    names, docs = closest.split(", and ")
    assert len(set(names.split(", ")) & set(format_names())) == 3
    assert docs == "docs/chat-logs.md lists all"
    listed = (Path(__file__).parents[3] / "docs" / "chat-logs.md").read_text(encoding="utf-8")
    assert [name for name in format_names() if f"`{name}`" not in listed] == []


MISTYPED = {
    "{prompt: Frage, response: Antwrot}": "names 'Antwrot', which is no column of {file}: Frage, Antwort, Bot, wann; "
    "did you mean 'Antwort'?",
    "{prompt: Frage, response: antwort}": "did you mean 'Antwort'?",
    "{prompt: Frage, response: Antwort, timestamp: Uhrzeit}": "names 'Uhrzeit', which is no column of {file}",
    "{prompt: Farge, response: Antwrot}": "names 'Farge', 'Antwrot', which are no columns of {file}",
}


@pytest.mark.parametrize("mapping", MISTYPED)
@pytest.mark.parametrize("check", [[], ["--check"]])
def test_a_mapped_column_that_a_table_lacks_is_named(
    workspace: Workspace, tmp_path: Path, mapping: str, check: list[str]
) -> None:
    (workspace.path / CONFIG_NAME).write_text(f"{BASE}chat_logs: {{csv_columns: {mapping}}}\n")
    file = tmp_path / "table.csv"
    file.write_text("Frage,Antwort,Bot,wann\nWie geht es?,Gut.,gpt-4,2026-01-01\n")
    expected = MISTYPED[mapping].replace("{file}", str(file))
    assert expected in refused(workspace.path, "ingest", str(file), *check)


@pytest.mark.parametrize(
    "table",
    [
        "prompt,response\nHow are you?,Fine\n",
        "prompt,chosen,rejected,Bot\nHow are you?,Fine,Bad,gpt-4\n",
        "Frage,Antwort,Bot\nWie geht es?,,\nWie spät ist es?,Drei.,gpt-4\n",
    ],
)
def test_a_table_that_is_read_without_the_mapping_or_has_all_of_it_is_read(
    workspace: Workspace, tmp_path: Path, table: str
) -> None:
    mapping = "{prompt: Frage, response: Antwort, model_name: Bot}"
    (workspace.path / CONFIG_NAME).write_text(f"{BASE}chat_logs: {{csv_columns: {mapping}}}\n")
    file = tmp_path / "table.csv"
    file.write_text(table, encoding="utf-8")
    with Workspace.open(workspace.path) as opened:
        assert steps.ingest_file(opened, file, processes=1, ignored=frozenset({"Bot"})).added == 1


@pytest.mark.parametrize(("row", "expected"), OBJECTS)
def test_objects_with_unknown_columns_get_the_closest_format_or_the_simplest_one(
    workspace: Workspace, tmp_path: Path, row: Any, expected: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert expected in refused(workspace.path, "ingest", str(file))


def test_rows_of_a_known_format_that_cannot_be_read_are_named_with_their_reason(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "export.json"
    file.write_text(json.dumps([{"title": "x", "conversation": [{"author": "me", "text": "hi"}]}]))
    said = refused(workspace.path, "ingest", str(file))
    assert "1 rows could not be read, most of them because: " in said
    assert "ingest --check" in said


def test_a_mapping_to_a_column_that_nobody_knows_is_refused_before_a_row_is_read(
    workspace: Workspace, tmp_path: Path
) -> None:
    (workspace.path / CONFIG_NAME).write_text(f"{BASE}chat_logs: {{csv_columns: {{promt: question}}}}\n")
    file = tmp_path / "table.csv"
    file.write_text("question,response\na,b\n")
    for arguments in (["ingest", str(file)], ["ingest", "--check", str(file)]):
        assert "maps 'question' to 'promt', which no reader knows" in refused(workspace.path, *arguments)
    ran = CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(workspace.path)])
    assert json.loads(ran.stdout)["chat logs"]["ok"] is False


def test_a_folder_where_a_file_is_needed_and_a_file_where_a_folder_is(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    file = tmp_path / "file"
    file.write_text("x")
    assert "name a folder with some, or one file" in refused(
        workspace.path, "ingest", str(tmp_path / "empty")
    )
    assert "name a file" in refused(workspace.path, "gold", "add", str(tmp_path / "empty"))
    assert "check the path" in refused(workspace.path, "ingest", str(tmp_path / "no-such"))
    assert "name a folder" in refused(file, "init")
    assert "name the folder of a workspace" in refused(file, "status")


YAML = {
    "platforms:\n\targilla: {}\n": "line 2, column 1: .*replace the tab",
    "a: 1\n b: 2\n": "line 2, column 3: .*align the line",
    "a: {b: x: y}\n": "column 9: .*put values with a colon",
    "a: [1, 2\nb: 1\n": "close the bracket",
    "a: b: c\n": "put a value with a colon into quotes",
    'a: "b\n': "close the quotes",
    "a: @b\n": "put the value into quotes",
    "a: *b\n": "into quotes",
    "a: 1\na: 2\n": "line 2, column 1: .*'a' stands twice, first in line 1: keep one",
}


@pytest.mark.parametrize("text", YAML)
def test_a_fault_of_yaml_is_said_with_its_line_and_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG_NAME).write_text(text)
    with pytest.raises(ConfigurationError, match=YAML[text]):
        Workspace.open(tmp_path)


@given(st.text(alphabet="ab:{}[]'\"\t \n-&*@#|>,?!%", max_size=60))
def test_every_fault_of_yaml_is_one_line_with_a_cure(text: str) -> None:
    try:
        load_yaml(text)
    except yaml.YAMLError as error:
        said = explained(error)
        assert "\n" not in said
        assert ": " in said


VALUES = {
    "privacy: {default_region: NO}": "no, off, yes and on as false and true: put it into quotes",
    "rates: {version: 2}": "(given: 2): put it into quotes",
    "privacy: {deny_names: [Ada: x]}": "put a text with a colon into quotes",
    "mixx: {}": "did you mean 'mix'?",
    "mix: {limits: 3}": "did you mean 'limit'?",
}  # fmt: skip


@pytest.mark.parametrize("section", VALUES)
def test_a_wrong_key_or_value_is_said_with_the_right_one(tmp_path: Path, section: str) -> None:
    (tmp_path / CONFIG_NAME).write_text(f"{BASE}{section}\n")
    with pytest.raises(ConfigurationError) as caught:
        Workspace.open(tmp_path)
    assert VALUES[section] in str(caught.value)


def test_a_changed_deny_list_reaches_what_is_stored_before_anything_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    row = {
        "conversation_id": "c",
        "conversation": [
            {"role": "user", "content": "Who is Zebulon Quux?"},
            {"role": "assistant", "content": "Zebulon Quux is a friend of mine."},
        ],
        "source": "s",
    }
    logs = tmp_path / "logs.jsonl"
    logs.write_text(json.dumps(row) + "\n")
    with Workspace.create(folder, BASE) as workspace:
        steps.ingest_file(workspace, logs, processes=1)
    (folder / CONFIG_NAME).write_text(f"{BASE}privacy: {{deny_names: [Zebulon Quux]}}\n")
    assert "run 'chatfeedback collection redact' first" in refused(folder, "ingest", str(logs))
    ran = CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(folder)])
    assert json.loads(ran.stdout)["redaction"]["ok"] is False
    for command in ("generate", "push"):
        ran = CliRunner().invoke(app, [command, "--json", "--workspace", str(folder)])
        (warning,) = json.loads(ran.stdout)["warnings"]
        assert "run 'chatfeedback collection redact', then 'chatfeedback push'" in warning
        assert "Quux" not in warning
        ran = CliRunner().invoke(app, [command, "--workspace", str(folder)])
        assert "collection redact" in " ".join(ran.output.split())
    with Workspace.open(folder) as workspace:
        steps.redact_collection(workspace)
        assert steps.old_texts_warning(workspace) is None
        assert steps.ingest_file(workspace, logs, processes=1).duplicates == 1
        kept = (folder / "redaction.json").read_text()
        assert "Quux" not in kept
