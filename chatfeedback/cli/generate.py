"""``generate``: draws tasks by the mixes, or shows what it would draw and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.held import held_object, held_until, longer_held
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, say, table
from workspaces.grammar import counted, word_for
from workspaces.records import PersonState
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chatfeedback.steps.status import Counts

WORKING = frozenset({PersonState.INVITED, PersonState.ACCEPTED, PersonState.ACTIVE})
"""People who may answer."""

SHOWN = 10
"""Rows of a table of languages, topics or models."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(generate)


def generate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make nothing: show what would be made, why, and what it costs.")
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw tasks by the mix from the conversations that ``select`` takes, and price them.

    Tasks that exist stay and keep their price, and count towards the shares. Every conversation of the collection is
    counted: by what came of it, and what would change it. A share that cannot be reached is named with the reason.

    Example: **chatfeedback generate --dry-run**
    """
    from chatfeedback.steps.status import count  # brings the store

    with Workspace.open(workspace) as opened:
        generated = steps.generate_tasks(opened, dry_run=dry_run)
        hold = steps.hold_of(opened)
        work = count(opened)
        warnings = [*steps.unknown_sources(opened), *filter(None, [steps.old_texts_warning(opened)])]
    if as_json:
        emit_json({**asdict(generated), "held": held_object(hold), "warnings": warnings})
        return
    for warning in warnings:
        note(f"warning: {warning}")
    for line in _made(generated):
        say(line)
    if dry_run:
        _show_tables(generated)
    for name, mixed in generated.mixes.items():
        of = f" of the mix {name}" if len(generated.mixes) > 1 else ""
        for setting, names in mixed.unknown.items():
            note(f"warning: {setting}{of} names {', '.join(map(repr, names))}, which no conversation has")
        for short in mixed.shortfalls:
            say(
                f"{short.what}{of}: {_amount(short.wanted, short)} wanted, {_amount(short.reached, short)} reached: "
                f"{short.why}"
            )
    if generated.answers_left_out:
        say(
            f"{counted(sum(generated.answers_left_out.values()), 'response')} of other conversations left out: "
            f"{_listed(generated.answers_left_out)}"
        )
    if generated.waiting:
        say(
            f"{counted(generated.waiting, 'response')} {word_for(generated.waiting, 'has', 'have')} no seed feedback "
            "yet: chatfeedback seed"
        )
        if dry_run:
            say(_seed_cost(generated.seed_cost))
    if generated.chats_waiting:
        say("Chats wait that generate reads into the collection first: chatfeedback chats collect")
    if not generated.conversations:
        say("The collection is empty: chatfeedback ingest FILE")
        return
    say(f"Of {counted(generated.conversations, 'conversation')}:")
    for outcome in generated.outcomes:
        reason, remedy = outcome.reason, f": {outcome.remedy}" if outcome.remedy else ""
        if outcome.reason == steps.HELD:
            reason, remedy = f"held {held_until(hold)}", f"; {outcome.remedy}"
        say(f"{outcome.conversations:>7,} {reason}{remedy}")
    for line in longer_held(hold):
        say(line)
    if work.open_tasks and not dry_run:
        say(_load(work))
    if generated.created:
        hint("chatfeedback generate" if dry_run else "chatfeedback push")
    elif work.tasks_not_pushed > work.tasks_rejected and not dry_run:
        hint("chatfeedback push")


def _load(work: Counts) -> str:
    """Return how much work all open tasks are for the people who are here, and how to have less."""
    workers = sum(number for state, number in work.people.items() if state in WORKING)
    answers = counted(work.answers_to_come, "answer")
    tasks = (
        f"{counted(work.open_tasks, 'open task')} {word_for(work.open_tasks, 'asks', 'ask')} for {answers}"
    )
    each = (
        f", {-(-work.answers_to_come // workers):,} from each of {counted(workers, 'person')}"
        if workers
        else ""
    )
    return f"{tasks}{each}; to have fewer: mix.limit in chatfeedback.yaml, and 'chatfeedback tasks withdraw --keep N'"


def _made(generated: steps.Generated) -> Iterator[str]:
    """Yield what was made, or would be."""
    kinds = f" ({_listed(generated.by_kind)})" if generated.by_kind else ""
    would = " would be made" if generated.dry_run else ""
    yield (
        f"{counted(generated.created, 'new task')}{would}{kinds} beside {generated.existing:,}; "
        f"at most {counted(generated.points, 'point')} to pay for {counted(generated.answers, 'answer')}"
    )
    if generated.beyond_budget:
        yield (
            f"{counted(generated.beyond_budget, 'more task')} {word_for(generated.beyond_budget, 'was', 'were')} "
            "drawn and not made: budget.points_total could not pay for that in full. 'chatfeedback budget' shows what "
            "is left; raise it to go on"
        )
    for count, one, many, what in (
        (generated.showing_seed, "shows", "show", "the seed feedback, as a machine's opinion"),
        (generated.asked_again - generated.gold, "asks", "ask", "a task a second time"),
        (generated.gold, "is gold: it repeats", "are gold: they repeat", "what everybody agreed on"),
    ):
        if count > 0:
            yield f"{count:,} of the new tasks {word_for(count, one, many)} {what}"
    compared = generated.with_counterparts
    if compared or (generated.counterparts and generated.dry_run):
        yield (
            f"{counted(generated.counterparts, 'accepted rewrite')} "
            f"{word_for(generated.counterparts, 'is a counterpart', 'are counterparts')} to other responses: "
            f"{compared:,} of the new tasks {word_for(compared, 'compares', 'compare')} one of them"
        )
    for name, mixed in generated.mixes.items():
        if len(generated.mixes) > 1:
            yield f"{name}: {counted(mixed.created, 'new task')} beside {mixed.existing:,}"
        if mixed.stopped in ("per_day", "per_week"):
            of = "" if len(generated.mixes) == 1 else f" of the mix {name}"
            yield f"{mixed.stopped}{of} left room for no more; run it again later"


def _show_tables(generated: steps.Generated) -> None:
    """Print the tasks of each mix, those that exist and those that would be made, by everything that mixes tell."""
    for name, mixed in generated.mixes.items():
        for dimension, shown in mixed.tables.items():
            total = mixed.existing + mixed.created
            rows = [
                (value, existing, new, f"{(existing + new) / total:.1%}", mixed.candidates.get(value, 0))
                if dimension == "kind"
                else (value, existing, new, f"{(existing + new) / total:.1%}")
                for value, (existing, new) in list(shown.items())[:SHOWN]
            ]
            if more := list(shown.values())[SHOWN:]:
                existing, new = sum(pair[0] for pair in more), sum(pair[1] for pair in more)
                rows.append((f"{len(more):,} others", existing, new, ""))
            title = f"By {dimension}" if len(generated.mixes) == 1 else f"{name}, by {dimension}"
            numeric = ["exist", "new", "share", *["candidates"] * (dimension == "kind")]
            table(title, [dimension, *numeric], rows, numeric)


def _seed_cost(cost: steps.SeedCost | None) -> str:
    if cost is None:
        return (
            "Rating them costs nothing: no llm is configured, and the offline stand-in rates by simple rules"
        )
    if cost.money is None:
        return "What rating them costs is not known: llm.input_price and llm.output_price are not set"
    how = "by what that cost so far" if cost.measured else "by the length of the texts, a rough guess"
    return f"Rating them would cost about {cost.money:,.2f} {cost.currency}, {how}"


def _amount(number: float, short: steps.Shortfall) -> str:
    return f"{number:.1%}" if short.wanted <= 1 else f"{number:,.0f}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())
