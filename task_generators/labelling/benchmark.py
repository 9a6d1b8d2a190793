"""A benchmark from logs: challenging prompts, so many of each topic. Pure.

Source: Arena-Hard (Li et al. 2024, section 4), which scores prompts by seven criteria, clusters them, keeps clusters of
a high mean score, and draws the same number of prompts of a high score from each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from task_generators.allotment import unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EASY = "a score too low"
EASY_TOPIC = "a topic too easy"
NO_TOPIC = "no topic"
REPEATED = "the text of another one"
BEYOND = "a topic that has enough"


@dataclass(frozen=True, slots=True)
class ScoredPrompt:
    """The first prompt of a conversation: its topic, and how many of seven criteria it meets (a mean over judges)."""

    conversation_id: str
    prompt: str
    topic: str | None
    score: float
    language: str
    source: str
    licence: str | None


@dataclass(frozen=True, slots=True)
class Picked:
    """The chosen ``prompts``, by topic and then by lot; ``left_out`` counts the others by reason.

    ``short`` are the topics with fewer prompts than wanted, with their number.
    """

    prompts: tuple[ScoredPrompt, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    short: Mapping[str, int] = field(default_factory=dict)


def pick(prompts: Iterable[ScoredPrompt], *, least: float, topic_mean: float, per_topic: int) -> Picked:
    """Return so many prompts of each topic, by a lot that depends on the conversation alone.

    Args:
        prompts: in any order; of equal ones the conversation with the smallest id stands for all.
        least: the lowest score of a chosen prompt.
        topic_mean: the lowest mean score of a topic, over all its prompts.
        per_topic: the most prompts of a topic.
    """
    left_out: Counter[str] = Counter()
    first: dict[str, ScoredPrompt] = {}
    for each in sorted(prompts, key=lambda each: each.conversation_id):
        if first.setdefault(" ".join(each.prompt.split()).casefold(), each) is not each:
            left_out[REPEATED] += 1
    topics: dict[str, list[ScoredPrompt]] = defaultdict(list)
    for each in first.values():
        if each.topic is None:
            left_out[NO_TOPIC] += 1
        else:
            topics[each.topic].append(each)
    chosen: list[ScoredPrompt] = []
    short: dict[str, int] = {}
    for topic, some in sorted(topics.items()):
        if sum(each.score for each in some) / len(some) < topic_mean:
            left_out[EASY_TOPIC] += len(some)
            continue
        hard = sorted(
            (each for each in some if each.score >= least),
            key=lambda each: (unit(f"benchmark {each.conversation_id}"), each.conversation_id),
        )
        left_out[EASY] += len(some) - len(hard)
        left_out[BEYOND] += max(0, len(hard) - per_topic)
        chosen += hard[:per_topic]
        if len(hard) < per_topic:
            short[topic] = len(hard)
    return Picked(tuple(chosen), {reason: count for reason, count in left_out.items() if count}, short)
