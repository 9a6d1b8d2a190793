"""``keys``: the keys by which people's programs ask models for points."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.access import PersonName
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say, table
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        no_args_is_help=True, help="Keys: by which a person's programs ask models for points."
    )
    group.command()(make)
    group.command("list")(list_)
    group.command()(revoke)
    app.add_typer(group, name="keys")


def make(
    person: PersonName,
    name: Annotated[str, typer.Option("--name", help="What the key is for, such as 'my editor'.")] = "",
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a key for a person; it is shown now and never again.

    Example: **chatfeedback keys make ada@example.org --name editor**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        key = steps.make_chat_key(opened, person_id, name)
    if as_json:
        emit_json({"person_id": person_id, "key": key})
        return
    say(key)
    note(
        "Whoever has the key spends this person's points: hand it to them alone. It works at ADDRESS/v1 of the page"
    )
    note("Next: chatfeedback web")


def list_(
    person: Annotated[
        str | None, typer.Argument(help="Only theirs: an e-mail address, user name or pseudonym.")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List keys by their beginning, revoked ones too.

    Example: **chatfeedback keys list ada@example.org**
    """
    with Workspace.open(workspace) as opened:
        keys = steps.list_chat_keys(opened, None if person is None else steps.find_person(opened, person))
    if as_json:
        emit_json({"keys": [asdict(key) for key in keys]})
        return
    rows = [
        (
            f"{key.prefix}...",
            key.person_id,
            key.name,
            f"{key.made_at:%Y-%m-%d}",
            _revoked(key.revoked_at is None),
        )
        for key in keys
    ]
    table("Keys", ["key", "person", "name", "made", "state"], rows)


def revoke(
    person: PersonName,
    prefix: Annotated[
        str | None, typer.Option("--key", help="Only the key that begins so, as 'keys list' shows it.")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Revoke the keys of a person, at once.

    Example: **chatfeedback keys revoke ada@example.org --key cfk_AbCd1234**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        prefix = None if prefix is None else prefix.rstrip(".")
        revoked = steps.revoke_chat_keys(opened, person_id, prefix)
    if as_json:
        emit_json({"person_id": person_id, "revoked": revoked})
        return
    say(f"Revoked: {', '.join(revoked) or 'none, there was no good key'}")


def _revoked(good: bool) -> str:
    return "good" if good else "revoked"
