"""``people reports``: what third persons reported about conversations on the page."""

from __future__ import annotations

from typing import Annotated

import typer

from chatfeedback.cli import listing
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, say
from workspaces.errors import UsageError
from workspaces.workspace import Workspace, utc_now


def reports(
    close: Annotated[
        str | None, typer.Option("--close", help="Close this report: you have decided.", metavar="NUMBER")
    ] = None,
    decision: Annotated[
        str | None, typer.Option("--decision", help="With --close: what you did, kept beside it.")
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Show those that are closed as well.")] = False,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List what third persons reported about conversations on the page, and close what is decided.

    Find the conversation with chatfeedback collection search, and keep it private or delete it: chatfeedback consent.
    Closing forgets how the reporter can be reached. Example: **chatfeedback people reports**
    """
    from workspaces.store.conversation_reports import close_report
    from workspaces.store.conversation_reports import reports as all_reports

    if decision is not None and close is None:
        raise UsageError("--decision goes with --close NUMBER")
    with Workspace.open(workspace) as opened:
        if close is not None:
            with opened.store.write() as connection:
                if not close_report(connection, close, decision, utc_now()):
                    raise UsageError(
                        f"no report {close!r} waits: 'chatfeedback people reports' shows their numbers"
                    )
            emit_json({"closed": close}) if as_json else say(f"{close} is closed")
            return
        with opened.store.read() as connection:
            found = all_reports(connection, closed=closed)
    if as_json:
        emit_json(listing.as_json("reports", found, limit))
        return
    rows = [
        (
            each.report_id,
            f"{each.reported_at:%Y-%m-%d %H:%M}",
            each.about,
            each.reason,
            each.contact,
            each.decision if each.closed_at else "waits",
        )
        for each in found
    ]
    listing.long_table(
        "Reported conversations",
        ["number", "UTC", "which", "what is wrong", "reach them at", "state"],
        rows,
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )
    if found:
        hint("chatfeedback collection search TEXT")
