"""``collection topics``, ``challenge`` and ``moderate``: what models and rules say of stored texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.failures import ListFailed, Retry, hopeless, list_failed, no_usable_reply, unanswered
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, progress, say, table
from chatfeedback.safe_text import safe
from workspaces.grammar import counted, word_for
from workspaces.workspace import Workspace


def topics(workspace: WorkspacePath = HERE, as_json: AsJson = False) -> None:
    """Put every conversation into a topic by its first prompt; the LLM names the topics where one is configured.

    Example: **chatfeedback collection topics**
    """
    with Workspace.open(workspace) as opened, progress("Clustering prompts") as advance:
        clustered = steps.cluster_topics(opened, advance=advance)
    if as_json:
        emit_json(asdict(clustered))
        return
    rows = [(safe(label), count) for label, count in clustered.topics.items()]
    table(
        f"Topics (named by {clustered.named_by})", ["topic", "conversations"], rows, numeric=["conversations"]
    )
    if clustered.embedded_by is not None:
        say(f"Prompts were clustered by the embeddings of {safe(clustered.embedded_by)}")
    if clustered.not_embedded:
        say(
            f"{counted(clustered.not_embedded, 'prompt')} {word_for(clustered.not_embedded, 'has', 'have')} no "
            "embedding and no topic: the endpoint refused the text, or llm.budget did not pay for it"
        )
    if clustered.unnamed:
        say(
            f"{counted(clustered.unnamed, 'topic')} {word_for(clustered.unnamed, 'keeps its', 'keep their')} terms: "
            "the LLM gave no name. To ask once more: chatfeedback collection topics"
        )
    if not clustered.topics:
        say("Too few prompts for topics: twenty are needed at least.")


def challenge(
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many prompts.")] = None,
    failed: ListFailed = False,
    retry: Retry = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Score first prompts by seven criteria of what challenges a model: by each judge, or a stand-in of simple rules.

    A prompt's score is the mean of its judges'. What was not answered is asked again by the next run; an unusable reply
    stays, with its text, until --retry.

    Example: **chatfeedback collection challenge --limit 1000**
    """
    if failed:
        _list_failed(workspace, "challenge", "collection challenge", as_json=as_json)
        return
    with Workspace.open(workspace) as opened, progress("Scoring prompts") as advance:
        challenged = steps.challenge_prompts(opened, limit=limit, retry=retry, advance=advance)
    if as_json:
        emit_json(asdict(challenged))
    else:
        for part in challenged.judges:
            say(f"{counted(part.scored, 'prompt')} scored by {safe(part.agent)}")
            if part.unanswered:
                say(f"  {unanswered(part.unanswered, 'prompt', 'collection challenge')}")
            if part.left and part.hopeless:
                say(f"  {hopeless(part.left, 'prompt', 'collection challenge')}")
            elif part.left:
                say(
                    f"  {counted(part.left, 'prompt')} not asked about: llm.budget may not pay the next one. Raise it, "
                    "and run 'chatfeedback collection challenge' again"
                )
        if challenged.disagreement is not None:
            say(
                f"On {counted(challenged.compared, 'prompt')} that several judges scored, two of them differ on "
                f"{challenged.disagreement:.0%} of the criteria; 'collection show' has it for each"
            )
        table(
            "Scores",
            ["criteria met", "prompts"],
            list(challenged.scores.items()),
            numeric=["criteria met", "prompts"],
        )
    if challenged.failed:
        faults: Counter[str] = Counter()
        for part in challenged.judges:
            faults.update(part.failures)
        raise no_usable_reply(challenged.failed, "prompt", "collection challenge", faults)


def moderate(
    failed: ListFailed = False,
    retry: Retry = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the configured moderation endpoint, or a local hint, about every message it was not asked about yet.

    A message whose reply was unusable is not asked about again until --retry.

    Example: **chatfeedback collection moderate**
    """
    if failed:
        _list_failed(workspace, "moderation", "collection moderate", as_json=as_json)
        return
    with Workspace.open(workspace) as opened, progress("Moderating") as advance:
        moderated = steps.moderate(opened, retry=retry, advance=advance)
    if as_json:
        emit_json(asdict(moderated))
    else:
        say(
            f"{counted(moderated.asked, 'message')} asked about, {moderated.flagged:,} flagged by "
            f"{safe(moderated.agent)}"
        )
        if moderated.unanswered:
            say(f"  {unanswered(moderated.unanswered, 'message', 'collection moderate')}")
    if moderated.failed:
        raise no_usable_reply(moderated.failed, "message", "collection moderate")


def _list_failed(workspace: WorkspacePath, purpose: str, command: str, *, as_json: bool) -> None:
    with Workspace.open(workspace) as opened:
        rows = steps.failed_label_requests(opened, purpose)
        asked = steps.labelled_by(opened.config)[purpose]
    list_failed(
        rows,
        lambda row: (
            f"conversation {row.conversation_id}"
            + (f", message {row.subject}" if row.subject != row.conversation_id else "")
        ),
        command,
        asked,
        as_json=as_json,
    )
