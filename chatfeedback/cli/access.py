"""``people invite``, ``revoke`` and ``reset-password``: accounts on the platforms."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say, table
from workspaces.errors import UsageError, together
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspaces.errors import WorkbenchError

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
    """Create annotators' accounts on every platform, with one password each, shown once, and a text to send them.

    The same address on two platforms is one person with one wallet. An account that exists keeps its password; access
    that was revoked is given back.
    Example: **chatfeedback people invite ada@example.org**
    """
    from pydantic import SecretStr

    from chatfeedback.steps.invitation import invitation, local_only

    # one password for an address that is given twice
    passwords = {email: _password() for email in {each.lower(): each for each in emails}.values()}
    with Workspace.open(workspace) as opened:
        made = steps.invite_people(opened, {email: SecretStr(it) for email, it in passwords.items()})
        routed = any(steps.routes(opened, name) for name in opened.config.platforms.names())
    places = {PLATFORMS[name].title: address for name, address in made.addresses.items()}
    texts = {
        email: invitation(places, {PLATFORMS[name].title for name in names})
        for email, names in made.new_on.items()
    }
    if as_json:
        invited = [
            {
                "email": email,
                "person_id": made.person_ids.get(email),
                "password": passwords[email] if names else None,
                "new_on": names,
                "restored_on": made.restored[email],
                "text": texts[email],
            }
            for email, names in made.new_on.items()
        ]
        emit_json({"invited": invited, "addresses": made.addresses})
    else:
        rows = [
            (
                email,
                made.person_ids.get(email),
                passwords[email] if names else "(as before)",
                _titles(names),
                _titles(made.restored[email]),
            )
            for email, names in made.new_on.items()
        ]
        table("Accounts", ["e-mail address", "person", "password", "new on", "access given back on"], rows)
        if any(made.new_on.values()):
            say("Hand each person their password, apart from the text below; it is kept nowhere here.")
        if not all(made.new_on.values()):
            say(
                "Who has an account keeps its password; a lost one is renewed by: "
                "chatfeedback people reset-password EMAIL"
            )
        for text in dict.fromkeys(texts.values()):
            say("")
            if len(set(texts.values())) > 1:
                say(f"To {', '.join(email for email in texts if texts[email] == text)}:")
            say(text)
        if routed:
            say("They find tasks once these are given to them: chatfeedback route")
        say("Once they have answered: chatfeedback sync")
        if alone := local_only(places):
            note(
                f"{', '.join(alone)} can be opened on this machine alone: people elsewhere need a tunnel or a proxy, "
                "and its address in the text (docs/project-leads.md, 'People elsewhere')"
            )
    _raise(made.failures)


def revoke(person: PersonName, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Take access from a person on every platform; their answers and points stay. 'people invite' gives it back.

    Example: **chatfeedback people revoke ada@example.org**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        revoked = steps.revoke_access(opened, person_id)
    if as_json:
        emit_json({"person": person_id, "revoked_on": revoked.taken, "without_access_before": revoked.before})
    else:
        for name in revoked.taken:
            say(f"{PLATFORMS[name].title}: {person_id} has no access any more; answers and points stay")
        for name in revoked.before:
            say(f"{PLATFORMS[name].title}: {person_id} had no access before")
    _raise(revoked.failures)


def reset_password(person: PersonName, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Give a person a new password on every platform where they have an account, shown once.

    Example: **chatfeedback people reset-password ada@example.org**
    """
    password = _password()
    from pydantic import SecretStr

    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        renewed = steps.reset_password(opened, person_id, SecretStr(password))
    if not renewed.accounts and not renewed.failures:
        raise UsageError(
            f"{person_id} has no account on a platform: 'chatfeedback people invite EMAIL' makes one"
        )
    if as_json:
        new = password if renewed.accounts else None
        emit_json({"person": person_id, "password": new, "accounts": renewed.accounts})
    elif renewed.accounts:
        rows = [
            (PLATFORMS[name].title, ", ".join(names), password) for name, names in renewed.accounts.items()
        ]
        table("Accounts", ["platform", "sign in as", "new password"], rows)
        say(
            "Hand them the password; it is kept nowhere here. It opens nothing to whoever was revoked: they need"
        )
        say("chatfeedback people invite EMAIL as well.")
    _raise(renewed.failures)


def _titles(names: Iterable[str]) -> str:
    return ", ".join(PLATFORMS[name].title for name in names) or "-"


def _raise(failures: Sequence[WorkbenchError]) -> None:
    """Raise one error that names every failure, if there are any: all the rest was done."""
    if failures:
        raise together(failures)


def _password() -> str:
    """Return a new password; its first character is no ``-``, which a shell would take for an option."""
    return secrets.choice(string.ascii_letters) + secrets.token_urlsafe(9)
