"""The endpoints of models: an LLM, and moderation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, HttpUrl, model_validator

from workspaces.config.section import Count, Number, Price, Section, Variable


class LLMConfig(Section):
    """An endpoint that implements OpenAI's chat-completions protocol.

    ``corrections`` is how many responses it is shown, with what people said, when it gives seed feedback.
    """

    base_url: HttpUrl
    model: Annotated[str, Field(min_length=1)]
    api_key_env: Variable = "OPENAI_API_KEY"
    concurrency: Annotated[Count, Field(ge=1, le=64)] = 4
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3
    corrections: Annotated[Count, Field(ge=0, le=20)] = 0
    input_price: Price | None = None
    output_price: Price | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @model_validator(mode="after")
    def _both_prices(self) -> LLMConfig:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price go together: give both, or neither")
        return self


class ModerationConfig(Section):
    """An endpoint that implements OpenAI's moderation protocol; one request contains ``batch`` texts.

    OpenAI's own endpoint is free. Another one may report the tokens that it read, and charge for them.
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
        """Return 0: a moderation endpoint generates no tokens."""
        return 0.0
