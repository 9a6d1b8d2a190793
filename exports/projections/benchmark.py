"""A benchmark of challenging prompts from logs, as rows of Arena-Hard's ``question.jsonl``, with its judge settings.

Source: Li et al. (2024), From Crowdsourced Data to High-Quality Benchmarks: Arena-Hard and BenchBuilder,
arXiv 2406.11939, and ``config/judge_config.yaml`` of lmarena/arena-hard-auto.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import yaml

from exports.collection_items import BenchmarkQuestion, select_benchmark
from exports.columns import NUMBER, ORIGIN, TEXT, TEXTS, Columns, ListOf, origin
from exports.context import clean
from exports.markdown import cell
from exports.projection import Measurements, OfAll, Projection, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.columns import Row

JUDGE = "judge_config.yaml"
COLUMNS: Columns = {
    "question_id": TEXT,
    "category": TEXT,
    "cluster": TEXT,
    "turns": ListOf({"content": TEXT}),
}
PROVENANCE: Columns = {
    "question_id": TEXT,
    "conversation_ids": TEXTS,
    "topic": TEXT,
    "score": NUMBER,
    "language": TEXT,
    **ORIGIN,
}
METHOD = f"""\
A judge said which of seven criteria of a challenging prompt the first turn of a conversation meets; `score` is how
many, a mean over judges. Of each topic so many prompts with a high enough score were drawn by lot, where the topic's
mean score is high enough (`quotas` in the manifest). `cluster` is the topic. The rows are also in the JSON lines
beside the Parquet file, which is Arena-Hard's `question.jsonl`; `{JUDGE}` has settings for its judge: who judges,
at which temperature, each pair in both orders, and against which baseline. Fill in `bench_name`, `judge_model`
where the workspace names none, `baseline_model` and `model_list`.

`question_id` is a hash of the prompt. Row *n* of `provenance` tells of row *n* of the first configuration."""

PROMPT = (
    "<|User Prompt|>\n{question_1}\n\n<|The Start of Assistant A's Answer|>\n{answer_1}\n"
    "<|The End of Assistant A's Answer|>\n\n<|The Start of Assistant B's Answer|>\n{answer_2}\n"
    "<|The End of Assistant B's Answer|>"
)
SYSTEM = (
    "Judge which of two assistants answers the user's prompt better. First answer the prompt yourself. Then compare "
    "both answers with yours: correct what is wrong in them, and say whether they are helpful, relevant and concise, "
    "and what is missing. End with one verdict alone: [[A>>B]], [[A>B]], [[A=B]], [[B>A]] or [[B>>A]]."
)


def _rows(item: BenchmarkQuestion) -> list[Row]:
    return [
        {
            "question_id": item.question_id,
            "category": "chatfeedback",
            "cluster": clean(item.question.topic),
            "turns": [{"content": content} for _, content, *_ in item.prompt],
        }
    ]


def _provenance(item: BenchmarkQuestion) -> list[Row]:
    return [
        {
            "question_id": item.question_id,
            "conversation_ids": list(item.conversation_ids),
            "topic": clean(item.question.topic),
            "score": item.question.score,
            "language": clean(item.question.language),
            **origin(item),
        }
    ]


def _measure(items: Sequence[BenchmarkQuestion]) -> Measurements:
    choice = items[0].choice
    topics = dict(sorted(Counter(item.question.topic for item in items).items()))
    told = ", ".join(f"{cell(topic)} {count}" for topic, count in topics.items())
    quotas = ", ".join(f"`{key}` {value}" for key, value in choice.quotas.items())
    return Measurements(
        manifest={"topics": {**topics}, "quotas": {**choice.quotas}, "judges": list(choice.judges)},
        card=f"- Prompts by topic: {told}.\n- Quotas: {quotas}.",
    )


def _files(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {
        JUDGE: yaml.safe_dump(
            {
                "bench_name": "chatfeedback",
                "judge_model": "",
                "reference_model": None,
                "temperature": 0.0,
                "max_tokens": 4096,
                "pairwise": True,
                "number_of_judgment_attempts": 2,
                "baseline": True,
                "baseline_model": "",
                "regex_pattern": r"\[\[([AB<>=]+)\]\]",
                "system_prompt": SYSTEM,
                "prompt_template": [PROMPT],
                "model_list": [],
            },
            sort_keys=False,
            allow_unicode=True,
        )
    }


PROJECTION = Projection(
    name="benchmark",
    help="Challenging prompts of the collection by topic, as rows of Arena-Hard's question.jsonl.",
    title="A benchmark of challenging prompts",
    trainer="Arena-Hard's scripts",
    method=METHOD,
    limits=(
        "Keep these prompts out of what you train on: `export dpo --decontaminate` with these JSON lines.",
        "Prompts of chats can hold what only their chat explains.",
    ),
    tables=(
        TableSpec("benchmark", "questions", COLUMNS, _rows),
        TableSpec("provenance", "where each question comes from", PROVENANCE, _provenance),
    ),
    select=select_benchmark,
    measure=partial(OfAll, _measure),
    at_once=True,
    files=_files,
    json_lines=True,
    of_answers=False,
    test_only=True,
)
