"""The one object that holds a workspace's configuration, store, collection and platforms."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from workspaces.collection import Collection
from workspaces.config import TEMPLATE, Config, load_config
from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.privacy import Pseudonyms, create_key, read_key
from workspaces.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG_NAME = "chatfeedback.yaml"
LOCK_TIMEOUT_SECONDS = 60


def utc_now() -> datetime:
    """Return this moment, aware."""
    return datetime.now(UTC)


class Workspace:
    """A folder with ``chatfeedback.yaml``, the store, the collection, the servers' data and the exports.

    Open it with ``Workspace.open(path)``, make one with ``Workspace.create(path)``; use it as a context manager.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config
        self.store = Store(f"sqlite:///{path / 'chatfeedback.db'}")
        self.store.upgrade()
        self.collection = Collection(path / "collection", self.store)
        self.pseudonyms = Pseudonyms(self.store, read_key(path / "secrets" / "pseudonym.key"), utc_now)

    @classmethod
    def create(cls, path: Path) -> Workspace:
        """Make a workspace; what stands there already (configuration, key, store) is kept."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            create_key(path / "secrets" / "pseudonym.key")
            if not (path / CONFIG_NAME).exists():
                (path / CONFIG_NAME).write_text(TEMPLATE, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{path} cannot become a workspace: {error}") from None
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Workspace:
        """Open a workspace.

        Raises:
            ConfigurationError: no workspace is there, or its configuration is wrong.
        """
        path = path.resolve()
        return cls(path, load_config(path / CONFIG_NAME))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the workspace for a step that writes; another writer waits, then says who is in the way."""
        lock = FileLock(self.path / ".lock", timeout=LOCK_TIMEOUT_SECONDS)
        try:
            with lock:
                yield
        except Timeout:
            raise WorkbenchError(
                f"another chatfeedback command is writing to {self.path}; it still was after "
                f"{LOCK_TIMEOUT_SECONDS} seconds: wait for it to end and run this one again"
            ) from None

    @property
    def server_folder(self) -> Path:
        """Where servers that ``chatfeedback up`` runs keep their data."""
        return self.path / "servers"

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
