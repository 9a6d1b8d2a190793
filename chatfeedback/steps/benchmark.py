"""Selects challenging prompts of the collection by topic, for a benchmark."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from chatfeedback.steps.survey import select_conversations
from task_generators.labelling.benchmark import Picked, ScoredPrompt, pick
from workspaces.collection.statistics import UNDETERMINED
from workspaces.errors import UsageError
from workspaces.records import Role
from workspaces.store.challenges import united_scores
from workspaces.store.topics import all_topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.collection import Collection
    from workspaces.workspace import Workspace


def benchmark_prompts(
    workspace: Workspace, *, least: float = 6, topic_mean: float = 0, per_topic: int = 2
) -> Picked:
    """Return challenging prompts of shared conversations that ``select`` takes, so many of each topic.

    A prompt's score is the mean over the judges that scored it. Every other shared conversation is counted in
    ``left_out``.

    Raises:
        UsageError: nothing is scored yet, or there are no topics.
    """
    with workspace.store.read() as connection:
        scores, topics = united_scores(connection, workspace.config.judges()), all_topics(connection)
    if not scores:
        raise UsageError("no prompt is scored yet: run 'chatfeedback collection challenge' first")
    if not topics:
        raise UsageError("there are no topics yet: run 'chatfeedback collection topics' first")
    omitted = select_conversations(workspace, frozenset()).usual.omissions
    unread = Counter(f"conversation that select leaves out ({reason})" for reason in omitted.values())
    prompts = _scored(workspace.collection, omitted, scores, topics, unread)
    picked = pick(prompts, least=least, topic_mean=topic_mean, per_topic=per_topic)
    return replace(picked, left_out={**picked.left_out, **unread})


def _scored(
    collection: Collection,
    omitted: Mapping[str, str],
    scores: Mapping[str, float],
    topics: Mapping[str, str],
    unread: Counter[str],
) -> Iterator[ScoredPrompt]:
    """Yield the prompts that are scored, and count the others by reason."""
    for conversation, (language,) in collection.scan_with(("detected_language",), omitted):
        score = scores.get(conversation.id)
        prompt = next((it.content for it in conversation.messages if it.role is Role.USER), "")
        if not prompt.strip():
            unread["no text"] += 1
        elif score is None:
            unread["no score"] += 1
        else:
            yield ScoredPrompt(
                conversation.id,
                prompt,
                topics.get(conversation.id),
                score,
                language or conversation.language or UNDETERMINED,
                conversation.source,
                conversation.licence,
            )
