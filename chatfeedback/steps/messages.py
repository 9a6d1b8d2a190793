"""Messages from the lead to one person, a group, or everybody; they stand on each one's page until they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.store.groups import all_groups
from workspaces.store.identities import is_person
from workspaces.store.lead_messages import (
    LeadMessage,
    SentMessage,
    note_read,
    people_with_access,
    send,
    sent_messages,
    take_back_message,
    unread_by_person,
    unread_messages,
)
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.workspace import Workspace

LONGEST_MESSAGE = 2000
"""Characters."""

MOST_UNREAD = 20
"""Messages that wait on one person's page at most: more would be read by nobody."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """To whom a message went: how many have it now, and how many had it before; ``full`` are those with no room."""

    new: int
    had: int
    full: int


def send_message(
    workspace: Workspace,
    text: str,
    *,
    person_id: str | None = None,
    group: str | None = None,
) -> Delivery:
    """Send a message to a person, to a group, or with neither to everybody who has an account and counts.

    The same words reach nobody twice: sent again, they go to those who do not have them yet, such as new people.

    Args:
        workspace: whose people.
        text: plain text; it is shown as it is written, and nothing in it is markup.
        person_id: a pseudonym.
        group: a name of ``routing.groups``.

    Raises:
        UsageError: the text is empty, too long or names an address of somebody here; or there is nobody to send it to.
    """
    words = _checked(workspace, text)
    if group is not None and group not in workspace.config.routing.groups:
        known = ", ".join(workspace.config.routing.groups) or "none; write them under routing.groups"
        raise UsageError(f"there is no group {group!r} (groups here: {known})")
    with workspace.store.write() as connection:
        if person_id is not None:
            people = {person_id}
        else:
            people = people_with_access(connection)
            if group is not None:
                people &= {each for each, name in all_groups(connection).items() if name == group}
        people = {each for each in people if is_person(connection, each)}
        if not people:
            raise UsageError(
                "nobody has this pseudonym, or they are about to be forgotten"
                if person_id is not None
                else "there is nobody to send it to: 'chatfeedback people list' shows who is here"
            )
        unread = unread_by_person(connection)
        room = {each for each in people if len(unread.get(each, ())) < MOST_UNREAD}
        had = send(connection, room, words, utc_now())
    return Delivery(len(room) - len(had), len(had), len(people) - len(room))


def delivered_in_words(delivery: Delivery) -> str:
    """Return what became of a message as a sentence."""
    words = f"The message went to {counted(delivery.new, 'person')}"
    if delivery.had:
        words += f"; {counted(delivery.had, 'person')} had it already"
    if delivery.full:
        words += (
            f"; {counted(delivery.full, 'person')} did not get it: {MOST_UNREAD} wait unread on their page"
        )
    return f"{words}."


def my_messages(workspace: Workspace, person_id: str) -> list[LeadMessage]:
    """Return the messages that a person has not read yet, oldest first."""
    with workspace.store.read() as connection:
        return unread_messages(connection, person_id)


def all_unread(workspace: Workspace) -> Mapping[str, frozenset[str]]:
    """Return the ids of the messages that each person has not read yet."""
    with workspace.store.read() as connection:
        return unread_by_person(connection)


def read_message(workspace: Workspace, person_id: str, message_id: str) -> bool:
    """Note that a person read a message of theirs; return whether there was one that they had not read."""
    with workspace.store.write() as connection:
        return note_read(connection, person_id, message_id, utc_now())


def messages_sent(workspace: Workspace, limit: int | None = None) -> list[SentMessage]:
    """Return the messages that people have, newest first."""
    with workspace.store.read() as connection:
        return sent_messages(connection, limit)


def withdraw_message(workspace: Workspace, message_id: str) -> int:
    """Delete a message, read or not; return of how many people.

    Raises:
        UsageError: nobody has it.
    """
    with workspace.store.write() as connection:
        people = take_back_message(connection, message_id)
    if not people:
        raise UsageError(
            f"nobody has a message {message_id!r}: 'chatfeedback people message' lists those that were sent"
        )
    return people


def _checked(workspace: Workspace, text: str) -> str:
    words = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not words:
        raise UsageError("the message is empty: write what you want to say")
    if len(words) > LONGEST_MESSAGE:
        raise UsageError(
            f"the message has {counted(len(words), 'character')}, and {LONGEST_MESSAGE:,} are the most: shorten it"
        )
    if "\x00" in words or any("\ud800" <= it <= "\udfff" for it in words):
        raise UsageError("the message is not plain text: it has characters that cannot be stored")
    platforms = workspace.config.platforms.names()
    for word in words.split():
        address = word.strip(".,;:!?()<>[]{}\"'")
        if "@" in address and workspace.pseudonyms.find(address, platforms) is not None:
            raise UsageError(
                f"{address!r} is somebody's address here, and no message keeps who somebody is: leave it out"
            )
    return words
