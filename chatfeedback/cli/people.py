"""``people``: annotators' accounts on the platforms."""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack
from typing import Annotated

import typer
from pydantic import SecretStr

from chatfeedback.cli.form import form
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from chatfeedback.cli.review import review
from workspaces.errors import UsageError
from workspaces.workspace import Workspace

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Annotators' accounts on the platforms.")
    for command in (invite, review, form):
        group.command()(command)
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
