"""An endpoint of one of OpenAI's protocols: requests with attempts, a meter of replies, and the meaning of failures."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

from task_generators.llm.bounded import MAX_REPLY_BYTES, Answer, BoundedClient, TooLongReplyError
from task_generators.llm.errors import EarlyRefusalError, RefusedError, UnansweredError, UnusableReplyError
from task_generators.llm.meter import Meter
from task_generators.llm.retry import MAX_ASKED_SECONDS, asked_wait, backoff, is_passing
from task_generators.llm.unreachable import reason_of
from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pydantic import SecretStr
    from yarl import URL

    from workspaces.config import LLMConfig, ModerationConfig

Reply = TypeVar("Reply")

MAX_REFUSED = 20
"""The most requests refused in a row from the first one on: more are not refused because of single texts. Also the
most replies in a row that violate the protocol, from an endpoint that followed it before."""


class HaltedError(Exception):
    """The request was not sent, because the run has ended."""


class StatusError(Exception):
    """The endpoint answered with a status that is no success; asking again did not help."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer

    @property
    def refuses_text(self) -> bool:
        """Whether the request was refused because of what was sent: its form, its content or its length."""
        return self.answer.status in (400, 413, 422)


def _without_user(address: str) -> str:
    return re.sub(r"(?<=//)[^/]*@", "", address)  # it may hold a password


def _host_of(following: URL) -> str:
    """Return where a redirect goes, without anything that may hold a secret."""
    return f"{following.scheme}://{following.host_port_subcomponent}"


class Endpoint:
    """Sends requests to an endpoint. Safe to use from several threads.

    Requests run in the event loop of a thread of their own (``start``, ``call``): only there a whole request can be
    given up, and the thread that saves replies never keeps others waiting.

    Args:
        config: its address, model, timeout and number of attempts.
        api_key: our key.
        name: what to call it in messages, such as "the LLM".
        protocol: the protocol that it should speak, for messages.
        section: its section of the configuration, for messages.
        concurrency: the most requests at once; one that waits for its next attempt is none.
        max_bytes: the longest reply.
    """

    def __init__(
        self,
        config: LLMConfig | ModerationConfig,
        api_key: SecretStr,
        *,
        name: str,
        protocol: str,
        section: str,
        concurrency: int = 1,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self._where = f"{name} at {_without_user(str(config.base_url))}"
        key = api_key.get_secret_value()
        if not (key.isascii() and key.isprintable()):
            raise CredentialsError(
                f"{self._where}: the key in {config.api_key_env} holds characters of no key"
            )
        self._api_key = api_key
        self._max_bytes = max_bytes
        self._context = tls_context()
        self._client: BoundedClient | None = None
        self._base = str(config.base_url).rstrip("/")
        self.meter = Meter()
        self._slots = asyncio.Semaphore(concurrency)
        self._halted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[Any]] = set()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._config = config
        self._section = section
        self._foreign = f"{self._where} does not speak {protocol}: check {section}.base_url"
        self._answered = False
        self._refused = 0
        self._garbled = 0

    @property
    def has_answered(self) -> bool:
        """Whether it has followed the protocol so far."""
        return self._answered

    async def post(self, path: str, attempts: int | None = None, **content: Any) -> bytes:
        """Return the body of the answer to a POST, asked for several times if need be.

        Args:
            path: below the base address, such as ``/chat/completions``.
            attempts: the most of them; None: as configured.
            content: as ``BoundedClient.send`` takes it.

        Raises:
            StatusError: the answer is no success.
            aiohttp.ClientError: there is none.
            OSError: there is none.
            HaltedError: ``halt`` was called before it was sent.
        """
        return (await self._send("POST", path, content, attempts or self._config.max_attempts)).content

    async def get(self, path: str, **content: Any) -> bytes:
        """Return the body of the answer to a GET; as ``post``."""
        return (await self._send("GET", path, content, self._config.max_attempts)).content

    async def _send(self, method: str, path: str, content: dict[str, Any], attempts: int) -> Answer:
        attempt = 0
        while True:
            attempt += 1
            answer = None
            try:
                async with self._slots:
                    if self._halted.is_set():
                        raise HaltedError
                    answer = await self._send_once(method, self._base + path, content)
            except aiohttp.InvalidURL:
                raise
            except (aiohttp.ClientError, OSError):
                if attempt >= attempts:
                    raise
            asked = None
            if answer is not None:
                if answer.is_success:
                    return answer
                asked = asked_wait(answer.headers.get("retry-after"), datetime.now(UTC))
                given_up = attempt >= attempts or (asked or 0) > MAX_ASKED_SECONDS
                if not is_passing(answer.status) or given_up:
                    raise StatusError(answer)
            seconds = backoff(attempt, random.uniform) if asked is None else asked
            with suppress(TimeoutError):
                await asyncio.wait_for(self._halted.wait(), seconds)

    async def _send_once(self, method: str, address: str, content: dict[str, Any]) -> Answer:
        if self._client is None:  # in the event loop, to which it belongs
            authorization = f"Bearer {self._api_key.get_secret_value()}"
            seconds = self._config.timeout_seconds
            self._client = BoundedClient(seconds, authorization, self._context, self._max_bytes)
        return await self._client.send(method, address, **content)

    async def answer(self, request: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
        """Return the result of ``request``, which awaits ``post``.

        Args:
            request: raises TypeError or ValueError if the answer violates the protocol.

        Raises:
            RefusedError: the request is refused (by a content filter, or as too long); others were answered.
            EarlyRefusalError: it is refused before any other was answered.
            UnusableReplyError: its answer is garbled, from an endpoint that otherwise follows the protocol.
            CredentialsError: the endpoint does not accept our key.
            UnansweredError: it cannot be reached, or is overloaded.
            ConnectionFailedError: it does not know the model, or is no such endpoint.

        Before anything was answered, what a failure means depends on the others that are under way: they are waited
        for, so that it is the same whichever of them comes first.
        """
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            reply = await request()
        except (StatusError, TooLongReplyError, aiohttp.ClientError, OSError) as error:
            await self._others(task)
            raise self._failure(error) from None
        except (TypeError, ValueError, RecursionError):
            await self._others(task)
            raise self._garble() from None
        finally:
            self._under_way.discard(task)
        self._answered = True
        self._garbled = 0
        return reply

    async def _others(self, failed: asyncio.Task[Any]) -> None:
        """Wait until something was answered, all else that is under way has failed as well, or time is over."""
        self._under_way.discard(failed)  # first: so no two wait for each other
        others, ends = set(self._under_way), self.loop.time() + self._config.timeout_seconds
        while others and not self._answered and (left := ends - self.loop.time()) > 0:
            _, others = await asyncio.wait(others, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def call(self, request: Callable[[], Coroutine[Any, Any, Reply]]) -> Reply:
        """Return what ``answer`` returns, to a thread that waits for it."""
        return asyncio.run_coroutine_threadsafe(self.answer(request), self.loop).result()

    def _failure(self, error: Exception) -> Exception:
        """Return what the failure of a request means."""
        if isinstance(error, StatusError):
            return self._refusal(error)
        if isinstance(error, TooLongReplyError):
            return self._garble()
        reason = reason_of(error, self._section, self._config.timeout_seconds)
        return UnansweredError(f"{self._where} cannot be reached: {reason}")

    def _refusal(self, error: StatusError) -> Exception:
        model, answer = self._config.model, error.answer
        status = answer.status
        if status in (401, 403):
            return CredentialsError(f"{self._where} does not accept the key in {self._config.api_key_env}")
        if answer.following is not None:
            return ConnectionFailedError(
                f"{self._where} redirects to {_host_of(answer.following)}, and neither texts nor the key follow: "
                f"if you trust that one, set {self._section}.base_url to its address"
            )
        if is_passing(status):
            asked = asked_wait(answer.headers.get("retry-after"), datetime.now(UTC)) or 0.0
            later = f"; it says to ask again in {asked:.0f} seconds" if asked > MAX_ASKED_SECONDS else ""
            return UnansweredError(f"{self._where} refused model {model!r}: {status}{later}")
        if not error.refuses_text:
            return ConnectionFailedError(f"{self._where} refused model {model!r}: {status}")
        self._refused += 1
        if self._answered:
            return RefusedError(f"the request was refused: {status}")
        if self._refused <= MAX_REFUSED:
            return EarlyRefusalError(f"the request was refused: {status}")
        return ConnectionFailedError(f"{self._where} refuses every request to model {model!r}: {status}")

    def _garble(self) -> Exception:
        self._garbled += 1
        if self._answered and self._garbled <= MAX_REFUSED:
            return UnusableReplyError("the reply is cut off, or of no known form")
        return ConnectionFailedError(self._foreign)

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task of the loop until it is done: the loop itself does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def halt(self) -> None:
        """Let what was sent come to its end, and send nothing more."""
        self.loop.call_soon_threadsafe(self._halted.set)

    def close(self) -> None:
        """Give up pending requests and close connections."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _end(self) -> None:
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
