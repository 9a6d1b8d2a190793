"""Labelled completions as a dataset that TRL's ``KTOTrainer`` reads as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasets import Features, Value

from exports.card import CardText
from exports.completions import LabelledCompletion, completion_labels, deciding_questions
from exports.context import canonical
from exports.dataset import DatasetTable
from exports.dpo import COUNT, MESSAGES, NUMBER, TEXT, TEXTS, messages, reply
from exports.length_bias import p_wanted_longer
from exports.order import spread
from exports.release import ExportResult, nothing_to_export, release
from exports.splits import TEST, TRAIN, SplitItem, assign_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from exports.context import Context
    from exports.dataset import Row
    from workspaces.records import Annotation, Task


def _counted() -> list[tuple[str, str, str]]:
    """Return (column, question, answer) of the answers that are counted beside each label."""
    return [
        (f"{question.name}_{answer}", question.name, answer)
        for question in deciding_questions().values()
        for answer in question.options
    ]


TRL = Features({"prompt": MESSAGES, "completion": MESSAGES, "label": Value("bool")})
PROVENANCE = Features(
    {
        "label_id": TEXT,
        "basis": TEXT,
        "conversation_ids": TEXTS,
        "message_ids": TEXTS,
        "origin": TEXT,
        "models": TEXTS,
        **{column: COUNT for column, _, _ in _counted()},
        "n_annotators": COUNT,
        "agreement": NUMBER,
        "weight": NUMBER,
        "rules_versions": TEXTS,
        "licences": TEXTS,
        "sources": TEXTS,
    }
)
VOTES = Features(
    {
        "label_id": TEXT,
        "person_id": TEXT,
        "task_id": TEXT,
        "question": TEXT,
        "answer": TEXT,
        "weight": NUMBER,
    }
)

HOW = """\
People tagged responses with No, Yes or N/A. For each of instruction, helpful, factual and toxic the
tag of more than half of the people counts. `label` is False if instruction, helpful or factual is
No, or toxic is Yes; True if otherwise instruction and helpful are Yes. Of other responses thumbs
that came with a chat log decide (most of them up: True); without any they are left out. A response,
or a rewrite, that nobody tagged is True if it was chosen in more preference pairs than rejected,
False if in fewer.

`label_id` is a hash of prompt and text. Row *n* of a split in `provenance` tells of row *n* of that
split in `trl`, which holds only what a trainer accepts. Rows are shuffled, rows of one prompt
apart, because `KTOTrainer` reads its file in order. In `votes`, `question` is a quality, `thumb` or the
`pair_id` of a pair."""


def export_kto(
    folder: Path,
    *,
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Mapping[str, float],
    ledger_tip: str | None,
    created_at: datetime,
    test_share: float = 0.1,
    any_licence: bool = False,
) -> ExportResult:
    """Write the completions that people called wanted or unwanted.

    Arguments and errors are those of ``export_dpo``; ``folder`` may hold an earlier ``kto`` export.
    """
    labels = completion_labels(tasks, annotations, contexts, weights)
    if not labels.rows:
        raise nothing_to_export("no answered task decides a label", labels.omissions)
    splits = assign_splits(
        (SplitItem(row.label_id, row.conversation_ids, row.prompt) for row in labels.rows), test_share
    )
    by_id = {row.label_id: row for row in labels.rows}
    order = {
        split: spread(
            {row_id: canonical(row.prompt) for row_id, row in by_id.items() if splits[row_id] == split}
        )
        for split in (TRAIN, TEST)
    }

    def split_up(project: Callable[[LabelledCompletion], list[Row]]) -> dict[str, list[Row]]:
        return {
            split: [row for row_id in ids for row in project(by_id[row_id])] for split, ids in order.items()
        }

    wanted, unwanted = ([row for row in labels.rows if row.label is label] for label in (True, False))
    longer = p_wanted_longer(*([len(row.completion.text) for row in rows] for rows in (wanted, unwanted)))
    return release(
        folder,
        kind="kto",
        text=_text(len(wanted), len(unwanted), longer),
        tables=[
            DatasetTable("trl", "completions to train on", TRL, split_up(_trl)),
            DatasetTable("provenance", "where each completion comes from", PROVENANCE, split_up(_provenance)),
            DatasetTable("votes", "every answer, under a pseudonym", VOTES, split_up(_votes)),
        ],
        rows=labels.rows,
        omissions=labels.omissions,
        numbers={
            "labels": {"true": len(wanted), "false": len(unwanted)},
            "length_bias": {"p_wanted_longer": None if longer is None else round(longer, 6)},
        },
        annotators=len({verdict.person_id for row in labels.rows for verdict in row.verdicts}),
        test_share=test_share,
        ledger_tip=ledger_tip,
        created_at=created_at,
        any_licence=any_licence,
    )


def _trl(row: LabelledCompletion) -> list[Row]:
    return [{"prompt": messages(row.prompt), "completion": reply(row.completion), "label": row.label}]


def _provenance(row: LabelledCompletion) -> list[Row]:
    return [
        {
            "label_id": row.label_id,
            "basis": row.basis.value,
            "conversation_ids": list(row.conversation_ids),
            "message_ids": list(row.completion.message_ids),
            "origin": row.completion.origin.value,
            "models": list(row.completion.models),
            **{column: row.count(question, answer) for column, question, answer in _counted()},
            "n_annotators": row.n_annotators,
            "agreement": row.agreement,
            "weight": row.weight,
            "rules_versions": list(row.rules_versions),
            "licences": list(row.licences),
            "sources": list(row.sources),
        }
    ]


def _votes(row: LabelledCompletion) -> list[Row]:
    return [
        {
            "label_id": row.label_id,
            "person_id": verdict.person_id,
            "task_id": verdict.task_id,
            "question": verdict.question,
            "answer": verdict.answer,
            "weight": verdict.weight,
        }
        for verdict in row.verdicts
    ]


def _text(wanted: int, unwanted: int, longer: float | None) -> CardText:
    return CardText(
        title="Human labels of completions",
        tag="kto",
        how=HOW,
        numbers=(
            f"- {wanted} completions are True, {unwanted} are False.\n"
            + (
                "- All labels are the same: KTO has nothing to tell apart."
                if longer is None
                else f"- P(a True completion is longer than a False one): {longer:.3f} (0.5: no bias)."
            )
        ),
        limits=(
            "A completion with one annotator is one opinion: see `n_annotators` and `weight`.",
            "`KTOTrainer` needs a batch over 1; `desirable_weight` and `undesirable_weight` even out labels.",
        ),
        trainer="KTOTrainer",
    )
