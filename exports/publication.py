"""Publishing an export on the Hugging Face Hub: one commit that holds the release, and nothing of the one before."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exports.dataset import FORMAT, MANIFEST, SUMS
from exports.verification import read_manifest, verify
from workspaces.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pydantic import SecretStr

REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class NotPublishedError(WorkbenchError):
    """The Hub did not take the release: what is published there is as it was."""


@dataclass(frozen=True, slots=True)
class Published:
    """A push: the files that the commit adds or replaces, those that it removes, and those that are there already.

    ``url`` is that of the data set, ``private`` whether a new one is private; ``dry_run``: nothing was sent. ``before``
    is the version that was published before.
    """

    url: str
    version: int
    before: int | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int
    private: bool
    dry_run: bool


def publish(
    folder: Path,
    repo: str,
    token: SecretStr,
    *,
    endpoint: str | None = None,
    private: bool = True,
    squash: bool = False,
    dry_run: bool = False,
) -> Published:
    """Publish an export as a data set on the Hub, which is made if it is not there.

    Everything goes in one commit upon the one that was seen: the Hub has the release before or this one. Files of the
    release before that this one has not are removed by the same commit; the Hub keeps them in its history.

    Args:
        folder: an export that passes ``verify``.
        repo: ``owner/name``.
        token: one that may write there.
        endpoint: of another server than the Hub.
        private: a data set that is made now is private. One that is there stays as it is.
        squash: drop the history on the Hub afterwards, with all that earlier releases held. It does not come back.
        dry_run: say what would be sent, and send nothing.

    Raises:
        NoExportError: ``folder`` holds no export.
        UsageError: ``repo`` is no name of a data set, or the data set there is no export of this kind, or a later one.
        NotPublishedError: the export is not what was written, or the Hub cannot be reached or says no.
    """
    if not REPO.fullmatch(repo):
        raise UsageError(f"{repo!r} names no data set on the Hub: expected OWNER/NAME")
    manifest = read_manifest(folder)
    if problems := verify(folder).problems:
        raise NotPublishedError(
            f"{folder} is not what was written ({problems[0]}): export it again; 'chatfeedback export verify {folder}' "
            "tells all"
        )
    from httpx import HTTPError  # the client takes long to import
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    api = HfApi(endpoint=endpoint, token=token.get_secret_value())
    sha: str | None = None
    try:
        try:
            sha = api.repo_info(repo, repo_type="dataset").sha
        except RepositoryNotFoundError:
            published: set[str] = set()
        else:
            published = set(api.list_repo_files(repo, repo_type="dataset", revision=sha))
        before = _manifest_there(api, repo, sha, published) if sha is not None else None
        _check(before, manifest, repo, published)
        result = _planned(api.endpoint, repo, folder, manifest, before, private=private, dry_run=dry_run)
        if dry_run:
            return result
        if sha is None:
            api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        if result.added or result.removed:
            # not upload_folder: where a commit fails, it goes on in several smaller ones
            api.create_commit(
                repo,
                [
                    *(CommitOperationAdd(name, folder / name) for name in result.added),
                    *(CommitOperationDelete(name, is_folder=False) for name in result.removed),
                ],
                repo_type="dataset",
                commit_message=f"Release {result.version}",
                parent_commit=sha,
            )
        if squash:
            api.super_squash_history(repo, repo_type="dataset")
    except (HTTPError, OSError, HFValidationError, ValueError) as error:
        said = " ".join(str(error).split()).replace(token.get_secret_value(), "***")
        raise NotPublishedError(
            f"{repo} was not published: {said or type(error).__name__}. The folder and what the Hub had are as they "
            "were; run it again"
        ) from None
    return result


def _manifest_there(api: Any, repo: str, sha: str, published: Collection[str]) -> dict[str, Any] | None:
    """Return the manifest of what is published; None where there is none."""
    if MANIFEST not in published:
        return None
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as cache:
        path = api.hf_hub_download(repo, MANIFEST, repo_type="dataset", revision=sha, local_dir=cache)
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (a path of theirs)
            found = json.load(file)
    return found if isinstance(found, dict) else {}


def _check(
    before: Mapping[str, Any] | None, manifest: Mapping[str, Any], repo: str, published: Collection[str]
) -> None:
    """Raise an error where the push would replace something else than an earlier release of this export."""
    if before is None:
        if others := sorted(set(published) - {".gitattributes", "README.md"}):
            raise UsageError(f"{repo} holds {others[0]!r} and no export: name another data set")
        return
    if before.get("format") != FORMAT or before.get("kind") != manifest["kind"]:
        raise UsageError(f"{repo} is no '{manifest['kind']}' export: name another data set")
    if _version(before) > _version(manifest):
        raise UsageError(
            f"{repo} has release {_version(before)}, and this folder release {_version(manifest)}: it is older, or has "
            "a history of its own. Export into the folder that was published, or name another data set"
        )


def _planned(
    endpoint: str,
    repo: str,
    folder: Path,
    manifest: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    private: bool,
    dry_run: bool,
) -> Published:
    from exports.tables import sha256_of

    ours = {**manifest["files"], MANIFEST: sha256_of(folder / MANIFEST)}
    theirs = {} if before is None else dict(before.get("files") or {})
    same = before == manifest
    added = sorted(
        name for name, sha in ours.items() if theirs.get(name) != sha and not (same and name == MANIFEST)
    )
    return Published(
        url=f"{endpoint}/datasets/{repo}",
        version=_version(manifest),
        before=None if before is None else _version(before),
        added=tuple(added if same else sorted([*added, SUMS])),
        removed=tuple(sorted(theirs.keys() - ours.keys())),
        kept=sum(theirs.get(name) == sha for name, sha in ours.items()),
        private=private,
        dry_run=dry_run,
    )


def _version(manifest: Mapping[str, Any]) -> int:
    release = manifest.get("release")
    return int(release["version"]) if isinstance(release, dict) else 1
