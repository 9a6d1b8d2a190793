"""Finds people by their names, and changes their settings."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from reward_engine.leaderboard import names_in_use
from workspaces.errors import UsageError
from workspaces.privacy import CHAT_LOG
from workspaces.store.groups import set_group
from workspaces.store.own_answers import delete_link, save_link
from workspaces.store.people import PersonSettings, latest_settings, save_settings
from workspaces.time_zones import time_zone
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.workspace import Workspace

MAX_NAME = 40


def find_person(workspace: Workspace, name: str) -> str:
    """Return the id of a person by their pseudonym, e-mail address, user name or name in the chat logs.

    Raises:
        UsageError: nobody in the workspace has that name.
    """
    person_id = workspace.pseudonyms.resolve(name, (*workspace.config.platforms.names(), CHAT_LOG))
    if person_id is None:
        raise UsageError(
            f"nobody here is {name!r}: give a pseudonym ('chatfeedback people list' shows them; one that was forgotten "
            "is nobody's any more), or a name on a platform or in the chat logs; "
            "'chatfeedback people invite EMAIL' makes somebody known, also one who has "
            "an account already"
        )
    return person_id


def link_giver(workspace: Workspace, person: str, giver: str, *, remove: bool = False) -> tuple[str, str]:
    """Record that a person who answers on a platform gave the conversations of ``giver`` in the logs; return both ids.

    Their answers about these conversations are then own answers, also earlier ones. Where both answered a task, the
    answer that came in first counts and is paid, and no other. ``remove`` takes a link back.

    Args:
        workspace: theirs.
        person: a pseudonym, e-mail address or user name.
        giver: a pseudonym, or the name in the logs.
        remove: delete the link instead.

    Raises:
        UsageError: nobody has such a name, both are one person already, or there is no link to remove.
    """
    person_id = find_person(workspace, person)
    giver_id = workspace.pseudonyms.resolve(giver, (CHAT_LOG, *workspace.config.platforms.names()))
    if giver_id is None:
        raise UsageError(f"the logs name nobody {giver!r}: give a name as it stands in them, or a pseudonym")
    if person_id == giver_id:
        raise UsageError(f"{person!r} and {giver!r} are one person here already: {person_id}")
    with workspace.exclusive(), workspace.store.write() as connection:
        if not remove:
            save_link(connection, person_id, giver_id, utc_now())
        elif not delete_link(connection, person_id, giver_id):
            raise UsageError(f"{person_id} is not linked to {giver_id}")
    return person_id, giver_id


def set_person(
    workspace: Workspace,
    person_id: str,
    *,
    name: str | None = None,
    zone: str | None = None,
    hidden: bool | None = None,
) -> PersonSettings:
    """Change a person's settings and return them; None keeps a setting, an empty text resets it to the default.

    A new time zone decides the days of work from now on; earlier days stay as they were counted.

    Raises:
        UsageError: the name would identify the person, or is taken; or the time zone does not exist.
    """
    if zone:
        try:
            time_zone(zone)
        except ValueError as error:
            raise UsageError(str(error)) from None
    with workspace.exclusive():
        with workspace.store.read() as connection:
            known = latest_settings(connection)
        before = known.get(person_id) or PersonSettings(person_id, utc_now())
        if name:
            name = _checked(workspace, person_id, name, names_in_use(known.values(), besides=person_id))
        after = replace(
            before,
            display_name=before.display_name if name is None else name or None,
            time_zone=before.time_zone if zone is None else zone or None,
            hidden=before.hidden if hidden is None else hidden,
        )
        if after != known.get(person_id):
            after = replace(after, set_at=utc_now())
            with workspace.store.write() as connection:
                save_settings(connection, after)
    return after


def set_group_of(workspace: Workspace, person_id: str, group: str) -> None:
    """Put a person into a group of ``routing.groups``; an empty name takes them out of theirs.

    Raises:
        UsageError: there is no such group.
    """
    groups = workspace.config.routing.groups
    if group and group not in groups:
        known = ", ".join(groups) or "none; write them under routing.groups"
        raise UsageError(f"there is no group {group!r} (groups here: {known})")
    with workspace.exclusive(), workspace.store.write() as connection:
        set_group(connection, person_id, group or None, utc_now())


def _checked(workspace: Workspace, person_id: str, name: str, taken: set[str]) -> str:
    """Return a display name as it is shown.

    Raises:
        UsageError: it cannot be one. Whether it is somebody's user name, a name to be denied, a pseudonym or a display
            name is not told apart: who tries names would learn who has an account here.
    """
    name = unicodedata.normalize("NFKC", name).strip()
    if not name.isprintable() or not re.search(r"\w", name) or len(name) > MAX_NAME:
        raise UsageError(
            f"{name!r} cannot be a display name: give up to {MAX_NAME} printable characters with a letter or digit"
        )
    privacy = workspace.config.privacy
    from workspaces.privacy.redaction import Redactor  # takes long to import, and few commands set a name

    def is_redacted(deny_names: Sequence[str]) -> bool:
        return list(Redactor(deny_names, privacy.default_region).redact([name]).texts) != [name]

    if "@" in name or is_redacted(()):
        raise UsageError("a display name must not show who somebody is: no e-mail address and no number")
    platforms = (*workspace.config.platforms.names(), CHAT_LOG)
    if (
        name.casefold() in taken
        or workspace.pseudonyms.find(name, platforms) is not None
        or (name != person_id and workspace.pseudonyms.is_person(name))
        or is_redacted(privacy.deny_names)
    ):
        raise UsageError(
            f"{name!r} is taken, or is a name that is not shown here: choose another display name"
        )
    return name
