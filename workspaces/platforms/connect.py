"""Connects to the platforms that a configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.config import secret_from_environment
from workspaces.servers import ArgillaServer, LabelStudioServer

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

    from workspaces.config import PlatformConfig, PlatformsConfig
    from workspaces.platforms.base import Platform
    from workspaces.privacy import Pseudonyms
    from workspaces.servers import ManagedServer

TITLES = {"argilla": "Argilla", "label_studio": "Label Studio"}
"""The platforms' names as people write them, by their names in the configuration."""


def managed_servers(platforms: PlatformsConfig, folder: Path) -> dict[str, ManagedServer]:
    """Return the servers that ``chatfeedback up`` runs, by platform name."""
    servers: dict[str, ManagedServer] = {}
    if platforms.argilla is not None and platforms.argilla.is_managed:
        servers["argilla"] = ArgillaServer(folder / "argilla", platforms.argilla.port)
    if platforms.label_studio is not None and platforms.label_studio.is_managed:
        servers["label_studio"] = LabelStudioServer(folder / "label-studio", platforms.label_studio.port)
    return servers


def connect(
    name: str, platforms: PlatformsConfig, folder: Path, pseudonyms: Pseudonyms, workspace_id: str
) -> Platform:
    """Return the platform called ``name``; nothing is sent yet.

    Raises:
        ConfigurationError: its server was never started, or its key is not in the environment.
    """
    servers = managed_servers(platforms, folder)
    person_id_of = pseudonyms.on_platform(name)
    # each SDK takes a second to import, so only the one that is needed is
    if name == "argilla" and platforms.argilla is not None:
        from workspaces.platforms.argilla.platform import ArgillaPlatform

        url, key = _address(name, platforms.argilla, servers)
        return ArgillaPlatform(url, key, person_id_of, platforms.argilla.workspace)
    if name == "label_studio" and platforms.label_studio is not None:
        from workspaces.platforms.label_studio.platform import LabelStudioPlatform

        url, key = _address(name, platforms.label_studio, servers)
        return LabelStudioPlatform(url, key, person_id_of, marker=workspace_id)
    raise ValueError(f"the configuration has no platform {name!r}")


def _address(name: str, config: PlatformConfig, servers: dict[str, ManagedServer]) -> tuple[str, SecretStr]:
    if name in servers:
        connection = servers[name].connection()
        return connection.url, connection.api_key
    return str(config.url), secret_from_environment(config.api_key_env, TITLES[name])
