"""Reduces the plain pairs of a portion in columns; ``exports.reducing`` reduces whatever is left, item by item."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.accounting import Accounting
from exports.arrays import codes_of, one_array, rows_at, texts_of
from exports.counts import Counted, Redactions
from exports.filling import fill_columns
from exports.holders import Holders
from exports.judgments import Act
from exports.licence_names import identified
from exports.message_columns import WHITE_SPACE
from exports.omissions import OmissionReason
from exports.pair_columns import NEITHER, distinct_of_two
from exports.plan import Reduced
from exports.selections import PAIR, SHORTAGE_OF_PAIRS
from exports.shortage import Found
from exports.splits import splits_of_openings
from exports.training_content import ContentCounted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from exports.pair_columns import PairColumns
    from exports.plain_pairs import PlainPairs
    from exports.plan import Plan

TIES_TABLE = "ties"
"""The table of what has no winner (``exports.pair_tables``)."""


def reduced_columns(found: PlainPairs, folder: Path, plan: Plan) -> Reduced:
    """Reduce what is plain of a portion of the evidence.

    Args:
        found: that.
        folder: where its rows wait; it is there.
        plan: what is made of it.
    """
    pairs = found.pairs
    splits = splits_of_openings(found.openings, plan.test_share, found.linked, found.first_asked)
    won = np.flatnonzero(pairs.winners != NEITHER)
    trained = pairs.at(won)
    redactions, holders = Redactions(), _Holders(pairs, found.people)
    filled = fill_columns(
        folder,
        plan.projection,
        pairs,
        splits,
        found.omissions,
        plan.buckets,
        json_lines=plan.json_lines,
        see=holders.see,
        see_trained=redactions.see,
    )
    assert plan.projection.measure_columns is not None
    reasons = Counter(omission.reason for omission in found.omissions)
    unanswered = reasons[OmissionReason.NOT_ANSWERED]
    voted, tied = len(trained.votes.pairs), len(pairs) - len(won)
    beside = len(pairs.votes.pairs) - voted
    left_out = {
        reason.value: count for reason, count in reasons.items() if reason is not OmissionReason.NOT_ANSWERED
    }
    return Reduced(
        filled=filled,
        measure=plan.projection.measure_columns(trained),
        found=Found(
            SHORTAGE_OF_PAIRS,
            PAIR,
            len(pairs),
            found.tied,
            reasons,
            Counter(found.left_out),
            asked=True,
            on_platform=True,
        ),
        accounting=Accounting(
            judgments=found.answers,
            judgments_trained=voted,
            judgments_beside={TIES_TABLE: beside} if beside else {},
            judgments_left_out=dict(sorted(left_out.items())),
            item=PAIR,
            items=len(pairs) + sum(found.left_out.values()),
            items_trained=len(won),
            items_beside={TIES_TABLE: tied} if tied else {},
            items_left_out=dict(sorted(found.left_out.items())),
            tasks_without_judgment=unanswered,
        ),
        holders=holders.found,
        items=len(pairs),
        trained=_labels([splits[place] for place in won.tolist()]),
        redactions=redactions,
        counted=_counted(trained),
        content=_content(trained),
        dropped=Counter({reason.value: count for reason, count in reasons.items()}),
        licences=_counts(trained.distinct_of(trained.origins.licences)),
        licence_ids=_counts(trained.distinct_of(_identified(trained.origins.licences))),
        sources=_counts(trained.distinct_of(trained.origins.sources)),
        rules_versions=_counts(trained.rules_versions),
        annotators=set(holders.voters),
        names={**found.names},
    )


class _Holders:
    """Finds whose data the rows hold, as ``exports.holders.HoldersSought`` does of plain evidence.

    The answers of ``people`` who are behind no pair hold no texts: only their pseudonyms may stand in rows. What is
    plain and what is not are looked at apart, as portions are: who is behind no pair of the one is found in its rows
    alone, where their own texts are; a row of the other that happens to have the same text is not asked about.
    """

    def __init__(self, pairs: PairColumns, people: Collection[str]) -> None:
        votes, chats = pairs.votes, np.unique(pairs.chats)
        self.voters = rows_at(votes.person_ids, np.unique(votes.people)).to_pylist()
        self.found = Holders(set(self.voters), set(rows_at(pairs.origins.ids, chats).to_pylist()))
        self._others = texts_of(sorted({*people} - self.found.person_ids))

    def see(self, table: pa.Table) -> None:
        """Note the people whose pseudonyms stand in the rows of a table."""
        if len(self._others):
            for column in table.columns:
                for texts in _texts(one_array(column)):
                    trimmed = pc.utf8_trim(texts, characters=WHITE_SPACE)
                    self.found.person_ids.update(trimmed.filter(pc.is_in(trimmed, self._others)).to_pylist())


def _texts(values: pa.Array) -> Iterator[pa.StringArray]:
    """Yield all texts in an array, however deep they lie in it."""
    if pa.types.is_list(values.type):
        yield from _texts(values.flatten())
    elif pa.types.is_struct(values.type):
        for field in values.flatten():
            yield from _texts(field)
    elif pa.types.is_string(values.type):
        yield values


def _counted(trained: PairColumns) -> Counted:
    votes = trained.votes
    people = set(rows_at(votes.person_ids, np.unique(votes.people)).to_pylist())
    return Counted(
        items=len(trained),
        single=int((trained.n_votes == 1).sum()),  # a person has one vote on a pair
        asked=Counter({Act.COMPARISON: len(votes.pairs)}) if len(votes.pairs) else Counter(),
        people=people,
        people_asked=set(people),
    )


def _content(trained: PairColumns) -> ContentCounted:
    origins = trained.origins
    last = pc.max(trained.votes.updated_at).as_py()
    models = distinct_of_two(*(rows_at(trained.models, trained.responses[:, side]) for side in (0, 1)))
    return ContentCounted(
        languages=_counts(trained.distinct_of(origins.languages)),
        models=_counts(models),
        judged_until=None if last is None else last.astimezone(UTC),
    )


def _labels(splits: Sequence[str]) -> dict[str, Counter[bool | None]]:
    return {split: Counter({None: count}) for split, count in Counter(splits).items()}


def _identified(names: pa.Array) -> pa.Array:
    """Return licences by their SPDX identifiers, where these are sure."""
    codes, known = codes_of(names)
    return rows_at(texts_of([identified(name) for name in known]), codes)


def _counts(names: pa.Array) -> Counter[str]:
    """Return the number of pairs by name."""
    every = names.flatten() if pa.types.is_list(names.type) else names
    return Counter({it["values"]: it["counts"] for it in every.value_counts().to_pylist()})
