"""Nobody but the user of the workbench can open what it writes, whatever the umask and wherever it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from workspaces.files import OTHERS
from workspaces.workspace import WRITTEN, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shared_servers import TestServer

SCRIPT = """
import os, sys
from pathlib import Path
os.umask(0o022)
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
folder.mkdir(); out.mkdir()
(out / "logs.jsonl").write_text('{"no": "columns"}\\n[]\\n' + (out / "x").name)
from chatfeedback import __main__ as program
def run(*arguments, code=0):
    sys.argv = ["chatfeedback", *arguments, "--workspace", str(folder)]
    try:
        program.main()
    except SystemExit as ended:
        assert ended.code == code, (arguments, ended.code)
run("init")
os.umask(0o022)
(folder / "chatfeedback.yaml").unlink()
from tests.filled_workspace import fill
with fill(folder) as workspace:
    person = next(iter(workspace.collection.scan()), None)
os.umask(0o022)
run("ingest", str(out / "logs.jsonl"), code=2)
os.umask(0o022)
run("settle")
run("collection", "stats", "--html", str(out / "stats.html"))
run("collection", "topics")
os.umask(0o022)
run("report")
os.umask(0o022)
run("export", "kto")
os.umask(0o022)
run("export", "dpo", "--output", str(out / "dpo"))
run("ledger", "export", "--output", str(out / "ledger"))
run("ledger", "checkpoint")
os.umask(0o022)
import sqlalchemy as sa
with workspace.store.read() as connection:
    payee = connection.execute(sa.text("SELECT person_id FROM annotation_revision")).scalar()
    chat = connection.execute(sa.text("SELECT conversation_id FROM conversation")).scalar()
os.umask(0o022)
from chatfeedback import steps
from workspaces.workspace import Workspace
with Workspace.open(folder) as workspace:
    for name in ("person.zip", "person"):
        steps.export_person(workspace, payee, out / name)
    steps.export_person(workspace, payee, folder / "people" / "person.zip")
os.umask(0o022)
run("consent", "delete", chat)
run("collection", "compact")
run("doctor", code=4)
"""


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder)} {path.lstat().st_mode:o}"
        for path in folder.rglob("*")
        if path.lstat().st_mode & OTHERS and not path.is_symlink()
    ]


def test_every_command_writes_for_its_user_alone_also_into_folders_that_stood_open(tmp_path: Path) -> None:
    folder, out = tmp_path / "w", tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(out)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder.stat().st_mode & 0o777, out.stat().st_mode & 0o777) == (0o755, 0o755)  # as they were made
    assert open_to_others(folder) == []
    assert open_to_others(out) == ["logs.jsonl 100644"]  # not ours
    written = {path.name for path in folder.iterdir()} - {
        ".lock",
        "chatfeedback.yaml",
        "ledger-checkpoint.json",
    }
    assert written <= set(WRITTEN), "the doctor does not look at these"
    assert {"chatfeedback.db", "collection", "exports", "receipts", "rejects", "secrets"} <= written


@pytest.mark.parametrize(
    "name", ["chatfeedback.db", "secrets/pseudonym.key", "collection", "exports/mine/rows"]
)
def test_the_doctor_names_what_others_can_open_and_how_to_close_it(workspace: Workspace, name: str) -> None:
    path = workspace.path / name
    if name.startswith("exports"):
        path.parent.mkdir(parents=True)
        path.write_text("rows", encoding="utf-8")
    elif name == "collection":
        path.mkdir()
    path.chmod(0o755 if path.is_dir() else 0o640)
    finding = doctor(workspace)
    assert not finding["ok"]
    assert name in str(finding["detail"])
    command = str(finding["detail"]).split(": run ")[1]
    subprocess.run(command.split(), check=True)
    assert doctor(workspace)["ok"]


def doctor(workspace: Workspace) -> dict[str, object]:
    ran = CliRunner().invoke(app, ["doctor", "--workspace", str(workspace.path), "--json"])
    finding: dict[str, object] = json.loads(ran.stdout)["files"]
    return finding


@pytest.mark.servers
def test_servers_write_for_their_user_alone(
    argilla_server: TestServer, label_studio_server: TestServer
) -> None:
    for each in (argilla_server, label_studio_server):
        assert open_to_others(each.server.folder) == []
