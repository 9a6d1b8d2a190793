"""The collection: ``collection`` and its commands."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from chatfeedback.collection_page import page
from chatfeedback.safe_text import safe
from workspaces.collection.search import search as find
from workspaces.collection.statistics import CollectionStatistics
from workspaces.errors import RowsRejectedError, UsageError
from workspaces.store import omissions as account
from workspaces.store.conversations import count_by_state
from workspaces.store.labelling import challenges_of, flagged_in, topic_of
from workspaces.store.near_duplicates import alike
from workspaces.workspace import Workspace, utc_now

TOP = 10


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback(invoke_without_command=True)(collection)
    for command in (stats, show, search, compact, topics, challenge, moderate):
        group.command()(command)
    group.command("omissions")(left_out)
    app.add_typer(group, name="collection")


def collection(context: typer.Context, workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Share the conversations whose delay is over, and count the collection by state; or look into it.

    Example: **chatfeedback collection**
    """
    if context.invoked_subcommand is not None:
        return
    with Workspace.open(workspace) as opened:
        with opened.exclusive():
            opened.collection.share_due(utc_now())
        with opened.store.read() as connection:
            states = count_by_state(connection)
    if as_json:
        emit_json({state.value: count for state, count in states.items()})
        return
    table("Collection", ["state", "conversations"], sorted(states.items()), numeric=["conversations"])


def stats(
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page with plots to this file.", metavar="FILE")
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Count conversations, people, models, languages, turns, words, topics, flags, duplicates and growth.

    Words stand for tokens, which depend on a model; a character of a script without spaces counts as one.
    Example: **chatfeedback collection stats --html collection.html**
    """
    with Workspace.open(workspace) as opened, progress("Counting") as advance:
        found = steps.count_collection(opened, advance=advance)
    if html is not None:
        try:
            html.write_text(page(found, utc_now()), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{html} cannot be written: {error.strerror}") from None
    if as_json:
        emit_json({**asdict(found), "html": html})
        return
    _show_statistics(found)
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
    with Workspace.open(workspace) as opened:
        found = opened.collection.look_at(conversation_id)
        if found is None:
            raise UsageError(f"no conversation {safe(conversation_id)!r} is held or shared here")
        with opened.store.read() as connection:
            found["flagged"] = flagged_in(connection, conversation_id)
            found["topic"] = topic_of(connection, conversation_id)
            found["near_duplicates"] = alike(connection, conversation_id)
            found["challenge"] = challenges_of(connection, conversation_id)
    found.pop("near_bands")
    if as_json:
        emit_json(found)
        return
    for name, value in found.items():
        if name not in {"conversation", "content_hash"} and value not in (None, [], {}, "{}"):
            say(f"{name}: {safe(_line(value))}")
    numbers: dict[str | None, int] = {None: 0}
    for number, message in enumerate(found["conversation"], start=1):
        numbers[message["id"]] = number
        parent = numbers[message["parent_id"]]
        aside = (
            "" if parent == number - 1 else f"to {parent}"
        )  # of a tree, where it does not answer the last one
        told = [aside, message["model_name"], message["language"], *(message["flags"] or ())]
        notes = ", ".join(filter(None, told))
        say(f"\n{number}. {message['role']}{f' ({safe(notes)})' if notes else ''}:")
        say(safe(message["content"]))


def search(
    text: Annotated[str, typer.Argument(help="What to look for, in any case.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many messages.")] = 20,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Find messages that hold a text, among the conversations that are held or shared.

    Example: **chatfeedback collection search recursion --limit 5**
    """
    if not text.strip():
        raise UsageError("give a text to look for")
    with Workspace.open(workspace) as opened:
        hits = find(opened.collection, text, limit)
    if as_json:
        emit_json({"hits": [asdict(hit) for hit in hits], "limit": limit})
        return
    for hit in hits:
        say(f"{safe(hit.conversation_id)} {hit.role}: {safe(' '.join(hit.excerpt.split()))}")
    say(f"{len(hits):,} messages" + (" (the limit: there may be more)" if len(hits) == limit else ""))


def compact(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Merge small files of the collection into larger ones, and drop files nobody refers to.

    Example: **chatfeedback collection compact**
    """
    with Workspace.open(workspace) as opened, opened.exclusive():
        found = opened.collection.compact()
    if as_json:
        emit_json(asdict(found))
        return
    say(f"{found.before:,} files became {found.after:,}; {found.dropped:,} dropped")


def topics(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put every conversation into a topic by its first prompt; the LLM names the topics where one is configured.

    Example: **chatfeedback collection topics**
    """
    with Workspace.open(workspace) as opened, progress("Clustering prompts") as advance:
        found = steps.cluster_topics(opened, advance=advance)
    if as_json:
        emit_json(asdict(found))
        return
    rows = [(safe(label), count) for label, count in found.topics.items()]
    table(f"Topics (named by {found.named_by})", ["topic", "conversations"], rows, numeric=["conversations"])
    if found.unnamed:
        say(
            f"{found.unnamed} topics keep their terms: the LLM gave no name. Run this again to ask once more."
        )
    if not found.topics:
        say("Too few prompts for topics: twenty are needed at least.")


def challenge(
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many prompts.")] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Score first prompts by seven criteria of what challenges a model: by the LLM, or by a stand-in of simple rules.

    Example: **chatfeedback collection challenge --limit 1000**
    """
    with Workspace.open(workspace) as opened, progress("Scoring prompts") as advance:
        found = steps.challenge_prompts(opened, limit=limit, advance=advance)
    if as_json:
        emit_json(asdict(found))
    else:
        say(f"{found.scored:,} prompts scored by {found.agent}")
        table(
            "Scores",
            ["criteria met", "prompts"],
            list(found.scores.items()),
            numeric=["criteria met", "prompts"],
        )
    if found.failed:
        raise RowsRejectedError(
            f"{found.failed} replies were unusable: run 'chatfeedback collection challenge' again"
        )


def moderate(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Ask the configured moderation endpoint, or a local hint, about every message it was not asked about yet.

    Example: **chatfeedback collection moderate**
    """
    with Workspace.open(workspace) as opened, progress("Moderating") as advance:
        found = steps.moderate(opened, advance=advance)
    if as_json:
        emit_json(asdict(found))
    else:
        say(f"{found.asked:,} messages asked about, {found.flagged:,} flagged by {safe(found.agent)}")
    if found.failed:
        raise RowsRejectedError(
            f"the endpoint said nothing of {found.failed} messages: run 'chatfeedback collection moderate' again"
        )


def left_out(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Show what did not enter the collection and why, by file, as of its last reading.

    Example: **chatfeedback collection omissions**
    """
    with Workspace.open(workspace) as opened, opened.store.read() as connection:
        found = account.everything(connection)
    if as_json:
        emit_json({"left_out": [asdict(each) for each in found]})
        return
    rows = [(safe(each.file), each.kind, safe(each.reason), each.count) for each in found]
    table("Left out", ["file", "kind", "reason", "rows"], rows, numeric=["rows"])


def _show_statistics(found: CollectionStatistics) -> None:
    totals = [
        ("conversations", found.conversations),
        ("people", found.people),
        ("turns", found.turns),
        ("words", found.words),
        ("near duplicates", found.near_duplicates),
        ("groups of near duplicates", found.near_duplicate_groups),
        ("files", found.files),
        *((f"left out: {kind}", count) for kind, count in found.left_out.items()),
    ]
    table("Collection", ["", "count"], totals, numeric=["count"])
    for title, counts in _breakdowns(found):
        if counts:
            rows = [(safe(str(name)), count) for name, count in list(counts.items())[:TOP]]
            if len(counts) > TOP:
                rows.append((f"({len(counts) - TOP:,} more)", sum(list(counts.values())[TOP:])))
            table(title, ["", "count"], rows, numeric=["count"])


def _breakdowns(found: CollectionStatistics) -> list[tuple[str, dict[Any, int]]]:
    scores = [(f"Challenge of prompts, by {agent}", counts) for agent, counts in found.challenge.items()]
    return [
        ("States", found.states),
        ("Sources", found.sources),
        ("Models", found.models),
        ("Languages", found.languages),
        ("Topics", found.topics),
        ("Flags", found.all_flags),
        *scores,
        ("Added by week", found.added_by_week),
    ]


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_line(item)}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
