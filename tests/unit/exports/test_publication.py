"""``export push``: one commit to the Hub (here a local stand-in), from which ``datasets`` loads the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from exports.publication import NotPublishedError, publish
from tests import hub_stand_in
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


def push(hub: Hub, folder: Path, **options: bool) -> object:
    return publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, **options)


def test_what_is_published_is_the_release_and_nothing_of_the_one_before(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(12))
    planned = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, dry_run=True)
    assert hub.files == {}
    first = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url)
    assert (first.added, first.removed) == (planned.added, ())
    assert set(first.added) == set(held(folder))
    assert hub.files[REPO] == held(folder)
    assert hub.private[REPO]
    again = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url)
    assert (again.added, again.removed, len(hub.commits)) == ((), (), 1)

    world = sample(12)
    del world.conversations[3]
    export(folder, world)
    second = publish(folder, REPO, SecretStr(hub.token), endpoint=hub.url, squash=True)
    assert hub.files[REPO] == held(folder)
    assert (second.before, second.version, hub.squashed) == (1, 2, [REPO])
    assert second.removed
    assert second.kept > 0


def test_a_push_that_fails_leaves_folder_and_hub_as_they_were(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "dpo"
    export(folder, sample(6))
    push(hub, folder)
    published = dict(hub.files[REPO])
    export(folder, sample(8))
    before = held(folder)
    hub.fails = 1
    with pytest.raises(NotPublishedError, match="was not published") as caught:
        push(hub, folder)
    assert hub.token not in str(caught.value)
    assert hub.files[REPO] == published
    assert held(folder) == before
    push(hub, folder)
    assert hub.files[REPO] == before
    with pytest.raises(NotPublishedError):
        publish(folder, REPO, SecretStr("wrong"), endpoint=hub.url)


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
    with pytest.raises(UsageError, match="OWNER/NAME"):
        publish(folder, "pairs", SecretStr(hub.token), endpoint=hub.url)
    (folder / "README.md").write_text("scribble", "utf-8")
    with pytest.raises(NotPublishedError, match="is not what was written"):
        push(hub, folder)
