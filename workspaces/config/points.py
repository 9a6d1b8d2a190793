"""Compute Points: how they are earned, what they buy, the lead's budget, and the levels of people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from workspaces.config.section import Count, Number, Points, Section, ZoneName
from workspaces.kinds import paid_parts
from workspaces.records import ChatMode, Significance


class BonusesConfig(Section):
    """What is paid in addition to the points of tasks, in Compute Points; 0 pays nothing.

    ``shared_chat_log``: paid to the known giver of a conversation that is shared, for at most
    ``shared_chat_logs_per_day`` conversations a day. ``accepted_rewrite``: paid for a rewrite that at least
    ``accepted_by`` other people, and more than half of all who judge it, prefer to the response
    (``reward_engine.acceptance``). Where no kind of the mix judges rewrites a stand-in decides: at least
    ``accepted_by`` other people tagged the response as not helpful, and more than tagged it as helpful.
    ``streak_day``: paid for each day of work from the second day of a streak on; up to ``streak_grace_days`` days
    without work do not end a streak. ``newcomer_answer``: paid for each of a person's first ``newcomer_answers``
    answers.
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
    """The points of each paid part of an answer before significance, the bonuses, and the daily cap.

    In addition to the fields, the section has a key for each paid part that a task kind declares, such as
    ``qualities``; ``points`` returns its value. A part without a key has the points that its kind declares.
    ``beyond_overlap`` says whether people who answer a task after as many as its overlap are paid as well.
    ``points_per_day`` limits the points that one person is credited for one day's work, answers and bonuses together.
    ``vesting`` says when points for choices (preferences, quality tags) are credited: ``at_once``, or ``on_agreement``:
    the share ``vested_at_once`` at once and the rest when the item is settled, which it is when its most probable
    answer has the probability ``vested_when_sure``, or when as many people answered as were asked.
    ``own`` is the factor for answers about a conversation that the annotator gave; 1 pays them as others.
    ``time_zone`` determines the days of people who have set no time zone of their own.
    """

    version: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    significance: dict[Significance, Annotated[Number, Field(ge=0, le=100)]] = Field(
        default={Significance.LOW: 1.0, Significance.MEDIUM: 1.5, Significance.HIGH: 2.0}
    )
    beyond_overlap: Literal["pay", "refuse"] = "refuse"
    own: Annotated[Number, Field(ge=0, le=100)] = 1.0
    vesting: Literal["at_once", "on_agreement"] = "at_once"
    vested_at_once: Annotated[Number, Field(ge=0, le=1)] = 0.5
    vested_when_sure: Annotated[Number, Field(gt=0.5, le=1)] = 0.95
    bonuses: BonusesConfig = BonusesConfig()
    points_per_day: Annotated[Points, Field(ge=1)] | None = None
    time_zone: ZoneName = "UTC"

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_known_part)], Points] = Field(init=False)

    @property
    def vests(self) -> bool:
        """Whether points for choices vest."""
        return self.vesting == "on_agreement"

    def points(self, part: str) -> int:
        """Return the points of a paid part before significance.

        Raises:
            KeyError: no task kind declares this part.
        """
        return self.__pydantic_extra__[part]

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys that are allowed in this section, in the order of the commented file."""
        version, *others = cls.model_fields
        return [version, *paid_parts(), *others]

    @model_serializer(mode="wrap")
    def _in_order(self, dump: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        keys: dict[str, JsonValue] = dump(self)
        return {key: keys[key] for key in self.known_keys()}

    @model_validator(mode="before")
    @classmethod
    def _every_part(cls, section: object) -> object:
        if not isinstance(section, dict):
            return section
        return section | {key: part.points for key, part in paid_parts().items() if key not in section}

    @model_validator(mode="after")
    def _every_significance(self) -> RatesConfig:
        if missing := [level.value for level in Significance if level not in self.significance]:
            raise ValueError(f"rates.significance misses {', '.join(missing)}")
        return self


class PriceConfig(Section):
    """The price of one answer of a model in Compute Points, by who chose the model."""

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
    models: dict[Annotated[str, Field(min_length=1)], PriceConfig] = Field(default={})


class BudgetConfig(Section):
    """What the lead can spend, in Compute Points; null: no limit.

    ``points_total`` is a hard limit: ``generate`` promises no more points than are left. ``points_per_day`` only
    causes a warning, because work that was done is paid.
    """

    points_per_day: Annotated[Points, Field(ge=1)] | None = None
    points_total: Annotated[Count, Field(ge=1, le=10**12)] | None = None


def _distinct(levels: dict[str, int]) -> dict[str, int]:
    if len(set(levels.values())) < len(levels):
        raise ValueError(f"every level needs points of its own (given: {levels})")
    return levels


Levels = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], Annotated[Count, Field(ge=0)]],
    AfterValidator(_distinct),
]
"""The points at which a person reaches each level."""
