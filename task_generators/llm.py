"""Any endpoint that speaks the OpenAI chat-completions protocol, asked for one JSON object at a time."""

from __future__ import annotations

import json
import re
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import openai
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionSystemMessageParam,
    ChatCompletionUserMessageParam,
)
from pydantic import BaseModel

from task_generators.replies import UnusableReplyError
from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.store.spending import Tokens

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from pydantic import SecretStr

    from workspaces.config import LLMConfig

Reply = TypeVar("Reply", bound=BaseModel)

MAX_REPLY_TOKENS = 300
MAX_REFUSED = 20
"""Requests refused in a row from the first one on: then it is not about this or that text."""


class Meter:
    """Counts what an endpoint says its replies cost in tokens, whether they could be used or not."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._so_far = Tokens()

    def count(self, usage: CompletionUsage | None) -> None:
        """Count one reply; where it does not say its tokens, they are unknown."""
        said = (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
        tokens = [number for number in said if isinstance(number, int) and number >= 0]
        metered = len(tokens) == len(said)
        with self._lock:
            so_far = self._so_far
            self._so_far = Tokens(
                requests=so_far.requests + 1,
                unmetered=so_far.unmetered + (not metered),
                input=so_far.input + (tokens[0] if metered else 0),
                output=so_far.output + (tokens[1] if metered else 0),
            )

    @property
    def counted(self) -> bool:
        """Whether a reply was counted since the last ``take``."""
        return self._so_far.requests > 0

    def take(self) -> Tokens:
        """Return what was counted since the last time."""
        with self._lock:
            taken, self._so_far = self._so_far, Tokens()
        return taken


class ChatEndpoint:
    """Asks an LLM, one request at a time. Safe to call from several threads."""

    def __init__(self, config: LLMConfig, api_key: SecretStr) -> None:
        self.model = config.model
        self._config = config
        self._client = openai.OpenAI(
            base_url=str(config.base_url),
            api_key=api_key.get_secret_value(),
            timeout=config.timeout_seconds,
            max_retries=config.max_attempts
            - 1,  # the client waits longer after each, and honours Retry-After
        )
        self.meter = Meter()
        self._structured = True
        self._answered = False
        self._refused = 0

    def ask(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        """Return the endpoint's reply.

        Args:
            system: what it is to do.
            material: what it is to do it with; written by strangers.
            reply: the shape of the reply.
            what: the reply, in words, for messages and as the schema's name.

        Raises:
            UnusableReplyError: the reply is none, or the request is refused (by a filter of content, or as too
                long), twice in a row.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, knows no such model, or is no LLM.
        """
        try:
            return self._asked(system, material, reply, what)
        except UnusableReplyError:
            return self._asked(system, material, reply, what)

    def _asked(self, system: str, material: str, reply: type[Reply], what: str) -> Reply:
        where = f"the LLM at {self._config.base_url}"
        try:
            text = self._complete(system, material, reply, what)
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise CredentialsError(f"{where} does not accept the key in {self._config.api_key_env}") from None
        except openai.BadRequestError as error:
            self._refused += 1
            if self._answered or self._refused <= MAX_REFUSED:
                raise UnusableReplyError(f"the request was refused: {error.status_code}") from None
            raise ConnectionFailedError(
                f"{where} refuses every request to model {self.model!r}: {error.status_code}"
            ) from None
        except openai.APIStatusError as error:
            raise ConnectionFailedError(
                f"{where} refused model {self.model!r}: {error.status_code}"
            ) from None
        except openai.APIError as error:
            raise ConnectionFailedError(f"{where} cannot be reached: {type(error).__name__}") from None
        except (TypeError, ValueError):
            raise ConnectionFailedError(
                f"{where} does not speak the OpenAI chat-completions protocol: check llm.base_url"
            ) from None
        self._answered = True
        return _parse(text, reply, what)

    def _complete(self, system: str, material: str, reply: type[Reply], what: str) -> str:
        """Ask with a JSON schema; an endpoint that knows none is asked once more, and from then on, without."""
        if self._structured:
            try:
                return self._request(system, material, reply, what)
            except openai.BadRequestError:
                text = self._request(system, material, None, what)
                self._structured = False
                return text
        return self._request(system, material, None, what)

    def _request(self, system: str, material: str, schema: type[Reply] | None, what: str) -> str:
        completion = self._client.chat.completions.create(
            model=self._config.model,
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
        self.meter.count(completion.usage)
        if not completion.choices:
            raise UnusableReplyError("the reply has no choices")
        return completion.choices[0].message.content or ""

    def close(self) -> None:
        """Close connections."""
        self._client.close()


def _parse(text: str, reply: type[Reply], what: str) -> Reply:
    """Read a reply: JSON, possibly with words or a code fence around it."""
    found = re.findall(r"\{[^{}]*\}", text)
    for candidate in found:
        try:
            return reply.model_validate(json.loads(candidate))
        except (ValueError, RecursionError):
            continue
    raise UnusableReplyError(f"the reply is no {what}" if found else "the reply holds no JSON object")
