"""``people review``: the findings of screening, and decisions on them."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.errors import UsageError
from workspaces.store.flags import FlagStatus, flags, review_flag
from workspaces.workspace import Workspace, utc_now


class Decision(StrEnum):
    """A reviewer's decision on a flag."""

    ACCEPT = "accept"
    DISMISS = "dismiss"


_STATUS = {Decision.ACCEPT: FlagStatus.ACCEPTED, Decision.DISMISS: FlagStatus.DISMISSED}


def review(
    decision: Annotated[
        Decision | None, typer.Argument(help="What to do with the flag; leave out to list open flags.")
    ] = None,
    flag: Annotated[str | None, typer.Argument(help="The flag's id, as the list shows it.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Your name, kept beside the decision.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List decided flags too.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List what screening found of people's answers, or decide one finding. Nothing is taken from anybody by it.

    'report' screens the answers. A dismissed finding comes back only when it rests on twice the answers.
    Example: **chatfeedback people review dismiss 3f9a61c20b7d --by ada**
    """
    with Workspace.open(workspace) as opened:
        if decision is None:
            with opened.store.read() as connection:
                shown = flags(connection, None if everything else FlagStatus.OPEN)
        elif flag is None:
            raise UsageError(f"which flag? Give its id: 'chatfeedback people review {decision} FLAG'")
        else:
            with opened.exclusive(), opened.store.write() as connection:
                shown = [review_flag(connection, flag, _STATUS[decision], by, utc_now())]
    if as_json:
        emit_json({"flags": [asdict(flagged) for flagged in shown]})
        return
    if decision is not None:
        say(f"Flag {shown[0].flag_id} is {shown[0].status}.")
        return
    if not shown:
        say("There is nothing to review.")
        return
    from quality.screening.finding import in_words  # pandas and scipy take a second to import

    rows = [
        (
            flagged.flag_id,
            flagged.person_id,
            flagged.status,
            flagged.reason,
            in_words(flagged.reason, flagged.evidence),
        )
        for flagged in shown
    ]
    table("Flags", ["flag", "person", "status", "reason", "evidence"], rows)
    say(
        "Every figure and example items: --json. To decide: chatfeedback people review accept FLAG, or dismiss FLAG."
    )
