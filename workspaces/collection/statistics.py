"""Statistics of a collection, computed from the columns of its files without reading the texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from workspaces.records import SharingState
from workspaces.store import conversations as register
from workspaces.store import near_duplicates, omissions
from workspaces.store.challenges import challenge_counts
from workspaces.store.counterparts import generated_by_model
from workspaces.store.moderations import moderation_counts
from workspaces.store.parts import parts_in
from workspaces.store.topics import topic_sizes

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from workspaces.collection.collection import Collection
    from workspaces.store import Store

HELD_OR_SHARED = (SharingState.HELD, SharingState.SHARED)
"""The states of the conversations that are counted and can be looked at."""

UNDETERMINED = "und"
"""The language code of a text that is too short or too mixed to detect its language. Source: ISO 639-2."""

COLUMNS = ("model_name", "source", "language", "detected_language", "flags", "turns", "words", "timestamp")


@dataclass(slots=True)
class CollectionStatistics:
    """Counts over the conversations that are held or shared.

    ``languages`` counts the detected languages, the language in the log where none was detected, or ``und``. In
    ``words``, a character of a script without spaces counts as a word. ``near_duplicates`` counts the conversations
    that resemble another one, which form ``near_duplicate_groups``. The keys of ``added_by_week`` and
    ``written_by_week`` are ISO weeks such as ``2026-W05``. ``generated`` counts the responses that models were asked
    for, by model; they are in no other figure but ``flags``.
    """

    conversations: int = 0
    states: dict[str, int] = field(default_factory=dict)
    givers: int = 0
    turns: int = 0
    words: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    challenge: dict[str, dict[int, int]] = field(default_factory=dict)
    moderated: dict[str, dict[str, int]] = field(default_factory=dict)
    near_duplicates: int = 0
    near_duplicate_groups: int = 0
    files: int = 0
    added_by_week: dict[str, int] = field(default_factory=dict)
    written_by_week: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    generated: dict[str, int] = field(default_factory=dict)

    @property
    def all_flags(self) -> dict[str, int]:
        """The number of conversations by flag, then of messages by the moderation endpoint that flagged them."""
        flagged = {
            f"messages flagged by {name}": counts["flagged"] for name, counts in self.moderated.items()
        }
        return {**self.flags, **flagged}


def statistics(collection: Collection, store: Store, advance: Callable[[int], None]) -> CollectionStatistics:
    """Return the statistics of a collection; a few hundred conversations are in memory at a time.

    Args:
        collection: the collection.
        store: registers its conversations and their labels.
        advance: is called with the number of conversations of each batch.
    """
    counted = CollectionStatistics()
    sources, models, languages, flags, weeks = (Counter[str]() for _ in range(5))
    for batch in collection.scan_batches(COLUMNS, HELD_OR_SHARED):
        counted.conversations += batch.num_rows
        counted.turns += pc.sum(batch.column("turns")).as_py() or 0
        counted.words += pc.sum(batch.column("words")).as_py() or 0
        sources.update(_counts(batch.column("source")))
        models.update(_counts(batch.column("model_name")))
        batch_languages = pc.coalesce(batch.column("detected_language"), batch.column("language"))
        languages.update(_counts(batch_languages))
        undetermined = batch_languages.null_count
        languages.update({UNDETERMINED: undetermined} if undetermined else {})
        flags.update(_counts(pc.list_flatten(batch.column("flags"))))
        weeks.update(f"{time:%G-W%V}" for time in batch.column("timestamp").drop_null().to_pylist())
        advance(batch.num_rows)
    with store.read() as connection:
        counted.states = {state.value: count for state, count in register.count_by_state(connection).items()}
        counted.givers = register.count_givers(connection)
        counted.files = len(parts_in(connection))
        counted.added_by_week = register.added_by_week(connection)
        counted.near_duplicates, counted.near_duplicate_groups = near_duplicates.count(connection)
        counted.topics = topic_sizes(connection)
        counted.challenge = challenge_counts(connection)
        counted.moderated = moderation_counts(connection)
        counted.generated = generated_by_model(connection)
        counted.left_out = omissions.counts_by_kind(connection)
    counted.written_by_week = dict(sorted(weeks.items()))
    counted.sources, counted.models = _largest_first(sources), _largest_first(models)
    counted.languages, counted.flags = _largest_first(languages), _largest_first(flags)
    return counted


def _largest_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _counts(column: pa.Array) -> dict[str, int]:
    return {
        entry["values"]: entry["counts"]
        for entry in pc.value_counts(column).to_pylist()
        if entry["values"] is not None
    }
