"""The sources that conversations name, such as the dataset that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.records import SharingState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.collection.collection import Collection

STORED = (SharingState.HELD, SharingState.SHARED, SharingState.PRIVATE)
"""The states of conversations that were not deleted."""


def ids_by_source(collection: Collection, states: Iterable[SharingState] = STORED) -> dict[str, set[str]]:
    """Return the ids of the conversations in these states by their source, in alphabetical order of the sources.

    Conversations that name no source stand under the empty name.
    """
    ids: dict[str, set[str]] = {}
    for batch in collection.scan_batches(("source",), states):
        names = batch.column("source").to_pylist()
        for conversation_id, name in zip(batch.column("conversation_id").to_pylist(), names, strict=True):
            ids.setdefault(name or "", set()).add(conversation_id)
    return dict(sorted(ids.items()))
