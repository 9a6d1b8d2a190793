"""``chatfeedback.yaml`` as a model: read, checked, and written with comments by ``init``."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, model_validator

from workspaces.errors import ConfigurationError
from workspaces.records import Significance, TaskKind

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from pydantic_core import ErrorDetails

MANAGED = "managed"
"""The address of a platform that ``chatfeedback up`` runs for this workspace."""

Count = Annotated[int, Field(strict=True)]
"""A whole number; YAML's ``yes`` and ``"3"`` are none."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Points = Annotated[Count, Field(ge=0, le=1_000_000)]
Weight = Annotated[Number, Field(ge=0)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlatformConfig(_Model):
    """Where a platform is, and the share of the tasks it gets (relative to the other platforms)."""

    url: Literal["managed"] | HttpUrl = "managed"
    port: Annotated[Count, Field(ge=1, le=65535)] | None = None
    api_key_env: Variable | None = None
    share: Weight = 1.0

    @property
    def is_managed(self) -> bool:
        """Whether ``chatfeedback up`` runs this platform."""
        return self.url == MANAGED


class ArgillaConfig(PlatformConfig):
    """An Argilla server."""

    api_key_env: Variable | None = "ARGILLA_API_KEY"
    workspace: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "chatfeedback"


class LabelStudioConfig(PlatformConfig):
    """A Label Studio server."""

    api_key_env: Variable | None = "LABEL_STUDIO_API_KEY"


class PlatformsConfig(_Model):
    """The platforms that tasks go to; a missing one is not used."""

    argilla: ArgillaConfig | None = None
    label_studio: LabelStudioConfig | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> PlatformsConfig:
        if not self.shares():
            raise ValueError("at least one platform with a share above 0 is needed: argilla, label_studio")
        return self

    def shares(self) -> dict[str, float]:
        """Return the share of each platform in use, by name."""
        configured = {"argilla": self.argilla, "label_studio": self.label_studio}
        return {name: config.share for name, config in configured.items() if config and config.share > 0}


class LLMConfig(_Model):
    """Any endpoint that speaks the OpenAI chat-completions protocol."""

    base_url: HttpUrl
    model: Annotated[str, Field(min_length=1)]
    api_key_env: Variable = "OPENAI_API_KEY"
    concurrency: Annotated[Count, Field(ge=1, le=64)] = 4
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3


class MixConfig(_Model):
    """Which tasks are drawn, and how many people answer each."""

    kinds: dict[TaskKind, Weight] = {TaskKind.QUALITATIVE: 1.0, TaskKind.PREFERENCE: 1.0}
    significance: dict[Significance, Weight] = {
        Significance.LOW: 1.0,
        Significance.MEDIUM: 2.0,
        Significance.HIGH: 3.0,
    }
    trivial: bool = False
    limit: Annotated[Count, Field(ge=1)] | None = None
    overlap: Annotated[Count, Field(ge=1, le=100)] = 3

    @model_validator(mode="after")
    def _something_to_draw(self) -> MixConfig:
        for name, weights in (("kinds", self.kinds), ("significance", self.significance)):
            if not any(weights.values()):
                raise ValueError(f"mix.{name} needs at least one weight above 0")
        return self


class RatesConfig(_Model):
    """What each part of an answer is worth, in Compute Points, before significance."""

    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    qualities: Points = 6
    suggestion: Points = 8
    preference: Points = 4
    significance: dict[Significance, Annotated[Number, Field(ge=0, le=100)]] = {
        Significance.LOW: 1.0,
        Significance.MEDIUM: 1.5,
        Significance.HIGH: 2.0,
    }

    @model_validator(mode="after")
    def _every_significance(self) -> RatesConfig:
        if missing := [level.value for level in Significance if level not in self.significance]:
            raise ValueError(f"rates.significance misses {', '.join(missing)}")
        return self


class ConsentConfig(_Model):
    """How long a new conversation is held before it is shared, counted from its own time."""

    delay_hours: Annotated[Number, Field(ge=0, le=24 * 365)] = 24.0


class PrivacyConfig(_Model):
    """What redaction cannot know: names that must not stay, and where telephone numbers without a prefix are from."""

    deny_names: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    default_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class Config(_Model):
    """The whole of ``chatfeedback.yaml``."""

    version: Literal[1]
    platforms: PlatformsConfig
    llm: LLMConfig | None = None
    mix: MixConfig = MixConfig()
    rates: RatesConfig = RatesConfig()
    consent: ConsentConfig = ConsentConfig()
    privacy: PrivacyConfig = PrivacyConfig()


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
    if location[-1:] == ("api_key_env",):  # what was given may be the key itself
        return f"'{key}': must name an environment variable, such as OPENAI_API_KEY (given: something else)"
    if detail["type"] == "value_error":  # ours, and says what was given
        return f"'{key}': {detail['msg'].removeprefix('Value error, ')}"
    given = detail["input"]
    shown = f"{given!r}" if isinstance(given, str | int | float | bool | None) else type(given).__name__
    if detail["type"] == "model_type":
        allowed = _keys_beside((*location, ""), Config)
        return f"'{key}': must hold keys and values: {', '.join(allowed)} (given: {shown[:80]})"
    expected = " or ".join(dict.fromkeys(each["msg"] for each in details))
    return f"'{key}': {expected} (given: {shown[:80]})"


def _keys_beside(location: tuple[str, ...], model: type[BaseModel]) -> list[str]:
    for part in location[:-1]:
        field = model.model_fields.get(part)
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        nested = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if nested is None:
            return []
        model = nested
    return list(model.model_fields)


TEMPLATE = """\
# ChatFeedback Workbench: one file for one workspace. Secrets never stand here: they come from the environment.
version: 1

# Where tasks go. `url: managed` is a server that `chatfeedback up` runs for you on this machine, on any free port
# or on the `port` you name.
# For a server of your own: `url: https://argilla.example.org`, its key in the variable that api_key_env names.
# `share` divides the tasks between the platforms.
platforms:
  argilla:
    url: managed
    port: null
    api_key_env: ARGILLA_API_KEY
    workspace: chatfeedback
    share: 1
  label_studio:
    url: managed
    port: null
    api_key_env: LABEL_STUDIO_API_KEY
    share: 1

# Who gives the seed feedback: any endpoint that speaks the OpenAI protocol.
# Without it the offline stand-in `heuristic-1` rates by simple rules, and says so.
# llm:
#   base_url: https://api.openai.com/v1
#   model: gpt-4o-mini
#   api_key_env: OPENAI_API_KEY
#   concurrency: 4

# Which tasks are drawn. Weights are relative. `trivial: true` also asks what decides itself, as attention checks:
# an empty response, or two that read the same. `limit` bounds how many exist in all (null: no bound);
# `overlap` is how many people answer each.
mix:
  kinds:
    qualitative: 1
    preference: 1
  significance:
    low: 1
    medium: 2
    high: 3
  trivial: false
  limit: null
  overlap: 3

# What an answer earns, in Compute Points: its base times the factor of its significance, rounded.
# Change `version` whenever you change a number: a task keeps the points it was offered with.
rates:
  version: "1"
  qualities: 6      # the six quality tags of a qualitative task
  suggestion: 8     # its optional rewrite
  preference: 4     # a choice between two answers
  significance:
    low: 1
    medium: 1.5
    high: 2

# A conversation is held this long, counted from its own time, before it is shared with annotators.
consent:
  delay_hours: 24

# E-mail addresses, telephone and card numbers, keys and the like are replaced by placeholders before anything is
# stored. Names are not recognised: list those that must not stay. `default_region` (such as DE) is the country of
# telephone numbers that are written without a country prefix.
privacy:
  deny_names: []
  default_region: null
"""
"""What ``init`` writes: every setting with its default and a comment."""
