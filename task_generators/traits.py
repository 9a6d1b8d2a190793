"""What tasks are about: the languages, topics and models by which mixes filter and bound them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.generation import EACH, OnlyConfig
from workspaces.keys import KeyIndex, keys_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa
    from numpy.typing import NDArray

    from task_generators.candidates import TaskCandidate
    from task_generators.outlines import Outlines
    from workspaces.config import MixConfig
    from workspaces.records import Task
    from workspaces.store.topic_labels import Labels

COLUMNS = ("detected_language", "language", "model_name", "source", "timestamp", "flags")
"""The columns of the collection that facts are made of, in addition to the ids."""

LANGUAGE, TOPIC, MODEL = "language", "topic", "model"
DIMENSIONS = (LANGUAGE, TOPIC, MODEL)
"""The dimensions of quotas, named as in ``mix.quotas``."""

UNKNOWN = "unknown"
"""The topic of a conversation without one, and the model of a response that names none."""

_EVERYTHING = OnlyConfig()


@dataclass(frozen=True, slots=True)
class Traits:
    """What one task is about: values by dimension, each once, and the mixes whose filters it passes."""

    languages: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    mixes: frozenset[str] = frozenset()

    def values(self) -> dict[str, tuple[str, ...]]:
        """Return the values by dimension."""
        return {LANGUAGE: self.languages, TOPIC: self.topics, MODEL: self.models}


@dataclass(frozen=True, slots=True, eq=False)
class _About:
    """Facts of some conversations; equal ones are one object, compared by what it is."""

    language: str
    topic: str
    model: str
    mixes: frozenset[str]


_Shown: TypeAlias = tuple[tuple[_About, str | None], ...]
"""What a task shows: of each response its conversation and its model; None: a person wrote it."""


class Facts:
    """What is known of conversations, read in one pass; no text is kept, and equal facts are kept once."""

    def __init__(
        self,
        mixes: Mapping[str, MixConfig],
        topics: Labels,
        scores: Mapping[str, float],
        moderated: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """Args: topics, challenge scores, and the flags of moderation endpoints, by conversation id."""
        self._mixes = mixes
        self._topics = topics
        self._scores = scores
        self._moderated = moderated
        self._sources: set[str] = set()
        self._flags: set[str] = set()
        self._abouts: list[_About] = []
        self._places: dict[tuple[str, str, str, frozenset[str]], int] = {}
        self._parts: list[NDArray[np.int32]] = []
        self._about: NDArray[np.int32] = np.empty(0, np.int32)
        self._models: Mapping[str, str] = {}
        self._index = KeyIndex(np.empty(0, np.int64))
        self._shown: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._traits: dict[_Shown, Traits] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        """Read a batch with the ids and ``COLUMNS``."""
        names = batch.column("conversation_id").to_pylist()
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        topics = self._topics.of(keys_of(names))
        everybody = frozenset(self._mixes)
        filtered = any(mix.only != _EVERYTHING for mix in self._mixes.values())
        found = np.empty(len(names), np.int32)
        for row, (name, topic, values) in enumerate(
            zip(names, topics, zip(*columns, strict=True), strict=True)
        ):
            detected, told, model, source, timestamp, flags = values
            language = detected or told or UNDETERMINED
            takes = everybody
            if filtered:
                marks = _with_plain((*(flags or ()), *self._moderated.get(name, ())))
                self._sources.add(source)
                self._flags |= marks
                takes = self._takes(name, language, topic or UNKNOWN, source, timestamp, marks)
            key = (language, topic or UNKNOWN, model or UNKNOWN, takes)
            place = self._places.get(key)
            if place is None:
                place = self._places[key] = len(self._abouts)
                self._abouts.append(_About(*key))
            found[row] = place
        self._parts.append(found)

    def close(self, outlines: Outlines, index: KeyIndex, shown: NDArray[np.bool_]) -> None:
        """End the pass.

        Args:
            outlines: of the same conversations.
            index: finds their ids.
            shown: which of them tasks of any kind may show; of the others nothing is known.
        """
        self._shown = shown
        self._about = np.concatenate([np.empty(0, np.int32), *self._parts])
        self._parts = []
        self._models = outlines.models
        self._index = index

    def taken(self) -> NDArray[np.bool_]:
        """Return for each conversation whether a mix takes it, whatever models answer in it."""
        return np.array([bool(about.mixes) for about in self._abouts], np.bool_)[self._about]

    def unknown(self, mix: MixConfig) -> dict[str, tuple[str, ...]]:
        """Return the names in a mix's filters and quotas that no conversation has, by setting; none of an empty
        collection.
        """
        if not self._abouts:
            return {}
        languages = {about.language for about in self._abouts}
        topics = {about.topic for about in self._abouts}
        models = {about.model for about in self._abouts}.union(self._models.values())
        only, quotas = mix.only, mix.quotas
        asked: dict[str, tuple[Iterable[str], set[str]]] = {
            "only.languages": (only.languages, languages),
            "only.models": (only.models, models),
            "only.topics": (only.topics, topics),
            "only.sources": (only.sources, self._sources),
            "only.flags": (only.flags, self._flags),
        }
        missing = {
            setting: tuple(name for name in names if not (here and _among(tuple(here), name)))
            for setting, (names, here) in asked.items()
        }
        bounded = {LANGUAGE: languages, TOPIC: topics, MODEL: models}
        for dimension, here in bounded.items():
            named = getattr(quotas, dimension)
            missing[f"quotas.{dimension}"] = tuple(name for name in named if name not in {EACH, *here})
        return {setting: names for setting, names in missing.items() if names}

    def of(self, task: Task | TaskCandidate) -> Traits:
        """Return the traits of a task; nothing is known of conversations that no task may show."""
        key = tuple(
            (
                about := self._abouts[self._about[place]],
                None if message_id in task.rewrites else self._models.get(message_id, about.model),
            )
            for name, message_id in zip(task.conversation_ids, task.message_ids, strict=True)
            if (place := self._index.place(name)) >= 0 and self._shown[place]
        )
        return self._of(key)

    def of_rows(self, rows: NDArray[np.int32]) -> tuple[list[Traits], NDArray[np.int64]]:
        """Return the traits of tasks about a chain each, by the rows of these: all there are, and the place of each."""
        abouts, which = np.unique(self._about[rows], return_inverse=True)
        some = (self._abouts[place] for place in abouts.tolist())
        return [self._of(((about, about.model),)) for about in some], which

    def _of(self, key: _Shown) -> Traits:
        traits = self._traits.get(key)
        if traits is None:
            traits = self._traits[key] = self._joined(key)
        return traits

    def _takes(
        self,
        name: str,
        language: str,
        topic: str,
        source: str,
        timestamp: datetime | None,
        flags: Collection[str],
    ) -> frozenset[str]:
        score = self._scores.get(name)
        return frozenset(
            mix_name
            for mix_name, mix in self._mixes.items()
            if _takes(mix.only, source, timestamp, language, topic, score, flags)
        )

    def _joined(self, pairs: _Shown) -> Traits:
        if not pairs:
            return Traits()
        models = _distinct(model for _, model in pairs if model is not None)
        takes = frozenset.intersection(*(about.mixes for about, _ in pairs))
        return Traits(
            languages=_distinct(about.language for about, _ in pairs),
            topics=_distinct(about.topic for about, _ in pairs),
            models=models,
            mixes=frozenset(name for name in takes if _wrote(self._mixes[name].only, models)),
        )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _wrote(only: OnlyConfig, models: Iterable[str]) -> bool:
    return not only.models or {model.casefold() for model in models} <= {m.casefold() for m in only.models}


def _takes(
    only: OnlyConfig,
    source: str,
    timestamp: datetime | None,
    language: str,
    topic: str,
    score: float | None,
    flags: Collection[str],
) -> bool:
    """Return whether a mix that draws from ``only`` takes a conversation, whatever models answer in it."""
    if only == _EVERYTHING:
        return True
    if only.since or only.until:
        if timestamp is None:
            return False
        day = timestamp.astimezone(UTC).date()
        if (only.since and day < only.since) or (only.until and day > only.until):
            return False
    return (
        _among(only.languages, language)
        and _among(only.topics, topic)
        and _among(only.sources, source)
        and (not only.flags or any(flag in flags for flag in only.flags))
        and (only.challenge is None or (score is not None and score >= only.challenge))
    )


def _with_plain(flags: Collection[str]) -> frozenset[str]:
    """Return flags, those of a category also without it."""
    return frozenset(flags).union(flag.partition(":")[0] for flag in flags)


def _among(names: Sequence[str], value: str) -> bool:
    return not names or value.casefold() in {name.casefold() for name in names}
