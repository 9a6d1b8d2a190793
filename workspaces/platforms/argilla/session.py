"""Argilla as a person with a browser uses it: signing in, taking the next task, answering."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import httpx

from workspaces.errors import ConnectionFailedError, CredentialsError
from workspaces.platforms.argilla.form import given
from workspaces.platforms.argilla.shapes import Hits, User
from workspaces.platforms.base import ProvenAccount
from workspaces.platforms.shapes import read_as
from workspaces.records import PlacedTask
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue, SecretStr

    from workspaces.forms import Form

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Limits in seconds."""

SIGN_IN_TIMEOUT = httpx.Timeout(10.0)
"""Limits in seconds while a person waits for a page."""

OWNER = "owner"
"""The role of whoever runs the server."""


class ArgillaSession:
    """One annotator at work; see ``PersonSession``. Argilla keeps no lead time."""

    def __init__(self, url: str, username: str, password: SecretStr) -> None:
        self._client = sign_in(url, username, password)

    def open_tasks(self, container_id: str, limit: int) -> Iterator[PlacedTask]:
        """Yield the first tasks that this person has not answered, asked for at once."""
        yield from pending_tasks(self._client, container_id, limit)

    def submit(
        self, task: PlacedTask, form: Form, values: Mapping[str, str], lead_time: float | None = None
    ) -> None:
        """Submit this person's answer to a task; an earlier one is replaced."""
        answer(self._client, task.remote_id, given(form, values))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def proven_account(url: str, username: str, password: SecretStr) -> ProvenAccount:
    """Return the account that this name and password open; nothing of the password is kept.

    Raises:
        ConnectionFailedError: the server does not answer, or fails.
        CredentialsError: it does not accept the name and password.
    """
    with closing(sign_in(url, username, password, SIGN_IN_TIMEOUT)) as client:
        try:
            answer = client.get("/api/v1/me").raise_for_status()
        except httpx.HTTPError as error:
            raise ConnectionFailedError(
                f"Argilla at {url} does not say whose account it is ({type(error).__name__})"
            ) from None
        user = read_as(User, answer.json(), f"Argilla at {url}")
    return ProvenAccount(user.username, is_owner=user.role == OWNER, is_vouched=True)


def sign_in(url: str, username: str, password: SecretStr, timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    """Return a client that carries the session of the person with this account. The caller closes it.

    Raises:
        ConnectionFailedError: the server does not answer, or fails.
        CredentialsError: it does not accept the name and password.
    """
    client = httpx.Client(base_url=url.rstrip("/"), timeout=timeout, verify=tls_context())
    form = {"username": username, "password": password.get_secret_value()}
    try:
        answer = client.post("/api/v1/token", data=form)
    except httpx.TransportError as error:
        client.close()
        raise ConnectionFailedError(f"Argilla at {url} cannot be reached ({type(error).__name__})") from None
    if answer.is_server_error:
        client.close()
        raise ConnectionFailedError(f"Argilla at {url} fails ({answer.status_code})")
    if answer.is_error:
        client.close()
        raise CredentialsError(f"Argilla at {url} does not accept the password of {username}")
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return client


def pending_tasks(client: httpx.Client, container_id: str, limit: int = 100) -> list[PlacedTask]:
    """Return tasks that this person has not answered, in the order that the person's own page shows them."""
    scope = {"entity": "response", "property": "status"}
    query = {"filters": {"type": "and", "and": [{"type": "terms", "scope": scope, "values": ["pending"]}]}}
    answer = client.post(
        f"/api/v1/me/datasets/{container_id}/records/search", json=query, params={"limit": limit}
    )
    hits = read_as(Hits, answer.raise_for_status().json(), f"Argilla at {client.base_url}")
    return [
        PlacedTask(hit.record.external_id, hit.record.id, container_id)
        for hit in hits.items
        if hit.record.external_id is not None
    ]


def answer(
    client: httpx.Client, remote_id: str, values: Mapping[str, JsonValue], status: str = "submitted"
) -> None:
    """Save this person's answer to a task, as ``given`` returns it; an earlier one is replaced."""
    item = {
        "record_id": remote_id,
        "status": status,
        "values": {name: {"value": value} for name, value in values.items()},
    }
    response = client.post("/api/v1/me/responses/bulk", json={"items": [item]}).raise_for_status()
    if error := response.json()["items"][0].get("error"):
        raise ConnectionFailedError(f"Argilla refused an answer: {error['detail']}")
