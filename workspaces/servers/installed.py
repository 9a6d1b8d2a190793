"""A server that is installed from the package index into an environment of its own."""

from __future__ import annotations

import subprocess
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Generic

from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.files import write_bytes
from workspaces.servers.environments import ensure_environment
from workspaces.servers.managed import ManagedServer, free_port, is_free, last_lines
from workspaces.servers.settings import SettingsT, read_settings, write_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.servers.plan import ProcessPlan


class InstalledServer(ManagedServer, Generic[SettingsT]):
    """A managed server with pinned requirements (``requirements/NAME.txt``) and settings of type ``settings_type``."""

    settings_type: type[SettingsT]

    @abstractmethod
    def _prepare(self, settings: SettingsT) -> SettingsT:
        """Choose what is missing in the settings and migrate the database; return the settings to keep."""

    @abstractmethod
    def _processes(self, settings: SettingsT) -> list[ProcessPlan]:
        """Return the processes, in the order in which they start."""

    def _while_starting(self, settings: SettingsT) -> SettingsT:
        """Do what can be done while the processes start, such as making the first account."""
        return settings

    def _finish(self, settings: SettingsT) -> SettingsT:
        """Do what needs the running server, such as asking for an access token."""
        return settings

    def _start(self, say: Callable[[str], None]) -> None:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        kept = self._read_settings()
        port = self._choose_port(kept.port if kept else None)
        python = str(ensure_environment(self.name, say))
        settings = self._prepare(
            replace(kept, port=port, python=python) if kept else self.settings_type(port=port, python=python)
        )
        self._write_settings(settings)
        say("starting")
        self._launch(self._processes(settings))
        settings = self._while_starting(settings)
        self._wait_until_healthy(settings.port)
        self._write_settings(self._finish(settings))

    def _choose_port(self, last: int | None) -> int:
        if self._pinned_port is not None:
            if not is_free(self._pinned_port):
                raise ConfigurationError(
                    f"port {self._pinned_port}, which platforms.{self.name.replace('-', '_')}.port asks for, is in "
                    "use: free it, or choose another (null: any free one)"
                )
            return self._pinned_port
        return last if last is not None and is_free(last) else free_port()

    def _adopt(self, template: Path, database: Path) -> bool:
        """Copy an empty, migrated database to where there is none yet; return whether it was needed."""
        if database.exists():
            return False
        database.parent.mkdir(exist_ok=True)
        write_bytes(database, template.read_bytes())
        return True

    def _run_once(self, command: list[str], environment: dict[str, str], what: str, stdin: str = "") -> None:
        """Run a command to its end, such as a migration; its output goes to the log ``WHAT.log``."""
        log = self.log_folder / f"{what}.log"
        with log.open("w", encoding="utf-8") as file:
            done = subprocess.run(
                command,
                env=environment,
                input=stdin,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if done.returncode:
            raise ConnectionFailedError(
                f"{self.title}: '{what}' failed. The end of {log}:\n{last_lines(log)}"
            )

    @property
    def _settings_path(self) -> Path:
        return self.folder / "settings.json"

    def _read_settings(self) -> SettingsT | None:
        return read_settings(self._settings_path, self.settings_type)

    def _write_settings(self, settings: SettingsT) -> None:
        write_settings(self._settings_path, settings)
