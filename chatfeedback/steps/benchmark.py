"""Selects challenging prompts of the collection by topic, for a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.survey import select_conversations
from task_generators.labelling.benchmark import Picked, ScoredPrompt, pick
from workspaces.collection.statistics import UNDETERMINED
from workspaces.errors import UsageError
from workspaces.records import Role
from workspaces.store.challenges import scores_by_judge
from workspaces.store.topics import all_topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspaces.collection import Collection
    from workspaces.workspace import Workspace

STAND_IN = "heuristic-"
"""How the names of offline stand-ins begin; their scores count where no model scored a prompt."""


def benchmark_prompts(
    workspace: Workspace, *, least: float = 6, topic_mean: float = 0, per_topic: int = 2
) -> Picked:
    """Return challenging prompts of shared conversations that ``select`` takes, so many of each topic.

    A prompt's score is the mean over all judges that scored it.

    Raises:
        UsageError: nothing is scored yet, or there are no topics.
    """
    with workspace.store.read() as connection:
        scores, topics = scores_by_judge(connection), all_topics(connection)
    if not scores:
        raise UsageError("no prompt is scored yet: run 'chatfeedback collection challenge' first")
    if not topics:
        raise UsageError("there are no topics yet: run 'chatfeedback collection topics' first")
    omitted = select_conversations(workspace, frozenset()).usual.omissions
    prompts = _scored(workspace.collection, omitted, scores, topics)
    return pick(prompts, least=least, topic_mean=topic_mean, per_topic=per_topic)


def _scored(
    collection: Collection,
    omitted: Mapping[str, str],
    scores: Mapping[str, Mapping[str, int]],
    topics: Mapping[str, str],
) -> Iterator[ScoredPrompt]:
    for conversation, (language,) in collection.scan_with(("detected_language",), omitted):
        judged = scores.get(conversation.id)
        prompt = next((it.content for it in conversation.messages if it.role is Role.USER), "")
        if judged and prompt.strip():
            yield ScoredPrompt(
                conversation.id,
                prompt,
                topics.get(conversation.id),
                _mean(judged),
                language or conversation.language or UNDETERMINED,
                conversation.source,
                conversation.licence,
            )


def _mean(judged: Mapping[str, int]) -> float:
    models = [score for agent, score in judged.items() if not agent.startswith(STAND_IN)]
    used = models or list(judged.values())
    return sum(used) / len(used)
