"""``people review``: the findings of screening, disputed answers, and decisions on them."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.listing import long_table
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from workspaces.errors import UsageError
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.store.disputes import Dispute
    from workspaces.store.flags import Flag


class Decision(StrEnum):
    """A reviewer's decision on a flag or a dispute."""

    ACCEPT = "accept"
    DISMISS = "dismiss"


def review(
    decision: Annotated[
        Decision | None, typer.Argument(help="What to do with them; leave out to list what is open.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The ids of flags or disputes, as the list shows them.", metavar="FLAG..."),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Your name, kept beside the decision.")] = None,
    take_back: Annotated[
        bool,
        typer.Option(
            "--take-back", help="Of accepted flags: the person's answers count for nothing and earn nothing."
        ),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="List what is decided too.")] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """List what screening found of people's answers and what is disputed, or decide some of it.

    Answers of people who were not invited count for nothing until 'people accept'. Nothing is taken from anybody by a
    flag, only by 'accept FLAG --take-back', which 'people accept PERSON' undoes. A disputed answer
    stands as its author left it; only an accepted deletion deletes it. 'report' screens the answers, 'sync' finds
    disputes. A dismissed finding comes back only when it rests on twice the answers.
    Example: **chatfeedback people review dismiss 3f9a61c20b7d --by ada**
    """
    from workspaces.store.disputes import Dispute, disputes
    from workspaces.store.flags import Flag, FlagStatus, flags
    from workspaces.store.members import MemberStatus
    from workspaces.store.standing import held_answers

    held: dict[tuple[str, str], int] = {}
    barred: dict[tuple[str, str], int] = {}
    if take_back and decision is not Decision.ACCEPT:
        raise UsageError(
            "--take-back goes with 'accept FLAG': to let a person count again, 'people accept PERSON'"
        )
    with Workspace.open(workspace) as opened:
        if decision is not None:
            if not names:
                raise UsageError(f"which flag? Give its id: 'chatfeedback people review {decision} FLAG'")
            status = {Decision.ACCEPT: FlagStatus.ACCEPTED, Decision.DISMISS: FlagStatus.DISMISSED}[decision]
            decided = steps.decide(opened, names, status, by=by, take_back=take_back)
        else:
            listed = None if everything else FlagStatus.OPEN
            with opened.store.read() as connection:
                decided = [*flags(connection, listed), *disputes(connection, listed)]
                held = held_answers(connection)
                barred = held_answers(connection, MemberStatus.BARRED)
    flagged = [each for each in decided if isinstance(each, Flag)]
    disputed = [each for each in decided if isinstance(each, Dispute)]
    if as_json:
        emit_json({
            "flags": [asdict(each) for each in flagged],
            "disputes": [asdict(each) | {"in_words": each.in_words} for each in disputed],
            "strangers": _listed(held, "held_answers"),
            "barred": _listed(barred, "barred_answers"),
        })  # fmt: skip
        return
    if decision is not None:
        for flag in flagged:
            say(f"Flag {flag.flag_id} is {flag.status}.")
        for person_id in sorted({flag.person_id for flag in flagged if take_back}):
            say(
                f"What {person_id} answers counts for nothing: the next 'chatfeedback settle' takes back what it "
                f"earned. To let it count again: chatfeedback people accept {person_id}"
            )
        for dispute in disputed:
            say(f"Dispute {dispute.dispute_id} is {dispute.status}.")
        return
    if not decided and not held and not barred:
        say("There is nothing to review.")
        return
    if held:
        rows = [
            (person_id, PLATFORMS[platform].title, count) for (person_id, platform), count in held.items()
        ]
        long_table("People who were not invited", ["person", "platform", "answers that wait"], rows)
        say("To let them count: chatfeedback people accept PERSON, or --all.")
    if barred:
        rows = [
            (person_id, PLATFORMS[platform].title, count) for (person_id, platform), count in barred.items()
        ]
        long_table("People whose answers were set aside", ["person", "platform", "answers"], rows)
    if decided:
        _show(flagged, disputed)


def _listed(answers: Mapping[tuple[str, str], int], called: str) -> list[dict[str, str | int]]:
    return [
        {"person_id": person_id, "platform": platform, called: count}
        for (person_id, platform), count in answers.items()
    ]


def _show(flagged: list[Flag], disputed: list[Dispute]) -> None:
    if flagged:
        from quality.screening.finding import in_words  # pandas and scipy take a second to import

        rows = [
            (
                each.flag_id,
                each.person_id,
                each.status,
                each.reason.replace("_", " "),
                in_words(each.reason, each.evidence),
            )
            for each in flagged
        ]
        long_table("Flags", ["flag", "person", "status", "reason", "evidence"], rows)
    if disputed:
        shown = [(each.dispute_id, each.status, each.reason, each.in_words) for each in disputed]
        long_table("Disputes", ["dispute", "status", "reason", "what happened"], shown)
    say(
        "Every figure and example items: --json. To decide: chatfeedback people review accept FLAG, or dismiss FLAG."
    )
