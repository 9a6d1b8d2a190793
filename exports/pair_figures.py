"""Measures decided pairs in columns, as ``exports.measurements.PairFigures`` measures them one by one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import rows_at
from exports.choice_bias import FEATURES, Clusters
from exports.label_noise import LabelVotes
from exports.length_bias import LIMITS, LengthBias, common_words
from exports.measurements import PairFigures
from exports.pair_columns import NEITHER
from exports.truncation import BYTES_OF_A_TOKEN
from workspaces.text_style import style_of

if TYPE_CHECKING:
    from exports.arrays import Flags, Numbers
    from exports.pair_columns import PairColumns

MAY_HAVE_STYLE = r"(?m)[#*`~]|__|^[ \t]*(?:[-+]|[^\p{L}\p{M}\p{P}\p{S}\p{Z}\p{C}])"
"""Matches every text with Markdown that ``style_of`` counts, and some without.

What is nothing else may be a digit: Python may know some of a later Unicode than Arrow does.
"""


def pair_figures(pairs: PairColumns) -> PairFigures:
    """Return the figures of pairs, all with a winner."""
    sides = {
        side: rows_at(pairs.messages.contents, pairs.of(side_of)) for side, side_of in _sides(pairs).items()
    }
    chosen, rejected = (np.asarray(pc.utf8_length(texts), np.int64) for texts in sides.values())
    sizes = np.asarray(pc.binary_length(pairs.messages.contents), np.int64)
    longest = pairs.prompts.characters(sizes) + sizes[pairs.responses].max(axis=1)
    _, clusters = np.unique(pairs.prompt_codes, return_inverse=True)
    for_it, against = pairs.count(pairs.chosen), pairs.count(1 - pairs.chosen)
    votes = np.stack([for_it, against, pairs.n_votes - for_it - against], axis=1)
    said, times = np.unique(votes, axis=0, return_counts=True)
    return PairFigures(
        pairs=len(pairs),
        prompts=int(clusters.max(initial=-1)) + 1,
        length=LengthBias(
            pairs=len(pairs),
            chosen_longer=int((chosen > rejected).sum()),
            equal_length=int((chosen == rejected).sum()),
            same_until=_same_until(pairs, *sides.values()),
        ),
        position=_position(pairs, clusters),
        styles=_styles(clusters, *sides.values()),
        tokens=_counter(-(-longest // BYTES_OF_A_TOKEN)),
        chosen=_counter(chosen),
        rejected=_counter(rejected),
        agreement=_counter(pairs.agreement),
        votes=Counter(
            {LabelVotes(*each): count for each, count in zip(said.tolist(), times.tolist(), strict=True)}
        ),
    )


def _sides(pairs: PairColumns) -> dict[str, Numbers]:
    return {"chosen": pairs.chosen, "rejected": 1 - pairs.chosen}


def _counter(values: Any) -> Counter[Any]:
    distinct, times = np.unique(values, return_counts=True)
    return Counter(dict(zip(distinct.tolist(), times.tolist(), strict=True)))


def _same_until(pairs: PairColumns, chosen: pa.Array, rejected: pa.Array) -> dict[int, int]:
    """Return how many pairs are the same until so many words; a text of n characters has (n + 1) / 2 words at most."""
    found = dict.fromkeys(LIMITS, 0)
    characters = np.asarray(pc.utf8_length(pairs.messages.contents), np.int64)
    words = (characters + 1) // 2
    most = pairs.prompts.characters(words) + words[pairs.responses].min(axis=1)
    long = np.flatnonzero(most >= min(LIMITS))
    if not len(long):
        return found
    prompts = pairs.prompts.at(long)
    used = np.unique(prompts.rows)
    texts = rows_at(pairs.messages.contents, used).to_pylist()
    counts = np.zeros(len(words), np.int64)
    counts[used] = [len(text.split()) for text in texts]
    before = prompts.characters(counts).tolist()
    both = (rows_at(side, long).to_pylist() for side in (chosen, rejected))
    for asked, one, other in zip(before, *both, strict=True):
        first_difference = asked + common_words(one, other)
        for limit in LIMITS:
            found[limit] += first_difference >= limit
    return found


def _position(pairs: PairColumns, clusters: Numbers) -> Clusters:
    votes = pairs.votes
    told = (votes.preferred != NEITHER) & (votes.first_shown != NEITHER)
    of = clusters[votes.pairs[told]]
    return _clusters(of, (votes.preferred == votes.first_shown)[told])


def _styles(clusters: Numbers, chosen: pa.Array, rejected: pa.Array) -> dict[str, Clusters]:
    more = {name: ([], []) for name in FEATURES}  # type: dict[str, tuple[list[int], list[bool]]]
    may = np.asarray(
        pc.or_(*(pc.match_substring_regex(side, MAY_HAVE_STYLE) for side in (chosen, rejected))).cast(
            pa.uint8()
        ),
        np.bool_,
    )
    there = np.flatnonzero(may)
    both = (rows_at(side, there).to_pylist() for side in (chosen, rejected))
    for cluster, one, other in zip(clusters[there].tolist(), *both, strict=True):
        of_one, of_other = style_of(one), style_of(other)
        for name, (where, won) in more.items():
            mine, theirs = getattr(of_one, name), getattr(of_other, name)
            if mine != theirs:
                where.append(cluster)
                won.append(mine > theirs)
    return {
        name: _clusters(np.array(where, np.int64), np.array(won, np.bool_))
        for name, (where, won) in more.items()
    }


def _clusters(of: Numbers, counted: Flags) -> Clusters:
    """Return the sums over clusters of cases, each with its cluster and whether it is counted."""
    sizes = np.bincount(of)
    counts = np.bincount(of[counted], minlength=len(sizes))
    counts, sizes = counts[sizes > 0], sizes[sizes > 0]
    return Clusters(
        len(sizes),
        int(counts.sum()),
        int(sizes.sum()),
        int((counts * counts).sum()),
        int((counts * sizes).sum()),
        int((sizes * sizes).sum()),
    )
