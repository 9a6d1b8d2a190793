"""``people remove``, and ``people link --account``: a person's accounts on the platforms."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.access import PersonName
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.errors import UsageError, together
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Collection


def remove(
    person: PersonName,
    platform: Annotated[
        str | None, typer.Option("--platform", help="From this one alone, such as argilla.", metavar="NAME")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Take a person's accounts off the platforms: answers are read first and stay paid, drafts go, tasks go to others.

    'people revoke' takes access alone, and 'people delete' forgets the person. 'people invite' lets them in again.
    Example: **chatfeedback people remove ada@example.org**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        names = opened.config.platforms.names()
        if platform is not None:
            names = (_platform(platform, names),)
        removed = steps.remove_accounts(opened, person_id, names)
    if as_json:
        emit_json(
            {"person": person_id, "platforms": {it: asdict(what) for it, what in removed.platforms.items()}}
        )
    else:
        words = {
            "deleted": "the account is deleted",
            "closed": "the account is closed",
            "none": "there is no account",
        }
        for name, what in removed.platforms.items():
            say(
                f"{PLATFORMS[name].title}: {words[what.account]}; {counted(what.answers, 'answer')} "
                f"{word_for(what.answers, 'stays', 'stay')}, {counted(what.drafts, 'draft')} dropped, "
                f"{counted(what.assignments, 'task')} given back"
            )
        say(
            "What they earned stays in their wallet; 'chatfeedback settle' credits what was answered since the last"
        )
    if removed.failures:
        raise together(removed.failures)


def link_account(person: str, account: str, workspace: WorkspacePath, *, remove: bool, as_json: bool) -> None:
    """Say that an account is a person's, or with ``remove`` that it is not; see ``people link``."""
    slug, colon, name = account.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--account is PLATFORM:NAME, such as argilla:ada (given: {account[:80]!r})")
    with Workspace.open(workspace) as opened:
        platform = _platform(slug, opened.config.platforms.names())
        person_id = steps.find_person(opened, person)
        if remove:
            now = steps.unlink_account(opened, person_id, platform, name.strip())
            if as_json:
                emit_json({"person": person_id, "platform": platform, "linked": False, "account": now})
            else:
                say(
                    f"{name.strip()} on {PLATFORMS[platform].title} is {now} from now on, and nobody invited them. "
                    f"{person_id} is signed out of the page everywhere; keys of programs and accounts at an OpenID "
                    "provider are to be made and added anew"
                )
            return
        new = steps.link_account(opened, person_id, platform, name.strip())
    if as_json:
        emit_json({"person": person_id, "platform": platform, "linked": True, "new": new})
        return
    say(
        f"{name.strip()} on {PLATFORMS[platform].title} is {person_id}{'' if new else ' already'}: one wallet, and a "
        "task that both accounts answer is paid once"
    )


def _platform(given: str, names: Collection[str]) -> str:
    known = {PLATFORMS[name].slug: name for name in names} | {name: name for name in names}
    if (found := known.get(given.casefold())) is None:
        raise UsageError(f"there is no platform {given!r} here: it is one of {', '.join(sorted(known))}")
    return found
