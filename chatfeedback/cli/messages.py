"""``people message``: messages from the lead, which stand on people's page until they are read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.workspace import Workspace


def message(
    text: Annotated[
        str | None, typer.Argument(help="What you want to say: plain text.", metavar="[TEXT]")
    ] = None,
    person: Annotated[
        str | None, typer.Option("--to", help="A pseudonym, e-mail address or user name.", metavar="PERSON")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Everybody in this group.")] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Everybody who has an account and counts.")
    ] = False,
    withdraw: Annotated[
        str | None, typer.Option("--withdraw", help="Delete a message again, read or not.", metavar="NUMBER")
    ] = None,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Send a message to a person, a group or everybody; without a text, list what was sent and how many read it.

    It stands on each one's page until they say that they read it. The same words reach nobody twice.
    Example: **chatfeedback people message Thanks! --everybody**
    """
    if withdraw is not None:
        if text is not None or person or group or everybody:
            raise UsageError("--withdraw NUMBER stands alone")
        with Workspace.open(workspace) as opened:
            people = steps.withdraw_message(opened, withdraw)
        emit_json({"withdrawn": withdraw, "people": people}) if as_json else say(
            f"{withdraw} is deleted; {counted(people, 'person')} had it"
        )
        return
    if text is None:
        if person or group or everybody:
            raise UsageError('what do you want to say? chatfeedback people message "TEXT" --everybody')
        _list(workspace, limit, everything=everything, as_json=as_json)
        return
    if (person is not None) + (group is not None) + everybody != 1:
        raise UsageError("to whom? Give one of --to PERSON, --group NAME and --everybody")
    with Workspace.open(workspace) as opened:
        person_id = None if person is None else steps.find_person(opened, person)
        delivery = steps.send_message(opened, text, person_id=person_id, group=group)
    emit_json(asdict(delivery)) if as_json else say(steps.delivered_in_words(delivery))


def _list(workspace: WorkspacePath, limit: Limit, *, everything: bool, as_json: bool) -> None:
    with Workspace.open(workspace) as opened:
        sent = steps.messages_sent(opened)
    if as_json:
        emit_json(listing.as_json("messages", sent, limit))
        return
    rows = [
        (each.message_id, f"{each.first_sent_at:%Y-%m-%d %H:%M}", each.people, each.read, each.text)
        for each in sent
    ]
    listing.long_table(
        "Messages",
        ["number", "UTC", "people", "read", "text"],
        rows,
        ["people", "read"],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )
