"""The tables of labelled completions that every projection of them has beside the one to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import COUNT, FLAG, NUMBER, ORIGIN, TEXT, TEXTS, origin
from exports.label_rules import label_rules
from exports.projection import TableSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Columns, Row
    from exports.completions import LabelledCompletion

VOTES: Columns = {
    "label_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "question": TEXT,
    "answer": TEXT,
    "weight": NUMBER,
}

METHOD = """\
Tags say No, Yes or N/A of a response. For each of instruction, helpful, factual and toxic the tag of
more than half of the people counts. `label` is False if instruction, helpful or factual is
No, or toxic is Yes; True if otherwise instruction and helpful are Yes. Of other responses thumbs
decide, those that people gave and those that came with a chat log (most of them up: True); without
any they are left out. A response,
or a rewrite, that nobody tagged is True if it was chosen in more preference pairs than rejected,
False if in fewer; a pair of which most votes say that both are bad rejects both. A rewrite has no message and no
model; `rewrite_of` names the response that it replaces. Where people disagree a
lead may have decided what counts (`adjudicated`), whatever the votes. A prompt keeps
calls of tools and their results; reasoning is left out.

`label_id` is a hash of prompt and text. Row *n* of a split in `provenance` tells of row *n* of that
split in the first configuration, which holds only what a trainer accepts. `licences` and `sources` are those of the
response and its prompt; `conversation_ids` also has those of the responses that it was compared with. In
`votes`, `question` is a quality, `thumb` or the `pair_id` of a pair. `agreement` is the share of people whose
judgments alone give the label, `weight` the summed confidence of these people per person: the mean over the questions
that they tagged, or, of comparisons, that of the answer which weighs most."""
"""How labels are made of answers, for the card."""

SURE = "`weight` and `n_annotators` in `provenance` tell how sure a label is."
"""A limit of every projection of labelled completions."""


def _provenance_columns() -> Columns:
    return {
        "label_id": TEXT,
        "basis": TEXT,
        "conversation_ids": TEXTS,
        "message_ids": TEXTS,
        "origin": TEXT,
        "rewrite_of": TEXTS,
        "models": TEXTS,
        **{column: COUNT for column, _, _ in _counted()},
        "n_annotators": COUNT,
        "agreement": NUMBER,
        "weight": NUMBER,
        "adjudicated": FLAG,
        **ORIGIN,
    }


def _counted() -> list[tuple[str, str, str]]:
    """Return (column, question, answer) of the answers that are counted beside each label."""
    return [
        (f"{question.name}_{answer}", question.name, answer)
        for question in label_rules().questions.values()
        for answer in question.options
    ]


def _provenance(row: LabelledCompletion) -> list[Row]:
    return [
        {
            "label_id": row.label_id,
            "basis": row.basis.value,
            "conversation_ids": list(row.conversation_ids),
            "message_ids": list(row.completion.message_ids),
            "origin": row.completion.origin.value,
            "rewrite_of": list(row.completion.rewrite_of),
            "models": list(row.completion.models),
            **{column: row.count(question, answer) for column, question, answer in _counted()},
            "n_annotators": row.n_annotators,
            "agreement": row.agreement,
            "weight": row.weight,
            "adjudicated": row.adjudicated,
            **origin(row),
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


def beside_completions() -> Sequence[TableSpec[LabelledCompletion]]:
    """Return the tables ``provenance`` and ``votes``."""
    return (
        TableSpec("provenance", "where each completion comes from", _provenance_columns, _provenance),
        TableSpec("votes", "every answer, under a pseudonym", VOTES, _votes),
    )
