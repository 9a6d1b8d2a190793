"""Compute Points: ``settle``, ``leaderboard``, ``wallet``."""

from __future__ import annotations

from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from reward_engine import leaderboard as standings
from reward_engine import wallet as wallet_of
from workspaces.errors import UsageError
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (settle, leaderboard, wallet):
        app.command()(command)


def settle(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Credit the points that answers earned since the last time. Settling twice changes nothing.

    Example: **chatfeedback settle**
    """
    with Workspace.open(workspace) as opened, progress("Settling") as advance:
        steps.release_expired_holds(opened)
        found = steps.settle_answers(opened, advance=advance)
    if as_json:
        emit_json(found)
        return
    say(
        f"{found.credited:,} points credited to {found.people:,} people"
        + (f", {found.taken_back:,} taken back" if found.taken_back else "")
        + f", in {found.corrections:,} transactions"
    )


def leaderboard(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many places.")] = 20,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show who has earned most, by pseudonym.

    Example: **chatfeedback leaderboard --limit 10**
    """
    with Workspace.open(workspace) as opened, opened.store.read() as connection:
        places = standings(connection, limit)
    if as_json:
        emit_json({"leaderboard": places})
        return
    rows = [(place.rank, place.person_id, place.points) for place in places]
    table("Leaderboard", ["rank", "person", "points"], rows, numeric=["rank", "points"])


def wallet(
    person: Annotated[str, typer.Argument(help="A pseudonym, or the person's e-mail address or user name.")],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a person's points and how each credit came about.

    Example: **chatfeedback wallet ada@example.org**
    """
    with Workspace.open(workspace) as opened:
        person_id = opened.pseudonyms.find(person, tuple(opened.config.platforms.shares()))
        if person_id is None and opened.pseudonyms.is_person(person):
            person_id = person
        if person_id is None:
            raise UsageError(f"nobody here is {person!r}: give a pseudonym from 'chatfeedback leaderboard'")
        with opened.store.read() as connection:
            found = wallet_of(connection, person_id)
    if as_json:
        emit_json(found)
        return
    rows = [(f"{it.at:%Y-%m-%d %H:%M}", it.points, it.reason) for it in found.movements]
    table(f"Wallet of {found.person_id}", ["UTC", "points", "for"], rows, numeric=["points"])
    beside = [f"{found.held:,} set aside"] * bool(found.held) + [f"{found.owed:,} owed"] * bool(found.owed)
    say(", ".join([f"Balance: {found.balance:,} points", *beside]))
