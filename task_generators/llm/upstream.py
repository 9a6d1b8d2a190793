"""Upstreams: endpoints of OpenAI's protocol to which a request for an answer is passed on, as it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

import httpx

from task_generators.llm.bounded import MAX_REPLY_BYTES
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from pydantic import JsonValue, SecretStr

CONNECT_SECONDS = 10.0
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
        self._timeout = httpx.Timeout(stall_seconds, connect=min(CONNECT_SECONDS, stall_seconds))

    async def whole(self, request: Mapping[str, JsonValue]) -> bytes:
        """Return a whole reply.

        Raises:
            UpstreamError: there is none.
        """
        body = bytearray()
        async with self.stream(request) as parts:
            async for part in parts:
                body += part
                if len(body) > MAX_REPLY_BYTES:
                    raise UpstreamError("the answer is too long")
        return bytes(body)

    @asynccontextmanager
    async def stream(self, request: Mapping[str, JsonValue]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Return the bytes of a reply as they come.

        Raises:
            UpstreamError: the endpoint cannot be reached, refuses, or is silent for too long.
        """
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key.get_secret_value()}"
        try:
            async with _client().stream(
                "POST",
                self._address,
                content=json.dumps(request, separators=(",", ":")).encode(),
                headers=headers,
                timeout=self._timeout,
            ) as response:
                if response.status_code != HTTPStatus.OK:
                    raise await self._refusal(response)
                encoded = "content-encoding" in response.headers
                yield response.aiter_bytes() if encoded else response.aiter_raw()
        except httpx.TimeoutException:
            raise UpstreamError("the model was silent for too long") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise UpstreamError("the model cannot be reached, or its answer broke off") from None

    async def _refusal(self, response: httpx.Response) -> UpstreamError:
        status = response.status_code
        if status not in REFUSES_REQUEST:
            return UpstreamError(f"the model's endpoint answered with the status {status}")
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > 64 * 1024:
                break
        try:
            said = json.loads(bytes(body))["error"]["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            said = f"the status {status}"
        said = str(said)
        if self._api_key is not None:
            said = said.replace(self._api_key.get_secret_value(), "[key]")
        return UpstreamError(f"the model refuses the request: {said[:MOST_SAID]}", refused=True)


_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()


def _client() -> httpx.AsyncClient:
    """Return the client of this event loop; connections are kept for further requests."""
    loop = asyncio.get_running_loop()
    if loop not in _CLIENTS:
        _CLIENTS[loop] = httpx.AsyncClient(
            verify=tls_context(),
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
        )
    return _CLIENTS[loop]
