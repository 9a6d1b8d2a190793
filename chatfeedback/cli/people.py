"""``people``: accounts on the platforms, people's settings, and requests about their own data."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.consent import show_receipt
from chatfeedback.cli.form import form
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from chatfeedback.cli.review import review
from workspaces.errors import UsageError
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        no_args_is_help=True, help="People: accounts, settings, form, review, their own data."
    )
    group.command()(invite)
    group.command()(accept)
    group.command("set")(set_)
    for command in (link, form, review, export, delete):
        group.command()(command)
    app.add_typer(group, name="people")


PersonName = Annotated[
    str,
    typer.Argument(
        help="A pseudonym, or the person's e-mail address, user name, or name in the logs.", metavar="PERSON"
    ),
]


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
    from pydantic import SecretStr

    if wrong := [email for email in emails if not _ADDRESS.fullmatch(email)]:
        raise UsageError(f"{wrong[0]!r} is no e-mail address: give one such as ada@example.org")
    passwords = {email: secrets.token_urlsafe(9) for email in emails}
    with Workspace.open(workspace) as opened:
        made = steps.invite_people(opened, {email: SecretStr(it) for email, it in passwords.items()})
    invited = [
        {"email": email, "password": passwords[email] if names else None, "new_on": names}
        for email, names in made.items()
    ]
    if as_json:
        emit_json({"invited": invited})
        return
    rows = [
        (
            email,
            passwords[email] if names else "(as before)",
            ", ".join(PLATFORMS[name].title for name in names) or "-",
        )
        for email, names in made.items()
    ]
    table("Accounts", ["e-mail address", "password", "new on"], rows)
    say("Hand each person their password; it is kept nowhere here.")


def accept(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="E-mail addresses, user names or pseudonyms.", metavar="PERSON..."),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody who has answered so far and was not invited.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="A text file with one person on each line.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Your name, kept beside the decision.")] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Accept people whom nobody invited here: their answers count and are paid, those given before as well.

    Example: **chatfeedback people accept ada@example.org**
    """
    people = [*(names or ()), *(_lines(file) if file is not None else ())]
    if bool(people) == everybody:
        raise UsageError(
            "name the people to accept, or give --all: 'chatfeedback people review' lists who waits"
        )
    with Workspace.open(workspace) as opened:
        accepted = (
            steps.accept_everybody(opened, by=by) if everybody else steps.accept_people(opened, people, by=by)
        )
    if as_json:
        emit_json({"accepted": accepted})
        return
    for each in accepted:
        say(
            f"{each.person_id} counts on {PLATFORMS[each.platform].title}, with {each.answers:,} earlier answers"
        )
    if not accepted:
        say("Nobody waits.")


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def set_(
    person: PersonName,
    name: Annotated[
        str | None, typer.Option("--name", help="Shown on the leaderboard; '' goes back to the pseudonym.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--time-zone", help="Tells the person's days from now on, such as Europe/Berlin."),
    ] = None,
    hidden: Annotated[
        bool | None, typer.Option("--hide/--show", help="Leave the person out of the leaderboard.")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Set how a person is shown and which time zone their days are told by; without options, show it.

    Example: **chatfeedback people set ada@example.org --name Countess --time-zone Europe/London**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        settings = steps.set_person(opened, person_id, name=name, zone=zone, hidden=hidden)
        default = opened.config.rates.time_zone
    if as_json:
        emit_json({key: value for key, value in asdict(settings).items() if key != "set_at"})
        return
    shown = settings.display_name or f"the pseudonym {person_id}"
    say(
        f"{person_id} is shown as {shown}{', hidden from the leaderboard' if settings.hidden else ''}; "
        f"days by {settings.time_zone or f'{default} (nothing set)'}"
    )


def link(
    person: PersonName,
    giver: Annotated[
        str, typer.Argument(help="The same human's name in the logs, or pseudonym.", metavar="GIVER")
    ],
    remove: Annotated[bool, typer.Option("--remove", help="Take the link back.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that an annotator gave the conversations of a name in the logs, so that their answers on these are own ones.

    One e-mail address is one person without this. Both wallets stay as they are.
    Example: **chatfeedback people link ada@example.org ada_in_the_logs**
    """
    with Workspace.open(workspace) as opened:
        person_id, giver_id = steps.link_giver(opened, person, giver, remove=remove)
        rule = opened.config.quality.own
    if as_json:
        emit_json({"person": person_id, "giver": giver_id, "linked": not remove})
        return
    if remove:
        say(f"{person_id} is no longer taken for the giver {giver_id}")
    else:
        say(
            f"{person_id} gave the conversations of {giver_id}: answers on them are own answers ({rule.value})"
        )


def export(
    person: PersonName,
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
        person_id = steps.find_person(opened, person)
        path = steps.export_person(opened, person_id, output or opened.path / "people" / f"{person_id}.zip")
    if as_json:
        emit_json({"person": person_id, "path": path})
        return
    say(f"{path}: all that is kept about {person_id}. Hand it to nobody else.")


def delete(
    person: PersonName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="What they said; kept as you write it.")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Forget a person: what they gave and wrote, their accounts on our servers, who they are; with a receipt.

    Their points and their choices on platforms stay under a pseudonym that nobody can link to them any more. What
    they said in chat logs is deleted, and the same log does not bring it back.
    Example: **chatfeedback people delete ada@example.org --yes**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        if not yes:
            typer.confirm(f"Forget {person_id} for good? Nobody can undo this", abort=True, err=True)
        receipt = steps.forget_person(opened, person_id, by="giver", reason=reason)
    if as_json:
        emit_json({"receipts": [receipt]})
        return
    show_receipt(receipt)
