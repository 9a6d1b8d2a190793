"""Reads ``chatfeedback.yaml``; an error names the key, what was given and what is allowed."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import SecretStr, ValidationError

from workspaces.config.model import Config, Section
from workspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from pydantic_core import ErrorDetails


def secret_from_environment(variable: str | None, purpose: str) -> SecretStr:
    """Return the secret that the environment holds under ``variable``.

    Raises:
        ConfigurationError: no variable is named, or it is not set.
    """
    if value := os.environ.get(variable or ""):
        return SecretStr(value)
    raise ConfigurationError(
        f"no key for {purpose}: set the environment variable {variable or '(name it as api_key_env)'}"
    )


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigurationError: no such file, not YAML, or a key that is missing, unknown or wrong; the message
            names the key, what was given and what is allowed.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist: run 'chatfeedback init' to write one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold keys and values, not {type(raw).__name__}")
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        problems: dict[tuple[str, ...], list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            problems.setdefault(_location(detail), []).append(detail)
        location, details = next(iter(problems.items()))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ConfigurationError(f"{path}: {_explain(location, details)}{more}") from None


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML would quietly take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        if twice := [key for key, count in Counter(keys).items() if count > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _location(detail: ErrorDetails) -> tuple[str, ...]:
    """Return where in the file an error is, without the names of pydantic's own branches."""
    parts = (str(part) for part in detail["loc"])
    return tuple(part for part in parts if part != "[key]" and not part.startswith(("literal[", "function-")))


def _explain(location: tuple[str, ...], details: list[ErrorDetails]) -> str:
    """Say what is wrong with one key; ``details`` are the alternatives that it fits none of."""
    key, detail = ".".join(location) or "the file", details[0]
    if detail["type"] == "missing":
        return f"'{key}' is missing"
    if detail["type"] == "extra_forbidden":
        allowed = _keys_beside(location, Config)
        return f"'{key}' is not a known key" + (f"; known here: {', '.join(allowed)}" if allowed else "")
    if location[-1:] in {("api_key_env",), ("url_env",)}:  # what was given may be the secret itself
        example = {"api_key_env": "OPENAI_API_KEY", "url_env": "CHATFEEDBACK_STORE_URL"}[location[-1]]
        return f"'{key}': must name an environment variable, such as {example} (given: something else)"
    if detail["type"] == "value_error":  # ours, and says what was given
        return f"'{key}': {detail['msg'].removeprefix('Value error, ')}"
    given = detail["input"]
    shown = f"{given!r}" if isinstance(given, str | int | float | bool | None) else type(given).__name__
    if detail["type"] == "model_type":
        allowed = _keys_beside((*location, ""), Config)
        return f"'{key}': must hold keys and values: {', '.join(allowed)} (given: {shown[:80]})"
    expected = " or ".join(dict.fromkeys(each["msg"] for each in details))
    return f"'{key}': {expected} (given: {shown[:80]})"


def _keys_beside(location: tuple[str, ...], model: type[Section]) -> list[str]:
    for part in location[:-1]:
        field = model.model_fields.get(part)
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        nested = next((c for c in candidates if isinstance(c, type) and issubclass(c, Section)), None)
        if nested is None:
            return []
        model = nested
    return model.known_keys()
