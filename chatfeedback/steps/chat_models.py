"""The models that people can ask for points, and which of them the platform picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_generators.llm.stand_in import SENTENCES, StandIn
from task_generators.llm.upstream import HttpUpstream
from workspaces.config import DYNAMIC, DynamicRule, secret_from_environment
from workspaces.records import ChatMode
from workspaces.store.spending import ModelPrice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from pydantic import JsonValue

    from task_generators.llm.upstream import Upstream
    from workspaces.config import ChatModelConfig, Config

STAND_IN_TOKENS = 1_000

PASSED_ON = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "messages",
        "min_p",
        "modalities",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "verbosity",
    ]
)
"""What of a request an endpoint is told: nothing by which it stores the chat, costs more, or asks another model."""

KINDS_OF_TOOLS = ("function", "custom")
"""Tools that the program itself runs. Others are the endpoint's own, such as a search, and cost more than the price."""

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model that can be asked: its name for people, the name that its endpoint knows, and its share of the picks.

    ``price`` is that of its tokens; None: it is a stand-in and no LLM.
    """

    name: str
    asked_as: str
    upstream: Upstream
    weight: float
    max_tokens: int
    price: ModelPrice | None = None


def chat_models(config: Config) -> dict[str, ChatModel]:
    """Return the models by name, in the order of the configuration.

    Raises:
        ConfigurationError: the key of one is not in the environment.
    """
    models = {each.model: _configured(config, each) for each in config.chat.models}
    if config.chat.stand_in:
        weight = (
            0.0 if models else 1.0
        )  # beside real models nobody is given a stand-in who did not ask for it
        for name in SENTENCES:
            models[name] = ChatModel(name, name, StandIn(name), weight, STAND_IN_TOKENS)
    return models


def pick(
    models: Sequence[ChatModel],
    config: Config,
    answers: Mapping[str, int],
    random: Random,
) -> ChatModel | None:
    """Return the model that the lead's rule picks; None where there is none.

    Args:
        models: those that may be picked; their weights are above 0.
        config: the rule, and the prices.
        answers: how many recorded answers each model gave.
        random: draws by weight, and between equals.
    """
    if not models:
        return None
    able = models
    rule = config.chat.dynamic
    if rule is not DynamicRule.WEIGHTS:
        measure = (
            {model.name: answers.get(model.name, 0) for model in able}
            if rule is DynamicRule.LEAST_DATA
            else {model.name: _price(config, model.name) for model in able}
        )
        least = min(measure.values())
        able = [model for model in able if measure[model.name] == least]
    return random.choices(able, [model.weight for model in able])[0]


def has_other_tools(request: Mapping[str, JsonValue]) -> bool:
    """Return whether a request gives a model tools that its endpoint would run, or what may be such."""
    tools = request.get("tools")
    return tools is not None and not (isinstance(tools, list) and all(_is_run_by_program(it) for it in tools))


def _is_run_by_program(tool: JsonValue) -> bool:
    return isinstance(tool, dict) and any(
        tool.get("type") == kind and tool.keys() <= {"type", kind} for kind in KINDS_OF_TOOLS
    )


def mode_of(asked: str) -> ChatMode:
    """Return the mode in which a model is asked for by this name."""
    return ChatMode.DYNAMIC if asked == DYNAMIC else ChatMode.DIRECT


def _price(config: Config, name: str) -> int:
    return config.spending.models.get(name, config.spending.default).of(ChatMode.DYNAMIC)


def _configured(config: Config, each: ChatModelConfig) -> ChatModel:
    base_url, variable = each.base_url, each.api_key_env
    if config.llm is not None and base_url is None:
        base_url, variable = config.llm.base_url, variable or config.llm.api_key_env
    key = None if variable is None else secret_from_environment(variable, f"the model {each.model}")
    upstream = HttpUpstream(str(base_url), key, config.chat.stall_seconds)
    name = each.upstream or each.model
    return ChatModel(each.model, name, upstream, each.weight, each.max_tokens, _token_price(config, each))


def _token_price(config: Config, each: ChatModelConfig) -> ModelPrice:
    """Return the price of a model's tokens: its own, or that of ``llm`` where it is the same model there."""
    llm = config.llm
    is_same = llm is not None and each.base_url is None and (each.upstream or each.model) == llm.model
    priced = llm if llm is not None and is_same and each.input_price is None else each
    currency = "USD" if llm is None else llm.currency
    return ModelPrice(each.model, priced.input_price, priced.output_price, currency)


def passed_on(request: Mapping[str, JsonValue], model: ChatModel) -> dict[str, JsonValue]:
    """Return a request as the endpoint gets it: the name that it knows, no user, and no more tokens than allowed."""
    passed: dict[str, JsonValue] = {
        name: value for name, value in request.items() if name in PASSED_ON and value is not None
    }
    passed["model"] = model.asked_as
    limits = [name for name in TOKEN_LIMITS if request.get(name) is not None] or ["max_tokens"]
    for name in limits:
        given = request.get(name)
        is_number = isinstance(given, int) and not isinstance(given, bool)
        bounded = min(given, model.max_tokens) if isinstance(given, int) and is_number else 0
        passed[name] = bounded if bounded > 0 else model.max_tokens
    return passed
