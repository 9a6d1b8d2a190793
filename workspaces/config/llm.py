"""The endpoints of models: an LLM, and moderation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, HttpUrl, field_validator, model_validator

from workspaces.config.section import Count, Number, Price, Section, Variable
from workspaces.records import Quality

Model = Annotated[str, Field(min_length=1)]


GENERATED = "generated"
"""The licence of a generated response, unless the lead names another: what its model's terms say of it."""


class JudgeConfig(Section):
    """A model that gives seed feedback; what is left out is as ``llm`` says. Its prices go together."""

    model: Model
    base_url: HttpUrl | None = None
    api_key_env: Variable | None = None
    input_price: Price | None = None
    output_price: Price | None = None


Role = Literal["judge", "generate"]
"""What a model is for: to give seed feedback, or to write responses for comparison."""

JUDGE: Role = "judge"
GENERATE: Role = "generate"


class ModelConfig(JudgeConfig):
    """A model by its roles. ``temperature``, ``max_tokens`` and ``licence`` are those of the responses it generates."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)] = ("generate",)
    temperature: Annotated[Number, Field(ge=0, le=2)] = 0.7
    max_tokens: Annotated[Count, Field(ge=16, le=32_000)] = 1_000
    licence: Annotated[str, Field(min_length=1, max_length=80)] = GENERATED


class EmbeddingsConfig(Section):
    """A model that embeds texts, by OpenAI's protocol of embeddings; one request contains ``batch`` texts.

    What is left out is as ``llm`` says, but the price: embeddings cost other money.
    """

    model: Model
    base_url: HttpUrl | None = None
    api_key_env: Variable | None = None
    input_price: Price | None = None
    batch: Annotated[Count, Field(ge=1, le=2048)] = 64


class CounterpartsConfig(Section):
    """Which responses get a generated counterpart: those rated low.

    ``rated_by`` says whose word counts: ``people``, ``seed`` feedback, or ``both``, where that of people stands before
    the seed. A response is rated low by its seed if one of the qualities in ``low`` is denied (of ``sensitive`` and
    ``toxic``: stated), by people if more of them call it unwanted than wanted. With ``self_rated`` a model rates its
    response in the reply that holds it.
    """

    rated_by: Literal["both", "people", "seed"] = "both"
    low: Annotated[tuple[Quality, ...], Field(min_length=1)] = (Quality.INSTRUCTION, Quality.HELPFUL)
    self_rated: bool = False


class LLMConfig(Section):
    """An endpoint that implements OpenAI's chat-completions protocol.

    ``judges`` give seed feedback, each of every response; without any, ``model`` does. ``models`` names further models
    by their roles: those that ``judge`` are judges, too, and those that ``generate`` write the ``counterparts`` of
    responses. ``embeddings`` names the model by whose embeddings prompts are put into topics. ``corrections`` is how
    many responses each judge is shown, with what people said, when it gives seed feedback. ``transport`` sends requests
    for it one by one, or many as a batch that is answered later and costs less. ``budget`` is the most money that all
    of these may cost together. ``canaries`` is the share of responses that are judged twice, the second time with an
    instruction to the judge added.
    """

    base_url: HttpUrl
    model: Model
    api_key_env: Variable = "OPENAI_API_KEY"
    concurrency: Annotated[Count, Field(ge=1, le=64)] = 4
    timeout_seconds: Annotated[Number, Field(gt=0, le=600)] = 60.0
    max_attempts: Annotated[Count, Field(ge=1, le=10)] = 3
    corrections: Annotated[Count, Field(ge=0, le=20)] = 0
    judges: Annotated[tuple[JudgeConfig, ...], Field(max_length=9)] = ()
    models: Annotated[tuple[ModelConfig, ...], Field(max_length=9)] = ()
    counterparts: CounterpartsConfig = CounterpartsConfig()
    embeddings: EmbeddingsConfig | None = None
    transport: Literal["direct", "batch"] = "direct"
    canaries: Annotated[Number, Field(ge=0, le=1)] = 0.02
    budget: Annotated[Number, Field(gt=0, le=1_000_000_000)] | None = None
    input_price: Price | None = None
    output_price: Price | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"

    @field_validator("judges", "models", mode="before")
    @classmethod
    def _named(cls, judges: object) -> object:
        """Take the name of a model for a judge, or for a model that generates."""
        if not isinstance(judges, list | tuple):
            return judges
        return tuple({"model": judge} if isinstance(judge, str) else judge for judge in judges)

    @model_validator(mode="after")
    def _prices(self) -> LLMConfig:
        priced: list[LLMConfig | JudgeConfig] = [self, *self.judges, *self.models]
        for each in priced:
            if (each.input_price is None) != (each.output_price is None):
                raise ValueError("input_price and output_price go together: give both, or neither")
        for role, key in ((JUDGE, "judges"), (GENERATE, "models")):
            names = [each.model for each in self._with_role(role)]
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"{key} names {twice[0]!r} twice: a judge is a model, and so is a generator")
        embedding = self.embedder()
        asked = [*self.each_judge(), *(llm for llm, _ in self.each_generator())]
        asked += [] if embedding is None else [embedding]
        if self.budget is not None and any(each.input_price is None for each in asked):
            raise ValueError(
                "budget needs input_price and output_price, of each judge and model that has its own address, and the "
                "input_price of embeddings"
            )
        return self

    def _with_role(self, role: Role) -> list[JudgeConfig]:
        named = [each for each in self.models if role in each.roles]
        return [*self.judges, *named] if role == JUDGE else list(named)

    def each_judge(self) -> tuple[LLMConfig, ...]:
        """Return the endpoint of each judge, in order: one for ``model`` if no other judges.

        A judge at another address has the prices that it names itself, and no others.
        """
        return tuple(self._endpoint_of(judge) for judge in self._with_role(JUDGE)) or (self,)

    def each_generator(self) -> tuple[tuple[LLMConfig, ModelConfig], ...]:
        """Return the endpoint of each model that generates, in order, with what it generates with."""
        generating = [each for each in self.models if GENERATE in each.roles]
        return tuple((self._endpoint_of(each), each) for each in generating)

    def embedder(self) -> LLMConfig | None:
        """Return the endpoint of the model that embeds texts; None if there is none."""
        if self.embeddings is None:
            return None
        price = self.embeddings.input_price
        prices = {"input_price": price, "output_price": None if price is None else 0.0}
        return self._endpoint_of(self.embeddings).model_copy(update={"embeddings": None, **prices})

    def _endpoint_of(self, named: JudgeConfig | EmbeddingsConfig) -> LLMConfig:
        own_prices = named.input_price is not None or named.base_url is not None
        output_price = named.output_price if isinstance(named, JudgeConfig) else None
        return self.model_copy(
            update={
                "judges": (),
                "models": (),
                "model": named.model,
                "base_url": named.base_url or self.base_url,
                "api_key_env": named.api_key_env or self.api_key_env,
                "input_price": named.input_price if own_prices else self.input_price,
                "output_price": output_price if own_prices else self.output_price,
            }
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
