"""The endpoints of models: an LLM, and moderation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, HttpUrl, field_validator, model_validator

from workspaces.config.section import Count, Number, Price, Section, Variable

Model = Annotated[str, Field(min_length=1)]


class JudgeConfig(Section):
    """A model that gives seed feedback; what is left out is as ``llm`` says. Its prices go together."""

    model: Model
    base_url: HttpUrl | None = None
    api_key_env: Variable | None = None
    input_price: Price | None = None
    output_price: Price | None = None


class LLMConfig(Section):
    """An endpoint that implements OpenAI's chat-completions protocol.

    ``judges`` give seed feedback, each of every response; without any, ``model`` does. ``corrections`` is how many
    responses each is shown, with what people said, when it gives seed feedback. ``transport`` sends requests one by
    one, or many as a batch that is answered later and costs less. ``budget`` is the most money that seed feedback may
    cost in all. ``canaries`` is the share of responses that are judged twice, the second time with an instruction to
    the judge added.
    """

    base_url: HttpUrl
    model: Model
    api_key_env: Variable = "OPENAI_API_KEY"
    concurrency: Annotated[Count, Field(ge=1, le=64)] = 4
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3
    corrections: Annotated[Count, Field(ge=0, le=20)] = 0
    judges: Annotated[tuple[JudgeConfig, ...], Field(max_length=9)] = ()
    transport: Literal["direct", "batch"] = "direct"
    canaries: Annotated[Number, Field(ge=0, le=1)] = 0.02
    budget: Annotated[Number, Field(gt=0, le=1_000_000_000)] | None = None
    input_price: Price | None = None
    output_price: Price | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @field_validator("judges", mode="before")
    @classmethod
    def _named(cls, judges: object) -> object:
        """Take the name of a model for a judge."""
        if not isinstance(judges, list | tuple):
            return judges
        return tuple({"model": judge} if isinstance(judge, str) else judge for judge in judges)

    @model_validator(mode="after")
    def _prices(self) -> LLMConfig:
        priced: list[LLMConfig | JudgeConfig] = [self, *self.judges]
        for each in priced:
            if (each.input_price is None) != (each.output_price is None):
                raise ValueError("input_price and output_price go together: give both, or neither")
        names = [judge.model for judge in self.judges]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"judges names {twice[0]!r} twice: a judge is a model")
        if self.budget is not None and any(judge.input_price is None for judge in self.each_judge()):
            raise ValueError(
                "budget needs input_price and output_price, of each judge that has its own address"
            )
        return self

    def each_judge(self) -> tuple[LLMConfig, ...]:
        """Return the endpoint of each judge, in order: one for ``model`` without ``judges``.

        A judge at another address has the prices that it names itself, and no others.
        """
        if not self.judges:
            return (self,)
        return tuple(
            self.model_copy(
                update={
                    "judges": (),
                    "model": judge.model,
                    "base_url": judge.base_url or self.base_url,
                    "api_key_env": judge.api_key_env or self.api_key_env,
                    "input_price": judge.input_price
                    if judge.input_price is not None or judge.base_url is not None
                    else self.input_price,
                    "output_price": judge.output_price
                    if judge.output_price is not None or judge.base_url is not None
                    else self.output_price,
                }
            )
            for judge in self.judges
        )


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
