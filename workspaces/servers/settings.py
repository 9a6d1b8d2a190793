"""What is kept of a server between its starts."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from workspaces.errors import ConfigurationError
from workspaces.files import write_text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What is kept of a server between starts, in ``settings.json``, which its owner alone can read.

    ``port`` and ``python`` are set at every start. Every other field has a default, which is used once: from then on
    the setting stands in the file. None does not stand there.

    Args:
        port: where the server listens on the loopback address.
        python: the interpreter of the server's own environment.
        user: the administrator's account.
        password: the administrator's password.
        api_key: the administrator's key; None until the server has given one.
    """

    port: int
    python: str
    user: str = "admin"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    api_key: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"


SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def read_settings(path: Path, settings_type: type[SettingsT]) -> SettingsT | None:
    """Return the settings in a file; None where there is no such file.

    Raises:
        ConfigurationError: the file does not hold such settings.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return TypeAdapter(settings_type).validate_json(text)
    except ValidationError:  # its text quotes the file, which holds secrets
        raise ConfigurationError(
            f"{path} does not hold what is kept of a server: restore it from a backup"
        ) from None


def write_settings(path: Path, settings: ServerSettings) -> None:
    """Write settings to a file that its owner alone can read."""
    kept = {name: value for name, value in asdict(settings).items() if value is not None}
    write_text(path, json.dumps(kept, indent=1))
