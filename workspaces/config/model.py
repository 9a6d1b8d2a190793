"""``chatfeedback.yaml`` as a model: what each section may hold, and what it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, model_validator

from workspaces.records import Significance, TaskKind

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


class ModerationConfig(_Model):
    """Any endpoint that speaks OpenAI's moderation protocol; ``batch`` texts are sent in one request."""

    base_url: HttpUrl
    model: Annotated[str, Field(min_length=1)] = "omni-moderation-latest"
    api_key_env: Variable = "OPENAI_API_KEY"
    batch: Annotated[Count, Field(ge=1, le=100)] = 20
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
        if TaskKind.RATING in self.kinds:
            raise ValueError("mix.kinds: ratings only come with chat logs; known: preference, qualitative")
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


class ChatLogsConfig(_Model):
    """How tables of chat logs call the columns that readers know."""

    csv_columns: dict[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]] = {}


class Config(_Model):
    """The whole of ``chatfeedback.yaml``."""

    version: Literal[1]
    platforms: PlatformsConfig
    llm: LLMConfig | None = None
    moderation: ModerationConfig | None = None
    mix: MixConfig = MixConfig()
    rates: RatesConfig = RatesConfig()
    chat_logs: ChatLogsConfig = ChatLogsConfig()
    consent: ConsentConfig = ConsentConfig()
    privacy: PrivacyConfig = PrivacyConfig()
