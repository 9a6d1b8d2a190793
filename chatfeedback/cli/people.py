"""``people``: annotators' accounts on the platforms, and what people may ask of us: their data, or to be forgotten."""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from chatfeedback import steps
from chatfeedback.cli.consent import show_receipt
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.errors import UsageError
from workspaces.workspace import Workspace

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="People: accounts on the platforms, their own data.")
    group.command()(invite)
    group.command()(export)
    group.command()(delete)
    app.add_typer(group, name="people")


def invite(
    emails: Annotated[
        list[str], typer.Argument(help="E-mail addresses, one for each person.", metavar="EMAIL...")
    ],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Create annotators' accounts on every platform, with one password each, shown once.

    The same address on two platforms is one person with one wallet. An account that exists keeps its password.
    Example: **chatfeedback people invite ada@example.org**
    """
    if wrong := [email for email in emails if not _ADDRESS.fullmatch(email)]:
        raise UsageError(f"{wrong[0]!r} is no e-mail address: give one such as ada@example.org")
    passwords = {email: secrets.token_urlsafe(9) for email in emails}
    with Workspace.open(workspace) as opened, ExitStack() as stack:
        platforms = [stack.enter_context(opened.platform(name)) for name in opened.config.platforms.shares()]
        for platform in platforms:
            platform.check()  # before the first account: its password would be lost if the next one failed
        for platform in platforms:
            for email, password in passwords.items():
                platform.invite(email, SecretStr(password))
    if as_json:
        emit_json(
            {"invited": [{"email": email, "password": password} for email, password in passwords.items()]}
        )
        return
    table("Accounts", ["e-mail address", "password"], list(passwords.items()))
    say("Hand each person their password; it is kept nowhere here.")


def export(
    person: Annotated[
        str, typer.Argument(help="A pseudonym, or the person's name on a platform or in the logs.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="A .zip file, or a folder.",
            show_default="people/PERSON.zip of the workspace",
        ),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Write all of a person's data: conversations, answers, wallet, consent, confidence; with a README.

    Example: **chatfeedback people export ada@example.org --output ada.zip**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.person_named(opened, person)
        path = steps.export_person(opened, person_id, output or opened.path / "people" / f"{person_id}.zip")
    if as_json:
        emit_json({"person": person_id, "path": path})
        return
    say(f"{path}: all that is kept about {person_id}. Hand it to nobody else.")


def delete(
    person: Annotated[
        str, typer.Argument(help="A pseudonym, or the person's name on a platform or in the logs.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="What they said; kept as you write it.")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Forget a person: what they gave and wrote, their accounts on our servers, who they are; with a receipt.

    Their points and choices stay under a pseudonym that nobody can link to them any more.
    Example: **chatfeedback people delete ada@example.org --yes**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.person_named(opened, person)
        if not yes:
            typer.confirm(f"Forget {person_id} for good? Nobody can undo this", abort=True, err=True)
        receipt = steps.forget_person(opened, person_id, by="giver", reason=reason)
    if as_json:
        emit_json({"receipts": [receipt]})
        return
    show_receipt(receipt)
