"""``settle`` and ``wallet``: Compute Points."""

from __future__ import annotations

from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from chatfeedback.cli.people import PersonName
from reward_engine import wallet as wallet_of
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (settle, wallet):
        app.command()(command)


def settle(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Credit the points that answers earned since the last time. Settling twice changes nothing.

    Example: **chatfeedback settle**
    """
    with Workspace.open(workspace) as opened, progress("Settling") as advance:
        steps.release_expired_holds(opened)
        settled = steps.settle_answers(opened, advance=advance)
    if as_json:
        emit_json(settled)
        return
    say(
        f"{settled.credited:,} points credited to {settled.people:,} people"
        + (f", {settled.taken_back:,} taken back" if settled.taken_back else "")
        + f", in {settled.corrections:,} transactions"
    )


def wallet(
    person: PersonName,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say of each credit how it came about, and by which rules.")
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a person's points and how each credit came about.

    Example: **chatfeedback wallet ada@example.org --explain**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        if explained:
            _show_explained(steps.explain_wallet(opened, person_id), as_json=as_json)
            return
        with opened.store.read() as connection:
            shown = wallet_of(connection, person_id)
    if as_json:
        emit_json(shown)
        return
    rows = [
        (f"{movement.at:%Y-%m-%d %H:%M}", movement.points, movement.reason) for movement in shown.movements
    ]
    table(f"Wallet of {shown.person_id}", ["UTC", "points", "for"], rows, numeric=["points"])
    beside = [f"{shown.held:,} set aside"] * bool(shown.held) + [f"{shown.owed:,} owed"] * bool(shown.owed)
    say(", ".join([f"Balance: {shown.balance:,} points", *beside]))


def _show_explained(wallet: steps.ExplainedWallet, *, as_json: bool) -> None:
    if as_json:
        emit_json(wallet)
        return
    rows = [
        (f"{movement.at:%Y-%m-%d %H:%M}", movement.points, movement.text) for movement in wallet.movements
    ]
    table(f"Wallet of {wallet.person_id}", ["UTC", "points", "how it came about"], rows, numeric=["points"])
    level = f", level {wallet.level}" if wallet.level else ""
    if wallet.waiting:
        say(f"Waiting until other answers settle the items: {wallet.waiting:,} points")
    say(f"Balance: {wallet.balance:,} points{level}; streak: {wallet.streak} days (today is {wallet.today})")
