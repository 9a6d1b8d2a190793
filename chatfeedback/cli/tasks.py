"""``seed``, ``generate``, ``push`` and ``sync``: tasks and their answers."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.held import held_object, held_sentences, held_until, longer_held
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, note, progress, say
from workspaces.errors import ConnectionFailedError, RowsRejectedError, WorkbenchError, together
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (seed, generate, push, sync):
        app.command()(command)


def seed(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Get seed feedback for every response that has none, from the configured LLM or the offline stand-in.

    Example: **chatfeedback seed**
    """
    with Workspace.open(workspace) as opened, progress("Rating responses") as advance:
        seeded = steps.seed_responses(opened, advance=advance)
        hold = steps.hold_of(opened)
    if as_json:
        emit_json(seeded)
    else:
        say(f"{seeded.rated:,} responses rated by {seeded.agent}")
        for line in held_sentences(hold):
            say(line)
    if seeded.failed:
        reasons = ", ".join(f"{count} times {reason}" for reason, count in seeded.failures.items())
        raise RowsRejectedError(
            f"{seeded.failed} replies were unusable ({reasons}): run 'chatfeedback seed' again"
        )


def generate(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Draw tasks by the mix from the conversations that ``select`` takes, and price them.

    Tasks that exist stay and keep their price. Every conversation of the collection is counted: by what came of it,
    and what would change it.

    Example: **chatfeedback generate**
    """

    with Workspace.open(workspace) as opened:
        generated = steps.generate_tasks(opened)
        hold = steps.hold_of(opened)
        warnings = [*steps.unknown_sources(opened), *filter(None, [steps.old_texts_warning(opened)])]
    if as_json:
        emit_json({**asdict(generated), "held": held_object(hold), "warnings": warnings})
        return
    for warning in warnings:
        note(f"warning: {warning}")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in generated.by_kind.items()) or "none"
    say(
        f"{generated.created:,} new tasks ({kinds}) beside {generated.existing:,}; "
        f"at most {generated.points:,} points to pay"
    )
    if generated.beyond_budget:
        say(
            f"{generated.beyond_budget:,} more were drawn and not made: budget.points_total could not pay them in "
            "full. 'chatfeedback budget' shows what is left; raise it to go on"
        )
    if generated.showing_seed:
        say(f"{generated.showing_seed:,} of them show the seed feedback, as a machine's opinion")
    if generated.asked_again:
        say(f"{generated.asked_again:,} of them ask a task a second time")
    if generated.answers_left_out:
        say(
            f"{sum(generated.answers_left_out.values()):,} answers of other conversations left out: "
            f"{_counted(generated.answers_left_out)}"
        )
    if generated.waiting:
        say(f"{generated.waiting:,} responses have no seed feedback yet: run 'chatfeedback seed' first")
    if not generated.conversations:
        say("The collection is empty: chatfeedback ingest FILE")
        return
    say(f"Of {generated.conversations:,} conversations:")
    for outcome in generated.outcomes:
        reason, remedy = outcome.reason, f": {outcome.remedy}" if outcome.remedy else ""
        if outcome.reason == steps.HELD:
            reason, remedy = f"held {held_until(hold)}", f"; {outcome.remedy}"
        say(f"{outcome.conversations:>7,} {reason}{remedy}")
    for line in longer_held(hold):
        say(line)


def push(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put the tasks on their platforms, and say there what the configuration says now. Twice changes nothing.

    Example: **chatfeedback push**
    """
    with Workspace.open(workspace) as opened, progress("Pushing tasks") as advance:
        failures: list[WorkbenchError] = []
        pushed = steps.push_tasks(opened, advance=advance, failures=failures)
        warning = steps.old_texts_warning(opened)
    _show_pushed(pushed, warning, as_json=as_json, whole=not failures)
    if failures:
        raise together(failures)


def _show_pushed(pushed: steps.Pushed, warning: str | None, *, as_json: bool, whole: bool) -> None:
    """Print what a push did; without ``whole`` some platform failed, and no task need be waiting elsewhere."""
    if as_json:
        rare = ("without_seed", "guidelines", "lost", "answered")
        counts = {name: it for name, it in asdict(pushed).items() if it or name not in rare}
        emit_json(counts | ({"warnings": [warning]} if warning else {}))
        return
    if warning:
        note(f"warning: {warning}")
    for platform, count in pushed.lost.items():
        say(
            f"{PLATFORMS[platform].title}: {count:,} tasks did not stand there any more; answers that were read "
            "before stand and count"
        )
    say(
        f"{pushed.total:,} tasks placed"
        + ("; no task waits: chatfeedback generate" if whole and not pushed.any else "")
    )
    for platform, kinds in pushed.placed.items():
        say(
            f"  {PLATFORMS[platform].title}: "
            + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        )
    for platform, names in pushed.guidelines.items():
        say(f"  {PLATFORMS[platform].title}: the guidelines of {' and '.join(names)} are up to date again")
    if pushed.answered:
        say(f"{pushed.answered:,} tasks have no place there and want none: they have all their answers")
    if pushed.unshared:
        say(f"{pushed.unshared:,} tasks left out: their conversations are no longer shared")
    if pushed.without_seed:
        say(
            f"{pushed.without_seed:,} tasks left out: the seed feedback that they were made to show is gone; "
            "'chatfeedback seed' with the same model makes it again"
        )


def sync(
    watch: Annotated[
        float | None,
        typer.Option("--watch", min=1, help="Go on, with a pause of so many seconds.", metavar="SECONDS"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring answers from the platforms into the store. Syncing twice changes nothing.

    What cannot be read is named, and all the rest is read; the command then exits with 4. With --watch it goes on.
    Example: **chatfeedback sync --watch 30**
    """
    while True:
        with Workspace.open(workspace) as opened, progress("Reading answers") as advance:
            failed: list[WorkbenchError] = []
            synced = steps.sync_answers(opened, advance=advance, failed=failed)
        if as_json:
            emit_json(synced)
        else:
            for name, counts in synced.items():
                say(
                    f"{PLATFORMS[name].title}: {counts.answers:,} answers in force; of what people saved there "
                    f"{counts.new:,} new, {counts.changed:,} changed, {counts.deleted:,} deleted, "
                    f"{counts.unchanged:,} known already"
                )
                if counts.strangers:
                    say(
                        f"  {counts.held_answers:,} answers by {counts.strangers:,} people who were not invited: "
                        "they wait and count for nothing: chatfeedback people review"
                    )
                if counts.lost:
                    say(
                        f"  {counts.lost:,} that were read before are not there any more: the server was restored "
                        "from an older copy. They stand and count"
                    )
                if counts.disputed:
                    say(
                        f"  {counts.disputed:,} are shown as somebody other than their author made them, or are gone: "
                        "what their author said stands until you decide: chatfeedback people review"
                    )
        failures = [
            f"{PLATFORMS[name].title}: {failure}"
            for name, counts in synced.items()
            for failure in counts.failures
        ]
        if watch is None:
            break
        for failure in failures:
            note(failure)
        time.sleep(watch)
    if failures:
        rest = ConnectionFailedError(f"{'; '.join(failures)} ({len(failures)} not read, all the rest was)")
        raise type(together([*failed, rest]))(str(rest))


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
