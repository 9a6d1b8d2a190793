"""The labelling platforms that the workbench knows: a row for each, and how a workspace reaches those it uses.

To add a platform, add a row here, its section to ``workspaces.config.platforms`` and its lines to the template of the
configuration. Everything else is a new file: see ``docs/adding-a-platform.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.platforms.base import Capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic import SecretStr

    from workspaces.config import PlatformConfig, PlatformsConfig
    from workspaces.platforms.base import PersonIdOf, PersonSession, Platform, ProvenAccount
    from workspaces.records import Hint
    from workspaces.servers import ManagedServer


@dataclass(frozen=True, slots=True)
class PlatformEntry:
    """What the workbench knows of a platform before it connects to it.

    Args:
        name: names the platform in the configuration, in the store and in JSON: lower case and underscores.
        title: the name that its makers give it.
        skip: the words on the button by which an annotator passes a task by.
        page: the path at which people see the tasks of a container, whose id stands for ``{}``.
        capabilities: what it can do.
        server: makes the server that ``chatfeedback up`` runs, from the server's folder and the section.
        connect: makes the adapter from the section, the address, an administrator's key, the map from accounts to
            pseudonyms, and the workspace's id; sends nothing yet.
        sign_in: opens a session of one annotator, from the address, the account's name and its password.
        prove: says whose account a name and a password open, for the web page; keeps nothing of the password.
        hints_in: reads an event that the server sent, from its headers, its body and what ``Platform.hook`` returned.

    The five functions import what they need when they are called: an SDK takes a second to import.
    """

    name: str
    title: str
    skip: str
    page: str
    capabilities: Capabilities
    server: Callable[[Path, PlatformConfig], ManagedServer]
    connect: Callable[[PlatformConfig, str, SecretStr, PersonIdOf, str], Platform]
    sign_in: Callable[[str, str, SecretStr], PersonSession]
    prove: Callable[[str, str, SecretStr], ProvenAccount]
    hints_in: Callable[[Mapping[str, str], bytes, SecretStr], list[Hint]]

    @property
    def slug(self) -> str:
        """The name on the command line and of the server's folder."""
        return self.name.replace("_", "-")


def _argilla_server(folder: Path, section: PlatformConfig) -> ManagedServer:
    from workspaces.servers.argilla import ArgillaServer

    return ArgillaServer(folder, section.port)


def _connect_argilla(
    section: PlatformConfig, url: str, api_key: SecretStr, person_id_of: PersonIdOf, _workspace_id: str
) -> Platform:
    from workspaces.config.platforms import ArgillaConfig
    from workspaces.platforms.argilla.platform import ArgillaPlatform

    assert isinstance(section, ArgillaConfig)
    return ArgillaPlatform(url, api_key, person_id_of, section.workspace)


def _sign_in_to_argilla(url: str, username: str, password: SecretStr) -> PersonSession:
    from workspaces.platforms.argilla.session import ArgillaSession

    return ArgillaSession(url, username, password)


def _prove_to_argilla(url: str, username: str, password: SecretStr) -> ProvenAccount:
    from workspaces.platforms.argilla.session import proven_account

    return proven_account(url, username, password)


def _hints_of_argilla(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> list[Hint]:
    from workspaces.platforms.argilla.events import hints_in

    return hints_in(headers, body, secret)


def _label_studio_server(folder: Path, section: PlatformConfig) -> ManagedServer:
    from workspaces.servers.label_studio import LabelStudioServer

    return LabelStudioServer(folder, section.port, section.origin)


def _connect_label_studio(
    _section: PlatformConfig, url: str, api_key: SecretStr, person_id_of: PersonIdOf, workspace_id: str
) -> Platform:
    from workspaces.platforms.label_studio.platform import LabelStudioPlatform

    return LabelStudioPlatform(url, api_key, person_id_of, marker=workspace_id)


def _sign_in_to_label_studio(url: str, email: str, password: SecretStr) -> PersonSession:
    from workspaces.platforms.label_studio.session import LabelStudioSession

    return LabelStudioSession(url, email, password)


def _prove_to_label_studio(url: str, email: str, password: SecretStr) -> ProvenAccount:
    from workspaces.platforms.label_studio.session import proven_account

    return proven_account(url, email, password)


def _hints_of_label_studio(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> list[Hint]:
    from workspaces.platforms.label_studio.events import hints_in

    return hints_in(headers, body, secret)


_ENTRIES = (
    PlatformEntry(
        name="argilla",
        title="Argilla",
        skip="Discard",
        page="/dataset/{}/annotation-mode",
        capabilities=Capabilities(
            assignment=True,
            overlap_enforced=False,
            lead_time=False,
            ranking_widget=True,
            drafts_visible=True,
        ),
        server=_argilla_server,
        connect=_connect_argilla,
        sign_in=_sign_in_to_argilla,
        prove=_prove_to_argilla,
        hints_in=_hints_of_argilla,
    ),
    PlatformEntry(
        name="label_studio",
        title="Label Studio",
        skip="Skip",
        page="/projects/{}/data",
        capabilities=Capabilities(
            assignment=False,
            overlap_enforced=True,
            lead_time=True,
            ranking_widget=True,
            drafts_visible=False,
        ),
        server=_label_studio_server,
        connect=_connect_label_studio,
        sign_in=_sign_in_to_label_studio,
        prove=_prove_to_label_studio,
        hints_in=_hints_of_label_studio,
    ),
)

PLATFORMS = {entry.name: entry for entry in _ENTRIES}
"""The platforms by name."""


def managed_servers(platforms: PlatformsConfig, folder: Path) -> dict[str, ManagedServer]:
    """Return the servers that ``chatfeedback up`` runs, by platform name; each has its own folder in ``folder``."""
    return {
        name: PLATFORMS[name].server(folder / PLATFORMS[name].slug, section)
        for name, section in platforms.sections().items()
        if section.is_managed
    }


def connect(
    name: str, platforms: PlatformsConfig, folder: Path, person_id_of: PersonIdOf, workspace_id: str
) -> Platform:
    """Return the platform called ``name``; nothing is sent yet.

    Raises:
        NotRunningError: its server, which the workbench runs, does not run.
        ConfigurationError: its key is not in the environment.
    """
    from workspaces.config import secret_from_environment

    section, entry = platforms.sections().get(name), PLATFORMS[name]
    if section is None:
        raise ValueError(f"the configuration has no platform {name!r}")
    if server := managed_servers(platforms, folder).get(name):
        access = server.running_connection()
        url, api_key = access.url, access.api_key
    else:
        url, api_key = str(section.url), secret_from_environment(section.api_key_env, entry.title)
    return entry.connect(section, url, api_key, person_id_of, workspace_id)
