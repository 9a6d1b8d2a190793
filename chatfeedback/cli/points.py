"""``settle`` and ``wallet``: Compute Points."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

import reward_engine
from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.access import PersonName
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, progress, say
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from reward_engine import Wallet


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
        f"{counted(settled.credited, 'point')} credited to {counted(settled.wallets, 'wallet')}"
        + (f", {settled.taken_back:,} taken back" if settled.taken_back else "")
        + f", in {counted(settled.corrections, 'transaction')}"
    )
    hint("chatfeedback report")


def wallet(
    person: PersonName,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say of each credit how it came about, and by which rules.")
    ] = False,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show a person's points and how each credit came about.

    Example: **chatfeedback wallet ada@example.org --explain**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        practice = steps.practised(opened).get(person_id)
        if explained:
            wallet = steps.explain_wallet(opened, person_id)
            if as_json:
                emit_json(_part(asdict(wallet), limit) | _practice(practice))
            else:
                _show_explained(wallet, limit, everything=everything)
                _say_practice(practice)
            return
        with opened.store.read() as connection:
            shown = reward_engine.wallet(connection, person_id)
    if as_json:
        emit_json(_part(asdict(shown), limit) | _practice(practice))
        return
    rows = [
        (f"{movement.at:%Y-%m-%d %H:%M}", movement.points, movement.reason) for movement in shown.movements
    ]
    _show_movements(shown.person_id, "for", rows, limit, everything=everything)
    say(_balance(shown))
    _say_practice(practice)


def _balance(wallet: Wallet | steps.ExplainedWallet) -> str:
    """Return what a person can spend, and what is set aside or owed beside it."""
    beside = [f"{wallet.held:,} set aside"] * bool(wallet.held) + [f"{wallet.owed:,} owed"] * bool(
        wallet.owed
    )
    return ", ".join([f"Balance: {counted(wallet.balance, 'point')}", *beside])


def _practice(practised: steps.Practised | None) -> dict[str, object]:
    return {} if practised is None else {"practice": practised}


def _say_practice(practised: steps.Practised | None) -> None:
    """Say how far the person is with their practice tasks, where people have to qualify."""
    if practised is not None:
        from chatfeedback.cli.people import practice_in_words

        say(f"Practice: {practice_in_words(practised)}")


def _part(wallet: dict[str, Any], limit: int | None) -> dict[str, Any]:
    """Return a wallet for JSON, with its last movements alone if there is a limit."""
    return wallet | listing.as_json("movements", wallet["movements"], limit, newest_last=True)


def _show_explained(wallet: steps.ExplainedWallet, limit: int | None, *, everything: bool) -> None:
    rows = [
        (f"{movement.at:%Y-%m-%d %H:%M}", movement.points, movement.text) for movement in wallet.movements
    ]
    _show_movements(wallet.person_id, "how it came about", rows, limit, everything=everything)
    level = f", level {wallet.level}" if wallet.level else ""
    if wallet.waiting:
        say(f"Waiting until other answers settle the items: {counted(wallet.waiting, 'point')}")
    say(f"{_balance(wallet)}{level}; streak: {counted(wallet.streak, 'day')} (today is {wallet.today})")


def _show_movements(
    person_id: str, why: str, rows: list[tuple[str, int, str]], limit: int | None, *, everything: bool
) -> None:
    listing.long_table(
        f"Wallet of {person_id}",
        ["UTC", "points", why],
        rows,
        ["points"],
        limit=limit,
        everything=everything,
        newest_last=True,
        more=listing.ALL_OF_THEM,
    )
