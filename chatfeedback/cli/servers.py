"""``up``, ``down`` and ``status``: the servers that run on this machine for a workspace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say, table
from workspaces.errors import ConfigurationError
from workspaces.grammar import counted
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.servers import ManagedServer, ServerAccess, ServerStatus


if TYPE_CHECKING:

    class Which(StrEnum):
        """A server as the command line names it, or all of them."""

        ALL = "all"
else:  # the other members come from the registry, which a type checker cannot evaluate
    Which = StrEnum("Which", [*((entry.slug, entry.slug) for entry in PLATFORMS.values()), ("ALL", "all")])

WhichServers = Annotated[Which, typer.Argument(help="Which server.")]


PAGE = "web"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(down)
    app.command()(status)


def up(which: WhichServers = Which.ALL, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Install (once), start and wait for the servers and the page; print where they are and how to sign in.

    They run on until `chatfeedback down`; their data stays. A server by its name starts without the page.
    Example: **chatfeedback up argilla**
    """
    from chatfeedback.web.running import start_page

    with Workspace.open(workspace) as opened, opened.exclusive():
        servers = _chosen(opened, which)
        with running(servers) as connections:
            for server in servers.values():
                server.detach()
    with Workspace.open(workspace) as opened:
        page = start_page(opened) if which == Which.ALL else None
    if as_json:
        told = {
            name: {
                "url": c.url,
                "user": c.user,
                "password": c.password.get_secret_value(),
                "address": opened.address(name),
            }
            for name, c in connections.items()
        }
        emit_json(told if page is None else {**told, PAGE: {"url": page}})
        return
    show_connections(connections)
    if page is not None:
        show_page(page)
    for name, connection in connections.items():
        if (address := opened.address(name)) != connection.url:
            say(f"People open {PLATFORMS[name].title} at {address}")
    say("Add annotators with: chatfeedback people invite EMAIL. Stop with: chatfeedback down")


def down(which: WhichServers = Which.ALL, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Stop the servers and the page; their data stays.

    Example: **chatfeedback down**
    """
    from chatfeedback.web.running import stop_page

    with Workspace.open(workspace, must_fit=False) as opened:
        page = stop_page(opened.path) if which == Which.ALL else False
        stopped = {name: server.stop() for name, server in _chosen(opened, which).items()}
    if as_json and page:
        emit_json({**stopped, PAGE: page})
        return
    if as_json:
        emit_json(stopped)
        return
    for name, ran in stopped.items():
        say(f"{PLATFORMS[name].title}: {'stopped' if ran else 'was not running'}")
    if page:
        say("The page: stopped")


def status(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Show which servers run, where, and how far the work is.

    What each figure counts, docs/glossary.md says under *Counts*. Example: **chatfeedback status --json**
    """
    from chatfeedback.steps.status import figures, missing_files
    from chatfeedback.web.running import address_of

    with Workspace.open(workspace) as opened:
        servers = {name: server.status() for name, server in opened.servers().items()}
        counts = figures(opened)
        page = address_of(opened.path)
        missing = missing_files(opened, counts)
    if as_json:
        emit_json({"servers": servers, PAGE: page, **counts})
    else:
        _show_status(servers, page, counts)
    if missing:
        note(
            f"Of the collection {counted(len(missing), 'file')} cannot be found, whose responses are not counted; "
            "what helps: chatfeedback doctor"
        )


def _show_status(servers: Mapping[str, ServerStatus], page: str | None, counts: Mapping[str, int]) -> None:
    rows = [
        (
            PLATFORMS[name].title,
            "running" if s.running else "not running",
            s.url,
            s.detail,
            _pids(s.processes),
        )
        for name, s in servers.items()
    ]
    if page is not None:
        rows.append(("Page", "running", page, "", ""))
    if rows:
        table("Servers", ["server", "state", "address", "detail", "processes"], rows)
    shown = [(name.replace("_", " "), figure) for name, figure in counts.items()]
    table("Work", ["what", "count"], shown, numeric=["count"])
    if any(not server.running for server in servers.values()):
        say("To start the servers: chatfeedback up")


@contextmanager
def running(servers: dict[str, ManagedServer]) -> Iterator[dict[str, ServerAccess]]:
    """Start servers in parallel for the length of a ``with`` block; detached servers keep running after it.

    Servers that this call started and that were not detached are stopped when the block ends, also after an error.
    """

    def start(server: ManagedServer) -> ServerAccess:
        return server.start(lambda what: note(f"{server.title}: {what}"))

    pool = ThreadPoolExecutor(len(servers) or 1)
    try:
        starting = {name: pool.submit(start, server) for name, server in servers.items()}
        wait(starting.values())
        yield {name: future.result() for name, future in starting.items()}
    finally:
        pool.shutdown(
            wait=False, cancel_futures=True
        )  # after an interrupt, one of them may still be starting
        for server in servers.values():
            server.release()


def show_connections(connections: Mapping[str, ServerAccess]) -> None:
    """Print the addresses of servers and how to sign in, in lines that can be copied."""
    for name, connection in connections.items():
        say(f"{PLATFORMS[name].title}: {connection.url}")
        say(f"  sign in as {connection.user} with the password {connection.password.get_secret_value()}")


def show_page(address: str) -> None:
    """Print where the page is and how to sign in."""
    say(f"The page: {address}")
    say(
        "  sign in with an account of above, or by a link: chatfeedback people sign-in-link PERSON, or --lead"
    )


def _chosen(workspace: Workspace, which: str) -> dict[str, ManagedServer]:
    servers = workspace.servers()
    chosen = {name: server for name, server in servers.items() if which in (Which.ALL, PLATFORMS[name].slug)}
    if not chosen:
        wanted = "server" if which is Which.ALL else which
        raise ConfigurationError(f"the configuration has no managed {wanted}: set its url to 'managed'")
    return chosen


def _pids(processes: dict[str, int]) -> str:
    return ", ".join(f"{name} {pid}" for name, pid in processes.items())
