"""An endpoint of the OpenAI chat-completions protocol that replies with one JSON object."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from task_generators.llm.bounded import MAX_REPLY_BYTES
from task_generators.llm.endpoint import Endpoint, StatusError
from task_generators.llm.errors import RefusedError, UnusableReplyError
from task_generators.llm.replies import Reply, parsed_reply
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from pydantic import SecretStr

    from workspaces.config import LLMConfig

MAX_REPLY_TOKENS = 300
PATH = "/chat/completions"


class Completion(BaseModel):
    """What is read of an answer of the protocol (``openai.types.chat.ChatCompletion``); nothing in it is trusted."""

    choices: Any = None
    usage: Any = None

    def tokens(self) -> tuple[object, object]:
        """Return the tokens of the prompt and of the completion, as the endpoint reports them."""
        usage = self.usage if isinstance(self.usage, dict) else {}
        return usage.get("prompt_tokens"), usage.get("completion_tokens")

    def text(self) -> str:
        """Return the text of the completion.

        Raises:
            UnusableReplyError: it has none.
        """
        if not self.choices:
            raise UnusableReplyError("the reply has no choices")
        try:
            content = self.choices[0]["message"]["content"]
        except (LookupError, TypeError):
            raise UnusableReplyError("the reply has no message") from None
        if not isinstance(content, str | None):
            raise UnusableReplyError("the reply is no text")
        return content or ""

    @property
    def is_cut(self) -> bool:
        """Whether the model had more to say than it was allowed to."""
        first = self.choices[0] if isinstance(self.choices, list) and self.choices else None
        return isinstance(first, dict) and first.get("finish_reason") == "length"


@cache
def _json_schema(schema: type[BaseModel]) -> dict[str, object]:
    return schema.model_json_schema()  # takes 2 ms


def chat_request(
    model: str,
    messages: Sequence[ChatCompletionMessageParam],
    max_tokens: int,
    schema: type[BaseModel] | None,
    what: str,
    temperature: float = 0,
) -> CompletionCreateParamsNonStreaming:
    """Return the body of a request; ``schema`` asks for JSON of this model, called ``what``."""
    body: CompletionCreateParamsNonStreaming = {
        "model": model,
        "messages": list(messages),
        "temperature": temperature,
        "max_tokens": max_tokens,
    }
    if schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": what.replace(" ", "_"), "strict": True, "schema": _json_schema(schema)},
        }
    return body


def as_bytes(body: CompletionCreateParamsNonStreaming) -> bytes:
    """Return a body as JSON; what no text can hold (half of a surrogate pair) becomes a question mark."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class ChatEndpoint:
    """Sends requests to an LLM. Safe to call from several threads."""

    def __init__(
        self,
        config: LLMConfig,
        api_key: SecretStr,
        max_bytes: int = MAX_REPLY_BYTES,
        *,
        temperature: float = 0,
    ) -> None:
        self.model = config.model
        self._temperature = temperature
        self.endpoint = Endpoint(
            config,
            api_key,
            name="the LLM",
            protocol="the OpenAI chat-completions protocol",
            section="llm",
            concurrency=config.concurrency,
            max_bytes=max_bytes,
        )
        self.meter = self.endpoint.meter
        self._structured = True

    def ask(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        """Return what ``reply_to`` returns, to a thread that waits for it."""
        asked = self.reply_to(system, material, reply, what)
        return asyncio.run_coroutine_threadsafe(asked, self.endpoint.loop).result()

    async def reply_to(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        """Return the endpoint's reply; one that is unusable or refused is asked for once more.

        Args:
            system: the instructions.
            material: the text that the instructions apply to; written by strangers.
            reply: the model of the reply.
            what: the name of the reply, for messages and for the schema.

        Raises:
            UnusableReplyError: the reply does not fit its model, or the request is refused (by a content filter, or
                as too long), twice in a row.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, does not know the model, or is no LLM.
        """
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": system},
            {"role": "user", "content": material},
        ]

        async def asked() -> Reply:
            completion = await self.endpoint.answer(
                lambda: self._complete(messages, MAX_REPLY_TOKENS, reply, what)
            )
            return parsed_reply(completion.text(), reply, what)

        try:
            return await asked()
        except UnusableReplyError:
            return await asked()

    async def text(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        max_tokens: int,
        schema: type[BaseModel] | None,
        what: str,
    ) -> str:
        """Return the text of one reply; one that is garbled or has none is asked for once more.

        Raises:
            UnusableReplyError: the reply has no text or is garbled twice, or the request is refused.
            CredentialsError, ConnectionFailedError: as ``ask`` does.
        """

        async def asked() -> str:
            completion = await self.endpoint.answer(
                lambda: self._complete(messages, max_tokens, schema, what)
            )
            return completion.text()

        try:
            return await asked()
        except RefusedError:
            raise
        except UnusableReplyError:
            return await asked()

    async def written(self, messages: Sequence[ChatCompletionMessageParam], max_tokens: int) -> str:
        """Return the text of one reply that need not be JSON; errors as ``text``.

        Raises:
            UnusableReplyError: also if the reply is cut off at ``max_tokens``.
        """

        async def asked() -> Completion:
            return await self.endpoint.answer(lambda: self._complete(messages, max_tokens, None, "text"))

        try:
            completion = await asked()
            text = completion.text()
        except RefusedError:
            raise
        except UnusableReplyError:
            completion = await asked()
            text = completion.text()
        if completion.is_cut:
            raise UnusableReplyError(f"the reply was cut off at {counted(max_tokens, 'token')}", text)
        return text

    async def _complete(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        max_tokens: int,
        schema: type[BaseModel] | None,
        what: str,
    ) -> Completion:
        """Ask with a JSON schema; an endpoint that does not support one is asked again without, and so from then on."""
        if self._structured and schema is not None:
            try:
                return await self._request(
                    chat_request(self.model, messages, max_tokens, schema, what, self._temperature)
                )
            except StatusError as error:
                if not error.refuses_text:
                    raise
                plain = chat_request(self.model, messages, max_tokens, None, what, self._temperature)
                completion = await self._request(plain)
                self._structured = False
                return completion
        body = chat_request(self.model, messages, max_tokens, None, what, self._temperature)
        return await self._request(body)

    async def _request(self, body: CompletionCreateParamsNonStreaming) -> Completion:
        content = await self.endpoint.post(
            PATH, content=as_bytes(body), headers={"Content-Type": "application/json"}
        )
        completion = Completion.model_validate_json(content)
        self.meter.count(*completion.tokens())
        return completion

    def close(self) -> None:
        """Close connections."""
        self.endpoint.close()
