"""An HTTP client for servers that may be hostile: bounds on time, bytes and hosts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

MAX_REPLY_BYTES = 8 * 1024 * 1024
"""Of one reply, decompressed; those of the protocols are shorter than a hundredth of it."""

MAX_REDIRECTS = 5

_DECODED = ("", "identity", "gzip", "deflate")
"""Encodings whose decoder makes at most a thousand bytes of one; others make a million."""


class TooLongReplyError(httpx.TransportError):
    """A reply is longer than ``MAX_REPLY_BYTES``, or in an encoding whose length nobody can foresee."""


class BoundedClient(httpx.AsyncClient):
    """A client that sends a request to one host, and holds all of its reply to a deadline and a length.

    httpx's own timeouts begin anew with each byte that arrives.

    Args:
        seconds: from the request to the last byte of its reply, redirects included.
        authorization: the header of that name.
        context: whom TLS trusts; it takes long to make, and several clients may share it.
        max_bytes: the longest reply, decompressed.
    """

    def __init__(
        self,
        seconds: float,
        authorization: str,
        context: ssl.SSLContext,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        super().__init__(
            timeout=None,  # the deadline is enough, and costs less
            headers={"Accept-Encoding": "gzip", "Authorization": authorization},
            verify=context,
        )
        self._seconds = seconds
        self._max_bytes = max_bytes

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send a request and return its whole reply; one that redirects to another host is returned as it is.

        Args:
            request: the request.
            stream: ignored; a reply is always read to its end.
            options: as ``httpx.AsyncClient.send`` takes them.

        Raises:
            httpx.ReadTimeout: the reply was not complete in time.
            TooLongReplyError: it has too many bytes.
        """
        options["follow_redirects"] = False
        try:
            async with asyncio.timeout(self._seconds):
                reply = await self._whole(request, options)
                for _ in range(MAX_REDIRECTS):
                    following = reply.next_request
                    if following is None or not is_same_host(request.url, following.url):
                        break
                    reply = await self._whole(following, options)
                return reply
        except TimeoutError:
            raise httpx.ReadTimeout("the deadline has passed", request=request) from None

    async def _whole(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        response = await super().send(request, stream=True, **options)
        try:
            content = b"".join([piece async for piece in _bounded(response, self._max_bytes)])
        finally:
            await response.aclose()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        whole = httpx.Response(response.status_code, headers=headers, content=content, request=request)
        whole.next_request = response.next_request
        return whole


async def _bounded(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    if response.headers.get("content-encoding", "").strip().lower() not in _DECODED:
        raise TooLongReplyError(
            "the reply is packed in a way that was not asked for", request=response.request
        )
    size = 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        if size > most:
            raise TooLongReplyError(f"the reply has more than {most} bytes", request=response.request)
        yield piece


def is_same_host(asked: httpx.URL, following: httpx.URL) -> bool:
    """Return whether a redirect stays on the server that was asked; one from http to https of the same host does."""
    if (asked.scheme, asked.host, _port(asked)) == (following.scheme, following.host, _port(following)):
        return True
    ends = (asked.scheme, _port(asked), following.scheme, _port(following))
    return asked.host == following.host and ends == ("http", 80, "https", 443)


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
