"""An endpoint of one of OpenAI's protocols: its client, the meter of its replies, and the meaning of its failures."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast

import openai

from task_generators.llm.bounded import BoundedClient, TooLongReplyError
from task_generators.llm.errors import RefusedError, UnusableReplyError
from task_generators.llm.meter import Meter
from task_generators.llm.unreachable import reason_of
from workspaces.errors import ConnectionFailedError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydantic import SecretStr

    from workspaces.config import LLMConfig, ModerationConfig

Reply = TypeVar("Reply")

MAX_REFUSED = 20
"""The most requests refused in a row from the first one on: more are not refused because of single texts. Also the
most replies in a row that violate the protocol, from an endpoint that followed it before."""


def refuses_text(error: openai.APIStatusError) -> bool:
    """Return whether a request was refused because of what was sent: its form, its content or its length."""
    return error.status_code in (400, 413, 422)


def _without_user(address: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "", address)  # it may hold a password


def _host_of(error: openai.APIStatusError) -> str:
    """Return where a redirect goes, without anything that may hold a secret."""
    following = error.response.next_request
    return "nowhere" if following is None else f"{following.url.scheme}://{following.url.netloc.decode()}"


class Endpoint:
    """Calls an endpoint. Safe to use from several threads.

    Requests run in the event loop of a thread of their own, because only there a whole request can be given up.

    Args:
        config: its address, model, timeout and number of attempts.
        api_key: our key.
        name: what to call it in messages, such as "the LLM".
        protocol: the protocol that it should speak, for messages.
        section: its section of the configuration, for messages.
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
        self.client = openai.AsyncOpenAI(
            base_url=str(config.base_url),
            api_key=api_key.get_secret_value(),
            timeout=config.timeout_seconds,
            http_client=cast(
                "Any", BoundedClient(config.timeout_seconds)
            ),  # declared as httpx2's; httpx's is taken
            # the client waits longer after each attempt, and honours Retry-After
            max_retries=config.max_attempts - 1,
        )
        self.meter = Meter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._config = config
        self._section = section
        self._where = f"{name} at {_without_user(str(config.base_url))}"
        self._foreign = f"{self._where} does not speak {protocol}: check {section}.base_url"
        self._answered = False
        self._refused = 0
        self._garbled = 0

    def call(self, request: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
        """Return the result of ``request``, which awaits ``client``.

        Args:
            request: raises TypeError or ValueError if the answer violates the protocol.

        Raises:
            RefusedError: the request is refused (by a content filter, or as too long); others were answered.
            UnusableReplyError: it is refused before any other was answered, or its answer is garbled, from an
                endpoint that otherwise follows the protocol.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, does not know the model, or is no such
                endpoint.
        """
        try:
            reply = asyncio.run_coroutine_threadsafe(request(), self._loop).result()
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise CredentialsError(
                f"{self._where} does not accept the key in {self._config.api_key_env}"
            ) from None
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except openai.APIResponseValidationError:
            raise self._garble() from None
        except openai.APIError as error:
            if isinstance(error.__cause__, TooLongReplyError):
                raise self._garble() from None
            reason = reason_of(error, self._section, self._config.timeout_seconds)
            raise ConnectionFailedError(f"{self._where} cannot be reached: {reason}") from None
        except (TypeError, ValueError, RecursionError):
            raise self._garble() from None
        self._answered = True
        self._garbled = 0
        return reply

    def _refusal(self, error: openai.APIStatusError) -> Exception:
        model = self._config.model
        if error.response.is_redirect:
            return ConnectionFailedError(
                f"{self._where} redirects to {_host_of(error)}, and neither texts nor the key follow: if you "
                f"trust that one, set {self._section}.base_url to its address"
            )
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
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self.client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
