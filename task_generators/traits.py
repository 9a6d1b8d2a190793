"""What tasks are about: the languages, topics and models by which mixes filter and bound them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.generation import OnlyConfig

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from workspaces.config import MixConfig
    from workspaces.records import Conversation

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


class Facts:
    """What is known of conversations, in one pass; no text is kept, and equal facts are kept once."""

    def __init__(
        self, mixes: Mapping[str, MixConfig], topics: Mapping[str, str], scores: Mapping[str, float]
    ) -> None:
        """Args: topics and challenge scores by conversation id."""
        self._mixes = mixes
        self._topics = topics
        self._scores = scores
        self._abouts: dict[str, _About] = {}
        self._models: dict[str, str] = {}
        self._same: dict[tuple[str, str, str, frozenset[str]], _About] = {}
        self._traits: dict[tuple[tuple[_About, str], ...], Traits] = {}

    def note(self, conversation: Conversation, language: str | None, flags: Collection[str]) -> None:
        """Note a conversation: its language as the collection tells it, and its flags."""
        language = language or UNDETERMINED
        topic = self._topics.get(conversation.id, UNKNOWN)
        score = self._scores.get(conversation.id)
        takes = frozenset(
            name
            for name, mix in self._mixes.items()
            if _takes(mix.only, conversation, language, topic, score, flags)
        )
        model = conversation.model_name or UNKNOWN
        about = self._same.get((language, topic, model, takes))
        if about is None:
            about = self._same[language, topic, model, takes] = _About(language, topic, model, takes)
        self._abouts[conversation.id] = about
        for message in conversation.responses():
            if message.model_name and message.model_name != conversation.model_name:
                self._models[message.id] = message.model_name

    def takes(self, conversation_id: str) -> bool:
        """Return whether a mix takes a conversation that was noted, whatever models answer in it."""
        return bool(self._abouts[conversation_id].mixes)

    def of(self, conversation_ids: Sequence[str], message_ids: Sequence[str]) -> Traits:
        """Return the traits of a task; nothing is known of conversations that were not noted."""
        key = tuple(
            (about, self._models.get(message_id, about.model))
            for name, message_id in zip(conversation_ids, message_ids, strict=True)
            if (about := self._abouts.get(name)) is not None
        )
        traits = self._traits.get(key)
        if traits is None:
            traits = self._traits[key] = self._joined(key)
        return traits

    def _joined(self, pairs: tuple[tuple[_About, str], ...]) -> Traits:
        if not pairs:
            return Traits()
        models = _distinct(model for _, model in pairs)
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
    conversation: Conversation,
    language: str,
    topic: str,
    score: float | None,
    flags: Collection[str],
) -> bool:
    """Return whether a mix that draws from ``only`` takes a conversation, whatever models answer in it."""
    if only == _EVERYTHING:
        return True
    if only.since or only.until:
        if conversation.timestamp is None:
            return False
        day = conversation.timestamp.astimezone(UTC).date()
        if (only.since and day < only.since) or (only.until and day > only.until):
            return False
    plain = {flag.partition(":")[0] for flag in flags} | set(flags)
    return (
        _among(only.languages, language)
        and _among(only.topics, topic)
        and _among(only.sources, conversation.source)
        and (not only.flags or not plain.isdisjoint(only.flags))
        and (only.challenge is None or (score is not None and score >= only.challenge))
    )


def _among(names: Sequence[str], value: str) -> bool:
    return not names or value.casefold() in {name.casefold() for name in names}
