"""What ``export`` does with training sets that were written: verify, compare, sign and publish them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chatfeedback import steps
from chatfeedback.cli.output import HERE, emit_json, note, say
from workspaces.errors import UsageError, WorkbenchError
from workspaces.grammar import counted
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN, ENDPOINT = "HF_TOKEN", "HF_ENDPOINT"
"""Environment variables of the Hub's own client: the token, and the address of another server."""


def verify(
    folder: Path, workspace: Path, checkpoint: Path | None, feed: Path | None, *, as_json: bool
) -> None:
    """Check an export, say what is wrong with it, and fail if something is."""
    from dataclasses import replace

    from exports.verification import verify

    found = verify(folder)
    problems = [*found.problems]
    if checkpoint is not None:
        with Workspace.open(workspace) as opened:
            if (problem := steps.compare_with_checkpoint(opened, folder, checkpoint)) is not None:
                problems.append(problem)
    if feed is not None and not found.problems:
        gone = steps.compare_with_feed(folder, feed)
        if gone.said is not None:
            problems.append(gone.said)
        elif gone.is_later:
            note(
                "Nothing of it is gone, and the feed is of a later release: what changed since, such as answers of "
                "people who were forgotten, is in that one"
            )
    if not found.problems and (workspace != HERE or (workspace / CONFIG_NAME).exists()):
        problems += _held_of_workspace(folder, workspace)
    found = replace(found, problems=tuple(problems))
    if as_json:
        emit_json(found)
    else:
        rows = sum(count for splits in found.rows.values() for count in splits.values())
        say(f"{folder}: {found.kind}, {counted(found.files, 'file')}, {counted(rows, 'row')} in all tables")
        say(f"  digest {found.digest}, written {found.created_at}, ledger {found.ledger_tip or 'none'}")
        for problem in found.problems:
            say(f"  {problem}")
    if found.problems:
        raise WorkbenchError(
            f"{counted(len(found.problems), 'problem')} in {folder}: export it again, or fetch it again from where it "
            "came"
        )
    if not as_json:
        say("It is what was written.")


def _held_of_workspace(folder: Path, workspace: Path) -> list[str]:
    """Return what a workspace says of a release: that it holds what was deleted there since, or nothing."""
    try:
        with Workspace.open(workspace) as opened:
            held = steps.deleted_in(opened, folder)
    except WorkbenchError as error:
        if workspace != HERE:
            raise
        note(f"whether it holds what was deleted since, the workspace here does not tell: {error}")
        return []
    return [f"it holds {held} since it was written"] if held else []


def diff(one: Path, other: Path, *, as_json: bool) -> None:
    """Tell what differs between two releases."""
    from exports.dataset import held_still
    from exports.difference import changes_between, compare, listed_in
    from exports.verification import read_manifest

    manifests, listed = [], []
    for folder in (one, other):
        with held_still(folder):
            manifests.append(read_manifest(folder))
            items = listed_in(folder, manifests[-1])
        if items is None:
            raise UsageError(f"{folder} lists no items to compare: it is of an earlier version, or damaged")
        listed.append(items)
    before, after = listed
    buckets, kinds = manifests[1].get("buckets"), [str(it["kind"]) for it in manifests]
    if kinds[0] != kinds[1]:
        note(
            f"{' and '.join(kinds)} are two exports, so that this tells nothing of one release after another"
        )
    difference = compare(before, after, buckets if isinstance(buckets, int) else 1)
    if as_json:
        changes = changes_between(before, after)
        ids = {"added": changes.added, "removed": changes.removed, "changed": changes.changed}
        emit_json(
            {**difference.as_json(), "ids": {what: sorted(some.to_pylist()) for what, some in ids.items()}}
        )
        return
    say(f"from {one} to {other}: {difference.sentence()}")
    for bucket, counts in difference.buckets.items():
        say(f"  bucket {bucket}: {', '.join(f'{count:,} {what}' for what, count in counts.items())}")


def checkpoint(folder: Path, workspace: Path, output: Path | None, *, as_json: bool) -> None:
    """Sign a release."""
    with Workspace.open(workspace) as opened:
        path = steps.checkpoint_release(opened, folder, output)
    if as_json:
        emit_json({"path": str(path)})
        return
    say(f"{path}: signed. Keep a copy where nobody who can write {folder} can write")
    note(f"Next: chatfeedback export verify {folder} --checkpoint {path}")


def push(folder: Path, repo: str, workspace: Path, options: Mapping[str, bool], *, as_json: bool) -> None:
    """Publish a release on the Hugging Face Hub."""
    from pydantic import SecretStr

    token = os.environ.get(TOKEN)
    if not token and not options.get("dry_run"):
        raise UsageError(
            f"the environment has no {TOKEN}: make a token that may write at https://huggingface.co/settings/tokens, "
            f"and set {TOKEN} to it"
        )
    with Workspace.open(workspace) as opened:
        done = steps.push_release(
            opened,
            folder,
            repo,
            SecretStr(token) if token else None,
            endpoint=os.environ.get(ENDPOINT),
            **options,
        )
    if as_json:
        emit_json(done)
        return
    added = counted(len(done.added), "file")
    files = f"{added} to add or replace, {len(done.removed):,} to remove, {done.kept:,} there"
    say(f"{done.url}: release {done.version}{' (nothing was sent)' if done.dry_run else ''}: {files}")
    if not token:
        note(
            f"Looked at without {TOKEN}: a data set that is private looks as if it was not there, and nothing can be "
            "published"
        )
    if not done.dry_run:
        note(
            f"It has the tag {done.tag} there: load_dataset({repo!r}, ..., revision={done.tag!r}) stays with it"
        )
    if done.removed and not done.dry_run and not options.get("squash"):
        note(
            "The Hub keeps files of earlier releases in its history; after a deletion, drop it: --squash-history"
        )
