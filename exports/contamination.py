"""Contamination: prompts of benchmarks that stand in training sets, word for word or nearly so.

A user turn is contaminated by a benchmark's prompt if it holds ``WORDS`` neighbouring words of it, or the whole prompt
if that has fewer words and at least ``FEWEST_WORDS``, or if both are near duplicates as the collection finds them.
Words are those of ``workspaces.collection.near_duplicates``: case and punctuation do not matter, and a character of a
script without spaces is a word. Responses are not compared.

Source: Brown et al. (2020), 'Language Models are Few-Shot Learners', appendix C: n-grams of 8 to 13 words.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from workspaces.collection.near_duplicates.finder import THRESHOLD
from workspaces.collection.near_duplicates.signatures import shingles
from workspaces.grammar import counted
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from exports.context import Prompt
    from workspaces.collection.near_duplicates.signatures import Hashes

WORDS, FEWEST_WORDS = 13, 8
_SHINGLE = 3
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Likeness(StrEnum):
    """How a prompt is like that of a benchmark."""

    WORD_FOR_WORD = "word_for_word"
    NEAR_DUPLICATE = "near_duplicate"


@dataclass(frozen=True, slots=True)
class Contamination:
    """The benchmark that a prompt is in, by the name of its file, and how."""

    benchmark: str
    likeness: Likeness


@dataclass(slots=True)
class Benchmarks:
    """The prompts of benchmarks, in a form in which other prompts are found in them.

    Args:
        prompts: of each benchmark, by its name. A prompt without a word contaminates nothing.
    """

    prompts: Mapping[str, Sequence[str]]
    _owners: list[str] = field(init=False)
    _runs: dict[int, dict[int, set[str]]] = field(init=False)
    _sizes: list[int] = field(init=False)
    _holders: dict[int, list[int]] = field(init=False)
    _known: Hashes = field(init=False)
    _found: dict[Prompt, tuple[Contamination, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the prompts by their runs of words and by their shingles."""
        texts = [(name, _plain(text)) for name, some in sorted(self.prompts.items()) for text in some]
        shingled = shingles([text for _, text in texts])
        self._owners = [name for name, _ in texts]
        self._runs, self._sizes, self._holders = {}, [], {}
        for number, name in enumerate(self._owners):
            in_order = shingled.hashes[shingled.offsets[number] : shingled.offsets[number + 1]]
            n_words = min(int(shingled.words[number]), WORDS)
            if n_words >= FEWEST_WORDS:
                runs = self._runs.setdefault(n_words - _SHINGLE + 1, {})
                for run in _runs(in_order, n_words - _SHINGLE + 1).tolist():
                    runs.setdefault(run, set()).add(name)
            distinct = shingled.of(number)
            self._sizes.append(len(distinct))
            for shingle in distinct.tolist():
                self._holders.setdefault(shingle, []).append(number)
        self._known = np.array(sorted(self._holders), np.uint64)

    @property
    def counts(self) -> dict[str, int]:
        """The number of prompts by benchmark."""
        return {name: len(some) for name, some in sorted(self.prompts.items())}

    def contaminates(self, prompt: Prompt) -> tuple[Contamination, ...]:
        """Return the benchmarks that user turns of a prompt are in, each once, in alphabetical order."""
        if prompt not in self._found:
            turns = [content for role, content, *_ in prompt if role == Role.USER]
            found: dict[str, Likeness] = {}
            for name, likeness in chain.from_iterable(self._of(turn).items() for turn in turns):
                if found.get(name) is not Likeness.WORD_FOR_WORD:
                    found[name] = likeness
            self._found[prompt] = tuple(Contamination(*each) for each in sorted(found.items()))
        return self._found[prompt]

    def count(self, prompts: Iterable[Prompt]) -> Counter[Contamination]:
        """Return how often benchmarks contaminate these prompts."""
        return Counter(chain.from_iterable(map(self.contaminates, prompts)))

    def report(self, found: Mapping[Contamination, int]) -> dict[str, JsonValue]:
        """Return how many prompts each benchmark contaminates (``count``), and how many it has itself."""
        return {
            name: {
                "prompts": count,
                **{each.value: found.get(Contamination(name, each), 0) for each in Likeness},
            }
            for name, count in self.counts.items()
        }

    def sentences(self, found: Mapping[Contamination, int]) -> list[str]:
        """Return lines for the card: how many prompts each benchmark contaminates (``count``)."""
        lines = []
        for name, of_it in self.report(found).items():
            assert isinstance(of_it, dict)
            alike = " and ".join(f"{of_it[each.value]} {each.value.replace('_', ' ')}" for each in Likeness)
            size = counted(self.counts[name], "prompt")
            lines.append(f"- Judged items in the benchmark `{name}` ({size}): {alike}; left out.")
        return lines

    def _of(self, turn: str) -> dict[str, Likeness]:
        """Return how a turn is like prompts of benchmarks, by benchmark."""
        shingled = shingles([_plain(turn)])
        found: dict[str, Likeness] = {}
        for length, known in self._runs.items():
            for run in _runs(shingled.hashes, length).tolist():
                found |= dict.fromkeys(known.get(run, ()), Likeness.WORD_FOR_WORD)
        distinct = shingled.of(0)
        shared = np.intersect1d(distinct, self._known, assume_unique=True).tolist()
        common = Counter(number for shingle in shared for number in self._holders[shingle])
        for number, count in sorted(common.items()):
            if count >= THRESHOLD * (len(distinct) + self._sizes[number] - count):
                found.setdefault(self._owners[number], Likeness.NEAR_DUPLICATE)
        return found


def _runs(hashes: Hashes, length: int) -> Hashes:
    """Return a hash of each run of so many neighbouring shingles; ``length`` + 2 words are in it."""
    count = max(len(hashes) - length + 1, 0)
    runs: Hashes = np.zeros(count, np.uint64)
    for offset in range(length):
        runs = runs * _MULTIPLIER + hashes[offset : offset + count]
    return runs


def _plain(text: str) -> str:
    """Return a text without what nobody sees in it: case, Unicode forms, soft hyphens and blanks without a width."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return plain
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")
