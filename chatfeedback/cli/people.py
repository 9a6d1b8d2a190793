"""``people``: accounts on the platforms, people's settings, and requests about their own data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.access import PersonName, invite, reset_password, revoke
from chatfeedback.cli.accounts import link_account
from chatfeedback.cli.accounts import remove as remove_account
from chatfeedback.cli.consent import show_receipt
from chatfeedback.cli.form import form
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.messages import message
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, say
from chatfeedback.cli.questions import yes_or_no
from chatfeedback.cli.reports import reports
from chatfeedback.cli.review import review
from chatfeedback.cli.sign_in_link import sign_in_link
from workspaces.errors import UsageError, reason_of
from workspaces.grammar import counted, word_for
from workspaces.records import PersonState
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.directory import OnPlatform


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        no_args_is_help=True, help="People: accounts, settings, form, review, their own data."
    )
    group.command()(invite)
    group.command("list")(list_)
    group.command()(accept)
    group.command("set")(set_)
    group.command("reset-password")(reset_password)
    group.command()(revoke)
    group.command("remove")(remove_account)
    group.command("sign-in-link")(sign_in_link)
    for command in (link, form, review, message, reports, export, delete):
        group.command()(command)
    app.add_typer(group, name="people")


def list_(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Only these: e-mail addresses, user names or pseudonyms.", metavar="PERSON..."),
    ] = None,
    state: Annotated[PersonState | None, typer.Option("--state", help="Only people in this state.")] = None,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List everybody who has an account on a platform, from their invitation on, with answers and points.

    States: invited, accepted, active (has answered), held (a stranger: answers wait), barred (answers set aside),
    revoked, forgotten, giver (no account, points for chat logs). Whose judgments came with a chat log is no person.
    Addresses are kept nowhere: name one to find its pseudonym.
    Example: **chatfeedback people list --state invited**
    """
    from chatfeedback.directory import directory, states

    with Workspace.open(workspace) as opened:
        wanted = {steps.find_person(opened, name) for name in names or ()}
        with opened.store.read() as connection:
            everybody = directory(connection)
        practice = steps.practised(opened)
    people = [
        entry
        for entry in everybody
        if (not wanted or entry.person_id in wanted) and state in (None, entry.state)
    ]
    if as_json:
        numbers = {each.value: n for each, n in states(people).items()}
        listed = listing.as_json("people", people, limit)
        emit_json({**listed, "states": numbers, **({"practice": practice} if practice else {})})
        return
    columns = ["person", "name", "state", "platforms", "answers", "that wait", "points"]
    numeric = columns[4:]
    if practice:
        columns.append("practice")
    rows = [
        (
            entry.person_id,
            entry.name,
            entry.state,
            ", ".join(_on(name, there) for name, there in entry.platforms.items()),
            entry.answers,
            entry.held_answers,
            entry.points,
            *([practice_in_words(practice.get(entry.person_id))] if practice else []),
        )
        for entry in people
    ]
    listing.long_table(
        "People", columns, rows, numeric, limit=limit, everything=everything, more=listing.ALL_OF_THEM
    )
    by_state = ", ".join(f"{count:,} {each}" for each, count in states(people).items())
    if not everybody:
        say("To invite people: chatfeedback people invite EMAIL")
    say(f"{counted(len(people), 'person')}{f': {by_state}' if people else ''}")
    if people and not wanted:
        note("No address is kept: to see who is who, name one: chatfeedback people list EMAIL")
    if unknown := wanted - {entry.person_id for entry in everybody}:
        say(f"{', '.join(sorted(unknown))}: known from chat logs alone, without an account")


def practice_in_words(practised: steps.Practised | None) -> str:
    """Return how far a person is with their practice tasks."""
    if practised is None:
        return "none yet"
    right = "" if practised.right is None else f", {practised.right:.0%} right"
    return f"{practised.stage.value}: {counted(practised.tasks, 'task')}{right}"


def _on(platform: str, there: OnPlatform) -> str:
    title = PLATFORMS[platform].title if platform in PLATFORMS else platform
    return f"{title} (revoked)" if there.revoked_at else title


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
            f"{each.person_id} counts on {PLATFORMS[each.platform].title}, "
            f"with {counted(each.answers, 'earlier answer')}"
        )
    if not accepted:
        say("Nobody waits.")


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {reason_of(error)}") from None
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
    group: Annotated[
        str | None,
        typer.Option(
            "--group", help="A group of routing.groups, whose mixes they work on; '' takes them out."
        ),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Set how a person is shown and which time zone their days are told by; without options, show it.

    Example: **chatfeedback people set ada@example.org --name Countess --time-zone Europe/London**
    """
    from workspaces.store.groups import all_groups

    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        settings = steps.set_person(opened, person_id, name=name, zone=zone, hidden=hidden)
        if group is not None:
            steps.set_group_of(opened, person_id, group)
        default = opened.config.rates.time_zone
        with opened.store.read() as connection:
            theirs = all_groups(connection).get(person_id)
    if as_json:
        emit_json(
            {key: value for key, value in asdict(settings).items() if key != "set_at"} | {"group": theirs}
        )
        return
    shown = settings.display_name or f"the pseudonym {person_id}"
    say(
        f"{person_id} is shown as {shown}{', hidden from the leaderboard' if settings.hidden else ''}; "
        f"days by {settings.time_zone or f'{default} (nothing set)'}"
        + (f"; group {theirs}" if theirs else "")
    )


def link(
    person: PersonName,
    giver: Annotated[
        str | None, typer.Argument(help="The same human's name in the logs, or pseudonym.", metavar="GIVER")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", help="A second account of the person instead: argilla:NAME.", metavar="PLATFORM:NAME"
        ),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the link back.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that an annotator gave the conversations of a name in the logs, so that their answers on these are own ones.

    One e-mail address is one person without this. Both wallets stay; a task that both answered counts and is paid once,
    by the answer that came in first, and the next settle takes back what the other one earned. With --account: that a
    second account is the person's, which fills the same wallet from then on; one that has a history of its own is
    refused, and --remove takes it back as long as it answered nothing.
    Example: **chatfeedback people link ada@example.org ada_in_the_logs**
    """
    if (giver is None) == (account is None):
        raise UsageError(
            "give the name of a giver, or --account PLATFORM:NAME: chatfeedback people link --help"
        )
    if account is not None:
        link_account(person, account, workspace, remove=remove, as_json=as_json)
        return
    assert giver is not None
    from workspaces.store.own_answers import same_annotators, second_answers

    with Workspace.open(workspace) as opened:
        person_id, giver_id = steps.link_giver(opened, person, giver, remove=remove)
        rule = opened.config.quality.own
        with opened.store.read() as connection:
            same = same_annotators(connection).get(person_id, ())
            twice = len({task for who, task in second_answers(connection) if who in same})
    if as_json:
        linked = {"person": person_id, "giver": giver_id, "linked": not remove}
        emit_json(linked | {"answered_twice": twice})
        return
    if remove:
        say(f"{person_id} is no longer taken for the giver {giver_id}")
    else:
        say(
            f"{person_id} gave the conversations of {giver_id}: answers on them are own answers ({rule.value})"
        )
        if twice:
            say(
                f"{counted(twice, 'task')} {word_for(twice, 'was', 'were')} answered by more than one of "
                f"{', '.join(sorted(same))}: the answer that came in first counts, and 'chatfeedback settle' takes "
                "back what the others earned"
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

    Givers that were linked to them are forgotten with them, each with a receipt.

    Their points and their choices on platforms stay under a pseudonym that nobody can link to them any more. What
    they said in chat logs is deleted, and the same log does not bring it back.
    Example: **chatfeedback people delete ada@example.org --yes**
    """
    with Workspace.open(workspace) as opened:
        person_id = steps.find_person(opened, person)
        if not yes and not yes_or_no(f"Forget {person_id} for good? Nobody can undo this.", default=False):
            note("Nothing was deleted.")
            raise typer.Exit(1)
        receipts, failure = steps.forget_everywhere(opened, person_id, reason=reason)
    if as_json:
        emit_json({"receipts": receipts})
    else:
        for receipt in receipts:
            show_receipt(receipt)
    if failure is not None:
        raise failure
