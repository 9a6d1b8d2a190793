"""``init`` creates a workspace; ``doctor`` checks one."""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say, table
from workspaces.errors import ConfigurationError, WorkbenchError, together
from workspaces.grammar import counted
from workspaces.registry import PLATFORMS
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MIN_FREE_BYTES = 2 * 1024**3
INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(init)
    app.command()(doctor)


def init(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the defaults.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a workspace: a commented chatfeedback.yaml, the store and its key.

    On a terminal it asks a few questions first and writes the answers into the file; elsewhere it takes the defaults.
    A configuration that is there is kept. Ctrl-C at a question writes nothing.
    Example: **chatfeedback init --workspace my-project**
    """
    from workspaces.config.template import template

    warning = _warning(workspace)
    if warning:
        note(f"warning: {warning}")
    answered, known = None, (workspace / CONFIG_NAME).exists()
    if not (yes or as_json) and sys.stdin.isatty() and not known:
        from chatfeedback.cli.first_questions import ask

        try:
            answered = ask()
        except typer.Abort:
            note("")
            note("chatfeedback: interrupted; nothing was written")
            raise typer.Exit(INTERRUPTED) from None
    with Workspace.create(workspace, template(answered.choices) if answered else None) as made:
        path, managed = made.path, made.servers()
    if as_json:
        warnings = [warning] if warning else []
        emit_json({
            "workspace": path, "configuration": path / CONFIG_NAME, "new": not known, "warnings": warnings
        })  # fmt: skip
        return
    if known:
        say(
            f"There is a workspace already: {path}. Nothing was changed: {CONFIG_NAME}, keys and data are as before."
        )
        say("To see how far the work is: chatfeedback status. To check it: chatfeedback doctor")
        return
    logs = "chatfeedback ingest FILE" if answered is None or answered.own_logs else OTHER_LOGS
    say(
        f"Workspace {path}. Look at mix, rates and contact in {CONFIG_NAME}, then: "
        f"{'chatfeedback up, ' if managed else ''}{logs}"
    )
    say("Back up secrets/pseudonym.key: without it everyone becomes a new person.")


OTHER_LOGS = "chatfeedback demo (with a sample), or chatfeedback ingest hf:OWNER/DATASET (docs/chat-logs.md)"


def _warning(workspace: Path) -> str | None:
    """Return a warning where git would track what the workspace will hold."""
    from chatfeedback.cli.git_repository import tracking_repository

    root = tracking_repository(workspace)
    if root is None:
        return None
    return (
        f"{workspace.resolve()} lies in the git repository {root}, which would track its chat logs and keys: choose a "
        f"folder elsewhere with --workspace, or name this one in {root / '.gitignore'}"
    )


def doctor(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Check the configuration, the ledger, the platforms and this machine; exit with 0 if all is well.

    An open door, which lets annotators of a platform see or do what is not theirs, is a warning.

    Example: **chatfeedback doctor**
    """
    from chatfeedback import steps

    findings: list[tuple[str, bool, str]] = [
        ("Python", sys.version_info >= (3, 11), sys.version.split()[0]),
        ("SQLite", True, f"{sqlite3.sqlite_version}"),
    ]
    doors: dict[str, tuple[str, ...]] = {}
    useless: set[str] = set()
    failures: list[WorkbenchError] = []
    with Workspace.open(workspace) as opened:
        free = shutil.disk_usage(opened.path).free
        findings.append(("disk", free > MIN_FREE_BYTES, f"{free / 1024**3:.1f} GiB free"))
        findings.append(("store", True, opened.store.engine.url.render_as_string()))
        findings.append(("configuration", True, str(opened.path / CONFIG_NAME)))
        findings.append(_files(opened))
        findings.append(_ledger(opened))
        for found in steps.findings(opened):
            findings.append((found.name, found.ok, found.detail))
            if found.warning:
                useless.add(found.name)
            elif not found.ok:
                failures.append(ConfigurationError(found.detail))
        for name in opened.config.platforms.names():
            try:
                with opened.platform(name) as platform:
                    findings.append((name, True, platform.check()))
                    doors[name] = platform.open_doors()
                    if at := steps.address_finding(opened, name):
                        findings.append((at.name, at.ok, at.detail))
                        useless.update([at.name] if at.warning else [])
                    if opened.config.routing.enabled:
                        found = steps.routing_finding(opened, platform)
                        findings.append((found.name, found.ok, found.detail))
                        if found.warning:
                            useless.add(found.name)
                    for drifted in steps.drift_findings(opened, platform):
                        findings.append((drifted.name, drifted.ok, drifted.detail))
                        useless.add(drifted.name)
                    if kept_away := steps.events_kept_away(opened, platform):
                        findings.append((kept_away.name, kept_away.ok, kept_away.detail))
                        useless.add(kept_away.name)
            except WorkbenchError as error:
                failures.append(error)
                findings.append((name, False, str(error)))
    if as_json:
        emit_json(
            {
                name: {"ok": ok, "detail": detail, **_capabilities(name), **_open_doors(name, doors)}
                | ({"warning": True} if name in useless else {})
                for name, ok, detail in findings
            }
        )
    else:
        rows = [
            (_shown(name), "WARNING" if name in useless else "ok" if ok else "WRONG", detail)
            for name, ok, detail in findings
        ]
        rows += [
            (_shown(name), "OPEN DOOR", door) for name, open_doors in doors.items() for door in open_doors
        ]
        table("Doctor", ["what", "result", "detail"], rows)
    if failures:
        raise together(failures)
    if wrong := [name for name, ok, _ in findings if not ok]:
        raise WorkbenchError(f"not well: {', '.join(wrong)}")


def _shown(name: str) -> str:
    """Return what a finding is called in the table: a platform by its title."""
    return PLATFORMS[name].title if name in PLATFORMS else name


def _capabilities(name: str) -> dict[str, dict[str, bool]]:
    """Return the capabilities of a platform for its finding; empty for any other finding."""
    return {"capabilities": asdict(PLATFORMS[name].capabilities)} if name in PLATFORMS else {}


def _open_doors(name: str, doors: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the open doors of a platform that answered for its finding; empty for any other finding."""
    return {"open_doors": doors[name]} if name in doors else {}


def _files(workspace: Workspace) -> tuple[str, bool, str]:
    if open_to_others := workspace.readable_by_others():
        first = open_to_others[0].relative_to(workspace.path)
        more = f" and {len(open_to_others) - 1:,} more" if len(open_to_others) > 1 else ""
        advice = f"chmod -R go= {shlex.quote(str(workspace.path))}"
        return ("files", False, f"others on this machine may open {first}{more}: run {advice}")
    return ("files", True, "open to you alone")


def _ledger(workspace: Workspace) -> tuple[str, bool, str]:
    from chatfeedback.steps import verify_ledger

    try:
        verification = verify_ledger(workspace)
    except WorkbenchError as error:  # the workspace's checkpoint cannot be used
        return ("ledger", False, str(error))
    whole = f"{counted(verification.transactions, 'transaction')}, whole"
    return (
        "ledger",
        verification.is_whole,
        whole if verification.is_whole else verification.problems[0],
    )
