"""The one connection to a Label Studio server: credentials, time limits, repetition, errors in our words."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import TYPE_CHECKING, TypeVar

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError

from workspaces.errors import ConnectionFailedError, CredentialsError, WorkbenchError
from workspaces.platforms.base import (
    ATTEMPTS,
    TOO_MANY_REQUESTS,
    RequestRefusedError,
    ServerFailedError,
    pause_before_next,
)
from workspaces.platforms.shapes import read_as
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from pydantic import JsonValue, SecretStr

T = TypeVar("T")

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Limits in seconds. Reading is generous: the server answers an import when everything is written."""

DOOR_HEADER = "X-ChatFeedback-Door"
"""The header with which a Label Studio of ours says that its members can touch only what is theirs."""

_QUOTED = re.compile(r" :: \{.*|(?<='\]=).*?(?= is of type )", re.DOTALL)
"""What Label Studio repeats of a task that it does not take: its texts belong in no message of ours."""

TOKEN_ADVICE = "in Label Studio open Account & Settings, Personal Access Token, and create one"  # noqa: S105


class LabelStudioConnection:
    """Requests to one server with one personal access token.

    ``sdk`` is the SDK's client, for what it has; the other methods are plain HTTP: quicker where the SDK
    would build models of what strangers wrote. ``read`` and ``post_for`` return what a ``Shape`` keeps of the answer.

    Nothing is sent before the first request, so that a platform can be described while its server is down.
    """

    def __init__(self, url: str, api_key: SecretStr) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            auth=_AccessToken(self.url, api_key),
            timeout=TIMEOUT,
            follow_redirects=True,
            verify=tls_context(),
        )
        # The SDK's own key is a blank: ours is put on every request by httpx. Repeating is ours as well, for
        # the SDK would send an import twice.
        self.sdk = LabelStudio(
            base_url=f"{self.url}/", api_key="-", timeout=60.0, max_retries=0, httpx_client=self._http
        )

    def get(self, path: str, **params: str | int) -> JsonValue:
        """Return the JSON at ``path``; tried again when the connection or the server fails."""
        return self.call(lambda: self._send("GET", path, params, None), idempotent=True)

    def post(self, path: str, body: JsonValue, **params: str | int) -> JsonValue:
        """Send ``body`` and return the JSON that comes back; only for what may be done twice."""
        return self.call(lambda: self._send("POST", path, params, body), idempotent=True)

    def read(self, shape: type[T], path: str, **params: str | int) -> T:
        """Return what ``path`` holds as ``shape``; tried again when the connection or the server fails."""
        return read_as(shape, self.get(path, **params), f"Label Studio at {self.url}")

    def post_for(self, shape: type[T], path: str, body: JsonValue, **params: str | int) -> T:
        """Send ``body`` and return the answer as ``shape``; only for what may be done twice."""
        return read_as(shape, self.post(path, body, **params), f"Label Studio at {self.url}")

    def patch(self, path: str, body: JsonValue) -> None:
        """Change what stands at ``path``."""
        self.call(lambda: self._send("PATCH", path, {}, body), idempotent=True)

    def delete(self, path: str) -> None:
        """Delete the one thing at ``path``; nothing happens when it is gone already."""
        try:
            self.call(lambda: self._send("DELETE", path, {}, None), idempotent=True)
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    def call(self, send: Callable[[], T], *, idempotent: bool) -> T:
        """Return ``send()``, with every failure raised as one of our errors.

        An idempotent request is repeated, with growing pauses, when the connection breaks or the server
        fails. One that the server had no time for (429) was not done, and any is repeated when it says.
        Where nothing listens, nothing is repeated.

        Raises:
            ConnectionFailedError: no answer, or the server failed.
            CredentialsError: the server does not accept our key.
            RequestRefusedError: the server refused the request itself.
        """
        for attempt in range(1, ATTEMPTS + 1):
            failure: WorkbenchError
            retry_after, was_done = None, True
            try:
                return send()
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise self._unreachable(f"{type(error).__name__} {error}".strip(), error) from error
            except (httpx.TransportError, httpx.InvalidURL) as error:
                failure = self._unreachable(f"{type(error).__name__} {error}".strip(), error)
            except ValueError as error:  # an answer that is no JSON: a proxy's error page
                failure = self._unreachable("the answer is not JSON; is this a Label Studio server?", error)
            except httpx.HTTPStatusError as error:
                retry_after = error.response.headers.get("Retry-After")
                was_done = error.response.status_code != TOO_MANY_REQUESTS
                failure = self._failure(error.response.status_code, error.response.text, error)
            except ApiError as error:
                was_done = error.status_code != TOO_MANY_REQUESTS
                failure = self._failure(error.status_code or 0, error.body, error)
            passing = isinstance(failure, ConnectionFailedError) and not isinstance(failure, CredentialsError)
            if not (passing and (idempotent or not was_done)) or attempt == ATTEMPTS:
                break
            time.sleep(pause_before_next(attempt, retry_after))
        raise failure

    def page(self, path: str, fields: Mapping[str, str] | None = None) -> httpx.Response:
        """Return a page for people, or the answer to its form filled in with ``fields``; no redirect is followed.

        Only for forms that may be sent twice.
        """

        def send() -> httpx.Response:
            method = "GET" if fields is None else "POST"
            answer = self._http.request(
                method,
                f"{self.url}{path}",
                data=fields,
                headers={"Referer": f"{self.url}/"},
                follow_redirects=False,
            )
            return answer if answer.is_redirect else answer.raise_for_status()

        return self.call(send, idempotent=True)

    def is_behind_our_door(self) -> bool:
        """Return whether the server answers with ``DOOR_HEADER``: members can touch only what is theirs."""
        return self.call(
            lambda: DOOR_HEADER in self._http.get(f"{self.url}/api/version").raise_for_status().headers,
            idempotent=True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, params: Mapping[str, str | int], body: JsonValue) -> JsonValue:
        response = self._http.request(method, f"{self.url}{path}", params=params, json=body)
        response.raise_for_status()
        answer: JsonValue = response.json() if response.content else None
        return answer

    def _unreachable(self, reason: str, cause: Exception) -> ConnectionFailedError:
        failure = ConnectionFailedError(
            f"Label Studio at {self.url} cannot be reached: {reason}; is it running? "
            "'chatfeedback up label-studio'"
        )
        failure.__cause__ = cause
        return failure

    def _failure(self, status: int, body: object, cause: Exception) -> WorkbenchError:
        failure: WorkbenchError
        detail = _detail(body)
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            failure = CredentialsError(
                f"Label Studio at {self.url} does not accept our key ({detail}): {TOKEN_ADVICE}"
            )
        elif status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
            failure = ServerFailedError(
                f"Label Studio at {self.url} failed with HTTP {status}: {detail}", status
            )
        else:
            failure = RequestRefusedError(
                f"Label Studio at {self.url} refused a request, HTTP {status}: {detail}", status
            )
        failure.__cause__ = cause
        return failure


def _detail(body: object) -> str:
    """Return the server's reason, in one line of at most 300 characters."""
    reason = body
    if isinstance(body, str):
        try:
            reason = json.loads(body)
        except ValueError:
            return " ".join(body.split())[:300]
    if isinstance(reason, dict):
        reason = reason.get("validation_errors") or reason.get("detail") or reason
    told = reason if isinstance(reason, str) else json.dumps(reason, default=str, ensure_ascii=False)
    return _QUOTED.sub("…", told)[:300]


class _AccessToken(httpx.Auth):
    """Puts an access token on requests; makes a new one with the personal access token when it runs out."""

    requires_response_body = True

    def __init__(self, url: str, api_key: SecretStr) -> None:
        self._url = url
        self._api_key = api_key
        self._access: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send ``request``; once more with a new access token when the old one is refused."""
        if self._access is None:
            yield from self._renew()
        request.headers["Authorization"] = f"Bearer {self._access}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            yield from self._renew()
            request.headers["Authorization"] = f"Bearer {self._access}"
            yield request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        key = self._api_key.get_secret_value()
        if not _is_refresh_token(key):
            raise CredentialsError(
                "The key for Label Studio is not a personal access token (a legacy token, perhaps, which it "
                f"no longer accepts): {TOKEN_ADVICE}"
            )
        response = yield httpx.Request("POST", f"{self._url}/api/token/refresh/", json={"refresh": key})
        if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED):
            raise CredentialsError(f"Label Studio at {self._url} does not accept our key: {TOKEN_ADVICE}")
        response.raise_for_status()
        self._access = response.json()["access"]


def _is_refresh_token(key: str) -> bool:
    """Tell whether ``key`` looks like a JSON Web Token of the type ``refresh``: a personal access token."""
    parts = key.split(".")
    if len(parts) != 3:
        return False
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(claims, dict) and claims.get("token_type") == "refresh"
