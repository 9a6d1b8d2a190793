"""The tables of preference pairs in columns: the same rows as those of ``exports.pair_tables``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from exports.arrays import floats_of, lists_of, numbers_of, rows_at, texts_of
from exports.columns import MESSAGE
from exports.json_columns import stored_schema
from exports.pair_columns import NEITHER
from exports.pair_schemas import PROVENANCE, TIES, VOTES
from exports.pairs import Origin
from workspaces.kinds import BOTH_BAD
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.arrays import Numbers
    from exports.columns import Columns
    from exports.pair_columns import PairColumns
    from exports.projection import Placed


def to_train_on(every: PairColumns, columns: Columns) -> Placed:
    """Return prompt, chosen and rejected of the decided pairs, and the place of each row's pair."""
    places = decided(every)
    pairs = every.at(places)
    arrays = {
        "prompt": prompts_of(pairs),
        "chosen": replies_of(pairs, pairs.chosen),
        "rejected": replies_of(pairs, 1 - pairs.chosen),
    }
    return in_schema(arrays, columns), places


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


def provenance_rows(every: PairColumns) -> Placed:
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


def tie_rows(every: PairColumns) -> Placed:
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


def vote_rows_of(pairs: PairColumns) -> Placed:
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
