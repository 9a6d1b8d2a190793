"""Names of commits on the Hugging Face Hub: a tag for each release, and whatever keeps an earlier one readable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import GitRefs

KIND = "dataset"
BRANCH = "main"
OURS = re.compile(r"release-\d+")


def tag_of(version: int) -> str:
    """Return the tag of a release, which ``load_dataset(..., revision=...)`` takes."""
    return f"release-{version}"


def tag_release(api: HfApi, repo: str, version: int, commit: str) -> None:
    """Give a commit the tag of its release; a tag of that name on another commit is moved."""
    tag = tag_of(version)
    there = {it.name: it.target_commit for it in api.list_repo_refs(repo, repo_type=KIND).tags}
    if there.get(tag) == commit:
        return
    if tag in there:
        api.delete_tag(repo, tag=tag, repo_type=KIND)
    api.create_tag(repo, tag=tag, revision=commit, repo_type=KIND)


def drop_history(api: HfApi, repo: str, version: int) -> list[str]:
    """Make one commit of a data set's main branch, with the tag of the release that it holds.

    Tags of releases before are removed. Returns the other names that keep earlier commits readable: tags, branches and
    pull requests that somebody made there.
    """
    api.super_squash_history(repo, branch=BRANCH, repo_type=KIND)
    refs = api.list_repo_refs(repo, repo_type=KIND, include_pull_requests=True)
    (commit,) = (it.target_commit for it in refs.branches if it.name == BRANCH)
    for tag in refs.tags:
        if OURS.fullmatch(tag.name) and tag.name != tag_of(version) and tag.target_commit != commit:
            api.delete_tag(repo, tag=tag.name, repo_type=KIND)
    tag_release(api, repo, version, commit)
    return _others(refs, commit)


def _others(refs: GitRefs, commit: str) -> list[str]:
    named = [
        *((f"tag {it.name}", it) for it in refs.tags if not OURS.fullmatch(it.name)),
        *((f"branch {it.name}", it) for it in refs.branches),
        *((f"pull request {it.name}", it) for it in refs.pull_requests or ()),
    ]
    return [name for name, it in named if it.target_commit != commit]
