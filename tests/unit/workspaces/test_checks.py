"""What does not fit what is stored is refused by every command, before it does anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import NOW
from tests.unit.chatfeedback.test_help import COMMANDS
from workspaces import checks
from workspaces.errors import ConfigurationError
from workspaces.extras import install_command
from workspaces.privacy import declared_tables
from workspaces.privacy.redaction import presidio
from workspaces.records import Significance, Task
from workspaces.store.snapshots import save_snapshot
from workspaces.store.tasks import save_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.store.snapshots import PublishedFigures

BASE = "version: 1\nplatforms: {argilla: {}}\n"
TASK = Task("t", "qualitative", ("m",), ("c",), Significance.LOW, {"qualities": 6}, "1", "argilla", 3, NOW)


def promise(workspace: Workspace) -> None:
    with workspace.store.write() as connection:
        save_tasks(connection, [TASK])
    steps.settle_answers(workspace)


def publish_tables(workspace: Workspace) -> None:
    published: PublishedFigures = {"groups": [], "tables": [("country", "gender"), ("country", "education")]}
    with workspace.store.write() as connection:
        save_snapshot(connection, "people", 1, published, "sealed", NOW)


def nothing(_: Workspace) -> None:
    pass


FAULTS: dict[str, tuple[Callable[[Workspace], None], str, str]] = {
    "rates without a version": (promise, "rates: {qualities: 7}", "rates.qualities is now 7 instead of 6"),
    "an unknown question": (nothing, "demographics: {tables: [[shoe_size]]}", "demographics.tables names 'shoe_size'"),
    "tables in a circle": (
        nothing,
        "demographics: {tables: [[gender, country], [country, education], [education, gender]]}",
        "form a cycle",
    ),
    "tables in a circle with those of before": (
        publish_tables,
        "demographics: {tables: [[education, gender]]}",
        "with those published before, form a cycle",
    ),
    "too many cells for noise": (
        nothing,
        "demographics: {epsilon: 1.0, tables: [[country, age_band, gender, education]]}",
        "declare smaller ones",
    ),
    "an extra that is missing": (nothing, "privacy: {presidio: true}", "Presidio is not installed: uv "),
}  # fmt: skip


@pytest.fixture(params=FAULTS)
def fault(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """A workspace whose configuration does not fit, and what is said of it."""
    before, section, said = FAULTS[request.param]
    monkeypatch.setattr(declared_tables, "MAX_CELLS", 1000)
    monkeypatch.setattr(presidio, "is_installed", lambda _: False)
    if "epsilon" in section:
        monkeypatch.setattr(declared_tables, "is_installed", lambda _: True)
    with Workspace.create(tmp_path / "w", BASE) as workspace:
        before(workspace)
    (tmp_path / "w" / CONFIG_NAME).write_text(f"{BASE}{section}\n", encoding="utf-8")
    return tmp_path / "w", said


def test_every_command_refuses_it_with_the_same_line_and_writes_nothing(fault: tuple[Path, str]) -> None:
    folder, said = fault
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".db"}
    for name in sorted(COMMANDS.keys() - {"demo", "init", "down"}):
        arguments = re.findall(
            r"Example: \*\*chatfeedback ([^*]+)\*\*", " ".join((COMMANDS[name].help or "").split())
        )[0].split()
        if name == "sync":
            arguments = ["sync"]
        if name == "people form":
            continue  # it asks before it opens anything
        ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
        assert isinstance(ran.exception, ConfigurationError), (name, ran.output)
        assert said in str(ran.exception), name
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".db"} == files


def test_servers_are_stopped_whatever_does_not_fit(fault: tuple[Path, str]) -> None:
    ran = CliRunner().invoke(app, ["down", "--workspace", str(fault[0])], catch_exceptions=False)
    assert ran.exit_code == 0
    assert "was not running" in ran.output


def test_several_faults_are_counted(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w", BASE) as workspace:
        promise(workspace)
    (tmp_path / "w" / CONFIG_NAME).write_text(
        f"{BASE}rates: {{qualities: 7}}\ndemographics: {{tables: [[shoe_size]]}}\n"
    )
    with pytest.raises(ConfigurationError, match=r"rates\.qualities .* \(and 1 more\)$"):
        Workspace.open(tmp_path / "w")


def test_a_configuration_that_fits_passes_and_a_new_version_of_the_rates_needs_no_more(
    tmp_path: Path,
) -> None:
    with Workspace.create(tmp_path / "w", BASE) as workspace:
        promise(workspace)
    (tmp_path / "w" / CONFIG_NAME).write_text(f"{BASE}rates: {{version: spring, qualities: 7}}\n")
    with Workspace.open(tmp_path / "w") as workspace:
        checks.check_configuration(workspace.config, workspace.store, NOW)


def test_an_extra_comes_from_where_the_workbench_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert install_command("dask").startswith("uv sync --inexact --extra dask --project /")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    (tmp_path / "uv-receipt.toml").write_text("")
    assert re.fullmatch(r"uv tool install --force '/.+\[dask\]'", install_command("dask"))
    monkeypatch.setattr("workspaces.extras._origin", lambda: (None, False))
    (tmp_path / "uv-receipt.toml").unlink()
    assert "'chatfeedback-workbench[dask]'" in install_command("dask")
