"""A pytest plugin: in the process of the tests a new SQLite store is a copy of one that was migrated before, and
nothing waits for the disk.

Migrating takes longer than most tests. Commands that tests run as processes of their own, and those that they kill,
migrate and wait as they do for users; so do tests that take ``stores_of_users``.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

import pytest

from tests.stores import migrated_sqlite
from workspaces.store import Store, database

if TYPE_CHECKING:
    from collections.abc import Iterator

_prepare_as_users_do, _upgrade_as_users_do, _fsync = database._prepare_sqlite, Store.upgrade, os.fsync


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a migrated SQLite file."""
    return migrated_sqlite(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session", autouse=True)
def _quick_stores(sqlite_template: str) -> Iterator[None]:
    def upgrade(store: Store) -> None:
        if not store.is_shared:
            _copy_into_new(store, sqlite_template)
        _upgrade_as_users_do(store)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "upgrade", upgrade)
        patch.setattr(database, "_prepare_sqlite", _prepare)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def stores_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stores that are opened from now on are migrated, and all waits for the disk, as with users."""
    monkeypatch.setattr(Store, "upgrade", _upgrade_as_users_do)
    monkeypatch.setattr(database, "_prepare_sqlite", _prepare_as_users_do)
    monkeypatch.setattr(os, "fsync", _fsync)


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    _prepare_as_users_do(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


def _copy_into_new(store: Store, template: str) -> None:
    """Copy a migrated file to where a store is going to be made; one with anything in it is left alone."""
    name = store.engine.url.database
    if name in (None, "", ":memory:"):
        with sqlite3.connect(template) as source:
            raw = store.engine.raw_connection()
            made = raw.driver_connection
            assert isinstance(made, sqlite3.Connection)
            if not made.execute("SELECT 1 FROM sqlite_master").fetchone():
                source.backup(made)
            raw.close()
        source.close()
    elif not Path(name).exists() and Path(name).parent.is_dir():
        copy = Path(f"{name}.{os.getpid()}.{get_ident()}")
        shutil.copyfile(template, copy)
        with suppress(FileExistsError):  # of several that open it at once, the first was quicker
            os.link(copy, name)
        copy.unlink()
