"""Who somebody is: the key, the table of persons, and what nobody can read out of it."""

from __future__ import annotations

import shutil
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.sample_records import NOW
from workspaces.errors import ConfigurationError
from workspaces.privacy import Pseudonyms, create_key, read_key
from workspaces.store import Store
from workspaces.store.identities import person
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'test.db'}")
    made.upgrade()
    yield made
    made.close()


@pytest.fixture
def pseudonyms(store: Store, tmp_path: Path) -> Pseudonyms:
    create_key(tmp_path / "secrets" / "key")
    return Pseudonyms(store, read_key(tmp_path / "secrets" / "key"), lambda: NOW)


def persons(store: Store) -> int:
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(person)).scalar_one()


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    create_key(tmp_path / "secrets" / "key")
    assert stat.S_IMODE((tmp_path / "secrets" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["key"]


def test_a_key_that_exists_is_kept(tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    first = read_key(tmp_path / "key")
    create_key(tmp_path / "key")
    assert read_key(tmp_path / "key") == first
    assert len(first.get_secret_value()) == 32


def test_two_that_make_a_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    ready = threading.Barrier(8)

    def make(_: int) -> bytes:
        ready.wait()
        create_key(tmp_path / "key")
        return read_key(tmp_path / "key").get_secret_value()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("content", [None, "", "ab", "no hexadecimal digits", "ab" * 31, "é" * 32])
def test_a_lost_or_damaged_key_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="missing or damaged: restore it from your backup") as caught:
        read_key(tmp_path / "key")
    assert not content or content not in str(caught.value)


def test_a_workspace_without_its_key_does_not_open(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as made:
        key = made.path / "secrets" / "pseudonym.key"
    key.unlink()
    with pytest.raises(ConfigurationError, match="restore it from your backup"):
        Workspace.open(tmp_path / "w")
    assert not key.exists()


def test_making_a_workspace_again_does_not_replace_a_lost_key(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as made:
        made.pseudonyms.on_platform("argilla")("ada@example.org")
        key = made.path / "secrets" / "pseudonym.key"
    key.unlink()
    with pytest.raises(ConfigurationError, match="restore it from your backup"):
        Workspace.create(tmp_path / "w").close()
    assert not key.exists()


def test_the_same_email_is_the_same_person_on_every_platform(pseudonyms: Pseudonyms, store: Store) -> None:
    ids = {
        pseudonyms.on_platform(platform)(name)
        for platform in ("argilla", "label_studio")
        for name in ("ada@example.org", "Ada@Example.org", " ada@example.org ")
    }
    assert len(ids) == 1
    assert persons(store) == 1


def test_any_other_name_belongs_to_its_platform_alone(pseudonyms: Pseudonyms, store: Store) -> None:
    on_argilla, on_label_studio = (pseudonyms.on_platform(name) for name in ("argilla", "label_studio"))
    assert len({on_argilla("ada"), on_label_studio("ada"), on_argilla("Ada"), on_argilla("bo")}) == 4
    assert on_argilla("ada") == on_argilla("ada")
    assert persons(store) == 4


def test_a_name_cannot_pose_as_an_email_or_as_another_platforms(pseudonyms: Pseudonyms) -> None:
    email = pseudonyms.on_platform("argilla")("ada@example.org")
    assert pseudonyms.on_platform("email")("ada") != email
    assert pseudonyms.on_platform("argilla")("b:c") == pseudonyms.find("b:c", ("argilla",))
    assert pseudonyms.find("b:c", ("label_studio",)) is None


def test_a_person_is_found_again_but_never_made_by_looking(pseudonyms: Pseudonyms, store: Store) -> None:
    both = ("argilla", "label_studio")
    assert pseudonyms.find("ada@example.org", both) is None
    assert persons(store) == 0
    made = pseudonyms.on_platform("argilla")("ada@example.org")
    assert pseudonyms.find("ADA@example.org", both) == made
    assert pseudonyms.is_person(made)
    assert not pseudonyms.is_person("ada@example.org")


def test_a_person_stays_the_same_after_a_restart(
    pseudonyms: Pseudonyms, store: Store, tmp_path: Path
) -> None:
    made = pseudonyms.on_platform("argilla")("ada@example.org")
    again = Pseudonyms(store, read_key(tmp_path / "secrets" / "key"), lambda: NOW)
    assert again.on_platform("label_studio")("ada@example.org") == made


def test_a_pseudonym_says_nothing_about_the_name(store: Store, tmp_path: Path) -> None:
    ids, hashes = set(), set()
    for number in range(5):
        create_key(tmp_path / f"key-{number}")
        other = Store("sqlite://")
        other.upgrade()
        alone = Pseudonyms(other, read_key(tmp_path / f"key-{number}"), lambda: NOW)
        ids.add(alone.on_platform("argilla")("ada@example.org"))
        with other.read() as connection:
            hashes.add(connection.execute(sa.select(person.c.identity_hmac)).scalar_one())
        other.close()
    assert len(ids) == 5  # random, not derived
    assert len(hashes) == 5  # useless without the key


def test_no_byte_of_the_workspace_holds_an_identity(tmp_path: Path) -> None:
    names = ("ada.lovelace@example.org", "Ada.Lovelace@example.org", "countess-of-lovelace")
    with Workspace.create(tmp_path / "w") as made:
        for name in names:
            made.pseudonyms.on_platform("argilla")(name)
    for path in (tmp_path / "w").rglob("*"):
        if path.is_file():
            assert b"lovelace" not in path.read_bytes().lower(), path


def test_threads_that_meet_somebody_new_at_once_agree_on_the_id(store: Store, tmp_path: Path) -> None:
    create_key(tmp_path / "key")
    key = read_key(tmp_path / "key")
    ready = threading.Barrier(8)
    separate = [Pseudonyms(store, key, lambda: NOW) for _ in range(4)]  # as several processes would

    def ask(number: int) -> str:
        ready.wait()
        return separate[number % 4].on_platform("argilla")("ada@example.org")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert persons(store) == 1


def test_a_copied_workspace_knows_the_same_people(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as made:
        ada = made.pseudonyms.on_platform("argilla")("ada@example.org")
    shutil.copytree(tmp_path / "w", tmp_path / "copy")
    with Workspace.open(tmp_path / "copy") as copied:
        assert copied.pseudonyms.find("ada@example.org", ("argilla",)) == ada


def test_who_was_forgotten_by_another_process_is_a_new_person_in_a_long_running_one(tmp_path: Path) -> None:
    """A watcher holds the workspace for weeks; each step begins with what the store says by then."""
    Workspace.create(tmp_path / "w").close()
    with Workspace.open(tmp_path / "w") as watcher, Workspace.open(tmp_path / "w") as other:
        before = watcher.pseudonyms.on_platform("argilla")("ada@example.org")
        with other.store.write() as connection:
            other.pseudonyms.forget(connection, before)
        after = other.pseudonyms.on_platform("argilla")("ada@example.org")
        assert after != before
        with watcher.exclusive():
            assert watcher.pseudonyms.find("ada@example.org", ("argilla",)) == after
            assert watcher.pseudonyms.on_platform("argilla")("ada@example.org") == after


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ross@example.org", "ro\u017fs@example.org"),
        ("ada@strasse.example", "ada@stra\u00dfe.example"),
        ("fin@example.org", "\ufb01n@example.org"),
    ],
)
def test_accounts_that_a_platform_tells_apart_are_two_people(
    pseudonyms: Pseudonyms, one: str, other: str
) -> None:
    """With an invitation to a Label Studio, anybody opens an account with such an address, and was its look-alike."""
    person_of = pseudonyms.on_platform("label_studio")
    assert one.lower() != other.lower(), "as Label Studio compares"
    assert person_of(one) != person_of(other)
    assert person_of(one.upper()) == person_of(one)
