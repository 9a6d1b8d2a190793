"""A benchmark from logs: hard prompts alone, so many of each topic, none twice, whatever the order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from task_generators.labelling.benchmark import EASY, EASY_TOPIC, REPEATED, ScoredPrompt, pick
from tests.examples import examples

if TYPE_CHECKING:
    from random import Random


def prompt(number: int, topic: str | None, score: float, text: str | None = None) -> ScoredPrompt:
    return ScoredPrompt(f"c{number}", text or f"prompt {number}", topic, score, "en", "s", None)


PROMPTS = st.lists(
    st.builds(
        prompt,
        st.integers(0, 200),
        st.sampled_from(["code", "law", "art", None]),
        st.integers(0, 7),
        st.sampled_from([None, "the same"]),
    ),
    max_size=60,
    unique_by=lambda each: each.conversation_id,
)


@examples(150)
@given(PROMPTS, st.integers(0, 7), st.integers(0, 7), st.integers(1, 5), st.randoms(use_true_random=False))
def test_quotas_and_scores_hold_and_every_prompt_is_counted(
    prompts: list[ScoredPrompt], least: int, mean: int, per_topic: int, random: Random
) -> None:
    found = pick(prompts, least=least, topic_mean=mean, per_topic=per_topic)
    assert len(found.prompts) + sum(found.left_out.values()) == len(prompts)
    assert all(each.score >= least and each.topic is not None for each in found.prompts)
    assert max(Counter(each.topic for each in found.prompts).values(), default=0) <= per_topic
    assert len({each.prompt for each in found.prompts}) == len(found.prompts)
    shuffled = list(prompts)
    random.shuffle(shuffled)
    assert pick(shuffled, least=least, topic_mean=mean, per_topic=per_topic) == found


def test_easy_topics_and_easy_prompts_and_repeated_ones_are_left_out() -> None:
    prompts = [prompt(n, "code", 7) for n in range(5)] + [prompt(9, "code", 5)]
    prompts += [prompt(10 + n, "chat", 1) for n in range(4)] + [prompt(20, "chat", 7)]
    prompts += [prompt(30, "code", 7, "Prompt  0")]
    found = pick(prompts, least=6, topic_mean=4, per_topic=9)
    assert {each.topic for each in found.prompts} == {"code"}
    assert len(found.prompts) == 5
    assert found.left_out == {REPEATED: 1, EASY_TOPIC: 5, EASY: 1}
    assert found.short == {"code": 5}
