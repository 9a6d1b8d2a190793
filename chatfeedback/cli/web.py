"""``web``: the page where people see their points, what waits for them, and what they gave."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.errors import UsageError
from workspaces.workspace import Workspace

OWN_LINK_LASTS = timedelta(hours=1)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(web)


def web(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where it listens.", show_default="6970")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="The address of this machine on which it listens.")
    ] = "127.0.0.1",
    address: Annotated[
        str | None,
        typer.Option("--address", help="The URL at which people reach it, if a proxy stands before it."),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Run the page where people sign in: points, what waits, what they gave. Until Ctrl-C.

    They sign in with their account on a platform, or by a link: chatfeedback people sign-in-link PERSON.
    Example: **chatfeedback web --port 6970**
    """
    from chatfeedback.web.hosts import host_in
    from chatfeedback.web.running import PORT
    from chatfeedback.web.server import Server
    from workspaces import garbage

    if address is not None and not (address.startswith(("http://", "https://")) and host_in(address)):
        raise UsageError(f"--address is a URL, such as https://feedback.example (given: {address[:80]!r})")
    if host not in LOOPBACK and address is None:
        raise UsageError(
            f"--host {host} lets others in: give --address too, the URL at which they reach it; https is best, by a "
            "proxy with TLS, since passwords pass through it"
        )
    with Workspace.open(workspace) as opened:
        server = Server(opened, PORT if port is None else port, host, address)
        if as_json:
            emit_json({"address": server.address, "port": server.port})
        else:
            say(f"The page runs at {server.address}")
            if sys.stderr.isatty():  # a file would keep the link
                own = steps.make_sign_in_link(opened, None, OWN_LINK_LASTS)
                note(f"Your own way in, good once and within an hour: {server.address}/link/{own}")
            else:
                note("Your own way in: chatfeedback people sign-in-link --lead")
            note("Ctrl-C ends it. Links to sign in: chatfeedback people sign-in-link PERSON")
        garbage.keep_what_is_there()
        server.run()
