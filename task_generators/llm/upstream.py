"""Upstreams: endpoints of OpenAI's protocol to which a request for an answer is passed on, as it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import aiohttp

from task_generators.llm.answers import TooLongAnswerError
from task_generators.llm.bounded import BoundedClient, TooLongReplyError, pieces
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from pydantic import JsonValue, SecretStr

CONNECT_SECONDS = 10.0
MOST_REFUSING = 64 * 1024
"""Bytes that an endpoint may say of a request that it refuses."""

MOST_SAID = 500
"""Characters of what an endpoint says of a request that it refuses."""

REFUSES_REQUEST = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


class UpstreamError(Exception):
    """The endpoint gave no answer. The text may be shown: no key and no address is in it.

    ``refused`` says that it refused what was asked, and would again.
    """

    def __init__(self, words: str, *, refused: bool = False) -> None:
        super().__init__(words)
        self.refused = refused


class Upstream(Protocol):
    """Answers requests of OpenAI's protocol."""

    async def whole(self, request: Mapping[str, JsonValue]) -> bytes:
        """Return a whole reply.

        Raises:
            UpstreamError: there is none.
        """

    def stream(self, request: Mapping[str, JsonValue]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Return the events of a reply as they come, with an ``UpstreamError`` where they end early."""

    async def aclose(self) -> None:
        """Close the connections of this event loop."""


class HttpUpstream:
    """An endpoint at a configured address. Nothing that a request says changes where it is sent; redirects end it.

    Args:
        base_url: the address, such as ``https://api.openai.com/v1``.
        api_key: ours; None: it needs none.
        stall_seconds: how long it may be silent.
    """

    def __init__(self, base_url: str, api_key: SecretStr | None, stall_seconds: float) -> None:
        self._address = f"{base_url.rstrip('/')}/chat/completions"
        self._api_key = api_key
        self._stall_seconds = stall_seconds
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=min(CONNECT_SECONDS, stall_seconds), sock_read=stall_seconds
        )
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, BoundedClient] = WeakKeyDictionary()

    async def whole(self, request: Mapping[str, JsonValue]) -> bytes:
        """Return a whole reply.

        Raises:
            UpstreamError: there is none.
        """
        async with self.stream(request) as parts:
            return b"".join([part async for part in parts])

    @asynccontextmanager
    async def stream(self, request: Mapping[str, JsonValue]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Return the bytes of a reply as they come.

        Raises:
            UpstreamError: the endpoint cannot be reached, refuses, or is silent for too long.
            TooLongAnswerError: it says too much.
        """
        try:
            async with self._client().open(
                self._address,
                json.dumps(request, separators=(",", ":")).encode(),
                {"Content-Type": "application/json", "Accept-Encoding": "identity"},
                self._timeout,
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise await self._refusal(response)
                yield pieces(response)
        except TooLongReplyError:
            raise TooLongAnswerError from None
        except aiohttp.ServerTimeoutError:
            raise UpstreamError("the model was silent for too long") from None
        except (aiohttp.ClientError, OSError):
            raise UpstreamError("the model cannot be reached, or its answer broke off") from None

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _refusal(self, response: aiohttp.ClientResponse) -> UpstreamError:
        status = response.status
        if status not in REFUSES_REQUEST:
            return UpstreamError(f"the model's endpoint answered with the status {status}")
        try:
            body = b"".join([part async for part in pieces(response, MOST_REFUSING)])
            said = json.loads(body)["error"]["message"]
        except (TooLongReplyError, ValueError, KeyError, TypeError, RecursionError):
            said = f"the status {status}"
        said = str(said)
        if self._api_key is not None:
            said = said.replace(self._api_key.get_secret_value(), "[key]")
        return UpstreamError(f"the model refuses the request: {said[:MOST_SAID]}", refused=True)

    def _client(self) -> BoundedClient:
        """Return the client of this event loop; connections are kept for further requests."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            key = "" if self._api_key is None else f"Bearer {self._api_key.get_secret_value()}"
            self._clients[loop] = BoundedClient(self._stall_seconds, key, tls_context())
        return self._clients[loop]
