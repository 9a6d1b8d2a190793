"""A private Label Studio on SQLite."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from workspaces.platforms.label_studio.session import personal_access_token
from workspaces.servers.environments import ensure_environment, ensure_template, plain_environment
from workspaces.servers.managed import ManagedServer
from workspaces.servers.supervisor import ProcessPlan

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "label_studio.sqlite3"
MIGRATE = "from label_studio import server; server._setup_env(); server._apply_database_migrations()"
"""What 'label-studio start' does first (its own command for it expects to stand in its source folder)."""


class LabelStudioServer(ManagedServer):
    """Label Studio 1.23.2 on SQLite, with an administrator and a personal access token."""

    name = "label-studio"
    title = "Label Studio"

    def _prepare(self, settings: dict[str, Any]) -> None:
        settings["python"] = str(ensure_environment("label-studio"))
        settings.setdefault("user", "admin@chatfeedback.invalid")
        settings.setdefault("password", secrets.token_urlsafe(12))
        (self.folder / "home").mkdir(exist_ok=True)

        template = ensure_template("label-studio", DATABASE, lambda folder: self._migrate(settings, folder))
        self._adopt(template, self.folder / "home" / DATABASE)

    def _migrate(self, settings: dict[str, Any], home: Path) -> None:
        command = [settings["python"], "-c", MIGRATE]
        self._run_once(command, self._environment(settings, home), "migrate")

    def _processes(self, settings: dict[str, Any]) -> list[ProcessPlan]:
        home = self.folder / "home"
        command = [settings["python"], "-m", "label_studio.server", "start", "--no-browser"]
        command += ["--internal-host", "127.0.0.1", "--port", str(settings["port"])]
        environment = self._environment(settings, home)
        return [ProcessPlan("server", command, environment, str(self.log_folder / "server.log"), str(home))]

    def _environment(self, settings: dict[str, Any], home: Path) -> dict[str, str]:
        return {
            **plain_environment(),
            "LABEL_STUDIO_BASE_DATA_DIR": str(home),
            "DJANGO_DB": "sqlite",
            "LABEL_STUDIO_USERNAME": settings["user"],
            "LABEL_STUDIO_PASSWORD": settings["password"],
            "LABEL_STUDIO_HOST": self._url(settings),
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }

    def _finish(self, settings: dict[str, Any]) -> None:
        if "api_key" not in settings:
            token = personal_access_token(
                self._url(settings), settings["user"], SecretStr(settings["password"])
            )
            settings["api_key"] = token.get_secret_value()

    def _health_url(self, settings: dict[str, Any]) -> str:
        return f"{self._url(settings)}/health"
