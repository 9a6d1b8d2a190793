"""A private Label Studio on SQLite, behind a door: members who do not own it may answer, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr

from workspaces.servers.environments import ensure_template, plain_environment
from workspaces.servers.installed import InstalledServer
from workspaces.servers.settings import ServerSettings
from workspaces.servers.supervisor import ProcessPlan

DATABASE = "label_studio.sqlite3"
DOOR = Path(__file__).parent / "plugins" / "label-studio-door" / "src"
"""The package of label-studio-door. The server finds it by PYTHONPATH: installing it would need its build backend."""

MIGRATE = "from label_studio import server; server._setup_env(); server._apply_database_migrations()"
"""What 'label-studio start' does first (its own command for it expects to stand in its source folder)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStudioSettings(ServerSettings):
    """What is kept of a Label Studio; ``api_key`` is the administrator's personal access token."""

    user: str = "admin@chatfeedback.invalid"


class LabelStudioServer(InstalledServer[LabelStudioSettings]):
    """Label Studio 1.23.2 on SQLite, with an administrator and a personal access token."""

    name = "label-studio"
    title = "Label Studio"
    health_path = "/health"
    settings_type = LabelStudioSettings

    def _prepare(self, settings: LabelStudioSettings) -> LabelStudioSettings:
        (self.folder / "home").mkdir(exist_ok=True)
        template = ensure_template(self.name, DATABASE, lambda folder: self._migrate(settings, folder))
        self._adopt(template, self.folder / "home" / DATABASE)
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
            "LABEL_STUDIO_HOST": settings.url,
            "DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }

    def _finish(self, settings: LabelStudioSettings) -> LabelStudioSettings:
        if settings.api_key is not None:
            return settings
        from workspaces.platforms.label_studio.session import personal_access_token

        token = personal_access_token(settings.url, settings.user, SecretStr(settings.password))
        return replace(settings, api_key=token.get_secret_value())
