"""``export push``: one commit to the Hub (here a local stand-in), from which ``datasets`` loads the release."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

import exports
from exports import Evidence, projection_of
from exports.publication import (
    HistoryKeptError,
    HubNotReachedError,
    NoTagError,
    NotPublishedError,
    blob_of,
    publish,
)
from exports.verification import verify
from exports.weights import Weights
from tests import hub_stand_in
from tests.unit.exports.export_records import NOW
from tests.unit.exports.test_dataset import export, sample
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub_stand_in import Hub

REPO = "lab/pairs"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with hub_stand_in.running() as running:
        yield running


def held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def published(hub: Hub) -> dict[str, bytes]:
    """Return what is published but for the file that the Hub adds."""
    return {name: text for name, text in hub.files[REPO].items() if name != ".gitattributes"}


def push(hub: Hub, folder: Path, **options: Any) -> object:
    return publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, **options)


def test_what_is_published_is_the_release_and_nothing_of_the_one_before(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(12))
    planned = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, dry_run=True)
    assert hub.files == {}
    first = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url)
    assert (first.added, first.removed) == (planned.added, ())
    assert set(first.added) == set(held(folder))
    assert published(hub) == held(folder)
    assert hub.private[REPO]
    again = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url)
    assert (again.added, again.removed, len(hub.commits)) == ((), (), 1)

    world = sample(12)
    del world.conversations[3]
    export(folder, world)
    second = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, squash=True)
    assert published(hub) == held(folder)
    assert (second.before, second.version, hub.squashed) == (1, 2, [REPO])
    assert second.removed
    assert second.kept > 0


def test_a_push_that_fails_leaves_folder_and_hub_as_they_were(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(6))
    push(hub, folder)
    earlier = published(hub)
    export(folder, sample(8))
    before = held(folder)
    hub.fails = 1
    with pytest.raises(NotPublishedError, match="was not published") as caught:
        push(hub, folder)
    assert hub.token not in str(caught.value)
    assert published(hub) == earlier
    assert held(folder) == before
    push(hub, folder)
    assert published(hub) == before
    with pytest.raises(NotPublishedError):
        publish(folder, REPO, SecretStr("wrong"), endpoint=hub.url)


def test_what_licences_forbid_is_not_published(hub: Hub, tmp_path: Path) -> None:
    """An export for one's own use (--any-licence) stays at home, private or not."""
    made = sample(6)
    made.conversations = [
        replace(chat, licence=licence)
        for chat, licence in zip(made.conversations, ["GPL-3.0", "cc-by-nc-4.0"] * 3, strict=True)
    ]
    evidence = Evidence(made.tasks, made.annotations, made.contexts, Weights())
    exports.export(
        tmp_path / "dpo", projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW, any_licence=True
    )
    for options in ({}, {"dry_run": True}, {"private": False}):
        with pytest.raises(NotPublishedError, match=r"GPL-3\.0 allows commercial use.*--licence"):
            push(hub, tmp_path / "dpo", **options)
    assert hub.files == {}


def test_what_is_no_release_of_this_export_is_never_replaced(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(6))
    hub.files[REPO], hub.private[REPO] = {"thesis.txt": b"years"}, False
    with pytest.raises(UsageError, match=r"holds 'thesis\.txt' and no export"):
        push(hub, folder)
    del hub.files[REPO]
    push(hub, folder)
    export(tmp_path / "kto", sample(6), name="kto")
    with pytest.raises(UsageError, match="is no 'kto' export"):
        push(hub, tmp_path / "kto")
    export(folder, sample(8))
    push(hub, folder)
    export(tmp_path / "other", sample(6))
    with pytest.raises(UsageError, match="has release 2, and this folder release 1"):
        push(hub, tmp_path / "other")
    for name, reason in {"pairs": "OWNER/NAME", "lab/pa..irs": r"'lab/pa\.\.irs' names no data set"}.items():
        with pytest.raises(UsageError, match=reason):
            publish(folder, name, SecretStr(hub.token), endpoint=hub.url)
    (folder / "README.md").write_text("scribble", "utf-8")
    with pytest.raises(NotPublishedError, match="is not what was written"):
        push(hub, folder)


@pytest.mark.parametrize("end", ["\n", " ", "\r\n", "\t"])
def test_space_around_a_token_is_not_part_of_it(hub: Hub, tmp_path: Path, end: str) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(2))
    publish(folder, REPO, SecretStr(hub.token + end), endpoint=hub.url)
    assert published(hub) == held(folder)


@pytest.mark.parametrize(
    "token", ["hf_SE CRET", "hf_SECR\u00c9T", "hf_SECRET\nhf_SECRET", "hf_SECRET\x00", " "]
)
def test_what_is_no_token_is_refused_and_not_shown(hub: Hub, tmp_path: Path, token: str) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(2))
    with pytest.raises(UsageError, match="copy it again") as caught:
        publish(folder, REPO, SecretStr(token), endpoint=hub.url)
    assert "SE" not in str(caught.value)
    assert hub.requests == []


def test_a_hub_that_is_not_there_is_told_in_our_words(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotPublishedError, match="run it again"):
        publish(folder, REPO, SecretStr(hub.token), endpoint=f"http://127.0.0.1:{port}")
    for address in ("nowhere", "ftp://example.org", "http://", "http://[", "http://a:b", "https://a:99999"):
        with pytest.raises(UsageError, match="address of the Hub"):
            publish(folder, REPO, SecretStr(hub.token), endpoint=address)


def test_a_release_whose_history_stays_is_published_and_dropped_by_the_next_run(
    hub: Hub, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(4))
    hub.squash_fails = True
    with pytest.raises(HistoryKeptError, match=r"release 1 of lab/pairs is published.*run it again"):
        push(hub, folder, squash=True)
    assert published(hub) == held(folder)
    hub.squash_fails = False
    push(hub, folder, squash=True)
    assert (hub.squashed, len(hub.commits)) == ([REPO], 1)


def test_each_release_has_its_tag_and_a_dropped_history_leaves_that_of_the_newest(
    hub: Hub, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(4))
    hub.tag_fails = True
    with pytest.raises(NoTagError, match=r"release 1 of lab/pairs is published.*Run it again"):
        push(hub, folder)
    hub.tag_fails = False
    push(hub, folder)
    first = hub.sha(REPO)
    assert (hub.tags[REPO], len(hub.commits)) == ({"release-1": first}, 1)
    export(folder, sample(6))
    hub.tags[REPO]["release-2"] = first  # somebody was first
    push(hub, folder)
    assert hub.tags[REPO] == {"release-1": first, "release-2": hub.sha(REPO)}

    hub.tags[REPO]["paper"] = hub.branches.setdefault(REPO, {})["draft"] = first
    with pytest.raises(
        HistoryKeptError, match=r"still be read there by tag paper, branch draft: delete that at"
    ):
        push(hub, folder, squash=True)
    assert hub.tags[REPO] == {"paper": first, "release-2": hub.sha(REPO)}
    del hub.tags[REPO]["paper"], hub.branches[REPO]["draft"]
    push(hub, folder, squash=True)
    assert hub.tags[REPO] == {"release-2": hub.sha(REPO)}


def test_a_release_of_another_history_replaces_nothing(hub: Hub, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    export(ours, sample(6))
    push(hub, ours)
    export(theirs, sample(8))
    before = dict(hub.files[REPO])
    for size in (8, 10):  # another first release, and a second one that follows another first one
        export(theirs, sample(size))
        with pytest.raises(UsageError, match="release 1 of another history"):
            push(hub, theirs)
    assert hub.files[REPO] == before
    export(ours, sample(10))
    push(hub, ours)
    with pytest.raises(UsageError, match="release 2 of another history"):
        push(hub, theirs)
    assert published(hub) == held(ours)
    for size in (8, 10, 12, 14):  # as many releases further on as nobody can compare one by one
        export(theirs, sample(size))
    with pytest.raises(UsageError, match="of another history"):
        push(hub, theirs)


def test_whatever_happened_to_the_files_on_the_hub_a_push_makes_them_the_release(
    hub: Hub, tmp_path: Path
) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(6))
    push(hub, folder)
    everything = sorted(held(folder))
    for names in (everything, ["SHA256SUMS"], ["README.md"], ["tombstones.jsonl"]):
        for name in {*names} - {"manifest.json"}:  # without it there is no export
            del hub.files[REPO][name]
        push(hub, folder)
        assert published(hub) == held(folder), names
        for name in names:
            hub.files[REPO][name] += b" "
        push(hub, folder)
        assert published(hub) == held(folder), names
    hub.files[REPO]["data/pairs/train-of-another-release.parquet"] = b"years"
    push(hub, folder)
    assert published(hub) == held(folder)
    commits = len(hub.commits)
    push(hub, folder)
    assert len(hub.commits) == commits


def test_what_is_downloaded_is_the_export_and_takes_the_next_release(hub: Hub, tmp_path: Path) -> None:
    folder, fetched = tmp_path / "dpo", tmp_path / "fetched"
    export(folder, sample(6))
    push(hub, folder)
    for name, content in hub.files[REPO].items():
        (fetched / name).parent.mkdir(parents=True, exist_ok=True)
        (fetched / name).write_bytes(content)
    assert (fetched / ".gitattributes").exists()
    assert verify(fetched).problems == ()
    export(fetched, sample(8))
    assert verify(fetched).problems == ()
    push(hub, fetched)
    assert published(hub) == held(fetched)
    assert ".gitattributes" in hub.files[REPO]


def test_the_id_of_a_file_is_that_of_git() -> None:
    """Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    assert blob_of(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_of(b"test content\n") == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"


def test_a_hub_out_of_reach_is_said_with_its_address_also_in_a_dry_run(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(6))
    with pytest.raises(
        HubNotReachedError, match=r"the Hub at http://127\.0\.0\.1:1 cannot be reached"
    ) as caught:
        publish(folder, REPO, None, endpoint="http://127.0.0.1:1", dry_run=True)
    assert caught.value.exit_code == 4
    hub.fails = 1
    with pytest.raises(NotPublishedError) as refused:
        push(hub, folder)
    assert refused.value.exit_code == 1
