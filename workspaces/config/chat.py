"""What points buy: the models that people may ask, the rule by which the platform picks one, and limits."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, HttpUrl, field_validator, model_validator

from workspaces.config.section import Count, Number, Price, Section, Variable, Weight

DYNAMIC = "dynamic"
"""The name by which people ask the platform to pick a model."""

STAND_IN = "stand-in"
"""The name of the model in process that answers without a key and without a network. It is no LLM."""


class DynamicRule(StrEnum):
    """How the platform picks a model: by lot with the weights, that which has answered least, or the cheapest."""

    WEIGHTS = "weights"
    LEAST_DATA = "least_data"
    COST = "cost"


ModelName = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x20\x7f]+$")]


class ChatModelConfig(Section):
    """A model that people may ask, at an endpoint of OpenAI's protocol.

    ``model`` is the name under which people ask for it, ``upstream`` that which the endpoint knows (None: the same).
    ``base_url`` and ``api_key_env`` are those of ``llm`` where left out; an endpoint of its own without
    ``api_key_env`` is asked without a key. ``weight`` is its share of the dynamic chats, 0: never picked.
    ``max_tokens`` is the most that one answer may have. ``input_price`` and ``output_price`` are money per million
    tokens, for ``seed_feedback``.
    """

    model: ModelName
    upstream: ModelName | None = None
    base_url: HttpUrl | None = None
    api_key_env: Variable | None = None
    weight: Weight = 1.0
    max_tokens: Annotated[Count, Field(ge=16, le=1_000_000)] = 4_000
    input_price: Price | None = None
    output_price: Price | None = None


class ChatConfig(Section):
    """What ``chatfeedback web`` offers for points.

    Without ``models`` and ``stand_in`` there is no chat. ``stand_in`` adds the model in process, for trials.
    ``dynamic`` is the rule for ``model: dynamic``. ``requests_per_minute`` is the most answers that one person may ask
    for in a minute, ``at_once`` how many at the same time. ``stall_seconds`` is how long an endpoint may be silent.
    ``max_body_kib`` is the longest request. ``seed_feedback``: a model rates each answer that it gave on the page.
    """

    models: Annotated[tuple[ChatModelConfig, ...], Field(max_length=50)] = ()
    stand_in: bool = False
    dynamic: DynamicRule = DynamicRule.WEIGHTS
    requests_per_minute: Annotated[Count, Field(ge=1, le=10_000)] = 20
    at_once: Annotated[Count, Field(ge=1, le=100)] = 4
    stall_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_body_kib: Annotated[Count, Field(ge=1, le=8 * 1024)] = 1024
    seed_feedback: bool = False

    @field_validator("models", mode="before")
    @classmethod
    def _named(cls, models: object) -> object:
        """Take the name of a model for a model."""
        if not isinstance(models, list | tuple):
            return models
        return tuple({"model": model} if isinstance(model, str) else model for model in models)

    @model_validator(mode="after")
    def _prices(self) -> ChatConfig:
        if any((each.input_price is None) != (each.output_price is None) for each in self.models):
            raise ValueError("chat.models: input_price and output_price go together: give both, or neither")
        return self

    @model_validator(mode="after")
    def _names(self) -> ChatConfig:
        names = [each.model for each in self.models]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"chat.models names {twice[0]!r} twice")
        if taken := [name for name in names if name in (DYNAMIC, STAND_IN)]:
            raise ValueError(
                f"chat.models cannot name a model {taken[0]!r}: the name has a meaning of its own"
            )
        if (
            self.dynamic is DynamicRule.WEIGHTS
            and self.models
            and not any(each.weight for each in self.models)
        ):
            raise ValueError("chat.models: at least one model needs a weight above 0")
        return self
