"""The accounts of an Argilla: who answered, who is invited into our workspace, who is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from workspaces.errors import ConnectionFailedError
from workspaces.platforms.argilla.shapes import User, Users
from workspaces.platforms.base import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

    from workspaces.platforms.argilla.connection import ArgillaConnection


class Accounts:
    """The accounts on a server; user names are e-mail addresses and are remembered.

    Args:
        connection: with an owner's key.
        workspace_id: returns Argilla's id of our workspace, which it makes where there is none.
    """

    def __init__(self, connection: ArgillaConnection, workspace_id: Callable[[], str]) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._names: dict[str, str] = {}

    def name_of(self, user_id: str) -> str:
        """Return the user name of an account; of one that is gone, its id."""
        if user_id not in self._names:
            self._names = {user.id: user.username for user in self._users()}
        return self._names.get(user_id, user_id)

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete an annotator's account; see ``Platform.close_account``."""
        theirs = self._accounts_of(is_theirs)
        for user in theirs:
            self._connection.delete(f"/api/v1/users/{UUID(user.id)}")
        return bool(theirs)

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account in our workspace; return whether one was made.

        One that exists keeps its password and is let into the workspace. User names that differ in case alone are one
        address.
        """
        if existing := self._named(email):
            self._let_in(existing)
            return False
        account = {
            "username": email,
            "first_name": email.partition("@")[0],
            "role": "annotator",
            "password": password.get_secret_value(),
        }
        try:
            made = [self._connection.post(User, "/api/v1/users", account)]
        except ConnectionFailedError:
            if not (made := self._named(email)):  # else it was made, and the answer did not come
                raise
        self._let_in(made)
        return True

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        """Return whether there is such an account; see ``Platform.has_account``."""
        return any(is_named(user.username) for user in self._users())

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        """Give an annotator's account another password; see ``Platform.reset_password``."""
        theirs = self._accounts_of(is_theirs)
        for user in theirs:
            self._connection.patch(
                f"/api/v1/users/{UUID(user.id)}", {"password": password.get_secret_value()}
            )
        return sorted(user.username for user in theirs)

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        """Take an annotator out of our workspace, and leave the account; see ``Platform.revoke``."""
        theirs = self._accounts_of(is_theirs)
        for user in theirs:
            self._connection.delete(f"/api/v1/workspaces/{self._workspace_id()}/users/{UUID(user.id)}")
        return bool(theirs)

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        """Let an annotator into our workspace again; see ``Platform.restore``."""
        theirs = self._accounts_of(is_theirs)
        self._let_in(theirs)
        return bool(theirs)

    def _accounts_of(self, is_theirs: Callable[[str], bool]) -> list[User]:
        """Return the annotators' accounts of a person, never an administrator's."""
        return [user for user in self._users() if user.role == "annotator" and is_theirs(user.username)]

    def _let_in(self, users: Iterable[User]) -> None:
        for user in users:
            try:
                path = f"/api/v1/workspaces/{self._workspace_id()}/users"
                self._connection.post(User, path, {"user_id": user.id}, idempotent=True)
            except RequestRefusedError as error:
                if error.status != httpx.codes.CONFLICT:
                    raise

    def _named(self, email: str) -> list[User]:
        return [user for user in self._users() if user.username.lower() == email.lower()]

    def _users(self) -> list[User]:
        return self._connection.read(Users, "/api/v1/users").items
