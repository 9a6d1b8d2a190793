"""``seed``: seed feedback of each response, and what came of the requests for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.failures import ListFailed, Retry, hopeless, list_failed, no_usable_reply, unanswered
from chatfeedback.cli.held import held_sentences
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from workspaces.grammar import counted, word_for
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from chatfeedback.steps import JudgeRun, Seeded
    from workspaces.store.seed_requests import RequestRow


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(seed)


def seed(
    failed: ListFailed = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many responses wait, and ask nothing.")
    ] = False,
    retry: Retry = False,
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=1, help="Look for batches every so many seconds.", metavar="SECONDS"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Get seed feedback for every response that has none, from the configured judges or the offline stand-in.

    What was not answered is asked again by the next run; an unusable reply stays, with its text, until --retry. With
    `llm.transport: batch` a run submits, and a later one, or the same one with --wait, reads the results.

    Example: **chatfeedback seed**
    """
    if failed:
        _list_failed(workspace, as_json=as_json)
        return
    if dry_run:
        _say_progress(workspace, as_json=as_json)
        return
    while True:
        with Workspace.open(workspace) as opened, progress("Rating responses") as bar:
            seeded = steps.seed_responses(opened, retry=retry, advance=bar, tell=bar.tell)
            hold = steps.hold_of(opened)
            is_empty = steps.is_collection_empty(opened)
        if not as_json and is_empty:
            say("The collection is empty: nothing to rate")
            hint("chatfeedback ingest FILE")
        elif not as_json:
            waited = seeded.rated or seeded.failed or seeded.submitted or any(it.left for it in seeded.judges)
            say(
                f"{counted(seeded.rated, 'response')} rated by {seeded.agent}"
                + ("" if waited else "; no other response of a shared conversation waits for that")
            )
            for judge in seeded.judges:
                for line in _sentences(judge, seeded):
                    say(line)
            for line in held_sentences(hold):
                say(line)
            if not (seeded.submitted or seeded.failed) and (seeded.rated or not hold.count):
                hint("chatfeedback generate")
        if wait is None or not seeded.submitted:
            break
        note(f"{counted(seeded.submitted, 'response')} in batches: looking again in {wait:g} seconds")
        retry = False
        time.sleep(wait)
    if as_json:
        emit_json(seeded.as_json())
    if seeded.failed:
        raise no_usable_reply(seeded.failed, "response", "seed", seeded.failures)


def _sentences(judge: JudgeRun, seeded: Seeded) -> list[str]:
    """Return what there is to say of one judge's run, beyond the sum."""
    said = []
    if judge.rated and judge.input_tokens:
        money = f"; {judge.cost_micros / 1e6:.4f} {seeded.currency}" if judge.cost_micros else ""
        said.append(
            f"  {judge.agent}: {counted(judge.rated, 'response')} in {counted(judge.requests, 'request')}, of which "
            f"{counted(judge.canaries, 'canary')}; {judge.tokens_per_response:.0f} tokens a response{money}"
        )
    if judge.submitted:
        said.append(
            f"  {judge.agent}: {counted(judge.submitted, 'response')} in batches: run 'chatfeedback seed' again, or "
            "with --wait 60"
        )
    if judge.unanswered:
        said.append(f"  {judge.agent}: {unanswered(judge.unanswered, 'response', 'seed')}")
    if judge.left and judge.hopeless:
        said.append(f"  {judge.agent}: {hopeless(judge.left, 'response', 'seed')}")
    elif judge.left:
        left = (judge.money_left_micros or 0) / 1e6
        said.append(
            f"  {judge.agent}: {counted(judge.left, 'response')} not asked about: of llm.budget {left:.4f} "
            f"{seeded.currency} are left, which may not pay the next request. Raise llm.budget, and run "
            "'chatfeedback seed' again"
        )
    return said


def _say_progress(workspace: WorkspacePath, *, as_json: bool) -> None:
    from chatfeedback.counts import count_responses
    from workspaces.store.seed_requests import count_requests, failed_and_open

    with Workspace.open(workspace) as opened:
        seeds = count_responses(opened)
        with opened.store.read() as connection:
            requests = count_requests(connection)
        hold = steps.hold_of(opened)
    asked = sum(requests.values())
    answered = asked - sum(failed_and_open(requests))
    if as_json:
        emit_json({**seeds.as_json(), "seed_requests": asked, "seed_requests_answered": answered})
        return
    say(f"{seeds.sentence()}; {seeds.waiting:,} {word_for(seeds.waiting, 'waits', 'wait')}")
    if asked:
        say(
            f"Of {counted(asked, 'request')} to judges {answered:,} {word_for(answered, 'is', 'are')} answered"
        )
    for line in held_sentences(hold):
        say(line)
    hint("chatfeedback seed" if seeds.waiting else "chatfeedback generate")


def _list_failed(workspace: WorkspacePath, *, as_json: bool) -> None:
    with Workspace.open(workspace) as opened:
        rows, asked = steps.failed_requests(opened), opened.config.judges()
    list_failed(rows, _about, "seed", asked, as_json=as_json)


def _about(row: RequestRow) -> str:
    targets = ", ".join(row.targets.values())
    canary = " (canary)" if row.canary_of else ""
    return f"conversation {row.conversation_id}: {targets}{canary}; prompt {row.prompt_version}"
