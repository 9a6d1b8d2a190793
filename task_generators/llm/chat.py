"""An endpoint of the OpenAI chat-completions protocol that replies with one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionSystemMessageParam,
    ChatCompletionUserMessageParam,
)

from task_generators.llm.endpoint import Endpoint, refuses_text
from task_generators.llm.errors import UnusableReplyError
from task_generators.llm.replies import Reply, parsed_reply

if TYPE_CHECKING:
    from pydantic import SecretStr

    from workspaces.config import LLMConfig

MAX_REPLY_TOKENS = 300


class ChatEndpoint:
    """Sends an LLM one request at a time. Safe to call from several threads."""

    def __init__(self, config: LLMConfig, api_key: SecretStr) -> None:
        self.model = config.model
        self._endpoint = Endpoint(
            config, api_key, name="the LLM", protocol="the OpenAI chat-completions protocol", section="llm"
        )
        self.meter = self._endpoint.meter
        self._structured = True

    def ask(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        """Return the endpoint's reply.

        Args:
            system: the instructions.
            material: the text that the instructions apply to; written by strangers.
            reply: the model of the reply.
            what: the name of the reply, for messages and for the schema.

        Raises:
            UnusableReplyError: the reply does not fit its model, or the request is refused (by a content filter,
                or as too long), twice in a row.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, does not know the model, or is no LLM.
        """
        try:
            return self._asked(system, material, reply, what)
        except UnusableReplyError:
            return self._asked(system, material, reply, what)

    def _asked(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        completion = self._endpoint.call(lambda: self._complete(system, material, reply, what))
        return parsed_reply(_content(completion), reply, what)

    async def _complete(self, system: str, material: str, reply: type[Reply], what: str) -> ChatCompletion:
        """Ask with a JSON schema; an endpoint that does not support one is asked again without, and so from then on."""
        if self._structured:
            try:
                return await self._request(system, material, reply, what)
            except openai.APIStatusError as error:
                if not refuses_text(error):
                    raise
                completion = await self._request(system, material, None, what)
                self._structured = False
                return completion
        return await self._request(system, material, None, what)

    async def _request(
        self, system: str, material: str, schema: type[Reply] | None, what: str
    ) -> ChatCompletion:
        completion = await self._endpoint.client.chat.completions.create(
            model=self.model,
            messages=[
                ChatCompletionSystemMessageParam(role="system", content=system),
                ChatCompletionUserMessageParam(role="user", content=material),
            ],
            temperature=0,
            max_tokens=MAX_REPLY_TOKENS,
            response_format=(
                {
                    "type": "json_schema",
                    "json_schema": {
                        "name": what.replace(" ", "_"),
                        "strict": True,
                        "schema": schema.model_json_schema(),
                    },
                }
                if schema is not None
                else openai.omit
            ),
        )
        if not isinstance(completion, ChatCompletion):  # such as the page of a proxy
            raise TypeError(f"a completion was expected, not {type(completion).__name__}")
        usage = completion.usage
        self.meter.count(getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
        return completion

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()


def _content(completion: ChatCompletion) -> str:
    """Return the text of a completion, which the client does not validate."""
    if not completion.choices:
        raise UnusableReplyError("the reply has no choices")
    try:
        content = completion.choices[0].message.content
    except (AttributeError, LookupError, TypeError):
        raise UnusableReplyError("the reply has no message") from None
    if not isinstance(content, str | None):
        raise UnusableReplyError("the reply is no text")
    return content or ""
