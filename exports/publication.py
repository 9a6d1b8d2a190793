"""Publishing an export on the Hugging Face Hub: one commit that holds the release, and nothing of the one before."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from exports.dataset import ATTRIBUTES, CARD, FORMAT, MANIFEST, SUMS
from exports.difference import first_of
from exports.hub_refs import drop_history, tag_of, tag_release
from exports.licences import licence_conflicts
from exports.tables import sha256_of
from exports.verification import read_manifest, verify_held
from task_generators.hub import is_on_the_way
from workspaces.errors import ConnectionFailedError, UsageError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from pydantic import SecretStr

REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token is made of. Source: RFC 6750, section 2.1."""


class NotPublishedError(WorkbenchError):
    """The Hub did not take the release: what is published there is as it was."""


class HubNotReachedError(NotPublishedError):
    """Nothing came to the Hub, or nothing came back."""

    exit_code = ConnectionFailedError.exit_code


class HistoryKeptError(WorkbenchError):
    """The release is published, and the Hub keeps the history that was to be dropped."""


class NoTagError(WorkbenchError):
    """The release is published, and has no tag there."""


@dataclass(frozen=True, slots=True)
class Published:
    """A push: the files that the commit adds or replaces, those that it removes, and those that are there already.

    ``url`` is that of the data set, ``private`` whether a new one is private; ``dry_run``: nothing was sent. ``before``
    is the version that was published before, ``tag`` names the release there.
    """

    url: str
    version: int
    tag: str
    before: int | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int
    private: bool
    dry_run: bool


def publish(
    folder: Path,
    repo: str,
    token: SecretStr | None,
    *,
    endpoint: str | None = None,
    private: bool = True,
    squash: bool = False,
    dry_run: bool = False,
    announce: Callable[[str], None] = lambda _: None,
) -> Published:
    """Publish an export as a data set on the Hub, which is made if it is not there.

    Everything goes in one commit upon the one that was seen: the Hub has the release before or this one. It is planned
    from the files that are there: those that this release has not are removed by the same commit, and the Hub keeps
    them in its history.

    Args:
        folder: an export that passes ``verify``; it is held still (``exports.dataset.held_still``).
        repo: ``owner/name``.
        token: one that may write there; None for a dry run alone, which then sees what everybody sees.
        endpoint: of another server than the Hub.
        private: a data set that is made now is private. One that is there stays as it is.
        squash: drop the history on the Hub afterwards, with all that earlier releases held and their tags. It does not
            come back.
        dry_run: say what would be sent, and send nothing.
        announce: is told the address of the data set before anything is sent there.

    Raises:
        NoExportError: ``folder`` holds no export.
        UsageError: ``repo`` is no name of a data set, the token or the address is none, or the data set there is no
            export of this kind, a later release, or one of another history.
        NotPublishedError: the export is not what was written, its licences do not go together, or the Hub says no.
        HubNotReachedError: the Hub cannot be reached.
        HistoryKeptError: everything is published, and the history was not dropped, or somebody's tag, branch or pull
            request keeps some of it.
        NoTagError: everything is published, and has no tag.
    """
    if not REPO.fullmatch(repo):
        raise UsageError(f"{repo!r} names no data set on the Hub: expected OWNER/NAME")
    if token is None and not dry_run:
        raise UsageError("a token is needed to publish")
    secret = None if token is None else _secret(token)
    _check_endpoint(endpoint)
    manifest = read_manifest(folder)
    if problems := verify_held(folder).problems:
        raise NotPublishedError(
            f"{folder} is not what was written ({problems[0]}): export it again; 'chatfeedback export verify {folder}' "
            "tells all"
        )
    if conflicts := licence_conflicts(manifest.get("licences") or {}):
        raise NotPublishedError(
            f"{folder} is not to be published: {'; '.join(conflicts)}. Export what goes together, with --licence or "
            "--source"
        )
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi  # takes long to import
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    # their version of httpx changes: the base of their own error is what it raises
    errors: tuple[type[Exception], ...] = (
        HfHubHTTPError.__bases__[0],
        OSError,
        ValueError,
        RuntimeError,
    )
    api = HfApi(endpoint=endpoint or None, token=secret or False)  # False: none from elsewhere
    sha: str | None = None
    try:
        try:
            sha = api.repo_info(repo, repo_type="dataset").sha
        except RepositoryNotFoundError:
            there: dict[str, Any] = {}
        else:
            there = _files_there(api, repo, sha)
        before = _manifest_there(api, repo, sha) if sha is not None and MANIFEST in there else None
        _check(before, manifest, repo, there)
        result = _planned(
            api.endpoint, repo, folder, manifest, there, before, private=private, dry_run=dry_run
        )
        if dry_run:
            return result
        announce(result.url)
        if sha is None:
            api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        if result.added or result.removed:
            # not upload_folder: where a commit fails, it goes on in several smaller ones
            sha = api.create_commit(
                repo,
                [
                    *(CommitOperationAdd(name, folder / name) for name in result.added),
                    *(CommitOperationDelete(name, is_folder=False) for name in result.removed),
                ],
                repo_type="dataset",
                commit_message=f"Release {result.version}",
                parent_commit=sha,
            ).oid
    except HFValidationError as error:
        raise UsageError(f"{repo!r} names no data set on the Hub: {_said(error, secret)}") from None
    except errors as error:
        reason, end = _said(error, secret), "The folder and what the Hub had are as they were; run it again"
        if is_on_the_way(error):
            raise HubNotReachedError(
                f"{repo} was not published: the Hub at {api.endpoint} cannot be reached ({reason}). {end}"
            ) from None
        raise NotPublishedError(f"{repo} was not published: {reason}. {end}") from None
    try:
        kept = drop_history(api, repo, result.version) if squash else []
        if sha is not None and not squash:
            tag_release(api, repo, result.version, sha)
    except errors as error:
        failed, what = (
            (HistoryKeptError, "history was not dropped") if squash else (NoTagError, "tag was not set")
        )
        left = "Earlier releases can still be read there: run" if squash else "Run"
        raise failed(
            f"release {result.version} of {repo} is published, and its {what}: {_said(error, secret)}. {left} it again"
        ) from None
    if kept:
        raise HistoryKeptError(
            f"release {result.version} of {repo} is published and its history was dropped, but earlier releases can "
            f"still be read there by {', '.join(kept)}: delete that at {result.url}, and run it again"
        )
    return result


def _secret(token: SecretStr) -> str:
    """Return the token as it is sent; no error shows it."""
    secret = token.get_secret_value().strip()
    if not TOKEN.fullmatch(secret):
        raise UsageError(
            "the token holds what no token does, as a space, a line break or a letter with an accent: copy it again "
            "from https://huggingface.co/settings/tokens"
        )
    return secret


def _check_endpoint(endpoint: str | None) -> None:
    if not endpoint:
        return
    try:
        address = urlsplit(endpoint)
        sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:  # a port or an address that is none
        sound = False
    if not sound:
        raise UsageError("the address of the Hub is none: expected one as https://huggingface.co")


def _said(error: BaseException, secret: str | None) -> str:
    said = " ".join(str(error).split())
    return (said if secret is None else said.replace(secret, "***")) or type(error).__name__


def _files_there(api: Any, repo: str, sha: str | None) -> dict[str, Any]:
    """Return what the Hub holds at a commit by path, each with the checksums that it tells."""
    from huggingface_hub.hf_api import RepoFile

    tree = api.list_repo_tree(repo, recursive=True, repo_type="dataset", revision=sha)
    return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}


def _manifest_there(api: Any, repo: str, sha: str) -> dict[str, Any]:
    """Return the manifest of what is published."""
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
        if others := sorted({*published} - {ATTRIBUTES, CARD}):
            raise UsageError(f"{repo} holds {others[0]!r} and no export: name another data set")
        return
    if before.get("format") != FORMAT or before.get("kind") != manifest["kind"]:
        raise UsageError(f"{repo} is no '{manifest['kind']}' export: name another data set")
    if _version(before) > _version(manifest):
        raise UsageError(
            f"{repo} has release {_version(before)}, and this folder release {_version(manifest)}: it is older, or has "
            "a history of its own. Export into the folder that was published, or name another data set"
        )
    one, other = _digests(before), _digests(manifest)
    begun, begins = first_of(before), first_of(manifest)
    apart = begun is not None and begins is not None and begun != begins
    if apart or any(one[version] != other[version] for version in one.keys() & other.keys()):
        raise UsageError(
            f"{repo} has a release {_version(before)} of another history, and what it says of deletions would be lost. "
            "Export into the folder that was published, or name another data set"
        )


def _digests(manifest: Mapping[str, Any]) -> dict[int, object]:
    """Return the digests of the releases that a manifest tells of, by version: its own, and the one before it."""
    release, version = manifest.get("release"), _version(manifest)
    previous = release.get("previous") if isinstance(release, dict) else None
    earlier = {} if not isinstance(previous, dict) else {version - 1: previous.get("digest")}
    return {version: manifest.get("digest"), **earlier}


def _planned(
    endpoint: str,
    repo: str,
    folder: Path,
    manifest: Mapping[str, Any],
    there: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    *,
    private: bool,
    dry_run: bool,
) -> Published:
    ours = {*manifest["files"], MANIFEST, SUMS}
    kept = {name for name in ours & there.keys() if _is_there(folder / name, there[name])}
    return Published(
        url=f"{endpoint.rstrip('/')}/datasets/{repo}",
        version=_version(manifest),
        tag=tag_of(_version(manifest)),
        before=None if before is None else _version(before),
        added=tuple(sorted(ours - kept)),
        removed=tuple(sorted(there.keys() - ours - {ATTRIBUTES})),
        kept=len(kept),
        private=private,
        dry_run=dry_run,
    )


def _is_there(path: Path, there: Any) -> bool:
    """Return whether the Hub holds the bytes of a file: it tells the sha256 of large files, and Git's id of others."""
    if there.lfs is not None:
        return bool(there.lfs.sha256 == sha256_of(path))
    content = path.read_bytes() if path.stat().st_size == there.size else None
    return content is not None and there.blob_id == blob_of(content)


def blob_of(content: bytes) -> str:
    """Return the id that Git gives a file. Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _version(manifest: Mapping[str, Any]) -> int:
    release = manifest.get("release")
    version = release.get("version") if isinstance(release, dict) else 1
    return version if isinstance(version, int) else 1
