"""An endpoint that speaks a protocol of OpenAI's: its client, what its replies cost, and what its failures mean."""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import openai

from task_generators.llm.errors import RefusedError, UnusableReplyError
from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.store.spending import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from workspaces.config import LLMConfig, ModerationConfig

Reply = TypeVar("Reply")

MAX_REFUSED = 20
"""Requests refused in a row from the first one on: then it is not about this or that text. And replies in a row that
do not speak the protocol, from an endpoint that did before."""

MAX_TOKENS = 10**8
"""Of one reply; an endpoint that says more is not believed."""


def refuses_text(error: openai.APIStatusError) -> bool:
    """Return whether a refusal is about what was sent: its form or content, or that it is too long."""
    return error.status_code in (400, 413, 422)


class Meter:
    """Counts what an endpoint says its replies cost in tokens, whether they could be used or not."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._so_far = Tokens()

    def count(self, prompt_tokens: object, completion_tokens: object) -> None:
        """Count one reply; where it does not say its tokens, in whole numbers, they are unknown."""
        said = [
            number
            for number in (prompt_tokens, completion_tokens)
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_TOKENS
        ]
        sent, received = said if len(said) == 2 else (0, 0)
        with self._lock:
            so_far = self._so_far
            self._so_far = Tokens(
                requests=so_far.requests + 1,
                unmetered=so_far.unmetered + (len(said) < 2),
                input=so_far.input + sent,
                output=so_far.output + received,
            )

    @property
    def total(self) -> Tokens:
        """What was counted so far."""
        return self._so_far


def _without_user(address: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "", address)  # it may hold a password


class Endpoint:
    """Calls an endpoint. Safe to use from several threads.

    Args:
        config: where it is, and how patient to be.
        api_key: our key.
        name: what it is, for messages, such as "the LLM".
        protocol: what it should speak, for messages.
        section: where in the configuration it stands, for messages.
    """

    def __init__(
        self,
        config: LLMConfig | ModerationConfig,
        api_key: SecretStr,
        *,
        name: str,
        protocol: str,
        section: str,
    ) -> None:
        self.client = openai.OpenAI(
            base_url=str(config.base_url),
            api_key=api_key.get_secret_value(),
            timeout=config.timeout_seconds,
            max_retries=config.max_attempts
            - 1,  # the client waits longer after each, and honours Retry-After
        )
        self.meter = Meter()
        self._config = config
        self._where = f"{name} at {_without_user(str(config.base_url))}"
        self._foreign = f"{self._where} does not speak {protocol}: check {section}.base_url"
        self._answered = False
        self._refused = 0
        self._garbled = 0

    def call(self, request: Callable[[], Reply]) -> Reply:
        """Return what ``request`` makes of ``client``'s answer.

        Args:
            request: raises TypeError or ValueError where the answer is not of the protocol.

        Raises:
            RefusedError: the request is refused (by a filter of content, or as too long); others were not.
            UnusableReplyError: it is refused before any other was answered, or its answer came garbled from an
                endpoint that speaks the protocol otherwise.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, knows no such model, or is something else.
        """
        try:
            reply = request()
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise CredentialsError(
                f"{self._where} does not accept the key in {self._config.api_key_env}"
            ) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.APIResponseValidationError:
            raise self._garble() from None
        except openai.APIError as error:
            raise ConnectionFailedError(f"{self._where} cannot be reached: {type(error).__name__}") from None
        except (TypeError, ValueError, RecursionError):
            raise self._garble() from None
        self._answered = True
        self._garbled = 0
        return reply

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        model = self._config.model
        if not refuses_text(error):
            return ConnectionFailedError(f"{self._where} refused model {model!r}: {error.status_code}")
        self._refused += 1
        if self._answered:
            return RefusedError(f"the request was refused: {error.status_code}")
        if self._refused <= MAX_REFUSED:
            return UnusableReplyError(f"the request was refused: {error.status_code}")
        return ConnectionFailedError(
            f"{self._where} refuses every request to model {model!r}: {error.status_code}"
        )

    def _garble(self) -> Exception:
        self._garbled += 1
        if self._answered and self._garbled <= MAX_REFUSED:
            return UnusableReplyError("the reply is cut off, or of no known form")
        return ConnectionFailedError(self._foreign)

    def close(self) -> None:
        """Close connections."""
        self.client.close()
