"""Reads ``chatfeedback.yaml``. An error message names the key, its value and what is allowed."""

from __future__ import annotations

import os
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_origin

import yaml
from pydantic import SecretStr, ValidationError

from workspaces.config.model import Config
from workspaces.config.section import Section
from workspaces.errors import ConfigurationError, reason_of
from workspaces.files import read_text
from workspaces.yaml_text import explained, load_yaml

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from pydantic_core import ErrorDetails


MAX_BYTES = 1024 * 1024
"""Of ``chatfeedback.yaml``."""


MOST_SHOWN = 5
"""Unknown keys that one message names."""

LONGEST = 600
"""Characters of what is said of one value; of more, the beginning and the end."""

EXAMPLES = {
    "api_key_env": "OPENAI_API_KEY",
    "client_secret_env": "OIDC_CLIENT_SECRET",
    "url_env": "CHATFEEDBACK_STORE_URL",
}
"""The keys that name an environment variable, and an example of each."""


def secret_from_environment(variable: str | None, purpose: str) -> SecretStr:
    """Return the secret in the environment variable ``variable``; ``purpose`` is for the error message.

    Raises:
        ConfigurationError: no variable is named, or the variable is not set.
    """
    if value := os.environ.get(variable or ""):
        return SecretStr(value)
    raise ConfigurationError(
        f"no key for {purpose}: set the environment variable {variable or '(name it as api_key_env)'}"
    )


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigurationError: the file does not exist or is not YAML, or a key is missing, unknown or has a wrong value.
            The message names the key, its value and what is allowed.
    """
    try:
        raw = _read(path)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} does not exist: go to the folder of your workspace, or name it by --workspace; "
            "'chatfeedback init' makes a new one"
        ) from None
    except NotADirectoryError:
        raise ConfigurationError(
            f"{path.parent} is a file: name the folder of a workspace, or run 'chatfeedback init' to make one"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} cannot be read: it is no text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {reason_of(error)}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {explained(error)}") from None
    if not isinstance(raw, dict):
        held = "nothing" if raw is None else "a list" if isinstance(raw, list) else "one value"
        raise ConfigurationError(f"{path} must hold keys and values, such as 'version: 1', and holds {held}")
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        problems: dict[tuple[str, ...], list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            problems.setdefault(_location(detail), []).append(detail)
        # a key that nobody knows explains others that are missing: each of them is named, first
        unknown = [place for place, details in problems.items() if details[0]["type"] == "extra_forbidden"]
        shown = unknown or list(problems)[:1]
        said = "; ".join(_explain(place, problems[place]) for place in shown[:MOST_SHOWN])
        more = f" (and {left} more)" if (left := len(problems) - len(shown[:MOST_SHOWN])) else ""
        raise ConfigurationError(f"{path}: {said}{more}") from None


class _Careful(yaml.constructor.SafeConstructor):
    """Rejects what PyYAML would silently read otherwise than it was meant.

    That is the first of two equal keys, and numbers of YAML 1.1 in base 8 (``010``) and 60 (``1:30``).
    """

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        is_whole = node.tag.endswith(":int")
        number = self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)
        digits = node.value.lstrip("+-")
        if ":" in digits or (is_whole and digits.startswith("0") and digits.isdigit() and int(digits)):
            raise yaml.constructor.ConstructorError(
                None, None, f"YAML reads {node.value} as {number:g}", node.start_mark
            )
        return number

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in first:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"the key {key.value!r} stands twice, first in line {first[key.value] + 1}",
                    key.start_mark,
                )
            first[key.value] = key.start_mark.line
        return super().construct_mapping(node, deep)


for _tag in ("int", "float"):
    _Careful.add_constructor(f"tag:yaml.org,2002:{_tag}", _Careful.construct_number)  # type: ignore[type-var]


class _Loader(_Careful, yaml.SafeLoader):
    """Says best where a fault is."""


if hasattr(yaml, "CSafeLoader"):

    class _FastLoader(_Careful, yaml.CSafeLoader):
        """Is ten times as fast."""

else:  # a PyYAML that was built without libyaml
    _FastLoader = _Loader  # type: ignore[misc, assignment]


def _read(path: Path) -> Any:
    text = read_text(path, MAX_BYTES)
    try:
        return load_yaml(text, _FastLoader)
    except yaml.YAMLError:
        return load_yaml(text, _Loader)


def _location(detail: ErrorDetails) -> tuple[str, ...]:
    """Return the path of keys to an error in the file, without the names that pydantic adds for its own branches."""
    keys = (str(key) for key in detail["loc"])
    return tuple(key for key in keys if key != "[key]" and not key.startswith(("literal[", "function-")))


def _explain(location: tuple[str, ...], details: list[ErrorDetails]) -> str:
    """Return the message for one wrong key; ``details`` holds an error for each alternative that does not match."""
    key, detail = ".".join(location) or "the file", details[0]
    if detail["type"] == "missing":
        return f"'{key}' is missing"
    if detail["type"] == "extra_forbidden":
        allowed = _keys_beside(location, Config)
        meant = get_close_matches(location[-1], allowed, 1)
        return (
            f"'{key}' is not a known key"
            + (f"; known here: {', '.join(allowed)}" if allowed else "")
            + (f"; did you mean '{meant[0]}'?" if meant else "")
        )
    if location and location[-1] in EXAMPLES:  # the value may be the secret itself
        example = EXAMPLES[location[-1]]
        return f"'{key}': must name an environment variable, such as {example} (given: something else)"
    if detail["type"] == "value_error":  # raised by our validators; the message contains the value
        said = detail["msg"].removeprefix("Value error, ")
        return f"'{key}': {said if len(said) <= LONGEST else f'{said[:80]} ... {said[-160:]}'}"
    value = detail["input"]
    shown = f"{value!r}" if isinstance(value, str | int | float | bool | None) else type(value).__name__
    if detail["type"] in ("tuple_type", "list_type"):
        return f"'{key}': must be a list, such as [{shown[:80]}] (given: {shown[:80]})"
    if detail["type"] == "model_type":
        allowed = _keys_beside((*location, ""), Config)
        return f"'{key}': must hold keys and values: {', '.join(allowed)} (given: {shown[:80]})"
    expected = " or ".join(dict.fromkeys(alternative["msg"] for alternative in details))
    return f"'{key}': {expected} (given: {shown[:80]}){_quotes(detail['type'], value)}"


def _quotes(kind: str, value: object) -> str:
    """Return the advice to quote a value that YAML did not read as the text that it was meant to be."""
    if kind != "string_type":
        return ""
    if isinstance(value, bool):
        return ": YAML reads words such as no, off, yes and on as false and true: put it into quotes"
    if isinstance(value, int | float | date):
        return ": put it into quotes"
    return ": put a text with a colon into quotes" if isinstance(value, dict) else ""


def _keys_beside(location: tuple[str, ...], model: type[Section]) -> list[str]:
    """Return the keys that are allowed in the section of the last key of ``location``; empty if it has no model."""
    keys = iter(location[:-1])
    for key in keys:
        field = model.model_fields.get(key)
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        nested = next((c for c in candidates if isinstance(c, type) and issubclass(c, Section)), None)
        if nested is None:
            return []
        if (
            field is not None and get_origin(field.annotation) is dict
        ):  # the next key is the name of a section
            next(keys, None)
        model = nested
    return model.known_keys()
