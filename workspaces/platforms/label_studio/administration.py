"""Label Studio's pages for administrators (``/admin/``): they alone set a password or close an account.

Its API has neither. The pages take the same access token, if its account is a superuser, as the one that
``label-studio start --username`` makes.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import httpx

from workspaces.errors import UsageError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from workspaces.platforms.label_studio.connection import LabelStudioConnection

USERS = "/admin/users/user"
ACTIVE = "is_active"
"""The box of a user's page without which nobody signs in."""


class NotSuperuserError(WorkbenchError):
    """The account of our key may not use the pages for administrators."""


class Administration:
    """The pages about users of one server."""

    def __init__(self, connection: LabelStudioConnection) -> None:
        self._connection = connection

    def set_password(self, user_id: int, password: SecretStr) -> None:
        """Give a user another password; whoever is signed in with the old one is signed out.

        Raises:
            NotSuperuserError: our account may not.
            UsageError: the user is an administrator.
            WorkbenchError: Label Studio does not take the password.
        """
        what = "set a password, as 'label-studio reset_password --username EMAIL' does on that machine"
        self._fields_of(user_id, what)
        secret = password.get_secret_value()
        fields = {"password1": secret, "password2": secret, "usable_password": "true"}
        self._submit(f"{USERS}/{user_id}/password/", fields, what)

    def set_active(self, user_id: int, *, active: bool) -> None:
        """Let a user sign in, or nobody with that account, whatever they hold; what they wrote stays theirs.

        Raises:
            NotSuperuserError: our account may not.
            UsageError: the user is an administrator.
        """
        what = "change who may sign in, as the box 'Active' of the user on the page /admin/ there does"
        fields = self._fields_of(user_id, what)
        if (ACTIVE in fields) == active:
            return
        fields.pop(ACTIVE, None)
        self._submit(f"{USERS}/{user_id}/change/", fields | ({ACTIVE: "on"} if active else {}), what)

    def _fields_of(self, user_id: int, what: str) -> dict[str, str]:
        page = self._connection.page(f"{USERS}/{user_id}/change/")
        self._check(page, what)
        fields = _Fields()
        fields.feed(page.text)
        if "is_superuser" in fields.values:
            raise UsageError(
                f"this is an administrator of the Label Studio at {self._connection.url}: change that account there"
            )
        return fields.values

    def _submit(self, path: str, fields: Mapping[str, str], what: str) -> None:
        answer = self._connection.page(path, fields)
        self._check(answer, what)
        if not answer.is_redirect:  # the form again, with an error on it
            raise WorkbenchError(
                f"Label Studio at {self._connection.url} refused to {what.partition(',')[0]}: its form came back"
            )

    def _check(self, answer: httpx.Response, what: str) -> None:
        if "/login" in answer.headers.get("location", "") or answer.status_code == httpx.codes.FORBIDDEN:
            raise NotSuperuserError(
                f"Label Studio at {self._connection.url}: the account of our key is no superuser there, so it cannot "
                f"{what}. Use the key of a superuser (the account of 'label-studio start --username'), or do it there"
            )


class _Fields(HTMLParser):
    """The fields of the form that a page of Django's administration shows, by name; boxes only if they are ticked."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an input; the buttons of the form do other things than saving and are left out."""
        attributes = dict(attrs)
        name, kind = attributes.get("name"), attributes.get("type", "text")
        if tag != "input" or not name or kind in {"submit", "button", "file"}:
            return
        if kind != "checkbox" or "checked" in attributes:
            self.values[name] = attributes.get("value") or ("on" if kind == "checkbox" else "")
