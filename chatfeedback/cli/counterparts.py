"""``counterparts``: responses that models write beside those that were rated low, for people to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.failures import ListFailed, Retry, hopeless, list_failed, no_usable_reply, unanswered
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, progress, say
from chatfeedback.safe_text import safe
from workspaces.grammar import counted
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.steps import Counterparts


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(counterparts)


def counterparts(
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="At most so many requests to each model.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked and what it costs, and ask nothing.")
    ] = False,
    failed: ListFailed = False,
    retry: Retry = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the models that generate (`llm.models`) for a response wherever one was rated low, for people to compare.

    The responses stand in the collection beside those of the chat log, marked as generated. What was not answered is
    asked again by the next run.

    Example: **chatfeedback counterparts --dry-run**
    """
    if failed:
        _list_failed(workspace, as_json=as_json)
        return
    with Workspace.open(workspace) as opened, progress("Asking for counterparts") as bar:
        made = steps.generate_counterparts(
            opened, limit=limit, retry=retry, dry_run=dry_run, advance=bar, tell=bar.tell
        )
    if as_json:
        emit_json(made.as_json())
    else:
        for line in _sentences(made):
            say(line)
        if made.placed:
            hint("chatfeedback generate" if made.self_rated else "chatfeedback seed")
        elif dry_run and any(run.planned for run in made.models):
            hint("chatfeedback counterparts")
    if made.failed:
        raise no_usable_reply(made.failed, "request", "counterparts")


def _sentences(made: Counterparts) -> list[str]:
    said = [f"{counted(made.low, 'turn')} with a response that was rated low"]
    said += [f"  {counted(count, 'turn')} not sent: {reason}" for reason, count in made.left_out.items()]
    for run in made.models:
        name = safe(run.agent)
        if made.dry_run:
            cost = (
                ""
                if run.planned_micros is None
                else f", at most {run.planned_micros / 1e6:.4f} {made.currency}"
            )
            said.append(f"  {name} would be asked for {counted(run.planned, 'response')}{cost}")
            continue
        paid = f"; {run.cost_micros / 1e6:.4f} {made.currency}" if run.cost_micros else ""
        said.append(f"  {name}: {counted(run.made, 'response')}{paid}")
        if run.unanswered:
            said.append(f"  {name}: {unanswered(run.unanswered, 'request', 'counterparts')}")
        if run.left and run.hopeless:
            said.append(f"  {name}: {hopeless(run.left, 'turn', 'counterparts', setting='llm.models')}")
        elif run.left:
            said.append(
                f"  {name}: {counted(run.left, 'request')} not sent: of llm.budget "
                f"{(made.money_left_micros or 0) / 1e6:.4f} {made.currency} are left, which may not pay the next one. "
                "Raise llm.budget, and run 'chatfeedback counterparts' again"
            )
    if made.dry_run and made.money_left_micros is not None:
        said.append(f"Of llm.budget {made.money_left_micros / 1e6:.4f} {made.currency} are left")
    if not made.dry_run:
        said.append(f"{counted(made.placed, 'response')} entered the collection, marked as generated")
    return said


def _list_failed(workspace: WorkspacePath, *, as_json: bool) -> None:
    with Workspace.open(workspace) as opened:
        rows, llm = steps.failed_counterparts(opened), opened.config.llm
    list_failed(
        rows,
        lambda row: f"conversation {row.conversation_id}, after message {row.parent_id}",
        "counterparts",
        [] if llm is None else [endpoint.model for endpoint, _ in llm.each_generator()],
        as_json=as_json,
    )
