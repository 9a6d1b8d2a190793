"""The tables of preference pairs in columns: the same rows as those of ``exports.pair_tables``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import floats_of, lists_of, numbers_of, rows_at, texts_of
from exports.canonical import joined
from exports.columns import MESSAGE
from exports.json_columns import stored_schema
from exports.pair_columns import NEITHER
from exports.pairs import Origin
from workspaces.kinds import BOTH_BAD
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.arrays import Numbers
    from exports.columns import Columns
    from exports.message_columns import Messages, Ways
    from exports.pair_columns import PairColumns
    from exports.projection import Placed


def prompted_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return prompt, chosen and rejected as messages, and a margin, not negative, where it is among the columns."""
    pairs, places = decided(every)
    sides = {name: replies_of(pairs, side) for name, side in _sides(pairs).items()}
    margin = {"margin": floats_of(np.maximum(pairs.margin, 0.0))} if "margin" in columns else {}
    return in_schema({"prompt": turns_of(pairs.messages, pairs.prompts), **sides, **margin}, columns), places


def whole_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return chosen and rejected as messages, each behind the prompt."""
    pairs, places = decided(every)
    ways = {name: pairs.prompts.on_to(pairs.of(side)) for name, side in _sides(pairs).items()}
    return in_schema({name: turns_of(pairs.messages, way) for name, way in ways.items()}, columns), places


def message_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return the prompt as messages, and chosen and rejected as one message each, without white space around it."""
    pairs, places = decided(every)
    sides = {
        name: _replies(rows_at(pairs.messages.stripped, pairs.of(side)))
        for name, side in _sides(pairs).items()
    }
    return in_schema({"messages": turns_of(pairs.messages, pairs.prompts), **sides}, columns), places


def turn_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return the prompt as messages, chosen and rejected as one message each, and no tools."""
    pairs, places = decided(every)
    arrays = {
        "conversations": turns_of(pairs.messages, pairs.prompts),
        **{
            name: _replies(rows_at(pairs.messages.contents, pairs.of(side)))
            for name, side in _sides(pairs).items()
        },
        "tools": pa.repeat(pa.scalar(""), len(pairs)),
    }
    return in_schema(arrays, columns), places


def ranked_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return the prompt as messages, and chosen and rejected as completions with ranks 0 and 1."""
    pairs, places = decided(every)
    ranked = np.stack([pairs.chosen, 1 - pairs.chosen], axis=1)
    rows = pairs.responses[np.arange(len(pairs))[:, None], ranked].ravel()
    replies = lists_of(_replies(rows_at(pairs.messages.contents, rows)), np.ones(len(rows), np.int64))
    ranks = numbers_of(np.tile([0, 1], len(pairs)))
    completions = pa.StructArray.from_arrays([ranks, replies], names=["rank", "completion"])
    arrays = {
        "context": turns_of(pairs.messages, pairs.prompts),
        "completions": lists_of(completions, np.full(len(pairs), 2)),
    }
    return in_schema(arrays, columns), places


def text_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return prompt, chosen and rejected as texts (``exports.columns.flat_prompt``)."""
    pairs, places = decided(every)
    messages, ways = pairs.messages, pairs.prompts
    texts = {name: rows_at(messages.contents, pairs.of(side)) for name, side in _sides(pairs).items()}
    roles = rows_at(texts_of([f"{role}: " for role in Role]), messages.roles[ways.rows])
    turns = lists_of(joined(roles, rows_at(messages.contents, ways.rows)), ways.lengths)
    several = joined(pc.binary_join(turns, "\n\n"), f"\n\n{Role.ASSISTANT}:")
    alone = rows_at(messages.contents, ways.rows[np.cumsum(ways.lengths) - 1])
    single = numbers_of(ways.lengths == 1).cast(pa.bool_())
    return in_schema({"prompt": pc.if_else(single, alone, several), **texts}, columns), places


def decided(every: PairColumns) -> tuple[PairColumns, Numbers]:
    """Return the decided pairs, and their places."""
    places = np.flatnonzero(every.winners != NEITHER)
    return every.at(places), places


def _sides(pairs: PairColumns) -> dict[str, Numbers]:
    return {"chosen": pairs.chosen, "rejected": 1 - pairs.chosen}


def turns_of(messages: Messages, ways: Ways) -> pa.ListArray:
    """Return the values of a ``MESSAGES`` column for ways through messages."""
    roles = rows_at(texts_of([*Role]), messages.roles[ways.rows])
    turns = pa.StructArray.from_arrays([roles, rows_at(messages.contents, ways.rows)], names=[*MESSAGE])
    return lists_of(turns, ways.lengths)


def replies_of(pairs: PairColumns, sides: Numbers) -> pa.ListArray:
    """Return the values of a ``MESSAGES`` column for the responses on these sides."""
    texts = rows_at(pairs.messages.contents, pairs.of(sides))
    return lists_of(_replies(texts), np.ones(len(texts), np.int64))


def _replies(texts: pa.Array) -> pa.StructArray:
    roles = pa.repeat(pa.scalar(Role.ASSISTANT.value), len(texts))
    return pa.StructArray.from_arrays([roles, texts], names=[*MESSAGE])


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


def provenance_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return the rows of ``PROVENANCE`` of the decided pairs, and the place of each row's pair."""
    pairs, places = decided(every)
    arrays = {
        **_of_pairs(pairs),
        **_of_sides(pairs, _sides(pairs)),
        "n_annotators": numbers_of(pairs.n_votes),
        "agreement": floats_of(pairs.agreement),
        "strength": floats_of(pairs.strength),
        "weight": floats_of(pairs.weight),
        "margin": floats_of(pairs.margin),
        "posterior": floats_of(pairs.posterior, ~np.isnan(pairs.posterior)),
        "adjudicated": pa.repeat(pa.scalar(False), len(pairs)),
    }
    return in_schema(arrays, columns), places


def tie_rows(every: PairColumns, columns: Columns) -> Placed:
    """Return the rows of ``TIES`` of the tied pairs, and the place of each row's pair."""
    places = np.flatnonzero(every.winners == NEITHER)
    pairs = every.at(places)
    first = np.zeros(len(pairs), np.int64)
    arrays = {
        **_of_pairs(pairs),
        **_of_sides(pairs, {"first": first, "second": 1 - first}),
        "prompt": turns_of(pairs.messages, pairs.prompts),
        "first": replies_of(pairs, first),
        "second": replies_of(pairs, 1 - first),
    }
    return in_schema(arrays, columns), places


def vote_rows(pairs: PairColumns, columns: Columns) -> Placed:
    """Return the rows of ``VOTES`` of pairs, and the place of each row's pair."""
    votes = pairs.votes
    names = texts_of(["first", "second", "chosen", "rejected", "tie", BOTH_BAD])
    winners = pairs.winners[votes.pairs]

    def named(sides: Numbers) -> Numbers:
        return np.where(winners == NEITHER, sides, np.where(sides == winners, 2, 3))

    preferred = np.where(votes.preferred == NEITHER, 4, named(votes.preferred))
    asked = votes.strengths != NEITHER
    arrays = {
        "pair_id": rows_at(pairs.ids, votes.pairs),
        "person_id": rows_at(votes.person_ids, votes.people),
        "task_id": rows_at(pairs.task_ids, votes.pairs),
        "preferred": rows_at(names, np.where(votes.both_bad, 5, preferred)),
        "shown_first": rows_at(names, named(votes.first_shown)),
        "strength": floats_of(votes.strengths.astype(np.float64), asked),
        "weight": floats_of(votes.weights),
    }
    return in_schema(arrays, columns), votes.pairs


def in_schema(arrays: Mapping[str, pa.Array], columns: Columns) -> pa.Table:
    """Return arrays as a table of these columns."""
    return pa.Table.from_arrays([arrays[name] for name in columns], schema=stored_schema(columns))
