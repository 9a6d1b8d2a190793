"""``chats``: what people chatted for points."""

from __future__ import annotations

from dataclasses import asdict

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from workspaces.grammar import counted
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Chats: what people asked models for points.")
    group.command()(collect)
    group.callback()(lambda: None)
    app.add_typer(group, name="chats")


def collect(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Move chats that wait into the collection, and choices between answers into the store.

    'generate', 'export' and 'sync' do it first, too. Example: **chatfeedback chats collect**
    """
    with Workspace.open(workspace) as opened:
        collected = steps.collect_chats(opened)
    if as_json:
        emit_json(asdict(collected))
        return
    for outcome, count in sorted(collected.outcomes.items()):
        say(f"{counted(count, 'answer')}: {outcome}")
    say(f"{counted(collected.choices, 'judgment')} by people who chatted")
    if collected.choices_without_chat:
        without = counted(collected.choices_without_chat, "judgment")
        say(f"{without} about chats that are not in the collection: dropped")
    note("Next: chatfeedback generate")
