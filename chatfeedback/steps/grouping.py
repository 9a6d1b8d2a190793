"""Divides conversations so that what can meet in an item of an export, or belongs into one split, stays together.

Conversations belong together if a task shows both, if they are near duplicates, or if prompts in them have the same
opening (``exports.splits.normalised_opening``) or nearly the same one, over any number of steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chatfeedback.steps.openings import texts_of
from exports.splits import digest_of
from workspaces.collection.near_duplicates.finder import THRESHOLD
from workspaces.collection.near_duplicates.index import pairs_within
from workspaces.collection.near_duplicates.signatures import jaccard, shingles

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from chatfeedback.steps.openings import Openings

    Numbers = NDArray[np.int64]


class Groups:
    """Names that belong together, joined pair by pair."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """Say that two names belong together."""
        first, second = sorted((self.of(one), self.of(other)))
        self._parents[second] = first

    def of(self, name: str) -> str:
        """Return the name that stands for all that belong together: whatever was joined in whatever order."""
        parents = self._parents
        root = parents.setdefault(name, name)
        while parents[root] != root:
            root = parents[root]
        while parents[name] != root:
            parents[name], name = root, parents[name]
        return root


def together(size: int, one: Numbers, other: Numbers) -> Numbers:
    """Return for each of ``size`` numbers the least one that it belongs together with.

    Args:
        size: how many there are, from 0.
        one: numbers, each of which belongs together with that of ``other`` at the same place.
        other: as many.
    """
    roots = np.arange(size)
    while True:
        low, high = np.minimum(roots[one], roots[other]), np.maximum(roots[one], roots[other])
        apart = low < high
        if not apart.any():
            return roots
        np.minimum.at(roots, high[apart], low[apart])
        while (roots[roots] != roots).any():
            roots = roots[roots]


def chained(labels: NDArray[np.uint64] | Numbers, numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Return pairs of ``numbers`` that join all with the same label."""
    order = np.argsort(labels, kind="stable")
    same = np.flatnonzero(labels[order][1:] == labels[order][:-1])
    return numbers[order[same]], numbers[order[same + 1]]


def with_near_openings(
    near_duplicates: Mapping[str, str],
    openings: Openings,
    read: Callable[[Collection[str]], Iterable[pa.RecordBatch]],
) -> dict[str, str]:
    """Return the group of each conversation that has a near duplicate, or whose opening has one.

    Conversations that ask nearly the same are no near duplicates where the responses differ.

    Args:
        near_duplicates: the groups of conversations that are near duplicates as wholes, by id.
        openings: those that are signed are compared.
        read: returns conversations by their ids.
    """
    pairs = pairs_within(openings.bands)
    alike = np.unique(pairs)
    if not len(alike):
        return dict(near_duplicates)
    groups = Groups()
    for name, group in near_duplicates.items():
        groups.join(name, f"\0{group}")
    places = openings.signed[alike]
    owners = openings.names.take(openings.owners[places].tolist()).to_pylist()
    digests = [digest.tobytes() for digest in openings.digests[places]]
    wanted = {*digests}
    texts = {
        digest: text
        for batch in read({*owners})
        for _, text in texts_of(batch)
        if (digest := digest_of(text)) in wanted
    }
    shingled = shingles([texts[digest] for digest in digests])
    hashes = [shingled.of(number) for number in range(len(digests))]
    names = {*near_duplicates}
    for one, other in np.searchsorted(alike, pairs).tolist():
        both = owners[one], owners[other]
        if groups.of(both[0]) != groups.of(both[1]) and jaccard(hashes[one], hashes[other]) >= THRESHOLD:
            groups.join(*both)
            names.update(both)
    return {name: groups.of(name) for name in names}
