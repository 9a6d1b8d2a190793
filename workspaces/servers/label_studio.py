"""A private Label Studio on SQLite, behind a door: members who do not own it may answer, and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from workspaces.servers.environments import ensure_template, plain_environment
from workspaces.servers.installed import InstalledServer
from workspaces.servers.plan import ProcessPlan
from workspaces.servers.settings import ServerSettings

DATABASE = "label_studio.sqlite3"
DOOR = Path(__file__).parent / "plugins" / "label-studio-door" / "src"
"""The package of label-studio-door. The server finds it by PYTHONPATH: installing it would need its build backend."""

MIGRATE = "from label_studio import server; server._setup_env(); server._apply_database_migrations()"
"""What 'label-studio start' does first (its own command for it expects to stand in its source folder)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStudioSettings(ServerSettings):
    """What is kept of a Label Studio.

    Args:
        api_key: the administrator's personal access token.
        auth_secret_key: signs sessions and tokens; None in a workspace from when Label Studio chose it itself.
    """

    user: str = "admin@chatfeedback.invalid"
    auth_secret_key: str | None = field(default=None, repr=False)


class LabelStudioServer(InstalledServer[LabelStudioSettings]):
    """Label Studio 1.23.2 on SQLite, with an administrator and a personal access token.

    Args:
        folder: of its data, logs and secrets.
        port: where it listens; None: any free one.
        address: where browsers reach it behind a proxy with TLS, which is where its forms may come from then.
    """

    name = "label-studio"
    title = "Label Studio"
    health_path = "/health"
    settings_type = LabelStudioSettings

    def __init__(self, folder: Path, port: int | None = None, address: str | None = None) -> None:
        super().__init__(folder, port)
        self._address = address

    def _prepare(self, settings: LabelStudioSettings) -> LabelStudioSettings:
        (self.folder / "home").mkdir(exist_ok=True)
        template = ensure_template(self.name, DATABASE, lambda folder: self._migrate(settings, folder))
        self._adopt(template, self.folder / "home" / DATABASE)
        if settings.auth_secret_key is None:
            kept = _own_secret_key(self.folder / "home" / ".env")
            settings = replace(settings, auth_secret_key=kept or secrets.token_hex(32))
        return settings

    def _migrate(self, settings: LabelStudioSettings, home: Path) -> None:
        command = [settings.python, "-c", MIGRATE]
        self._run_once(command, self._environment(settings, home), "migrate")

    def _processes(self, settings: LabelStudioSettings) -> list[ProcessPlan]:
        home = self.folder / "home"
        command = [settings.python, "-m", "label_studio_door", "start", "--no-browser"]
        command += ["--internal-host", "127.0.0.1", "--port", str(settings.port)]
        environment = self._environment(settings, home)
        return [ProcessPlan("server", command, environment, str(self.log_folder / "server.log"), str(home))]

    def _environment(self, settings: LabelStudioSettings, home: Path) -> dict[str, str]:
        return {
            **plain_environment(),
            "PYTHONPATH": str(DOOR),
            "LABEL_STUDIO_BASE_DATA_DIR": str(home),
            "DJANGO_DB": "sqlite",
            "LABEL_STUDIO_USERNAME": settings.user,
            "LABEL_STUDIO_PASSWORD": settings.password,
            "LABEL_STUDIO_HOST": "",  # its pages then load from wherever they are opened
            "CSRF_TRUSTED_ORIGINS": self._address or "",
            "SECRET_KEY": settings.auth_secret_key
            or secrets.token_hex(32),  # none signs anything in a migration
            "DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }

    def _finish(self, settings: LabelStudioSettings) -> LabelStudioSettings:
        from workspaces.platforms.label_studio.session import is_token_good, personal_access_token

        if settings.api_key is not None and is_token_good(settings.url, SecretStr(settings.api_key)):
            return settings
        token = personal_access_token(settings.url, settings.user, SecretStr(settings.password))
        return replace(settings, api_key=token.get_secret_value())


def _own_secret_key(file: Path) -> str | None:
    """Return the key that Label Studio chose itself, which it reads back at every start; None where there is none.

    It chooses among 50 signs. A key that begins with ``$`` is read back as the name of another variable, as
    nothing, and another key takes its place at every start: whatever was signed before is refused. Such a key is
    as good as none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    keys = [line.removeprefix("SECRET_KEY=") for line in lines if line.startswith("SECRET_KEY=")]
    return next((key for key in keys[-1:] if not key.startswith("$")), None)
