"""The tasks of a workspace and its gold, as a lead lists them, and what 'doctor' finds of no use."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import NOW
from workspaces.errors import WorkbenchError
from workspaces.kinds import asked_kinds
from workspaces.records import AnnotationStatus, PlacedTask, TaskState
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.tasks import all_tasks, save_placements
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from pathlib import Path

BASE = "version: 1\nplatforms: {argilla: {}, label_studio: {}}\nmix: {overlap: 1}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight chats of two models on four prompts; one task on a platform, another one answered."""
    folder = tmp_path_factory.mktemp("lists") / "w"
    rows = [
        {
            "conversation_id": f"chat-{number}",
            "conversation": [
                {"role": "user", "content": f"How long is the tooth of the walrus number {number // 2}?"},
                {
                    "role": "assistant",
                    "content": f"In my book it has {number + 40} centimetres, more or less.",
                },
            ],
            "model_name": ("alpha", "beta")[number % 2],
            "source": "zoo",
        }
        for number in range(8)
    ]
    logs = folder.parent / "logs.jsonl"
    logs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Workspace.create(folder, BASE) as workspace:
        steps.ingest_file(workspace, logs, publish=True, processes=1)
        steps.seed_responses(workspace)
        steps.generate_tasks(workspace)
        with workspace.store.write() as connection:
            first, second = [task for task in all_tasks(connection).values() if task.kind == "qualitative"][
                :2
            ]
            placed = [PlacedTask(task.id, f"remote-{task.id}", "dataset") for task in (first, second)]
            save_placements(connection, placed, NOW)
            answer = AnnotationRevision(
                annotation_id="a", revision=1, task_id=second.id, person_id="p", platform=second.platform,
                response_id="r", status=AnnotationStatus.SUBMITTED, answers={"helpful": "no"}, content_hash="h",
                updated_at=NOW, synced_at=NOW,
            )  # fmt: skip
            save_revisions(connection, [answer])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "w")


def run(folder: Path, *arguments: str, fails: bool = False) -> str:
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    assert isinstance(ran.exception, WorkbenchError) == fails, (ran.output, ran.exception)
    return f"{ran.stdout}{ran.exception or ''}"


def listed(folder: Path, *arguments: str) -> Any:
    return json.loads(run(folder, "tasks", "list", "--json", *arguments))


def test_each_filter_lists_its_tasks_and_the_parts_add_up(folder: Path) -> None:
    every = listed(folder, "--limit", "0")
    assert every["total"] == len(every["tasks"]) == 12
    for option, name, values in (
        ("--kind", "kind", ("qualitative", "preference")),
        ("--platform", "platform", ("argilla", "label_studio")),
        ("--state", "state", ("waiting", "open", "answered", "unshared")),
    ):
        parts = [listed(folder, option, value, "--limit", "0") for value in values]
        for value, part in zip(values, parts, strict=True):
            assert {task[name] for task in part["tasks"]} <= {value}
        assert sum(part["total"] for part in parts) == 12
    assert listed(folder, "--state", "open")["total"] == listed(folder, "--state", "answered")["total"] == 1
    alpha = listed(folder, "--model", "Alpha", "--limit", "0")
    assert alpha["total"] == 8
    assert all("alpha" in task["models"] for task in alpha["tasks"])
    assert listed(folder, "--text", "WALRUS NUMBER 3", "--limit", "2")["total"] == 3
    assert listed(folder, "--text", "no such text") == {"total": 0, "tasks": []}


def test_what_is_not_shown_is_counted_and_a_task_whose_conversation_is_private_says_so(folder: Path) -> None:
    assert "5 of 12 shown: --limit 12 shows all" in run(folder, "tasks", "list", "--limit", "5")
    assert "12 tasks" in run(folder, "tasks", "list")
    assert "No task is like this" in run(folder, "tasks", "list", "--text", "no such text")
    assert f"it is one of {', '.join(asked_kinds())}" in run(
        folder, "tasks", "list", "--kind", "odd", fails=True
    )
    assert "argilla, label-studio" in run(folder, "tasks", "list", "--platform", "odd", fails=True)
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        placed = steps.list_tasks(workspace, steps.TaskFilter(state=TaskState.WAITING), None).tasks[0]
        assert placed.id in all_tasks(connection)
    run(folder, "consent", "keep-private", placed.conversation_ids[0])
    assert placed.id in {task["id"] for task in listed(folder, "--state", "unshared")["tasks"]}


def test_gold_is_listed_with_who_found_it_and_taken_back(folder: Path) -> None:
    assert "No task is gold" in run(folder, "gold", "list")
    (done,) = listed(folder, "--state", "answered")["tasks"]
    waiting = next(
        task for task in listed(folder, "--state", "waiting")["tasks"] if task["kind"] == "qualitative"
    )
    file = folder.parent / "gold.yaml"
    file.write_text(
        f"- {{task: {done['id']}, helpful: no, toxic: no}}\n- {{task: {waiting['id']}, helpful: yes}}\n"
    )
    run(folder, "gold", "add", str(file))
    gold = json.loads(run(folder, "gold", "list", "--json"))["gold"]
    found = {(row["task_id"], row["question"]): (row["answers"], row["right"]) for row in gold}
    assert found == {
        (done["id"], "helpful"): (1, 1),
        (done["id"], "toxic"): (0, 0),
        (waiting["id"], "helpful"): (0, 0),
    }
    assert "helpful: no, found by 1 of 1 person" in run(folder, "gold", "list")
    run(folder, "consent", "keep-private", waiting["conversation_ids"][0])
    said = run(folder, "gold", "list")
    assert f"Nobody can answer {waiting['id']} any more: its conversation is not shared" in said
    warned = json.loads(CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(folder)]).stdout)[
        "gold"
    ]
    assert (warned["ok"], warned["warning"], waiting["id"] in warned["detail"]) == (True, True, True)
    assert "is no gold task" in run(folder, "gold", "remove", waiting["id"], "no-such-task", fails=True)
    assert "1 right answer removed" in run(folder, "gold", "remove", waiting["id"])
    assert "by their ids" in run(folder, "gold", "remove", fails=True)
    assert json.loads(run(folder, "gold", "remove", "--all", "--json")) == {"removed": 2}
    assert json.loads(run(folder, "gold", "list", "--json")) == {"gold": []}


def test_a_source_that_no_conversation_names_is_a_warning_once_there_are_conversations(
    folder: Path, tmp_path: Path
) -> None:
    text = BASE + "sources: {zoo: {licence: cc0-1.0}, sea: {licence: cc0-1.0}}\n"
    (folder / CONFIG_NAME).write_text(text)
    for arguments in (["generate"], ["ingest", str(folder.parent / "logs.jsonl")]):
        if arguments[0] == "ingest":
            (folder.parent / "logs.jsonl").write_text(
                json.dumps({"prompt": "Who sings?", "response": "The walrus sings.", "source": "zoo"}) + "\n"
            )
        (warning,) = json.loads(run(folder, *arguments, "--json"))["warnings"]
        assert "'sea', which no conversation names" in warning
        assert "sources here: 'zoo'" in warning
    Workspace.create(tmp_path / "new", text).close()
    assert json.loads(run(tmp_path / "new", "generate", "--json"))["warnings"] == []


def test_a_key_that_is_not_in_the_environment_is_found_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    (folder / CONFIG_NAME).write_text(
        BASE + "llm: {base_url: 'http://127.0.0.1:9', model: m, api_key_env: NO_SUCH_KEY}\n"
    )
    found = json.loads(CliRunner().invoke(app, ["doctor", "--json", "--workspace", str(folder)]).stdout)[
        "llm"
    ]
    assert (found["ok"], "NO_SUCH_KEY" in found["detail"]) == (False, True)
