"""What the rows to train on rest on, as it was counted: the card says nothing of it that is not here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from exports.items import judges_of
from exports.judgments import Act
from exports.weights import Weighting
from workspaces.grammar import counted, word_for
from workspaces.privacy.placeholders import PLACEHOLDER
from workspaces.records import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa
    from pydantic import JsonValue

    from exports.items import ItemT
    from exports.weights import Weights

ACTS = {
    Act.COMPARISON: "comparison of two responses",
    Act.RANKING: "ranking of several responses",
    Act.REWRITE: "rewrite of a response",
    Act.TAGS: "tags of a response",
    Act.CHECK: "check of a response against a rubric",
    Act.HARM: "judgment of harm in a response",
    Act.SCORE: "scores of responses from 1 to 5",
    Act.THUMB: "thumb on a response",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts over the items to train on.

    ``asked`` and ``from_logs`` count judgments by what people did, on labelling platforms and in chat logs.
    ``people`` judged on a platform; ``raters`` in a chat log that names them, and ``unnamed`` raters in one that does
    not; ``measured`` counts those of all whose confidence is known. ``single`` counts items that rest on one person.
    ``placeholders`` counts redacted passages by kind, in ``redacted`` of ``rows`` rows.
    """

    asked: Mapping[Act, int]
    from_logs: Mapping[Act, int]
    people: int
    raters: int
    measured: int
    unnamed: int
    prior: float | None
    items: int
    single: int
    rows: int
    redacted: int
    placeholders: Mapping[str, int]
    weighting: Weighting = Weighting.CONFIDENCE

    def as_json(self) -> dict[str, JsonValue]:
        """Return the counts as the manifest holds them."""
        return {
            "judgments": {
                "platforms": {act.value: count for act, count in self.asked.items()},
                "chat_logs": {act.value: count for act, count in self.from_logs.items()},
            },
            "people": self.people,
            "raters": {"named": self.raters, "unnamed": self.unnamed},
            "measured": self.measured,
            "items_by_one_person": self.single,
            "placeholders": {**self.placeholders},
        }

    def judgments(self) -> list[tuple[str, str, str]]:
        """Return the rows of a table: what people did, how often on platforms and how often in chat logs."""
        return [
            (ACTS[act], str(self.asked.get(act, 0)), str(self.from_logs.get(act, 0)))
            for act in Act
            if self.asked.get(act, 0) or self.from_logs.get(act, 0)
        ]

    def sentences(self) -> list[str]:
        """Return what the counts say of people, weights and texts, one sentence or two for each."""
        if not (self.asked or self.from_logs):
            return [self._texts()]
        return [self._people(), self._weights(), *self._single(), self._texts()]

    def _people(self) -> str:
        unnamed = (
            f", and {counted(self.unnamed, 'rater')} whom a chat log does not name (one for each row or conversation)"
            if self.unnamed
            else ""
        )
        named = f", {counted(self.raters, 'rater')} in chat logs that name them" if self.raters else ""
        return f"{counted(self.people, 'person')} judged these rows on a labelling platform{named}{unnamed}."

    def _weights(self) -> str:
        if self.weighting is Weighting.NONE:
            return "Every judgment weighs 1, by the rule `weights`."
        everybody = self.people + self.raters + self.unnamed
        if self.weighting is Weighting.POSTERIOR:
            elsewhere = self._by_confidence(everybody)
            return f"A pair weighs its posterior, where it has one, by the rule `weights`. Elsewhere: {elsewhere}"
        return self._by_confidence(everybody)

    def _by_confidence(self, everybody: int) -> str:
        if self.prior is None and not self.measured:
            return "Nobody's confidence was measured yet: every judgment weighs 1."
        said = f"The confidence of {self.measured:,} of {counted(everybody, 'voter')} was measured and is their weight."
        if self.measured == everybody:
            return said
        mean = "1" if self.prior is None else f"the mean of the people who were measured ({self.prior:.2f})"
        return f"{said} The others weigh {mean} or, where it is known, that of the question."

    def _single(self) -> list[str]:
        rest = word_for(self.single, "rests", "rest")
        of_one = f"{self.single:,} of {counted(self.items, 'item')} {rest} on the judgment of one person"
        return [f"{of_one}: that is one opinion."] if self.single else []

    def _texts(self) -> str:
        if not self.redacted:
            return (
                "No passage of these rows was redacted. Personal data that redaction does not recognise can be "
                "there; texts can be wrong or offensive."
            )
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.placeholders.items())
        example = f"`[{next(iter(self.placeholders))}_1]`"
        return (
            f"In {self.redacted:,} of {counted(self.rows, 'row')}, placeholders such as {example} stand for personal "
            f"data or secrets ({kinds}). What redaction does not recognise is still there; texts can be wrong "
            "or offensive."
        )


@dataclass(slots=True)
class Redactions:
    """Counts of the rows that were seen: all, their characters, those with a redacted passage, and these by kind."""

    rows: int = 0
    characters: int = 0
    redacted: int = 0
    placeholders: Counter[str] = field(default_factory=Counter)

    def see(self, several: Iterable[pa.Array]) -> None:
        """Count rows, which are given as JSON with a line break each."""
        for lines in several:
            self.rows += len(lines)
            self.characters += pc.sum(pc.utf8_length(lines), min_count=0).as_py() - len(lines)
            redacted = lines.filter(pc.match_substring_regex(lines, PLACEHOLDER.pattern))
            self.redacted += len(redacted)
            for line in redacted.to_pylist():
                self.placeholders.update(match[1] for match in PLACEHOLDER.finditer(line))

    def add(self, other: Redactions) -> None:
        """Add what was counted of other rows."""
        self.rows += other.rows
        self.characters += other.characters
        self.redacted += other.redacted
        self.placeholders += other.placeholders


@dataclass(slots=True)
class Counted:
    """What some of the items to train on rest on, as it is counted up to ``Counts``; an answer is in one portion."""

    items: int = 0
    single: int = 0
    asked: Counter[Act] = field(default_factory=Counter)
    from_logs: Counter[Act] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    people_asked: set[str] = field(default_factory=set)

    def see(self, items: Iterable[ItemT]) -> None:
        """Count all items of a portion."""
        judgments = {}
        for item in items:
            self.items += 1
            self.single += len(judges_of(item)) == 1
            judgments.update({judgment.annotation_id: judgment for judgment in item.judgments})
        for judgment in judgments.values():
            self.people.add(judgment.person_id)
            (self.from_logs if judgment.from_log else self.asked)[judgment.act] += 1
            if not judgment.from_log:
                self.people_asked.add(judgment.person_id)

    def add(self, other: Counted) -> None:
        """Add what was counted of another portion."""
        self.items += other.items
        self.single += other.single
        self.asked += other.asked
        self.from_logs += other.from_logs
        self.people |= other.people
        self.people_asked |= other.people_asked

    def counts(self, redactions: Redactions, weights: Weights) -> Counts:
        """Return the counts; ``redactions`` are those of the rows of these items."""
        named = {person for person in self.people if not person.startswith(ANONYMOUS)}
        return Counts(
            asked=_by_act(self.asked),
            from_logs=_by_act(self.from_logs),
            people=len(self.people_asked),
            raters=len(named - self.people_asked),
            measured=len(self.people & weights.people.keys()),
            unnamed=len(self.people - named),
            prior=weights.prior,
            weighting=weights.weighting,
            items=self.items,
            single=self.single,
            rows=redactions.rows,
            redacted=redactions.redacted,
            placeholders=dict(sorted(redactions.placeholders.items())),
        )


def _by_act(counts: Mapping[Act, int]) -> dict[Act, int]:
    return {act: counts[act] for act in Act if counts.get(act)}
