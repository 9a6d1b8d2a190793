"""``demo``: all steps in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback.cli.output import AsJson, emit_json, note, progress, say, table
from chatfeedback.cli.servers import running, show_connections, show_page
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.demo.run import Demo

FOLDER = Path("chatfeedback-demo")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(demo)


def demo(
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="The folder to make the demo's workspace in.")
    ] = FOLDER,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the servers running, to be used in a browser.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show everything on real servers: chat logs, tasks, simulated people's answers, points, agreement, exports.

    Example: **chatfeedback demo --keep**
    """
    from chatfeedback.demo.run import CONFIGURATION, run_demo  # the packages it needs take seconds to import
    from chatfeedback.web.running import start_page

    with Workspace.create(workspace, CONFIGURATION) as made:
        servers = made.servers()
        with running(servers) as connections:
            result = run_demo(made, connections, progress)
            if keep:
                for server in servers.values():
                    server.detach()
        path = made.path
        web = start_page(made) if keep else None
    if as_json:
        emit_json(_as_dict(result, web))
    else:
        _show(result, path, web)


def _as_dict(result: Demo, web: str | None) -> dict[str, object]:
    report = result.report.to_dict()
    assert isinstance(report, dict)
    return {
        "simulated": True,
        "tasks": result.tasks,
        "answers": result.answers,
        "counts": result.counts.as_json(),
        "points": {
            "total": sum(place.points for place in result.leaderboard),
            "leaderboard": [
                {"rank": place.rank, "person_id": place.person_id, "points": place.points}
                for place in result.leaderboard
            ],
        },
        "annotators": [
            {"person": person_id, "name": person.name, "habit": person.habit.name}
            for person_id, person in result.people.items()
        ],
        "agreement": report,
        "page": result.page,
        "exports": result.exports,
        "chats": result.chats,
        "web": web,
        "servers": {
            name: {"url": c.url, "running": web is not None} for name, c in result.connections.items()
        },
    }


def _show(result: Demo, path: Path, web: str | None) -> None:
    from chatfeedback.cli.report import show_report
    from workspaces.kinds import asked_kinds

    note("")
    say("The annotators of this demo are SIMULATED: programs with accounts of their own, not people.")
    kinds = [kind for kind in asked_kinds() if any(kind in counts for counts in result.tasks.values())]
    columns = ["platform", *(f"{kind} tasks" for kind in kinds), "answers"]
    work = [
        (PLATFORMS[name].title, *(counts.get(kind, 0) for kind in kinds), result.answers[name])
        for name, counts in result.tasks.items()
    ]
    table("Tasks and answers", columns, work, numeric=columns[1:])
    columns = ["rank", "person", "who", "points", "confidence"]
    places = [
        (
            place.rank,
            place.person_id,
            _who(result, place.person_id),
            place.points,
            _confidence(result, place.person_id),
        )
        for place in result.leaderboard
    ]
    table("Leaderboard, in Compute Points", columns, places, numeric=["rank", "points", "confidence"])
    show_report(result.report)
    say(f"Read on, with plots: {result.page}")
    columns = ["kind", "train rows", "test rows", "folder"]
    made = [
        (kind, export.rows.get("train", 0), export.rows.get("test", 0), export.path)
        for kind, export in result.exports.items()
    ]
    table("Training sets", columns, made, numeric=columns[1:3])
    if web is not None:
        say("The servers and the page are still running:")
        show_connections(result.connections)
        show_page(web)
        say(
            "Or sign in on any of the three as a simulated annotator: their passwords are in "
            f"{path / 'secrets' / 'simulated.json'}"
        )
        say(f"Stop them with: chatfeedback down --workspace {path}")
    else:
        addresses = ", ".join(f"{PLATFORMS[name].title} at {c.url}" for name, c in result.connections.items())
        say(f"{addresses}: stopped now; 'chatfeedback demo --keep' leaves them running for your browser.")


def _who(result: Demo, person_id: str) -> str:
    person = result.people.get(person_id)
    return f"{person.name} (simulated, {person.habit.name})" if person else "-"


def _confidence(result: Demo, person_id: str) -> float | None:
    return next(
        (person.confidence.value for person in result.report.people if person.person == person_id), None
    )
