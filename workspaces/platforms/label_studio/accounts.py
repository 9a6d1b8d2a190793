"""The members of a Label Studio organisation: who wrote an annotation, who is invited, who is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        self._emails: dict[int, str] = {}

    def author_of(self, annotation: Annotation) -> str | None:
        """Return the e-mail address of who completed an annotation; None where nobody can be told."""
        author = annotation.completed_by
        if isinstance(author, dict):
            author = author.get("id")
        if not isinstance(author, int):
            return None
        if author not in self._emails:
            self._list_emails()
        if author not in self._emails:
            # Who left the organisation is not listed; the annotation still says "NAMES E-MAIL, ID".
            words = (annotation.created_username or "").rpartition(",")[0].split()
            if not words or "@" not in words[-1]:
                return None
            self._emails[author] = words[-1].lower()
        return self._emails[author]

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account; see ``Platform.invite``.

        Raises:
            UsageError: Label Studio refuses the address or the password.
        """
        if email.lower() in self._list_emails().values():
            return False
        invitation = self._connection.read(Invitation, "/api/invite")
        sign_up(self._connection.url, invitation.invite_url, email, password)
        return True

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete the person's account, never our own; see ``Platform.close_account``."""
        our_id = self._connection.call(lambda: self._connection.sdk.users.whoami(), idempotent=True).id
        users = self._connection.read(list[User], "/api/users/")
        theirs = [user.id for user in users if user.id != our_id and is_theirs(user.email.lower())]
        for user_id in theirs:
            self._connection.delete(f"/api/users/{user_id}/")
            self._emails.pop(user_id, None)
        return bool(theirs)

    def _list_emails(self) -> dict[int, str]:
        # Who was removed is listed with an address that is none.
        users = self._connection.read(list[User], "/api/users/")
        self._emails |= {user.id: user.email.lower() for user in users if "@" in user.email}
        return self._emails
