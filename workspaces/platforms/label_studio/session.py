"""Label Studio as a person with a browser uses it: signing in, signing up, taking the next task, answering.

Needed where an administrator's key does not serve: to make that key on a server of our own, to open accounts,
and to let simulated annotators answer as themselves.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from pydantic import SecretStr

from workspaces.errors import ConnectionFailedError, CredentialsError, UsageError
from workspaces.platforms.base import ProvenAccount
from workspaces.platforms.label_studio.form import TASK_ID_KEY, result_of
from workspaces.platforms.shapes import Shape, read_as
from workspaces.records import PlacedTask
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.forms import Form

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Limits in seconds."""

SIGN_IN_TIMEOUT = httpx.Timeout(10.0)
"""Limits in seconds while a person waits for a page."""


class LabelStudioSession:
    """One annotator at work; see ``PersonSession``."""

    def __init__(self, url: str, email: str, password: SecretStr) -> None:
        self._client = sign_in(url, email, password)

    def open_tasks(self, container_id: str, limit: int) -> Iterator[PlacedTask]:
        """Yield the tasks that Label Studio gives this person, one at a time."""
        for _ in range(limit):
            task = next_task(self._client, container_id)
            if task is None:
                return
            yield task

    def submit(
        self, task: PlacedTask, form: Form, values: Mapping[str, str], lead_time: float | None = None
    ) -> None:
        """Submit this person's answer to a task; a second one stands beside the first."""
        submit(self._client, task.remote_id, form, values, lead_time)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def proven_account(url: str, email: str, password: SecretStr) -> ProvenAccount:
    """Return the account that this address and password open; nothing of the password is kept.

    Who owns a Label Studio, it does not say; and whoever has an invitation opens an account with any address.

    Raises:
        ConnectionFailedError: the server does not answer, or fails.
        CredentialsError: it does not accept the e-mail address and password.
    """
    with sign_in(url, email, password, SIGN_IN_TIMEOUT) as client, _told(url):
        answer = client.get("/api/current-user/whoami").raise_for_status()
        account = read_as(Account, answer.json(), f"Label Studio at {url}")
    return ProvenAccount(account.email, is_owner=False, is_vouched=False)


class Account(Shape):
    """Whose session it is."""

    email: str


def sign_in(url: str, email: str, password: SecretStr, timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    """Return a client that carries the session of the person with this account. The caller closes it.

    Raises:
        ConnectionFailedError: the server does not answer.
        CredentialsError: it does not accept the e-mail address and password.
    """
    with _visitor(url, timeout) as visitor:
        answer = _post_form(
            visitor, "/user/login/", {"email": email, "password": password.get_secret_value()}
        )
        if not answer.is_redirect:  # the form again, with an error on it
            raise CredentialsError(f"Label Studio at {url} does not accept the password of {email}")
        # A client of its own: httpx lets nobody enter one that was used.
        headers = {"Referer": url, "X-CSRFToken": visitor.cookies["csrftoken"]}
        return httpx.Client(
            base_url=visitor.base_url,
            timeout=timeout,
            headers=headers,
            cookies=visitor.cookies,
            verify=tls_context(),
        )


def personal_access_token(url: str, email: str, password: SecretStr) -> SecretStr:
    """Return a new personal access token of this account.

    Label Studio gives a person one valid token at a time and shows it once: an older one is revoked.

    Raises:
        ConnectionFailedError: the server does not answer.
        CredentialsError: it does not accept the e-mail address and password.
    """
    with sign_in(url, email, password) as client, _told(url):
        for old in client.get("/api/token/").raise_for_status().json():
            client.post("/api/token/blacklist/", json={"refresh": old["token"]}).raise_for_status()
        return SecretStr(client.post("/api/token/").raise_for_status().json()["token"])


def is_token_good(url: str, token: SecretStr) -> bool:
    """Return whether the server still knows this personal access token.

    Raises:
        ConnectionFailedError: the server does not answer.
    """
    with _visitor(url) as visitor, _told(url):
        answer = visitor.post("/api/token/refresh/", json={"refresh": token.get_secret_value()})
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            return False
        answer.raise_for_status()
        return True


def sign_up(url: str, invite_path: str, email: str, password: SecretStr) -> None:
    """Open an account through an invitation. An account that exists is left as it is.

    Raises:
        ConnectionFailedError: the server does not answer.
        CredentialsError: the invitation is no longer good.
        UsageError: the server refuses the e-mail address or the password, and why.
    """
    fields = {"email": email, "password": password.get_secret_value()}
    with _visitor(url) as client, _unlogged():
        answer = _post_form(client, invite_path, fields)
    if answer.is_redirect or "User with this email already exists" in answer.text:
        return
    raise UsageError(
        f"Label Studio refused the account of {email}: give a valid e-mail address and a password of 8 to "
        "128 characters that is not like the address"
    )


def strangers_may_sign_up(url: str) -> bool:
    """Return whether an account can be opened without an invitation. An empty form is sent; it opens none.

    Raises:
        ConnectionFailedError: the server does not answer.
    """
    with _visitor(url) as visitor:
        try:
            return _post_form(visitor, "/user/signup/", {"email": "", "password": ""}).is_success
        except CredentialsError:  # 403: the form is not read without an invitation
            return False


def next_task(client: httpx.Client, container_id: str) -> PlacedTask | None:
    """Return the task that Label Studio gives this person next, or None when there is none left for them."""
    with _told(str(client.base_url)):
        answer = client.get(f"/api/projects/{container_id}/next")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        task = answer.raise_for_status().json()
    return PlacedTask(str(task["data"].get(TASK_ID_KEY, "")), str(task["id"]), container_id)


def submit(
    client: httpx.Client, remote_id: str, form: Form, values: Mapping[str, str], lead_time: float | None
) -> str:
    """Answer a task as the person signed in.

    Args:
        client: from ``sign_in``.
        remote_id: the task's id in Label Studio.
        form: the form the task is shown with.
        values: plain answers by question name.
        lead_time: how long the person took, in seconds; None: not told.

    Returns:
        The annotation's id.
    """
    with _told(str(client.base_url)):
        answer = client.post(
            f"/api/tasks/{remote_id}/annotations/",
            json={"result": result_of(form, values), "lead_time": lead_time, "was_cancelled": False},
        )
        return str(answer.raise_for_status().json()["id"])


def _visitor(url: str, timeout: httpx.Timeout = TIMEOUT) -> httpx.Client:
    base_url, headers = url.rstrip("/"), {"Referer": url}
    return httpx.Client(base_url=base_url, timeout=timeout, headers=headers, verify=tls_context())


def _post_form(client: httpx.Client, path: str, fields: Mapping[str, str]) -> httpx.Response:
    """Fetch the page with the form for its CSRF cookie, then send the form."""
    with _told(str(client.base_url)):
        client.get(path).raise_for_status()
        token = client.cookies.get("csrftoken", "")
        answer = client.post(path, data={**fields, "csrfmiddlewaretoken": token})
        if not answer.is_redirect:
            answer.raise_for_status()
    return answer


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Raise httpx's errors as ours, without their text: it may quote an address with a secret in it."""
    try:
        yield
    except httpx.TransportError as error:
        raise ConnectionFailedError(
            f"Label Studio at {url} cannot be reached: {type(error).__name__}; is it running? "
            "'chatfeedback up label-studio'"
        ) from None
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = CredentialsError if status in (401, 403) else ConnectionFailedError
        raise kind(f"Label Studio at {url} answered HTTP {status}") from None
    except (ValueError, KeyError, TypeError):
        raise ConnectionFailedError(f"What answers at {url} does not speak like Label Studio") from None


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep httpx from logging addresses: an invitation's address lets anyone in."""

    def drop(_record: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger("httpx")
    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
