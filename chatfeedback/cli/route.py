"""``route``: each person is given tasks of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import (
    HERE,
    AsJson,
    WorkspacePath,
    emit_json,
    hint,
    note,
    progress,
    say,
    table,
)
from workspaces.errors import UsageError, WorkbenchError, together
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from task_generators.routing import Reason


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(route)


def route(
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            help="Say who gets what and why: a person (address, user name, pseudonym) or a task's number.",
            metavar="PERSON|TASK",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be given, and write nothing.")
    ] = False,
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Give each person tasks of their own, best first, and push what they need. Twice changes nothing.

    Nobody is given a conversation of theirs, the same content twice, or more than routing.ahead; what was not
    answered in time goes to others. Needs routing.enabled in chatfeedback.yaml.
    Example: **chatfeedback route --explain ada@example.org**
    """
    if explain is not None and dry_run:
        raise UsageError("--explain writes nothing: leave --dry-run out")
    if explain is not None:
        with Workspace.open(workspace) as opened:
            found = steps.explain_routing(opened, explain)
        if as_json:
            emit_json({"task": found} if isinstance(found, steps.ExplainedTask) else {"platforms": found})
        elif isinstance(found, steps.ExplainedTask):
            _show_task(found, limit, everything=everything)
        else:
            for person in found:
                _show_person(person, limit, everything=everything)
        return
    failures: list[WorkbenchError] = []
    with Workspace.open(workspace) as opened, progress("Routing tasks") as advance:
        routed = steps.route_tasks(opened, dry_run=dry_run, advance=advance, failures=failures)
    if as_json:
        if routed or not failures:
            emit_json({"dry_run": dry_run, "platforms": routed})
    else:
        for name, result in routed.items():
            _show(name, result, limit, everything=everything, dry_run=dry_run)
        if routed and not failures:
            hint(_next(routed, dry_run=dry_run))
    if failures:
        raise together(failures)


def _show(name: str, result: steps.Routed, limit: int | None, *, everything: bool, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    say(
        f"{PLATFORMS[name].title}: {counted(result.given, 'task')} {would}given, "
        f"{counted(result.waiting, 'task')} {word_for(result.waiting, 'waits', 'wait')} for "
        f"{counted(sum(person.waiting > 0 for person in result.people), 'person')}"
    )
    if result.pushed or result.later:
        say(
            f"  {counted(result.pushed, 'task')} {would}placed; {counted(result.later, 'task')} "
            f"{word_for(result.later, 'waits', 'wait')} in the workspace until somebody needs "
            f"{word_for(result.later, 'it', 'them')}"
        )
    if result.rejected:
        say(
            f"  {counted(result.rejected, 'task')} rejected: the platform does not take what "
            f"{word_for(result.rejected, 'it shows', 'they show')}; chatfeedback tasks list --state rejected"
        )
    if back := sum(result.taken_back.values()):
        why = ", ".join(f"{count:,} {reason.value}" for reason, count in result.taken_back.items())
        say(f"  {counted(back, 'task')} {would}taken back: {why}")
    if result.late:
        say(
            f"  {counted(result.late, 'task')} {word_for(result.late, 'stays', 'stay')} where "
            f"{word_for(result.late, 'it was', 'they were')}: answered just before "
            f"{word_for(result.late, 'it was', 'they were')} to be taken back"
        )
    if result.switched_on:
        say(
            f"  {counted(result.switched_on, 'dataset')} {word_for(result.switched_on, 'shows', 'show')} each person "
            "their own tasks alone from now on"
        )
    if result.open:
        say(
            f"  {counted(result.open, 'dataset')} still {word_for(result.open, 'shows', 'show')} everybody every "
            "task, because nobody is given any yet"
        )
    if result.unknown:
        say(
            f"  {counted(result.unknown, 'account')} there {word_for(result.unknown, 'is', 'are')} of nobody whom you "
            "invited, and given nothing: chatfeedback people accept EMAIL"
        )
    rows = [
        (
            person.person_id,
            person.waiting,
            person.new,
            person.answered,
            *([person.stage.value if person.stage else None] if _has_stages(result) else []),
            _why(person.full, person.others),
        )
        for person in result.people
    ]
    columns = ["person", "waiting", "new", "answered", *(["stage"] if _has_stages(result) else [])]
    listing.long_table(
        "People",
        [*columns, "why no more"],
        rows,
        ["waiting", "new", "answered"],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )


def _has_stages(result: steps.Routed) -> bool:
    return any(person.stage is not None for person in result.people)


def _why(full: Reason | None, others: Mapping[Reason, int]) -> str:
    """Return why a person is given no more: what holds for every task, or how many tasks each reason keeps away."""
    if full is not None:
        return full.value
    return (
        "; ".join(f"{count:,} {reason.value}" for reason, count in others.items()) or "no open task is left"
    )


def _next(routed: Mapping[str, steps.Routed], *, dry_run: bool) -> str:
    if dry_run:
        return "chatfeedback route"
    if not any(result.people for result in routed.values()):
        return "chatfeedback people invite EMAIL, then chatfeedback route"
    if not any(result.waiting for result in routed.values()):
        return "chatfeedback route --explain PERSON, or chatfeedback generate"
    return "chatfeedback sync once people have answered, then chatfeedback route"


def _show_person(person: steps.ExplainedPerson, limit: int | None, *, everything: bool) -> None:
    say(
        f"{person.person_id} on {PLATFORMS[person.platform].title}: {counted(person.answered, 'answer')}, "
        f"{person.today:,} today; group {person.group or '(none)'}, mixes {', '.join(person.mixes) or '(none)'}"
    )
    if person.stage is not None:
        right = "none yet" if person.right is None else f"{person.right:.0%} right"
        say(f"  {person.stage.value}: {counted(person.practised, 'practice task')} answered, {right}")
    rows = [
        (
            each.task_id,
            each.kind,
            each.position,
            _state(each),
            each.expires_at and f"{each.expires_at:%Y-%m-%d %H:%M}",
        )
        for each in person.waiting
    ]
    listing.long_table(
        "Waiting, in this order",
        ["task", "kind", "position", "state", "kept until (UTC)"],
        rows,
        ["position"],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )
    if person.full is not None:
        say(f"Gets no more now: {person.full.value}")
    table(
        "Open tasks that they are not given",
        ["why", "tasks"],
        [(reason.value, count) for reason, count in person.others.items()],
        ["tasks"],
    )


def _state(each: steps.WaitingTask) -> str:
    if each.begun:
        return "draft saved"
    if each.expired:
        return "time is over"
    return "shown" if each.served else "not shown yet"


def _show_task(task: steps.ExplainedTask, limit: int | None, *, everything: bool) -> None:
    where = "placed" if task.placed else "not pushed yet"
    say(
        f"{task.task_id} ({task.kind}, mix {task.mix}) on {PLATFORMS[task.platform].title}: {where}; "
        f"{counted(task.answers, 'answer')}, {counted(task.places, 'place')} in all, "
        f"one more answer is worth {task.value:g}"
    )
    if task.offered is not None:
        note(f"Nobody is given it: {task.offered}")
        return
    listing.long_table(
        "People",
        ["person", "given, or why not"],
        [
            (name, "waits for them" if reason is None else reason.value)
            for name, reason in task.people.items()
        ],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )
