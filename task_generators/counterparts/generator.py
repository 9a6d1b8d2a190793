"""A model that writes counterparts, by an endpoint of the OpenAI chat-completions protocol."""

from __future__ import annotations

import json
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.fields import clean
from task_generators.chat_logs.readers.marks import without_thoughts
from task_generators.llm.chat import ChatEndpoint, as_bytes, chat_request
from task_generators.llm.errors import UnusableReplyError
from task_generators.llm.meter import BYTES_PER_TOKEN, Estimate
from task_generators.llm.outcomes import Failure, Outcomes
from task_generators.seed_feedback.self_rated import PROMPT_VERSION, RATING_TOKENS, answered, respond, said
from workspaces.store.counterparts import EndedCounterpart
from workspaces.store.requests import RequestState

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam
    from pydantic import SecretStr

    from task_generators.counterparts.requests import CounterpartRequest
    from workspaces.config import LLMConfig
    from workspaces.config.llm import ModelConfig

PLAIN_VERSION = "plain-1"
"""Of a request that sends the messages of the log and nothing else."""


class Generator:
    """Asks a model to answer what people asked in chat logs.

    Args:
        config: the endpoint.
        made: with what the model generates.
        api_key: our key.
        self_rated: whether the model rates its response in the reply that holds it.
    """

    def __init__(self, config: LLMConfig, made: ModelConfig, api_key: SecretStr, *, self_rated: bool) -> None:
        self.agent = config.model
        self.licence = made.licence
        self.max_tokens = made.max_tokens + (RATING_TOKENS if self_rated else 0)
        self.parameters = json.dumps(
            {
                "temperature": made.temperature,
                "max_tokens": made.max_tokens,
                "prompt_version": PROMPT_VERSION if self_rated else PLAIN_VERSION,
            },
            sort_keys=True,
        )
        self.chat = ChatEndpoint(config, api_key, temperature=made.temperature)
        self.meter = self.chat.meter
        self._self_rated = self_rated
        self._outcomes = Outcomes(self.chat.endpoint)
        self._key = secrets.token_bytes(32)

    def messages(self, request: CounterpartRequest) -> list[ChatCompletionMessageParam]:
        """Return what is sent."""
        if self._self_rated:
            return said(request.path, self._marker(request))
        return answered(request.path)

    def estimate(self, request: CounterpartRequest) -> Estimate:
        """Return a bound of the tokens that a request takes, with the repair of its reply if it can have one."""
        size = len(as_bytes(chat_request(self.agent, self.messages(request), 0, None, "response")))
        tokens = size // BYTES_PER_TOKEN
        if self._self_rated:
            return Estimate(2 * (tokens + self.max_tokens), 2 * self.max_tokens)
        return Estimate(tokens, self.max_tokens)

    async def generate(self, request: CounterpartRequest) -> EndedCounterpart:
        """Return what came of a request.

        Raises:
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it answers nothing, does not know the model, or is no LLM.
        """
        ended = await self._outcomes.of(self._asked(request))
        if isinstance(ended, Failure):
            return EndedCounterpart(request.id, RequestState(ended.state), ended.fault, ended.reply)
        return ended

    async def _asked(self, request: CounterpartRequest) -> EndedCounterpart:
        rating = None
        if self._self_rated:
            made = await respond(self.chat, request.path, self._marker(request), self.max_tokens)
            text, rating = made.response, made.answers()
        else:
            text = await self.chat.written(self.messages(request), self.max_tokens)
        response = without_thoughts(clean(text)).strip()
        if not response:
            raise UnusableReplyError("the response is empty", text)
        return EndedCounterpart(request.id, RequestState.RECEIVED, response=response, rating=rating)

    def _marker(self, request: CounterpartRequest) -> str:
        """Return a word that whoever wrote the conversation cannot know: a hash with a key of this run."""
        return blake2b(request.id.encode(), key=self._key, digest_size=4).hexdigest()

    def close(self) -> None:
        """Close connections."""
        self.chat.close()
