"""The one object that holds a workspace's configuration, store, collection and platforms.

Commands open it to say a line, so that what only some of them use is imported when they use it.
"""

from __future__ import annotations

import hmac
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from workspaces import collection, config, privacy, store
from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.files import keep_private, readable_by_others, write_text
from workspaces.kinds import asking, rubric_kinds
from workspaces.records import stable_id
from workspaces.registry import connect, managed_servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import SecretBytes
    from sqlalchemy import URL

    from workspaces.config import Config, StoreConfig
    from workspaces.platforms.base import PersonIdOf, Platform
    from workspaces.servers import ManagedServer

CONFIG_NAME = "chatfeedback.yaml"
STORE_NAME = "chatfeedback.db"
LOCK_TIMEOUT_SECONDS = 60
WRITTEN = (
    ".exporting",
    STORE_NAME,
    f"{STORE_NAME}-wal",
    f"{STORE_NAME}-shm",
    f"{STORE_NAME}-journal",
    "collection",
    "collection.index",
    "exports",
    "people",
    "receipts",
    "redaction.json",
    "rejects",
    "reports",
    "secrets",
    "servers",
)
"""What the workbench writes into the folder of a workspace, which may hold other files of the lead's."""


def utc_now() -> datetime:
    """Return this moment, aware."""
    return datetime.now(UTC)


class Workspace:
    """A folder with ``chatfeedback.yaml``, the store, the collection, the servers' data and the exports.

    Open it with ``Workspace.open(path)``, make one with ``Workspace.create(path)``; use it as a context manager.
    From then on, what this process writes is readable by its user alone.
    """

    def __init__(self, path: Path, config: Config) -> None:
        keep_private()
        self.path = path
        self.config = config
        self.store = store.Store(_store_url(path, config.store))
        self.store.upgrade()
        self._key = privacy.read_key(path / "secrets" / "pseudonym.key")
        self.pseudonyms = privacy.Pseudonyms(self.store, self._key, utc_now)
        self._while_open = ExitStack()

    @classmethod
    def create(cls, path: Path, configuration: str | None = None) -> Workspace:
        """Make a workspace; what stands there already (configuration, key, store) is kept.

        ``configuration`` is the text of its file; None: every setting with its default and a comment.
        """
        from workspaces.config.template import template

        keep_private()
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (
                path / STORE_NAME
            ).exists():  # a new key beside an old store would make everyone a new person
                privacy.create_key(path / "secrets" / "pseudonym.key")
            if not (path / CONFIG_NAME).exists():
                write_text(path / CONFIG_NAME, template() if configuration is None else configuration)
        except (FileExistsError, NotADirectoryError):
            raise ConfigurationError(f"{path} is, or lies below, a file: name a folder") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigurationError(
                f"{path} cannot become a workspace: {reason}; name another folder"
            ) from None
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, must_fit: bool = True) -> Workspace:
        """Open a workspace.

        Args:
            path: its folder.
            must_fit: whether the configuration has to fit what is stored; to stop servers it need not.

        Raises:
            ConfigurationError: no workspace is there, or its configuration is wrong, or does not fit what is stored.
        """
        path = path.resolve()
        opened = cls(path, config.load_config(path / CONFIG_NAME))
        try:
            if must_fit:
                from workspaces.checks import check_configuration

                check_configuration(opened.config, opened.store, utc_now())
            opened._ask_rubrics()
        except BaseException:
            opened.close()
            raise
        return opened

    def _ask_rubrics(self) -> None:
        """Register the kinds of the rubrics that tasks ask about, and of those in the configuration."""
        from workspaces.store.rubrics import all_rubrics, in_force

        with self.store.read() as connection:
            stored = all_rubrics(connection)
        self._while_open.enter_context(asking(rubric_kinds(in_force(self.config.criteria(), stored))))

    @cached_property
    def tombstones(self) -> privacy.Tombstones:
        """What was deleted and must not come back."""
        return privacy.Tombstones(self._key)

    @cached_property
    def collection(self) -> collection.Collection:
        """The chat logs."""
        return collection.Collection(self.path / "collection", self.store, self.tombstones)

    @cached_property
    def demographics(self) -> privacy.DemographicAnswers:
        """What people said of themselves, encrypted."""
        return privacy.DemographicAnswers(self.store, self.path / "secrets" / "demographics.key")

    @property
    def reports(self) -> Path:
        """The folder of the reports; every deletion removes it, since a report may show what was deleted."""
        return self.path / "reports"

    def readable_by_others(self) -> list[Path]:
        """Return what the workbench wrote here that is open to more than its owner: files of before, or let loose."""
        return sorted(readable_by_others(path for path in map(self.path.joinpath, WRITTEN) if path.exists()))

    @contextmanager
    def exclusive(self, wait_seconds: float = LOCK_TIMEOUT_SECONDS) -> Iterator[None]:
        """Hold the workspace for a step that writes; another writer waits so long, then says who is in the way."""
        from filelock import FileLock, Timeout

        if not self.path.is_dir():  # else the lock would make an empty folder there
            raise WorkbenchError(
                f"{self.path} is not there any more: put the workspace back, or end this and run it where it is now"
            )
        lock = FileLock(self.path / ".lock", timeout=wait_seconds)
        try:
            with lock, self.store.exclusive(wait_seconds):
                self.pseudonyms.look_again()
                yield
        except Timeout:
            raise WorkbenchError(
                f"another chatfeedback command is writing to {self.path}; it still was after "
                f"{wait_seconds:g} seconds: wait for it to end and run this one again"
            ) from None

    def servers(self) -> dict[str, ManagedServer]:
        """Return the servers that ``chatfeedback up`` runs for this workspace, by platform name."""
        return managed_servers(self.config.platforms, self.path / "servers")

    @contextmanager
    def platform(self, name: str, person_id_of: PersonIdOf | None = None) -> Iterator[Platform]:
        """Connect to a platform for the length of a ``with`` block; nothing is sent before it is used.

        ``person_id_of`` tells people apart in another way than by their pseudonyms.

        Raises:
            NotRunningError: its server, which the workbench runs, does not run.
            ConfigurationError: its key is not in the environment.
        """
        platform = connect(
            name,
            self.config.platforms,
            self.path / "servers",
            person_id_of or self.pseudonyms.on_platform(name),
            self.id,
        )
        try:
            yield platform
        finally:
            platform.close()

    def url(self, name: str) -> str:
        """Return where the workbench reaches a platform.

        Raises:
            NotRunningError: its server was never started.
        """
        if server := self.servers().get(name):
            return server.connection().url
        return str(self.config.platforms.sections()[name].url)

    def address(self, name: str) -> str:
        """Return where people open a platform in a browser.

        Raises:
            NotRunningError: its server was never started.
        """
        return self.config.platforms.sections()[name].origin or self.url(name)

    @cached_property
    def id(self) -> str:
        """Eight digits that tell this workspace from others on the same platform."""
        return stable_id("workspace", self._key.get_secret_value().hex())[:8]

    def key_for(self, purpose: str) -> SecretBytes:
        """Return a key of the workspace for one purpose; it says nothing about any other."""
        from pydantic import SecretBytes

        return SecretBytes(hmac.digest(self._key.get_secret_value(), purpose.encode(), "sha256"))

    def close(self) -> None:
        """Close the store."""
        self._while_open.close()
        self.store.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _store_url(path: Path, section: StoreConfig) -> str | URL:
    if section.url_env is None:
        from sqlalchemy import URL

        return URL.create("sqlite", database=str(path / STORE_NAME))  # in a text, ? would end the path
    return config.secret_from_environment(section.url_env, "the store").get_secret_value()
