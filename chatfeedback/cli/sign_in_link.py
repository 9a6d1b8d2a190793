"""``people sign-in-link``: a link by which somebody signs in to the page once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.durations import duration
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.errors import UsageError
from workspaces.grammar import counted
from workspaces.workspace import Workspace, utc_now

LONGEST = timedelta(days=14)
USUAL = timedelta(days=1)


def sign_in_link(
    person: Annotated[
        str | None,
        typer.Argument(
            help="A pseudonym, e-mail address or user name, or a name in the chat logs.", metavar="[PERSON]"
        ),
    ] = None,
    lead: Annotated[bool, typer.Option("--lead", help="For yourself: with the lead's pages.")] = False,
    lasts: Annotated[
        timedelta | None,
        typer.Option(
            "--lasts", parser=duration, help="How long it is good, such as 2h or 7d.", show_default="1d"
        ),
    ] = None,
    end: Annotated[
        bool, typer.Option("--end", help="Make none: sign the person out everywhere, and undo links.")
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a link by which a person signs in to the page once; it is shown now and never again.

    Whoever has the link is that person: send it to nobody else. A new link makes older ones useless.
    Example: **chatfeedback people sign-in-link ada@example.org**
    """
    from chatfeedback.web.running import HOST, PORT, address_of

    if (person is None) != lead:
        raise UsageError("for whom? Give a person, or --lead for yourself")
    lasts = USUAL if lasts is None else lasts
    if not timedelta(0) < lasts <= LONGEST:
        raise UsageError(f"--lasts is more than nothing and at most {LONGEST.days} days")
    with Workspace.open(workspace) as opened:
        person_id = None if person is None else steps.find_person(opened, person)
        if end:
            ended = steps.end_sessions(opened, person_id)
            emit_json({"ended": ended}) if as_json else say(f"{counted(ended, 'session')} ended")
            return
        token = steps.make_sign_in_link(opened, person_id, lasts)
        runs_at = address_of(opened.path)
    url = f"{runs_at or f'http://{HOST}:{PORT}'}/link/{token}"
    if as_json:
        emit_json(
            {"url": url, "person": person_id, "expires_at": utc_now() + lasts, "running": bool(runs_at)}
        )
        return
    say(url)
    note(f"Good once, until {utc_now() + lasts:%Y-%m-%d %H:%M} UTC. Hand it to nobody else.")
    if runs_at is None:
        note("The page does not run now: chatfeedback web")
