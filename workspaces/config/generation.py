"""How tasks are generated: the conversations they are selected from, and the mix of their kinds."""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads it
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from workspaces.config.section import Count, Number, Section, Weight
from workspaces.kinds import declared_kinds, kind_of, rubric_of
from workspaces.records import Significance

ATTACHMENT = "attachment"
"""The flag of a message with attachments: their bytes are not kept, so nobody sees them."""

FLAGS = ("refusal", "identity_leak", "empty", "trivial", "toxic", "moderation", ATTACHMENT)
"""The flags of messages and conversations; ``moderation:CATEGORY`` is a moderation flag of one category."""


def _known_flag(name: str) -> str:
    if name not in FLAGS and not (name.startswith("moderation:") and name != "moderation:"):
        raise ValueError(f"known flags: {', '.join(FLAGS)}, moderation:CATEGORY (given: {name[:80]!r})")
    return name


FlagName = Annotated[str, AfterValidator(_known_flag)]
"""One of ``FLAGS``, or ``moderation:CATEGORY``."""


def _warning_kind(name: str) -> str:
    warning = [kind.name for kind in declared_kinds().values() if kind.warns]
    if name not in warning:
        raise ValueError(
            f"only kinds whose guidelines warn of harmful texts may show them: {', '.join(warning)} "
            f"(given: {name[:80]!r})"
        )
    return name


class SelectConfig(Section):
    """Which conversations tasks are made from.

    Messages and conversations with one of ``skip_flags`` are not shown to annotators. ``languages`` are codes as
    ``collection stats`` prints them, ``und`` for an undetermined language; empty: all. With ``near_duplicates`` set to
    ``one``, one conversation of each group is used (and one of each other model that answers the same prompts).
    ``repeated_prompts`` is a quantile of how often a prompt occurs in the collection: the conversations of a prompt
    that occurs more often are sampled down to it; null: no limit. ``challenge`` is the minimum challenge score of a
    prompt, out of 7; null: no minimum. ``show_flagged`` opens flags to a kind that shows harmful texts on purpose and
    warns its annotators first: its tasks show messages with these flags although ``skip_flags`` has them.
    """

    skip_flags: tuple[FlagName, ...] = (
        "toxic",
        "moderation",
        "empty",
        "trivial",
        ATTACHMENT,
    )
    languages: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = ()
    near_duplicates: Literal["one", "all"] = "one"
    repeated_prompts: Annotated[Number, Field(gt=0, lt=1)] | None = 0.9999
    challenge: Annotated[Count, Field(ge=1, le=7)] | None = None
    show_flagged: dict[Annotated[str, AfterValidator(_warning_kind)], tuple[FlagName, ...]] = Field(
        default={}
    )


def _known_kind(name: str) -> str:
    if name not in declared_kinds() and rubric_of(name) is None:
        known = " or ".join(repr(kind) for kind in declared_kinds())
        raise ValueError(f"Input should be {known} (given: {name[:80]!r})")
    return name


KindName = Annotated[str, AfterValidator(_known_kind)]
"""The name of a task kind that platforms ask, or of one that a rubric makes, if there is such a rubric."""


def _default_kinds() -> dict[str, float]:
    return {name: kind.weight for name, kind in declared_kinds().items()}


DEFAULT = "default"
"""The name of the mix that ``mix`` writes, and in ``mix.platforms`` of all kinds that are not named."""

EACH = "each"
"""In a quota: every value that is not named."""

Name = Annotated[str, Field(min_length=1, max_length=200)]


def _quota_of_each(value: object) -> object:
    return value if isinstance(value, dict) else {EACH: value}


def _share_or_count(value: float) -> float:
    if value > 1 and value != int(value):
        raise ValueError(f"a share of the tasks from 0 to 1, or a whole number of tasks (given: {value:g})")
    return value


Quota = Annotated[
    dict[Name, Annotated[Number, Field(ge=0), AfterValidator(_share_or_count)]],
    BeforeValidator(_quota_of_each),
]
"""The most tasks about one value: up to 1 a share of the tasks of the mix, above it a number of tasks."""


class QuotasConfig(Section):
    """How many tasks of a mix may be about one model, topic or language at most.

    A plain number is for each of them; a mapping has numbers for some, and ``each`` for every other one.
    """

    model: Quota = Field(default={})
    topic: Quota = Field(default={})
    language: Quota = Field(default={})


class OnlyConfig(Section):
    """What a mix draws from, among the conversations that ``select`` takes; empty and null: everything.

    ``models`` wrote every response that a task asks about. ``since`` and ``until`` bound the day (UTC) of a
    conversation, both included; one without a time is in no bounds. ``flags``: the conversation has one of them, by
    itself or by the verdict of a moderation endpoint.
    """

    languages: tuple[Name, ...] = ()
    models: tuple[Name, ...] = ()
    topics: tuple[Name, ...] = ()
    sources: tuple[Name, ...] = ()
    flags: tuple[FlagName, ...] = ()
    since: date | None = None
    until: date | None = None
    challenge: Annotated[Count, Field(ge=1, le=7)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> OnlyConfig:
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"only.since ({self.since}) is after only.until ({self.until})")
        return self


class AdaptiveConfig(Section):
    """When a task closes before ``overlap`` people answered it: once ``least`` did, and its answers are sure enough.

    They are when tasks come out as often right as with ``as_good_as`` answers to each, which ``quality.stopping``
    tells from the answers so far; or with ``sure``, when each question's most probable answer has that probability. The
    share ``audit`` of the tasks, by lot, takes ``as_good_as`` answers (with ``sure``, ``overlap``), whatever they say:
    agreement is measured on these.
    """

    least: Annotated[Count, Field(ge=2, le=100)] = 2
    as_good_as: Annotated[Count, Field(ge=2, le=100)] = 3
    sure: Annotated[Number, Field(gt=0.5, lt=1)] | None = None
    audit: Annotated[Number, Field(ge=0, le=1)] = 0.05


def _shares_of_one(value: object) -> object:
    return {value: 1.0} if isinstance(value, str) else value


def _some_share(shares: dict[str, float]) -> dict[str, float]:
    if not any(shares.values()):
        raise ValueError("at least one platform needs a share above 0")
    return shares


PlatformShares = Annotated[dict[Name, Weight], BeforeValidator(_shares_of_one), AfterValidator(_some_share)]
"""The shares of platforms; a plain name: all."""


class MixConfig(Section):
    """Which tasks are drawn, how many, where they go, and how many people answer each of them."""

    kinds: dict[KindName, Weight] = Field(default_factory=_default_kinds)
    significance: dict[Significance, Weight] = Field(
        default={Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
    )
    only: OnlyConfig = OnlyConfig()
    quotas: QuotasConfig = Field(default_factory=QuotasConfig)
    platforms: dict[Name, PlatformShares] = Field(default={})
    trivial: bool = False
    limit: Annotated[Count, Field(ge=1)] | None = None
    per_day: Annotated[Count, Field(ge=1)] | None = None
    per_week: Annotated[Count, Field(ge=1)] | None = None
    overlap: Annotated[Count, Field(ge=1, le=100)] = 3
    adaptive: AdaptiveConfig | None = None
    show_seed: Annotated[Number, Field(ge=0, le=1)] = 0.0
    reask: Annotated[Number, Field(ge=0, le=0.1)] = 0.0
    gold: Annotated[Number, Field(ge=0, le=0.5)] = 0.0

    @property
    def judges_rewrites(self) -> bool:
        """Whether people are asked about rewrites, so that their votes accept them."""
        kinds = (name for name, weight in self.kinds.items() if weight > 0 and rubric_of(name) is None)
        return any(kind_of(name).judges_rewrites for name in kinds)

    @model_validator(mode="after")
    def _something_to_draw(self) -> MixConfig:
        for name, weights in (("kinds", self.kinds), ("significance", self.significance)):
            if not any(weights.values()):
                raise ValueError(f"mix.{name} needs at least one weight above 0")
        return self

    @model_validator(mode="after")
    def _kinds_on_platforms(self) -> MixConfig:
        for name in self.platforms:
            if name != DEFAULT:
                _known_kind(name)
        return self

    @model_validator(mode="after")
    def _can_close_early(self) -> MixConfig:
        if self.adaptive is not None and self.adaptive.least > self.overlap:
            raise ValueError(
                f"mix.adaptive.least ({self.adaptive.least}) is more than mix.overlap ({self.overlap})"
            )
        if (
            self.adaptive is not None
            and self.adaptive.sure is None
            and self.adaptive.as_good_as > self.overlap
        ):
            raise ValueError(
                f"mix.adaptive.as_good_as ({self.adaptive.as_good_as}) is more than mix.overlap ({self.overlap}), the "
                "most answers to a task"
            )
        return self

    def shares_of(self, kind: str, usual: dict[str, float]) -> dict[str, float]:
        """Return the shares of the platforms in the tasks of a kind; ``usual`` where the mix says nothing of it."""
        return self.platforms.get(kind, self.platforms.get(DEFAULT, usual))
