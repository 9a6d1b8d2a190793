"""The members of a Label Studio organisation: who wrote an annotation, who is invited, who is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import ConnectionFailedError
from workspaces.platforms.label_studio.administration import Administration
from workspaces.platforms.label_studio.session import sign_up
from workspaces.platforms.label_studio.shapes import Invitation, User

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import SecretStr

    from workspaces.platforms.label_studio.connection import LabelStudioConnection
    from workspaces.platforms.label_studio.shapes import Annotation


class Accounts:
    """The accounts on a server; e-mail addresses are in lower case and are remembered."""

    def __init__(self, connection: LabelStudioConnection) -> None:
        self._connection = connection
        self._administration = Administration(connection)
        self._emails: dict[int, str] = {}

    def author_of(self, annotation: Annotation) -> str | None:
        """Return the e-mail address of who completed an annotation; None where nobody can be told."""
        author = _id(annotation.completed_by)
        if author is None:
            return None
        if (email := self._email(author)) is None:
            # Who left the organisation is not listed; the annotation still says "NAMES E-MAIL, ID".
            words = (annotation.created_username or "").rpartition(",")[0].split()
            if not words or "@" not in words[-1]:
                return None
            email = self._emails[author] = words[-1].lower()
        return email

    def editor_of(self, annotation: Annotation) -> str:
        """Return the e-mail address of who changed an annotation last, or a name of our own where it is not listed."""
        editor = _id(annotation.updated_by)
        if editor is not None and editor == _id(annotation.completed_by):
            return self.author_of(annotation) or f"member {editor}"
        return (self._email(editor) if editor is not None else None) or f"member {editor}"

    def _email(self, user_id: int) -> str | None:
        if user_id not in self._emails:
            self._list_emails()
        return self._emails.get(user_id)

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account; see ``Platform.invite``.

        Raises:
            UsageError: Label Studio refuses the address or the password.
        """
        if email.lower() in self._list_emails().values():
            return False
        invitation = self._connection.read(Invitation, "/api/invite")
        try:
            sign_up(self._connection.url, invitation.invite_url, email, password)
        except ConnectionFailedError:
            if email.lower() not in self._list_emails().values():
                raise  # else it was made, and the answer did not come
        return True

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete the person's account, never our own; see ``Platform.close_account``."""
        theirs = self._accounts_of(is_theirs)
        for user_id in theirs:
            self._connection.delete(f"/api/users/{user_id}/")
            self._emails.pop(user_id, None)
        return bool(theirs)

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        """Return whether somebody has an e-mail address that ``is_named`` knows."""
        users = self._connection.read(list[User], "/api/users/")  # not the addresses that were read before
        return any(is_named(user.email.lower()) for user in users)

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        """Give the person's account another password; see ``Platform.reset_password``."""
        theirs = self._accounts_of(is_theirs)
        for user_id in theirs:
            self._administration.set_password(user_id, password)
        return sorted(theirs.values())

    def let_in(self, is_theirs: Callable[[str], bool], *, allowed: bool) -> bool:
        """Let the person sign in, or not any more; return whether there is an account."""
        theirs = self._accounts_of(is_theirs)
        for user_id in theirs:
            self._administration.set_active(user_id, active=allowed)
        return bool(theirs)

    def _accounts_of(self, is_theirs: Callable[[str], bool]) -> dict[int, str]:
        """Return the e-mail addresses of a person's accounts by their ids, never our own."""
        our_id = self._connection.call(lambda: self._connection.sdk.users.whoami(), idempotent=True).id
        users = self._connection.read(list[User], "/api/users/")
        return {user.id: user.email for user in users if user.id != our_id and is_theirs(user.email.lower())}

    def _list_emails(self) -> dict[int, str]:
        # Who was removed is listed with an address that is none.
        users = self._connection.read(list[User], "/api/users/")
        self._emails |= {user.id: user.email.lower() for user in users if "@" in user.email}
        return self._emails


def _id(user: object) -> int | None:
    """Return the number of a user that an annotation names, by it or by the whole account."""
    number = user.get("id") if isinstance(user, dict) else user
    return number if isinstance(number, int) else None
