"""The tables of preference pairs that every projection of pairs has beside the one to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from exports.arrays import floats_of, lists_of, numbers_of, rows_at, texts_of
from exports.columns import (
    COUNT,
    FLAG,
    MESSAGE,
    MESSAGES,
    NUMBER,
    ORIGIN,
    TEXT,
    TEXTS,
    messages,
    origin,
    reply,
    tools,
)
from exports.json_columns import stored_schema
from exports.pair_columns import NEITHER
from exports.pairs import Origin
from exports.projection import TableSpec
from exports.selections import is_decided, is_tied
from workspaces.kinds import BOTH_BAD
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.arrays import Numbers
    from exports.columns import Columns, Row
    from exports.pair_columns import PairColumns
    from exports.pairs import PreferencePair

PROVENANCE: Columns = {
    "pair_id": TEXT,
    "conversation_ids": TEXTS,
    "chosen_message_ids": TEXTS,
    "rejected_message_ids": TEXTS,
    "chosen_origin": TEXT,
    "rejected_origin": TEXT,
    "chosen_rewrite_of": TEXTS,
    "rejected_rewrite_of": TEXTS,
    "chosen_models": TEXTS,
    "rejected_models": TEXTS,
    "votes_chosen": COUNT,
    "votes_rejected": COUNT,
    "votes_tie": COUNT,
    "votes_both_bad": COUNT,
    "votes_skip": COUNT,
    "n_annotators": COUNT,
    "agreement": NUMBER,
    "strength": NUMBER,
    "weight": NUMBER,
    "margin": NUMBER,
    "posterior": NUMBER,
    "chosen_shown_first": COUNT,
    "rejected_shown_first": COUNT,
    "adjudicated": FLAG,
    **ORIGIN,
}
TIES: Columns = {
    "pair_id": TEXT,
    "prompt": MESSAGES,
    "first": MESSAGES,
    "second": MESSAGES,
    "votes_first": COUNT,
    "votes_second": COUNT,
    "votes_tie": COUNT,
    "votes_both_bad": COUNT,
    "votes_skip": COUNT,
    "first_shown_first": COUNT,
    "second_shown_first": COUNT,
    "conversation_ids": TEXTS,
    "first_message_ids": TEXTS,
    "second_message_ids": TEXTS,
    "first_origin": TEXT,
    "second_origin": TEXT,
    "first_rewrite_of": TEXTS,
    "second_rewrite_of": TEXTS,
    "first_models": TEXTS,
    "second_models": TEXTS,
    **ORIGIN,
}
VOTES: Columns = {
    "pair_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "preferred": TEXT,
    "shown_first": TEXT,
    "strength": NUMBER,
    "weight": NUMBER,
}


def provenance(pair: PreferencePair) -> list[Row]:
    """Return the row of ``PROVENANCE`` of a pair."""
    winner = pair.winner or 0
    return [
        {
            "pair_id": pair.pair_id,
            "conversation_ids": list(pair.conversation_ids),
            "chosen_message_ids": list(pair.chosen.message_ids),
            "rejected_message_ids": list(pair.rejected.message_ids),
            "chosen_origin": pair.chosen.origin.value,
            "rejected_origin": pair.rejected.origin.value,
            "chosen_rewrite_of": list(pair.chosen.rewrite_of),
            "rejected_rewrite_of": list(pair.rejected.rewrite_of),
            "chosen_models": list(pair.chosen.models),
            "rejected_models": list(pair.rejected.models),
            "votes_chosen": pair.count(winner),
            "votes_rejected": pair.count(1 - winner),
            "votes_tie": pair.count(None),
            "votes_both_bad": pair.n_both_bad,
            "votes_skip": pair.skips,
            "n_annotators": len(pair.votes),
            "agreement": pair.agreement,
            "strength": pair.strength,
            "weight": pair.weight,
            "margin": pair.margin,
            "posterior": pair.posterior,
            "chosen_shown_first": pair.shown_first(winner),
            "rejected_shown_first": pair.shown_first(1 - winner),
            "adjudicated": pair.adjudicated is not None,
            **origin(pair),
        }
    ]


def _ties(pair: PreferencePair) -> list[Row]:
    first, second = pair.sides
    return [
        {
            "pair_id": pair.pair_id,
            "prompt": messages(pair.prompt),
            "first": reply(first.text),
            "second": reply(second.text),
            "votes_first": pair.count(0),
            "votes_second": pair.count(1),
            "votes_tie": pair.count(None),
            "votes_both_bad": pair.n_both_bad,
            "votes_skip": pair.skips,
            "first_shown_first": pair.shown_first(0),
            "second_shown_first": pair.shown_first(1),
            "conversation_ids": list(pair.conversation_ids),
            "first_message_ids": list(first.message_ids),
            "second_message_ids": list(second.message_ids),
            "first_origin": first.origin.value,
            "second_origin": second.origin.value,
            "first_rewrite_of": list(first.rewrite_of),
            "second_rewrite_of": list(second.rewrite_of),
            "first_models": list(first.models),
            "second_models": list(second.models),
            **origin(pair),
            **tools(pair.prompt),
        }
    ]


def vote_rows(pair: PreferencePair) -> list[Row]:
    """Return the rows of ``VOTES`` of a pair."""
    if pair.winner is None:
        names: dict[int | None, str | None] = {0: "first", 1: "second"}
    else:
        names = {pair.winner: "chosen", 1 - pair.winner: "rejected"}
    return [
        {
            "pair_id": pair.pair_id,
            "person_id": vote.person_id,
            "task_id": vote.task_id,
            "preferred": BOTH_BAD if vote.both_bad else names.get(vote.preferred, "tie"),
            "shown_first": names.get(vote.shown_first),
            "strength": None if vote.strength is None else float(vote.strength),
            "weight": vote.weight,
        }
        for vote in pair.votes
    ]


def decided(pairs: PairColumns) -> Numbers:
    """Return the places of the decided pairs."""
    return np.flatnonzero(pairs.winners != NEITHER)


def prompts_of(pairs: PairColumns) -> pa.ListArray:
    """Return the values of a ``MESSAGES`` column for the prompts of pairs."""
    ways, messages = pairs.prompts, pairs.messages
    roles = rows_at(texts_of([*Role]), messages.roles[ways.rows])
    turns = pa.StructArray.from_arrays([roles, rows_at(messages.contents, ways.rows)], names=[*MESSAGE])
    return lists_of(turns, ways.lengths)


def replies_of(pairs: PairColumns, sides: Numbers) -> pa.ListArray:
    """Return the values of a ``MESSAGES`` column for the responses on these sides."""
    texts = rows_at(pairs.messages.contents, pairs.of(sides))
    roles = pa.repeat(pa.scalar(Role.ASSISTANT.value), len(texts))
    return lists_of(
        pa.StructArray.from_arrays([roles, texts], names=[*MESSAGE]), np.ones(len(texts), np.int64)
    )


def _of_sides(pairs: PairColumns, names: Mapping[str, Numbers]) -> dict[str, pa.Array]:
    """Return the columns about the responses on some sides, by what each side is called."""
    columns: dict[str, pa.Array] = {}
    one = np.ones(len(pairs), np.int64)
    none = lists_of(texts_of([]), 0 * one)
    for name, sides in names.items():
        rows = pairs.of(sides)
        columns[f"{name}_message_ids"] = lists_of(rows_at(pairs.messages.ids, rows), one)
        columns[f"{name}_models"] = lists_of(rows_at(pairs.models, rows), one)
        columns[f"{name}_origin"] = pa.repeat(pa.scalar(Origin.MODEL.value), len(pairs))
        columns[f"{name}_rewrite_of"] = none
        columns[f"votes_{name}"] = numbers_of(pairs.count(sides))
        columns[f"{name}_shown_first"] = numbers_of(pairs.shown_first(sides))
    return columns


def _of_pairs(pairs: PairColumns) -> dict[str, pa.Array]:
    """Return the columns that decided and tied pairs have alike."""
    return {
        "pair_id": pairs.ids,
        "conversation_ids": pairs.distinct_of(pairs.origins.ids),
        "votes_tie": numbers_of(pairs.counts[:, 2]),
        "votes_both_bad": numbers_of(pairs.counts[:, 3]),
        "votes_skip": numbers_of(pairs.skips),
        "rules_versions": lists_of(pairs.rules_versions, np.ones(len(pairs), np.int64)),
        "licences": pairs.distinct_of(pairs.origins.licences),
        "sources": pairs.distinct_of(pairs.origins.sources),
    }


def _provenance_columns(every: PairColumns) -> tuple[pa.Table, Numbers]:
    """Return the rows of ``PROVENANCE`` of the decided pairs, and the place of each row's pair."""
    places = decided(every)
    pairs = every.at(places)
    columns = {
        **_of_pairs(pairs),
        **_of_sides(pairs, {"chosen": pairs.chosen, "rejected": 1 - pairs.chosen}),
        "n_annotators": numbers_of(pairs.n_votes),
        "agreement": floats_of(pairs.agreement),
        "strength": floats_of(pairs.strength),
        "weight": floats_of(pairs.weight),
        "margin": floats_of(pairs.margin),
        "posterior": floats_of(pairs.posterior, ~np.isnan(pairs.posterior)),
        "adjudicated": pa.repeat(pa.scalar(False), len(pairs)),
    }
    return in_schema(columns, PROVENANCE), places


def _tie_columns(every: PairColumns) -> tuple[pa.Table, Numbers]:
    """Return the rows of ``TIES`` of the tied pairs, and the place of each row's pair."""
    places = np.flatnonzero(every.winners == NEITHER)
    pairs = every.at(places)
    first = np.zeros(len(pairs), np.int64)
    columns = {
        **_of_pairs(pairs),
        **_of_sides(pairs, {"first": first, "second": 1 - first}),
        "prompt": prompts_of(pairs),
        "first": replies_of(pairs, first),
        "second": replies_of(pairs, 1 - first),
    }
    return in_schema(columns, TIES), places


def _vote_columns(pairs: PairColumns) -> tuple[pa.Table, Numbers]:
    """Return the rows of ``VOTES`` of pairs, and the place of each row's pair."""
    votes = pairs.votes
    names = texts_of(["first", "second", "chosen", "rejected", "tie", BOTH_BAD])
    winners = pairs.winners[votes.pairs]

    def named(sides: Numbers) -> Numbers:
        return np.where(winners == NEITHER, sides, np.where(sides == winners, 2, 3))

    preferred = np.where(votes.preferred == NEITHER, 4, named(votes.preferred))
    asked = votes.strengths != NEITHER
    columns = {
        "pair_id": rows_at(pairs.ids, votes.pairs),
        "person_id": rows_at(votes.person_ids, votes.people),
        "task_id": rows_at(pairs.task_ids, votes.pairs),
        "preferred": rows_at(names, np.where(votes.both_bad, 5, preferred)),
        "shown_first": rows_at(names, named(votes.first_shown)),
        "strength": floats_of(votes.strengths.astype(np.float64), asked),
        "weight": floats_of(votes.weights),
    }
    return in_schema(columns, VOTES), votes.pairs


def in_schema(arrays: Mapping[str, pa.Array], columns: Columns) -> pa.Table:
    """Return arrays as a table of these columns."""
    return pa.Table.from_arrays([arrays[name] for name in columns], schema=stored_schema(columns))


def beside_pairs() -> Sequence[TableSpec[PreferencePair]]:
    """Return the tables ``provenance``, ``ties`` and ``votes``."""
    return (
        TableSpec(
            "provenance",
            "where each pair comes from",
            PROVENANCE,
            provenance,
            accepts=is_decided,
            of_columns=_provenance_columns,
        ),
        TableSpec("ties", "pairs without a majority", TIES, _ties, accepts=is_tied, of_columns=_tie_columns),
        TableSpec("votes", "every vote, under a pseudonym", VOTES, vote_rows, of_columns=_vote_columns),
    )


METHOD = """\
A vote says which of two responses to one prompt is better, that neither is, or that both are bad; where
it was asked, `strength` in `votes` says how much, from 0 to 3. A ranking of n responses is a vote on each
two of them, and these n (n - 1) / 2 votes weigh together as much as one. A side of the origin `generated`
stands in no chat log: a model was asked for it, to be compared. A rewrite that other people judged, not
knowing which of the two texts it was, is a side if they accepted it (`accepted_rewrite`), by their votes
alone; once accepted it is also compared with other responses to its prompt. Where nobody was asked, a rewrite is a
vote for the rewrite over the response (`human_edit`), and the writer counts as one annotator. Such a side has no
message and no model; its `rewrite_of` names the response that it replaces. Votes on the same prompt and texts are
pooled, one per person; votes of one person at one time that differ are a tie. The side with more than half of all
votes, ties included, is `chosen`; where there is none, the pair is in `ties`. `votes_skip` counts people
who discarded the comparison. Where votes disagree a lead may have decided (`adjudicated`): then `chosen` is
the side that they named, whatever the votes. A prompt keeps calls of tools and their results; reasoning is left out.

`pair_id` is a hash of prompt and texts. Row *n* of a split in `provenance` tells of row *n* of that
split in the first configuration, which holds only what a trainer accepts. `agreement` is the share of
the most frequent vote, `strength` (chosen - rejected) / votes, `weight` the summed confidence behind
`chosen` per vote, `margin` the mean of the votes towards `chosen` by confidence: a vote for it counts its
strength, or 1 where none was asked, a vote against it as much below 0. `posterior` is the probability that
`chosen` is better, by Dawid and Skene's model in the newest report; null where none has computed it. With
the rule `weights: none` every vote weighs 1 in these; with `weights: posterior`, `weight` is `posterior`,
and `margin` that of `chosen` less that of the other side, where there is one."""
"""How pairs are made of answers, for the card."""

SURE = "`weight` and `n_annotators` in `provenance` tell how sure a pair is."
"""A limit of every projection of pairs."""
