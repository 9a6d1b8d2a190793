"""``collection`` and its commands."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.benchmark import benchmark
from chatfeedback.cli.held import held_sentences
from chatfeedback.cli.labelling import challenge, moderate, topics
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from chatfeedback.safe_text import safe
from workspaces.errors import UsageError
from workspaces.files import write_text
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.targets import check_file
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from workspaces.collection.statistics import CollectionStatistics

TOP = 10


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback(invoke_without_command=True)(collection)
    for command in (stats, show, search, compact, redact, topics, challenge, benchmark, moderate):
        group.command()(command)
    group.command()(omissions)
    app.add_typer(group, name="collection")


def collection(context: typer.Context, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Share the conversations whose delay is over, and count the collection by state; or look into it.

    Example: **chatfeedback collection**
    """
    if context.invoked_subcommand is not None:
        return
    from workspaces.store.conversations import count_by_state

    with Workspace.open(workspace) as opened:
        with opened.exclusive():
            opened.collection.share_due(utc_now())
        with opened.store.read() as connection:
            states = count_by_state(connection)
        hold = steps.hold_of(opened)
    if as_json:
        emit_json({state.value: count for state, count in states.items()})
        return
    table("Collection", ["state", "conversations"], sorted(states.items()), numeric=["conversations"])
    for line in held_sentences(hold):
        say(line)


def stats(
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page with plots to this file.", metavar="FILE")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Count conversations, givers, models, languages, turns, words, topics, flags, duplicates and growth.

    Words stand for tokens, which depend on a model; a character of a script without spaces counts as one.
    Example: **chatfeedback collection stats --html collection.html**
    """
    from chatfeedback.collection_page import page

    if html is not None:
        check_file(html)
    with Workspace.open(workspace) as opened, progress("Counting") as advance:
        counted = steps.count_collection(opened, advance=advance)
    if html is not None:
        try:
            write_text(html, page(counted, utc_now()))
        except OSError as error:
            raise UsageError(f"{html} cannot be written: {error.strerror}") from None
    if as_json:
        emit_json({**asdict(counted), "html": html})
        return
    _show_statistics(counted)
    if html is not None:
        say(f"The page is {html}")


def show(
    conversation_id: Annotated[str, typer.Argument(help="The conversation's id.", metavar="ID")],
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show one conversation that is held or shared, with everything said of it.

    Example: **chatfeedback collection show c81e728d**
    """
    from workspaces.collection.message_columns import texts_beside
    from workspaces.store.challenges import challenges_of, disagreement, united
    from workspaces.store.moderations import flagged_in
    from workspaces.store.near_duplicates import alike
    from workspaces.store.topics import topic_of

    with Workspace.open(workspace) as opened:
        (conversation_id,) = steps.ids_here(opened, [conversation_id])
        shown: dict[str, Any] | None = opened.collection.look_at(conversation_id)
        if shown is None:
            raise UsageError(
                f"no conversation {safe(conversation_id)!r} is held or shared here: "
                "'chatfeedback collection search TEXT' finds ids"
            )
        with opened.store.read() as connection:
            shown["flagged"] = flagged_in(connection, conversation_id)
            shown["topic"] = topic_of(connection, conversation_id)
            shown["near_duplicates"] = alike(connection, conversation_id)
            shown["challenge"] = met = challenges_of(connection, conversation_id)
            if met:
                scores = {agent: len(criteria) for agent, criteria in met.items()}
                shown["challenge_score"] = united(scores, opened.config.judges())
                shown["challenge_disagreement"] = disagreement(met)
    shown.pop("near_bands")
    if as_json:
        emit_json(shown)
        return
    for name, value in shown.items():
        if name not in {"conversation", "content_hash"} and value not in (None, [], {}, "{}"):
            say(f"{name}: {safe(_line(value))}")
    numbers: dict[str | None, int] = {None: 0}
    for number, message in enumerate(shown["conversation"], start=1):
        numbers[message["id"]] = number
        parent = numbers[message["parent_id"]]
        # in a tree, a message may reply to another one than the previous
        reply_to = "" if parent == number - 1 else f"to {parent}"
        generated = "generated" if message["generated"] else ""
        attributes = [
            reply_to,
            generated,
            message["model_name"],
            message["language"],
            *(message["flags"] or ()),
        ]
        notes = ", ".join(filter(None, attributes))
        say(f"\n{number}. {message['role']}{f' ({safe(notes)})' if notes else ''}:")
        say(safe(message["content"]))
        for line in texts_beside(message):
            say(f"+ {safe(line)}")


def search(
    text: Annotated[str, typer.Argument(help="What to look for, in any case.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many messages.")] = 20,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Find messages that hold a text, among the conversations that are held or shared.

    Example: **chatfeedback collection search recursion --limit 5**
    """
    from workspaces.collection import search as messages

    if not text.strip():
        raise UsageError("give a text to look for")
    with Workspace.open(workspace) as opened:
        hits = messages.search(opened.collection, text, limit)
    if as_json:
        emit_json({"hits": [asdict(hit) for hit in hits], "limit": limit})
        return
    for hit in hits:
        role = f"{hit.role} (generated)" if hit.generated else hit.role
        say(f"{safe(hit.conversation_id)} {role}: {safe(' '.join(hit.excerpt.split()))}")
    say(
        f"{counted(len(hits), 'message')}" + (" (the limit: there may be more)" if len(hits) == limit else "")
    )


def compact(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Merge small files of the collection into larger ones, and drop files nobody refers to.

    Example: **chatfeedback collection compact**
    """
    with Workspace.open(workspace) as opened, opened.exclusive():
        compacted = opened.collection.compact()
    if as_json:
        emit_json(asdict(compacted))
        return
    say(f"{counted(compacted.before, 'file')} became {compacted.after:,}; {compacted.dropped:,} dropped")


def redact(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Redact what is stored by the present deny list and patterns, which a new version may have more of.

    Tasks that show an old text are taken off their platforms; **push** puts them back with the new one.
    Example: **chatfeedback collection redact**
    """
    with Workspace.open(workspace) as opened, progress("Redacting") as advance:
        redacted = steps.redact_collection(opened, advance=advance)
    if as_json:
        emit_json(asdict(redacted))
        return
    placeholders = ", ".join(f"{count:,} {kind}" for kind, count in sorted(redacted.redactions.items()))
    say(
        f"{counted(len(redacted.conversations), 'conversation')} changed"
        + (f": {placeholders} replaced by placeholders" if placeholders else "")
    )
    for name, count in redacted.withdrawn.items():
        say(
            f"{counted(count, 'task')} taken off {PLATFORMS[name].title}: chatfeedback push puts "
            f"{word_for(count, 'it', 'them')} back with the new text"
        )
    if redacted.exports_to_make_again:
        say(f"Still with the old text, to be made again: {safe(', '.join(redacted.exports_to_make_again))}")
    if redacted.copies_to_remove:
        say(f"Copies of people's data with the old text: {safe(', '.join(redacted.copies_to_remove))}")
    if redacted.published_to_replace:
        say(
            f"Published with the old text, to be pushed again: {safe(', '.join(redacted.published_to_replace))}"
        )
    if redacted.moved_or_removed:
        say(f"With the old text, if you moved it elsewhere: {safe(', '.join(redacted.moved_or_removed))}")


def omissions(
    limit: Limit = None,
    everything: Everything = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what did not enter the collection and why, by file, as of its last reading.

    Example: **chatfeedback collection omissions**
    """
    from workspaces.store.omissions import all_omissions

    with Workspace.open(workspace) as opened, opened.store.read() as connection:
        omitted = all_omissions(connection)
    if as_json:
        emit_json(listing.as_json("left_out", [asdict(omission) for omission in omitted], limit))
        return
    rows = [
        (
            safe(omission.file),
            omission.kind,
            safe(omission.reason),
            omission.count,
            omission.unit,
            None if omission.example is None else safe(omission.example),
        )
        for omission in omitted
    ]
    columns = ["file", "kind", "reason or column", "count", "of", "example"]
    listing.long_table(
        "Left out",
        columns,
        rows,
        ["count"],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )


def _show_statistics(counted: CollectionStatistics) -> None:
    totals = [
        ("conversations", counted.conversations),
        ("givers", counted.givers),
        ("turns", counted.turns),
        ("words", counted.words),
        ("near duplicates", counted.near_duplicates),
        ("groups of near duplicates", counted.near_duplicate_groups),
        ("files", counted.files),
        *(
            (f"generated responses of {safe(model)}, in no other count", count)
            for model, count in counted.generated.items()
        ),
        *((f"left out: {kind}", count) for kind, count in counted.left_out.items()),
    ]
    table("Collection", ["what", "count"], totals, numeric=["count"])
    for title, heading, counts in _breakdowns(counted):
        if counts:
            rows = [(safe(str(name)), count) for name, count in list(counts.items())[:TOP]]
            if len(counts) > TOP:
                rows.append((f"({len(counts) - TOP:,} more)", sum(list(counts.values())[TOP:])))
            table(title, [heading, "count"], rows, numeric=["count"])


def _breakdowns(counted: CollectionStatistics) -> list[tuple[str, str, dict[Any, int]]]:
    scores = [
        (f"Challenge of prompts, by {agent}", "criteria met", counts)
        for agent, counts in counted.challenge.items()
    ]
    return [
        ("States", "state", counted.states),
        ("Sources", "source", counted.sources),
        ("Models", "model", counted.models),
        ("Languages", "language", counted.languages),
        ("Topics", "topic", counted.topics),
        ("Flags", "flag", counted.all_flags),
        *scores,
        ("Added by week", "week", counted.added_by_week),
    ]


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_line(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
