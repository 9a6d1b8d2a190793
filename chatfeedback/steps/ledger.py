"""What a lead does with the ledger: verify it, sign a checkpoint, export it, correct points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.rules import keep_rules, use_rules
from chatfeedback.steps.written import noted
from reward_engine import Tip, Verification, adjust, release_expired, verify
from reward_engine.chain import GENESIS
from reward_engine.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from reward_engine.ledger_export import export_ledger, people_in
from workspaces.errors import UsageError, WorkbenchError, reason_of
from workspaces.files import read_text, write_text
from workspaces.store.written import LEDGER
from workspaces.targets import check_file, check_folder
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretBytes

    from chatfeedback.steps.advance import Advance
    from workspaces.workspace import Workspace

CHECKPOINT_NAME = "ledger-checkpoint.json"
MAX_BYTES = 16 * 1024 * 1024
"""Of a checkpoint or a manifest."""

MOST_POINTS = 1_000_000_000
"""Of one correction: a mistyped number of the size of a column would keep every later payment from being posted."""


def verify_ledger(
    workspace: Workspace,
    *,
    known_tip: str | None = None,
    manifest: Path | None = None,
    checkpoint: Path | None = None,
    advance: Advance = ignore,
) -> Verification:
    """Verify the ledger, also against a known tip, an export's manifest or a checkpoint.

    Without a ``checkpoint``, the workspace's own checkpoint is used if it exists.

    Raises:
        UsageError: the manifest or the checkpoint cannot be read, or is not one.
    """
    anchors: list[tuple[str, Tip | str]] = []
    if known_tip is not None:
        anchors.append(("the tip given", known_tip))
    if manifest is not None:
        anchors.append((str(manifest), _tip_of_manifest(manifest)))
    own = workspace.path / CHECKPOINT_NAME
    if checkpoint is None and own.exists():
        checkpoint = own
    if checkpoint is not None:
        anchors.append((str(checkpoint), _tip_of_checkpoint(checkpoint, _key(workspace))))
    with workspace.store.read() as connection:
        return verify(connection, anchors, advance)


def checkpoint_ledger(
    workspace: Workspace, path: Path | None = None, *, advance: Advance = ignore
) -> Checkpoint:
    """Verify the ledger, then write its tip to a signed file; return the checkpoint.

    Args:
        workspace: the workspace.
        path: the file; None: ``ledger-checkpoint.json`` in the workspace.
        advance: called with the number of transactions verified since the last call.

    Raises:
        UsageError: the file cannot be written.
        WorkbenchError: the ledger is not whole, which a checkpoint would hide.
    """
    path = path or workspace.path / CHECKPOINT_NAME
    check_file(path)
    verification = verify_ledger(workspace, advance=advance)
    if not verification.is_whole:
        raise WorkbenchError(
            f"the ledger is not whole, so there is nothing to sign: {verification.problems[0]} "
            "('chatfeedback ledger verify' tells all)"
        )
    checkpoint = Checkpoint(verification.tip, utc_now())
    try:
        write_text(path, write_checkpoint(checkpoint, _key(workspace)))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}") from None
    return checkpoint


def adjust_points(
    workspace: Workspace, person_id: str, points: int, *, reason: str, author: str
) -> tuple[int, bool]:
    """Post a lead's correction; return its number in the ledger, and whether it is new.

    Raises:
        UsageError: the points are 0 or too many, or the reason or the author is blank.
    """
    reason, author = " ".join(reason.split()), " ".join(author.split())
    if not points or not reason or not author:
        raise UsageError("a correction needs points other than 0, a reason and an author")
    if abs(points) > MOST_POINTS:
        raise UsageError(
            f"a correction moves at most {MOST_POINTS:,} points, and {points:,} were given: check the number"
        )
    with workspace.exclusive():
        book = use_rules(workspace)
        with workspace.store.write() as connection:
            keep_rules(connection, book)
            return adjust(
                connection,
                person_id,
                points,
                reason=reason,
                author=author,
                rules_version=workspace.config.rates.version,
                now=utc_now(),
            )


def release_expired_holds(workspace: Workspace) -> int:
    """Give back the points of every expired hold; return how many there were."""
    released = 0
    while True:
        with workspace.store.write() as connection:
            count = release_expired(connection, utc_now())
        released += count
        if count == 0:
            return released


def export_entries(workspace: Workspace, folder: Path) -> tuple[int, list[Path]]:
    """Write the ledger's entries as CSV and Parquet; return their number, and the files.

    Raises:
        UsageError: the folder cannot be written.
    """
    check_folder(folder)
    try:
        with workspace.exclusive(), noted(workspace, folder, LEDGER) as writing:
            with workspace.store.read() as connection:
                people = people_in(connection)
            writing.announce(people, ())
            with workspace.store.read() as connection:
                return export_ledger(connection, folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {reason_of(error)}") from None


def _tip_of_manifest(path: Path) -> str:
    try:
        noted = json.loads(read_text(path, MAX_BYTES))["ledger_tip"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{path} is no manifest of an export: it names no ledger_tip") from None
    return GENESIS if noted is None else str(noted)


def _tip_of_checkpoint(path: Path, key: SecretBytes) -> Tip:
    try:
        return read_checkpoint(read_text(path, MAX_BYTES), key).tip
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
    except UsageError as error:
        raise UsageError(f"{path} cannot be used: {error}") from None


def _key(workspace: Workspace) -> SecretBytes:
    return workspace.key_for("ledger checkpoint")
