"""Preference pairs as a dataset that TRL's ``DPOTrainer`` and ``RewardTrainer`` read as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasets import Features, List, Value

from exports.card import CardText
from exports.dataset import DatasetTable
from exports.length_bias import LengthBias, length_bias
from exports.pairs import PreferencePair, Side, preference_pairs
from exports.release import ExportResult, nothing_to_export, release
from exports.splits import TEST, TRAIN, SplitItem, assign_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import JsonValue

    from exports.context import Context, Prompt
    from exports.dataset import Row
    from workspaces.records import Annotation, Task

TEXT = Value("string")
TEXTS = List(TEXT)
COUNT = Value("int64")
NUMBER = Value("float64")
MESSAGES = List({"role": TEXT, "content": TEXT})

TRL = Features({"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES})
PROVENANCE = Features(
    {
        "pair_id": TEXT,
        "conversation_ids": TEXTS,
        "chosen_message_ids": TEXTS,
        "rejected_message_ids": TEXTS,
        "chosen_origin": TEXT,
        "rejected_origin": TEXT,
        "chosen_models": TEXTS,
        "rejected_models": TEXTS,
        "votes_chosen": COUNT,
        "votes_rejected": COUNT,
        "votes_tie": COUNT,
        "n_annotators": COUNT,
        "agreement": NUMBER,
        "strength": NUMBER,
        "weight": NUMBER,
        "margin": NUMBER,
        "chosen_shown_first": COUNT,
        "rejected_shown_first": COUNT,
        "rules_versions": TEXTS,
        "licences": TEXTS,
        "sources": TEXTS,
    }
)
TIES = Features(
    {
        "pair_id": TEXT,
        "prompt": MESSAGES,
        "first": MESSAGES,
        "second": MESSAGES,
        "votes_first": COUNT,
        "votes_second": COUNT,
        "votes_tie": COUNT,
        "conversation_ids": TEXTS,
        "first_message_ids": TEXTS,
        "second_message_ids": TEXTS,
        "first_models": TEXTS,
        "second_models": TEXTS,
        "rules_versions": TEXTS,
        "licences": TEXTS,
        "sources": TEXTS,
    }
)
VOTES = Features(
    {
        "pair_id": TEXT,
        "person_id": TEXT,
        "task_id": TEXT,
        "preferred": TEXT,
        "shown_first": TEXT,
        "weight": NUMBER,
    }
)

HOW = """\
People compared two responses to one prompt, or rewrote a response. A rewrite is a vote for the
rewrite over the response; the writer counts as one annotator. Votes on the same prompt and texts
are pooled, one per person. The side with more than half of all votes, ties included, is `chosen`;
where there is none, the pair is in `ties`.

`pair_id` is a hash of prompt and texts. Row *n* of a split in `provenance` tells of row *n* of that
split in `trl`, which holds only what a trainer accepts. `agreement` is the share of the most
frequent vote, `strength` (chosen - rejected) / votes, `weight` the summed confidence behind
`chosen` per vote, `margin` the difference of confidence between the sides over all confidence."""


def export_dpo(
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
    """Write the preference pairs that people decided.

    Args:
        folder: does not exist yet, or holds an earlier ``dpo`` export, which is replaced.
        tasks: by task id.
        annotations: the latest revision of each.
        contexts: by message id, of the responses that may be exported (``contexts_of``).
        weights: confidence by person id, 0 or more; 1 for a person not named.
        ledger_tip: hash of the last ledger transaction, for the manifest.
        created_at: now, with its zone.
        test_share: share of groups of related rows that goes into the test split, 0 to 1.
        any_licence: write it although the licences of its rows do not go together.

    Raises:
        NothingToExportError: no pair has a winner.
        LicenceConflictError: the licences of the rows do not go together.
        NotOurExportError: ``folder`` holds something else.
    """
    pairs = preference_pairs(tasks, annotations, contexts, weights)
    if not pairs.decided:
        tied = f" and {len(pairs.tied)} tied" if pairs.tied else ""
        raise nothing_to_export(
            f"no answered preference task or rewrite decides a pair{tied}", pairs.omissions
        )
    everything = (*pairs.decided, *pairs.tied)
    splits = assign_splits(
        (SplitItem(pair.pair_id, pair.conversation_ids, pair.prompt) for pair in everything), test_share
    )

    def split_up(
        chosen: Sequence[PreferencePair], project: Callable[[PreferencePair], list[Row]]
    ) -> dict[str, list[Row]]:
        return {
            split: [row for pair in chosen if splits[pair.pair_id] == split for row in project(pair)]
            for split in (TRAIN, TEST)
        }

    bias = length_bias(pairs.decided)
    return release(
        folder,
        kind="dpo",
        text=_text(bias),
        tables=[
            DatasetTable("trl", "pairs to train on", TRL, split_up(pairs.decided, _trl)),
            DatasetTable(
                "provenance", "where each pair comes from", PROVENANCE, split_up(pairs.decided, _provenance)
            ),
            DatasetTable("ties", "pairs without a majority", TIES, split_up(pairs.tied, _ties)),
            DatasetTable("votes", "every vote, under a pseudonym", VOTES, split_up(everything, _votes)),
        ],
        rows=pairs.decided,
        omissions=pairs.omissions,
        numbers={"length_bias": bias.as_json()},
        annotators=len({vote.person_id for pair in everything for vote in pair.votes}),
        test_share=test_share,
        ledger_tip=ledger_tip,
        created_at=created_at,
        any_licence=any_licence,
    )


def messages(prompt: Prompt) -> list[JsonValue]:
    """Return a prompt as the list of messages that chat templates read."""
    return [{"role": role, "content": content} for role, content in prompt]


def reply(side: Side) -> list[JsonValue]:
    """Return a side as the list of its one message."""
    return messages((("assistant", side.text),))


def _trl(pair: PreferencePair) -> list[Row]:
    return [{"prompt": messages(pair.prompt), "chosen": reply(pair.chosen), "rejected": reply(pair.rejected)}]


def _provenance(pair: PreferencePair) -> list[Row]:
    winner = pair.winner or 0
    shown_first = [vote.shown_first for vote in pair.votes]
    return [
        {
            "pair_id": pair.pair_id,
            "conversation_ids": list(pair.conversation_ids),
            "chosen_message_ids": list(pair.chosen.message_ids),
            "rejected_message_ids": list(pair.rejected.message_ids),
            "chosen_origin": pair.chosen.origin.value,
            "rejected_origin": pair.rejected.origin.value,
            "chosen_models": list(pair.chosen.models),
            "rejected_models": list(pair.rejected.models),
            "votes_chosen": pair.count(winner),
            "votes_rejected": pair.count(1 - winner),
            "votes_tie": pair.count(None),
            "n_annotators": len(pair.votes),
            "agreement": pair.agreement,
            "strength": pair.strength,
            "weight": pair.weight,
            "margin": pair.margin,
            "chosen_shown_first": shown_first.count(winner),
            "rejected_shown_first": shown_first.count(1 - winner),
            "rules_versions": list(pair.rules_versions),
            "licences": list(pair.licences),
            "sources": list(pair.sources),
        }
    ]


def _ties(pair: PreferencePair) -> list[Row]:
    first, second = pair.sides
    return [
        {
            "pair_id": pair.pair_id,
            "prompt": messages(pair.prompt),
            "first": reply(first),
            "second": reply(second),
            "votes_first": pair.count(0),
            "votes_second": pair.count(1),
            "votes_tie": pair.count(None),
            "conversation_ids": list(pair.conversation_ids),
            "first_message_ids": list(first.message_ids),
            "second_message_ids": list(second.message_ids),
            "first_models": list(first.models),
            "second_models": list(second.models),
            "rules_versions": list(pair.rules_versions),
            "licences": list(pair.licences),
            "sources": list(pair.sources),
        }
    ]


def _votes(pair: PreferencePair) -> list[Row]:
    if pair.winner is None:
        names: dict[int | None, str | None] = {0: "first", 1: "second"}
    else:
        names = {pair.winner: "chosen", 1 - pair.winner: "rejected"}
    return [
        {
            "pair_id": pair.pair_id,
            "person_id": vote.person_id,
            "task_id": vote.task_id,
            "preferred": names.get(vote.preferred, "tie"),
            "shown_first": names.get(vote.shown_first),
            "weight": vote.weight,
        }
        for vote in pair.votes
    ]


def _text(bias: LengthBias) -> CardText:
    cut = ", ".join(f"{count} after {limit}" for limit, count in bias.same_until.items())
    return CardText(
        title="Human preference pairs",
        tag="dpo",
        how=HOW,
        numbers=(
            f"- P(chosen is longer than rejected): {bias.p_chosen_longer:.3f} of {bias.pairs} pairs.\n"
            f"- Accuracy of always picking the longer side: {bias.longer_wins_accuracy:.3f} (0.5: no bias).\n"
            f"- Pairs whose sides differ only after so many words of prompt and response, which "
            f"train nothing if cut there: {cut}."
        ),
        limits=("A pair with one annotator is one opinion: see `n_annotators` and `weight`.",),
        trainer="DPOTrainer or RewardTrainer",
    )
