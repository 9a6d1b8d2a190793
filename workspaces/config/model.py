"""``chatfeedback.yaml`` as a model: what each section may hold, and what it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from workspaces.kinds import asked_kinds, paid_parts
from workspaces.records import ChatMode, Significance
from workspaces.time_zones import time_zone

MANAGED = "managed"
"""The address of a platform that ``chatfeedback up`` runs for this workspace."""

Count = Annotated[int, Field(strict=True)]
"""A whole number; YAML's ``yes`` and ``"3"`` are none."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Points = Annotated[Count, Field(ge=0, le=1_000_000)]
Weight = Annotated[Number, Field(ge=0)]
Price = Annotated[Number, Field(ge=0, le=1_000_000)]
"""Money for a million tokens."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


def _known_zone(name: str) -> str:
    return time_zone(name).key


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""The IANA name of a time zone."""


class Section(BaseModel):
    """One section of the file: its keys, checked; nothing else may stand there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys that may stand in this section."""
        return list(cls.model_fields)


class PlatformConfig(Section):
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


class PlatformsConfig(Section):
    """The platforms that tasks go to, a field for each one of ``workspaces.registry``; a missing one is not used."""

    argilla: ArgillaConfig | None = None
    label_studio: LabelStudioConfig | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> PlatformsConfig:
        if not self.shares():
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"at least one platform with a share above 0 is needed: {known}")
        return self

    def names(self) -> tuple[str, ...]:
        """Return the platforms in use; with a share of 0 one gets no new tasks, and its answers are still read."""
        return tuple(self.sections())

    def shares(self) -> dict[str, float]:
        """Return the share of each platform that new tasks go to, by name."""
        return {name: section.share for name, section in self.sections().items() if section.share > 0}

    def sections(self) -> dict[str, PlatformConfig]:
        """Return the sections of the platforms in use, by name, in the order in which this model declares them."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in sections.items() if section is not None}


class LLMConfig(Section):
    """Any endpoint that speaks the OpenAI chat-completions protocol."""

    base_url: HttpUrl
    model: Annotated[str, Field(min_length=1)]
    api_key_env: Variable = "OPENAI_API_KEY"
    concurrency: Annotated[Count, Field(ge=1, le=64)] = 4
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3
    input_price: Price | None = None
    output_price: Price | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @model_validator(mode="after")
    def _both_prices(self) -> LLMConfig:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together: give both, or neither")
        return self


class ModerationConfig(Section):
    """Any endpoint that speaks OpenAI's moderation protocol; ``batch`` texts are sent in one request.

    OpenAI's own is free. Another may say the tokens that it read, and have a price for them.
    """

    base_url: HttpUrl
    model: Annotated[str, Field(min_length=1)] = "omni-moderation-latest"
    api_key_env: Variable = "OPENAI_API_KEY"
    batch: Annotated[Count, Field(ge=1, le=100)] = 20
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3
    input_price: Price = 0.0
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @property
    def output_price(self) -> float:
        """Return 0: it writes nothing."""
        return 0.0


def _known_kind(name: str) -> str:
    if name not in asked_kinds():
        known = " or ".join(repr(kind) for kind in asked_kinds())
        raise ValueError(f"Input should be {known} (given: {name[:80]!r})")
    return name


KindName = Annotated[str, AfterValidator(_known_kind)]
"""The name of a task kind that platforms ask."""


def _default_kinds() -> dict[str, float]:
    return {name: kind.weight for name, kind in asked_kinds().items() if kind.weight}


class MixConfig(Section):
    """Which tasks are drawn, and how many people answer each."""

    kinds: dict[KindName, Weight] = Field(default_factory=_default_kinds)
    significance: dict[Significance, Weight] = {
        Significance.LOW: 1.0,
        Significance.MEDIUM: 2.0,
        Significance.HIGH: 3.0,
    }
    trivial: bool = False
    limit: Annotated[Count, Field(ge=1)] | None = None
    overlap: Annotated[Count, Field(ge=1, le=100)] = 3
    show_seed: Annotated[Number, Field(ge=0, le=1)] = 0.0
    reask: Annotated[Number, Field(ge=0, le=0.1)] = 0.0

    @model_validator(mode="after")
    def _something_to_draw(self) -> MixConfig:
        for name, weights in (("kinds", self.kinds), ("significance", self.significance)):
            if not any(weights.values()):
                raise ValueError(f"mix.{name} needs at least one weight above 0")
        return self


FLAGS = ("refusal", "identity_leak", "empty", "trivial", "toxic", "moderation")
"""The flags of messages and conversations; a moderation label also names its category."""


def _known_flag(name: str) -> str:
    if name not in FLAGS and not (name.startswith("moderation:") and name != "moderation:"):
        raise ValueError(f"known flags: {', '.join(FLAGS)}, moderation:CATEGORY (given: {name[:80]!r})")
    return name


class SelectConfig(Section):
    """Which conversations tasks are made of.

    ``skip_flags`` are not shown to annotators. ``languages`` are those of ``collection stats``, ``und`` what could
    not be told; none: all. Of ``near_duplicates`` one conversation of each group is taken (and one of each other
    model that answers the same prompts), or all.
    ``repeated_prompts`` is a quantile of how often a prompt stands in the collection: what is repeated more is
    sampled down to that; null: not. ``challenge`` is the least score of a prompt, of 7; null: any.
    """

    skip_flags: tuple[Annotated[str, AfterValidator(_known_flag)], ...] = (
        "toxic",
        "moderation",
        "empty",
        "trivial",
    )
    languages: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = ()
    near_duplicates: Literal["one", "all"] = "one"
    repeated_prompts: Annotated[Number, Field(gt=0, lt=1)] | None = 0.9999
    challenge: Annotated[Count, Field(ge=1, le=7)] | None = None


class BonusesConfig(Section):
    """What is paid on top of what tasks offer, in Compute Points; 0 pays nothing.

    ``shared_chat_log``: to the known giver of a conversation that is shared, for so many a day.
    ``accepted_rewrite``: for the rewrite of a response that at least ``accepted_by`` other people tagged as not
    helpful, and more of them than tagged it as helpful. ``streak_day``: for each day of work from the second one
    of a streak on; up to ``streak_grace_days`` days without work do not break it. ``newcomer_answer``: for each
    of a person's first ``newcomer_answers`` answers.
    """

    shared_chat_log: Points = 0
    shared_chat_logs_per_day: Annotated[Count, Field(ge=1, le=1_000_000)] = 10
    accepted_rewrite: Points = 0
    accepted_by: Annotated[Count, Field(ge=1, le=100)] = 2
    streak_day: Points = 0
    streak_grace_days: Annotated[Count, Field(ge=0, le=365)] = 0
    newcomer_answer: Points = 0
    newcomer_answers: Annotated[Count, Field(ge=1, le=1_000_000)] = 10


def _known_part(name: str) -> str:
    if name not in paid_parts():
        raise PydanticCustomError("extra_forbidden", "Extra inputs are not permitted")
    return name


class RatesConfig(Section):
    """What each paid part of an answer is worth, in Compute Points, before significance; bonuses; the day's cap.

    Beside the fields stands a key for each paid part that a task kind declares, such as ``qualities``; ``points`` reads
    them. A part that is not named is worth what its kind says.
    ``points_per_day`` bounds what one person is credited for one day's work, answers and bonuses together.
    ``time_zone`` tells the days of people who have set none of their own.
    """

    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    significance: dict[Significance, Annotated[Number, Field(ge=0, le=100)]] = {
        Significance.LOW: 1.0,
        Significance.MEDIUM: 1.5,
        Significance.HIGH: 2.0,
    }
    bonuses: BonusesConfig = BonusesConfig()
    points_per_day: Annotated[Points, Field(ge=1)] | None = None
    time_zone: ZoneName = "UTC"

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_known_part)], Points] = Field(init=False)

    def points(self, part: str) -> int:
        """Return what a paid part is worth before significance.

        Raises:
            KeyError: no task kind declares it.
        """
        return self.__pydantic_extra__[part]

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys that may stand here, in the order of the commented file."""
        version, *others = cls.model_fields
        return [version, *paid_parts(), *others]

    @model_serializer(mode="wrap")
    def _in_order(self, dump: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        keys: dict[str, JsonValue] = dump(self)
        return {key: keys[key] for key in self.known_keys()}

    @model_validator(mode="before")
    @classmethod
    def _every_part(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return given | {name: part.points for name, part in paid_parts().items() if name not in given}

    @model_validator(mode="after")
    def _every_significance(self) -> RatesConfig:
        if missing := [level.value for level in Significance if level not in self.significance]:
            raise ValueError(f"rates.significance misses {', '.join(missing)}")
        return self


class PriceConfig(Section):
    """What one answer of a model costs, in Compute Points, by who chose the model."""

    dynamic: Annotated[Points, Field(ge=1)]
    direct: Annotated[Points, Field(ge=1)]

    @model_validator(mode="after")
    def _choosing_costs_more(self) -> PriceConfig:
        if self.direct <= self.dynamic:
            raise ValueError(
                f"'direct' must cost more than 'dynamic' (given: {self.direct} and {self.dynamic})"
            )
        return self

    def of(self, mode: ChatMode) -> int:
        """Return the price in a mode."""
        return self.direct if mode is ChatMode.DIRECT else self.dynamic


class SpendingConfig(Section):
    """What points buy."""

    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    hold_minutes: Annotated[Number, Field(gt=0, le=24 * 60)] = 10.0
    default: PriceConfig = PriceConfig(dynamic=2, direct=4)
    models: dict[Annotated[str, Field(min_length=1)], PriceConfig] = {}


class StoreConfig(Section):
    """Where the tables are: SQLite in the workspace, or the PostgreSQL database that a variable names."""

    url_env: Variable | None = None


class BudgetConfig(Section):
    """What the lead can spend, in Compute Points; null: no bound.

    ``points_total`` is hard: ``generate`` promises no more than it leaves. ``points_per_day`` only warns, for
    work that was done is paid.
    """

    points_per_day: Annotated[Points, Field(ge=1)] | None = None
    points_total: Annotated[Count, Field(ge=1, le=10**12)] | None = None


class ConsentConfig(Section):
    """How long a new conversation is held before it is shared, counted from its own time."""

    delay_hours: Annotated[Number, Field(ge=0, le=24 * 365)] = 24.0


class SourceConfig(Section):
    """What is known of a source of chat logs beside what its rows say."""

    licence: Annotated[str, Field(min_length=1, max_length=200)]


class PrivacyConfig(Section):
    """What redaction cannot know: names that must not stay, and where telephone numbers without a prefix are from.

    ``presidio`` looks with Presidio's recognisers as well; with ``presidio_model``, the name of an installed spaCy
    model such as ``en_core_web_sm``, for people and places too.
    """

    deny_names: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    default_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    presidio: Annotated[bool, Field(strict=True)] = False
    presidio_model: Annotated[str, Field(pattern=r"^[a-z]{2,3}_[A-Za-z0-9_]+$")] | None = None

    @model_validator(mode="after")
    def _model_of_presidio(self) -> PrivacyConfig:
        if self.presidio_model is not None and not self.presidio:
            raise ValueError("privacy.presidio_model needs 'presidio: true'")
        return self


def _distinct(levels: dict[str, int]) -> dict[str, int]:
    if len(set(levels.values())) < len(levels):
        raise ValueError(f"every level needs points of its own (given: {levels})")
    return levels


Levels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[Count, Field(ge=0)]],
    AfterValidator(_distinct),
]
"""The points from which a person has each level."""


class ScreeningConfig(Section):
    """The share of wrong flags, among all people flagged for review, that is put up with."""

    level: Annotated[Number, Field(gt=0, le=0.2)] = 0.05


class QualityConfig(Section):
    """How answers are judged."""

    screening: ScreeningConfig = ScreeningConfig()


class DemographicQuestionConfig(Section):
    """A question of the lead's own on the voluntary form: its text and the answers to choose from."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    options: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=2)]


class DemographicsConfig(Section):
    """The voluntary form, and the tables that may be published of it; ``k`` is the fewest people of a group."""

    questions: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], DemographicQuestionConfig] = {}
    tables: tuple[Annotated[tuple[str, ...], Field(min_length=1, max_length=4)], ...] = ()
    k: Annotated[Count, Field(ge=10, le=10_000)] = 10
    dominance: Annotated[Number, Field(gt=0, le=0.9)] = 0.9
    rounding: Annotated[Count, Field(ge=5, le=100)] = 5
    epsilon: Annotated[Number, Field(gt=0, le=10)] | None = None


class ChatLogsConfig(Section):
    """How tables of chat logs call the columns that readers know."""

    csv_columns: dict[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]] = {}


class Config(Section):
    """The whole of ``chatfeedback.yaml``."""

    version: Literal[1]
    platforms: PlatformsConfig
    llm: LLMConfig | None = None
    moderation: ModerationConfig | None = None
    select: SelectConfig = SelectConfig()
    mix: MixConfig = Field(default_factory=MixConfig)
    rates: RatesConfig = Field(default_factory=RatesConfig)
    spending: SpendingConfig = SpendingConfig()
    store: StoreConfig = StoreConfig()
    levels: Levels = {"newcomer": 0, "regular": 200, "expert": 2000}
    budget: BudgetConfig = BudgetConfig()
    chat_logs: ChatLogsConfig = ChatLogsConfig()
    consent: ConsentConfig = ConsentConfig()
    sources: dict[str, SourceConfig] = {}
    privacy: PrivacyConfig = PrivacyConfig()
    quality: QualityConfig = QualityConfig()
    demographics: DemographicsConfig = DemographicsConfig()
