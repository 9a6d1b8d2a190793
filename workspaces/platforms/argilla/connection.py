"""The one connection to an Argilla server: credentials, time limits, repetition, errors in our words."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import argilla
import httpx
from argilla._exceptions import ArgillaError

from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.platforms.argilla.shapes import Dataset, Datasets, Workspaces
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
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import JsonValue, SecretStr

T = TypeVar("T")

TIMEOUT = httpx.Timeout(120.0, connect=10.0)
"""Limits in seconds. Reading is generous: the server validates every record of a batch."""

logging.getLogger("argilla.sdk").setLevel(logging.CRITICAL)  # what it raises is told in our words


class ArgillaConnection:
    """Requests to one server with one API key. Nothing is sent before the first request."""

    def __init__(self, url: str, api_key: SecretStr) -> None:
        self.url = url.rstrip("/")
        self._api_key = api_key
        self._http = httpx.Client(
            base_url=self.url,
            headers={"X-Argilla-Api-Key": api_key.get_secret_value()},
            timeout=TIMEOUT,
            verify=tls_context(),
        )

    @cached_property
    def sdk(self) -> argilla.Argilla:
        """The SDK's client."""
        self._send("GET", "/api/v1/me", idempotent=True)  # with our errors; the SDK's own check follows
        with self._sdk_errors():
            return argilla.Argilla(api_url=self.url, api_key=self._api_key.get_secret_value(), timeout=120)

    def read(self, shape: type[T], path: str, **params: str | int) -> T:
        """Return what ``path`` holds as ``shape``."""
        return self._read(shape, self._send("GET", path, idempotent=True, params=params))

    def header(self, path: str, name: str) -> str | None:
        """Return a header of the answer to a request for ``path``; None where there is none."""

        def take(answer: httpx.Response) -> str | None:
            value: str | None = answer.headers.get(name)
            return value

        return self._try("GET", path, take, idempotent=True)

    def search(self, shape: type[T], path: str, query: Mapping[str, object], **params: str | int) -> T:
        """Return the answer to a query as ``shape``."""
        return self._read(shape, self._send("POST", path, query, idempotent=True, params=params))

    def put(self, shape: type[T], path: str, body: Mapping[str, object]) -> T:
        """Send an upsert; return what the server made of it as ``shape``."""
        return self._read(shape, self._send("PUT", path, body, idempotent=True))

    def patch(self, path: str, body: Mapping[str, object]) -> None:
        """Change what stands at ``path``."""
        self._send("PATCH", path, body, idempotent=True)

    def post(self, shape: type[T], path: str, body: Mapping[str, object], *, idempotent: bool = False) -> T:
        """Create something and return it as ``shape``; repeated when the connection breaks only if ``idempotent``."""
        return self._read(shape, self._send("POST", path, body, idempotent=idempotent))

    def delete(self, path: str, **params: str) -> None:
        """Delete what stands at ``path``; nothing happens when it is gone already."""
        try:
            self._send("DELETE", path, idempotent=True, params={**params})
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    def find_dataset(self, workspace_name: str, name: str) -> str | None:
        """Return the id of the published dataset with this name, if the workspace and it exist."""
        names = {
            workspace.id: workspace.name for workspace in self.read(Workspaces, "/api/v1/me/workspaces").items
        }
        return next(
            (
                dataset.id
                for dataset in self._datasets()
                if (dataset.name, names.get(dataset.workspace_id), dataset.status)
                == (name, workspace_name, "ready")
            ),
            None,
        )

    def find_workspace(self, name: str) -> str | None:
        """Return the id of the Argilla workspace with this name; None where there is none, and none is made."""
        known = self.read(Workspaces, "/api/v1/me/workspaces").items
        return next((workspace.id for workspace in known if workspace.name == name), None)

    def workspace(self, name: str) -> argilla.Workspace:
        """Return the Argilla workspace with this name, made where there is none."""
        sdk = self.sdk
        with self._sdk_errors():
            existing = next((workspace for workspace in sdk.workspaces if workspace.name == name), None)
            return existing or argilla.Workspace(name=name, client=sdk).create()

    def dataset(self, workspace: argilla.Workspace, name: str, settings: argilla.Settings) -> str:
        """Return the id of the published dataset with this name, made where there is none."""
        for dataset in self._datasets():
            if (dataset.name, dataset.workspace_id) == (name, str(workspace.id)):
                if dataset.status == "ready":
                    return dataset.id
                self.delete(f"/api/v1/datasets/{dataset.id}")  # a killed run's draft
        sdk = self.sdk
        with self._sdk_errors():
            made = argilla.Dataset(name=name, workspace=workspace, settings=settings, client=sdk).create()
            return str(made.id)

    def close(self) -> None:
        """Close the connections, the SDK's own included."""
        self._http.close()
        if "sdk" in self.__dict__:
            self.sdk.http_client.close()

    @contextmanager
    def _sdk_errors(self) -> Iterator[None]:
        """Raise what goes wrong in the SDK as ``ConnectionFailedError``, also a reply that it cannot read."""
        try:
            yield
        except (ArgillaError, httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ConnectionFailedError(
                f"Argilla at {self.url} did not do as asked ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]}): check with 'chatfeedback doctor', and run this again"
            ) from error

    def _datasets(self) -> list[Dataset]:
        return self.read(Datasets, "/api/v1/me/datasets").items

    def _read(self, shape: type[T], answer: JsonValue) -> T:
        return read_as(shape, answer, f"Argilla at {self.url}")

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        idempotent: bool,
        params: Mapping[str, str | int] | None = None,
    ) -> JsonValue:
        """Return the content of the answer to a request; see ``_try``.

        Raises:
            CredentialsError: the server does not accept our key.
            RequestRefusedError: the server refused the request itself.
        """
        return self._try(method, path, self._content, body, idempotent=idempotent, params=params)

    def _try(
        self,
        method: str,
        path: str,
        take: Callable[[httpx.Response], T],
        body: Mapping[str, object] | None = None,
        *,
        idempotent: bool,
        params: Mapping[str, str | int] | None = None,
    ) -> T:
        """Send a request and return what ``take`` makes of the answer.

        An idempotent one is sent again, with growing pauses, when the connection or the server fails, or the answer was
        cut off. One that the server had no time for (429) was not done, and any is sent again when it says.
        Where nothing listens, nothing is repeated.

        Raises:
            ConnectionFailedError: no answer, or the server failed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            retry_after, was_done = None, True
            try:
                response = self._http.request(method, path, json=body, params=params)
                retry_after = response.headers.get("Retry-After")
                was_done = response.status_code != TOO_MANY_REQUESTS
                if was_done and response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return take(response)
                failure: ConnectionFailedError = ServerFailedError(
                    f"Argilla at {self.url} failed with HTTP {response.status_code}", response.status_code
                )
            except CredentialsError:
                raise
            except ConnectionFailedError as error:  # an answer that was cut off
                failure = error
            except (httpx.TransportError, httpx.InvalidURL) as error:
                failure = ConnectionFailedError(
                    f"Argilla at {self.url} cannot be reached ({type(error).__name__}); is it running? "
                    "'chatfeedback up argilla'"
                )
                if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    raise failure from error
            if (was_done and not idempotent) or attempt == ATTEMPTS:
                raise failure
            time.sleep(pause_before_next(attempt, retry_after))
        raise AssertionError("unreachable")

    def _content(self, response: httpx.Response) -> JsonValue:
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise CredentialsError(
                f"Argilla at {self.url} does not accept our key: it must be an owner's API key"
            )
        if response.is_error:
            reason = _reason(response)
            raise RequestRefusedError(
                f"Argilla at {self.url} refused a request, HTTP {response.status_code}: {reason}",
                response.status_code,
            )
        try:
            content: JsonValue = response.json() if response.content else None
        except ValueError:
            raise ConnectionFailedError(
                f"Argilla at {self.url}: the answer is not JSON; is this an Argilla server?"
            ) from None
        return content


def _reason(response: httpx.Response) -> str:
    """Return why the server refused a request, in one line of at most 300 characters, without what it was given."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    text = body if isinstance(body, str) else json.dumps(_without_input(body), ensure_ascii=False)
    return " ".join(text.split())[:300]


def _without_input(body: JsonValue) -> JsonValue:
    if isinstance(body, dict):
        return {key: _without_input(it) for key, it in body.items() if key not in ("input", "ctx", "url")}
    return [_without_input(it) for it in body] if isinstance(body, list) else body
