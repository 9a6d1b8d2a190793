"""What a lead does with a training set that is written: sign a checkpoint of it, check it, publish it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chatfeedback.steps.written import check_place, columns_of, key_of, mentions, people_in
from exports.dataset import held_still
from exports.difference import conversations_in, listed_in
from exports.gone import gone_by
from exports.publication import HubNotReachedError, NotPublishedError, Published, publish
from exports.release_checkpoints import differs_from, is_checkpoint_of, write_release_checkpoint
from exports.verification import NoExportError, read_manifest, verify_held
from workspaces.errors import UsageError, WorkbenchError, reason_of
from workspaces.files import read_text, write_text
from workspaces.grammar import counted
from workspaces.records import SharingState
from workspaces.store.conversations import entries_of, ids_in
from workspaces.store.deletions import times_of_forgetting
from workspaces.store.tombstones import receipts_of
from workspaces.store.written import begin_writing, end_writing, sources_of, undo_writing, written_at
from workspaces.targets import check_file
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import SecretBytes, SecretStr

    from exports.gone import Gone
    from workspaces.store.written import Begun
    from workspaces.workspace import Workspace

MAX_BYTES, MAX_FEED_BYTES = 1 << 20, 1 << 30
"""Of a checkpoint, and of a feed: some 100 bytes for each item that is gone."""
ENOUGH = 1000
"""Conversations of a release of which a workspace that made it knows one."""


class HoldsDeletedError(WorkbenchError):
    """A release that is to be published holds what was deleted since it was written."""


def checkpoint_release(workspace: Workspace, folder: Path, path: Path | None = None) -> Path:
    """Verify a release, then write its signed checkpoint; return the file.

    Args:
        workspace: whose key signs.
        folder: the release.
        path: the file; None: one in the workspace, named after the kind, the version and the digest.

    Raises:
        NoExportError: ``folder`` holds no export.
        UsageError: the file cannot be written, is in the release, or is something else than a checkpoint of it.
        WorkbenchError: the release is not what was written.
    """
    with held_still(folder):
        manifest, found = read_manifest(folder), verify_held(folder)
        if found.problems:
            raise WorkbenchError(
                f"{folder} is not what was written, so there is nothing to sign: {found.problems[0]} "
                f"('chatfeedback export verify {folder}' tells all)"
            )
        version = (manifest.get("release") or {}).get("version", 1)
        path = path or workspace.path / f"release-checkpoint-{found.kind}-{version}-{found.digest[:8]}.json"
        check_place(workspace, path, found.kind)
        check_file(path)
        _check_replaced(path, folder)
        text = write_release_checkpoint(folder, manifest, utc_now().isoformat(), _key(workspace))
    try:
        write_text(path, text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}") from None
    return path


def _check_replaced(path: Path, folder: Path) -> None:
    """Raise an error where a file is something else than a checkpoint of the release in a folder."""
    try:
        is_same = is_checkpoint_of(folder, read_text(path.expanduser(), MAX_BYTES))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        is_same = False
    if not is_same:
        raise UsageError(f"{path} is something else than a checkpoint of this release: name another file")


def compare_with_checkpoint(workspace: Workspace, folder: Path, path: Path) -> str | None:
    """Return how a release differs from a signed checkpoint; None if it is the same.

    Raises:
        UsageError: the file cannot be read, is no checkpoint, or was signed elsewhere.
    """
    read_manifest(folder)
    try:
        text = read_text(path, MAX_BYTES)
        return differs_from(folder, text, _key(workspace))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def compare_with_feed(folder: Path, path: Path) -> Gone:
    """Return what of a release is gone by the feed of a later one (``exports.gone``).

    Raises:
        UsageError: the file cannot be read, or is no feed of a later release.
    """
    try:
        return gone_by(folder, read_text(path, MAX_FEED_BYTES))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def push_release(
    workspace: Workspace,
    folder: Path,
    repo: str,
    token: SecretStr | None,
    *,
    endpoint: str | None = None,
    private: bool = True,
    squash: bool = False,
    dry_run: bool = False,
) -> Published:
    """Publish a release on the Hugging Face Hub (``exports.publication``), unless it holds what was deleted since.

    Raises:
        HoldsDeletedError: a conversation of it was deleted, or a person of whom it holds something was forgotten.
        UsageError: it lists no items, so that nobody can tell.
    """
    with held_still(folder):
        if held := deleted_in(workspace, folder):
            raise HoldsDeletedError(
                f"{folder} holds {held} since it was written: export it again, then push it"
            )
        begun: list[tuple[str, Begun]] = []

        def announce(address: str) -> None:
            begun.append((address, _note(workspace, folder, address)))

        try:
            done = publish(
                folder,
                repo,
                token,
                endpoint=endpoint,
                private=private,
                squash=squash,
                dry_run=dry_run,
                announce=announce,
            )
        except HubNotReachedError:
            raise  # nobody knows whether it came
        except NotPublishedError:
            with workspace.store.write() as connection:
                for noted in begun:
                    undo_writing(connection, *noted)
            raise
        if squash:  # else the Hub keeps what earlier releases held in its history
            with workspace.store.write() as connection:
                for noted in begun:
                    end_writing(connection, *noted, utc_now())
        return done


def _note(workspace: Workspace, folder: Path, address: str) -> Begun:
    """Note whose data is going to be published at an address: receipts of deletions name it."""
    manifest, tombstones = read_manifest(folder), workspace.tombstones
    listed = listed_in(folder, manifest)
    names = set() if listed is None else {*conversations_in(listed).to_pylist()}
    people = {tombstones.hash_of_person(name) for name in people_in(folder)}
    with workspace.store.write() as connection:
        noted = sources_of(connection, key_of(workspace, folder))
        sources = people | tombstones.hashes_of_ids(names) | noted
        return begin_writing(connection, address, str(manifest["kind"]), sources, utc_now())


def deleted_in(workspace: Workspace, folder: Path) -> str:
    """Say how much a release holds of what was deleted, or is no longer shared, since; empty if nothing.

    It is told from its tables, wherever the folder was moved to, and from what was noted when it was written. Choices
    of a forgotten person stay, without their texts: a release that was made after that may hold them.

    Raises:
        UsageError: it lists no items, or is of another workspace, so that nobody can tell.
    """
    manifest = read_manifest(folder)
    listed = listed_in(folder, manifest)
    if listed is None:
        raise UsageError(
            f"{folder} lists no items, so nobody can tell whether it holds what was deleted: export it again"
        )
    tombstones, path = workspace.tombstones, key_of(workspace, folder)
    names = {*conversations_in(listed).to_pylist()}
    with workspace.store.read() as connection:
        noted, noted_at = sources_of(connection, path), written_at(connection, path)
        conversations = receipts_of(connection, sorted(tombstones.hashes_of_ids(names) | noted))
        forgotten = times_of_forgetting(connection)
        in_state = {
            state: names & ids_in(connection, state)
            for state in (SharingState.SHARED, SharingState.PRIVATE, SharingState.HELD)
        }
    made_at = _time_of(manifest)
    since = {name for name, when in forgotten.items() if made_at is None or made_at <= when}
    in_notes = {name for name in since if tombstones.hash_of_person(name) in noted}
    people = {name for name in in_notes if noted_at is None or noted_at <= forgotten[name]}
    others = since - in_notes
    if others and mentions(folder, columns_of(others)):
        people |= {name for name in others if mentions(folder, columns_of([name]))}
    held = [
        *([f"{counted(len(conversations), 'conversation')} deleted"] if conversations else []),
        *(
            f"{counted(len(some), 'conversation')} made {state}"
            for state, some in in_state.items()
            if some and state is not SharingState.SHARED
        ),
        *([f"something of {counted(len(people), 'person')} forgotten"] if people else []),
    ]
    strange = tombstones.hashes_of_ids(names.difference(*in_state.values())) - conversations.keys()
    if strange and not held:
        raise UsageError(
            f"{folder} holds {counted(len(strange), 'conversation')} of which the workspace {workspace.path} knows "
            "nothing, so it cannot tell whether they were deleted: name the one that made it with --workspace"
        )
    return " and ".join(held)


def is_of_strangers(workspace: Workspace, folder: Path) -> bool:
    """Return whether a folder holds a release of whose conversations a workspace knows none, as far as it looks."""
    try:
        listed = listed_in(folder, read_manifest(folder))
    except NoExportError:
        return False
    names = [] if listed is None else conversations_in(listed).slice(0, ENOUGH).to_pylist()
    with workspace.store.read() as connection:
        known = entries_of(connection, names) or receipts_of(
            connection, sorted(workspace.tombstones.hashes_of_ids(names))
        )
    return bool(names) and not known


def _time_of(manifest: Mapping[str, Any]) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(manifest.get("created_at")))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _key(workspace: Workspace) -> SecretBytes:
    return workspace.key_for("release checkpoint")
