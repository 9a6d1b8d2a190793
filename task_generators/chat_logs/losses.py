"""Counts what of rows that were read did not enter the collection: values, and turns that cleaning cuts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import CUT, NOT_UNDERSTOOD, UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from task_generators.chat_logs.readers import Loss
    from workspaces.privacy.redaction import Redactor

CUT_JUDGMENTS = "cut judgments"
"""The kind of judgments of turns that cleaning takes out of a conversation."""

UNITS = {UNREAD: "rows", NOT_UNDERSTOOD: "values", CUT: "turns", CUT_JUDGMENTS: "judgments"}
"""What the losses of each kind count."""

EXAMPLES = 3
EXAMPLE_CHARACTERS = 60
PATH_CHARACTERS = 120
MOST_PATHS = 500
"""Of one kind; a file whose rows all have other columns must not fill the memory."""

OTHERS = "(other columns)"


@dataclass(slots=True)
class LossCount:
    """How often a loss occurred, and a few values, redacted and on one line."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def example(self) -> str | None:
        """The first value."""
        return self.examples[0] if self.examples else None


@dataclass(slots=True)
class Losses:
    """Losses by kind and by path or reason."""

    counts: dict[tuple[str, str], LossCount] = field(default_factory=dict)

    def add(self, kind: str, what: str, count: int = 1, examples: Iterable[str] = ()) -> None:
        """Count a loss."""
        key = (kind, what[:PATH_CHARACTERS])
        if key not in self.counts and sum(each == kind for each, _ in self.counts) >= MOST_PATHS:
            key = (kind, OTHERS)
        counted = self.counts.setdefault(key, LossCount())
        counted.count += count
        counted.examples += [
            example for example in dict.fromkeys(examples) if example not in counted.examples
        ][: EXAMPLES - len(counted.examples)]

    def add_value(self, loss: Loss) -> None:
        """Count a value of a row."""
        known = self.counts.get((loss.kind, loss.path[:PATH_CHARACTERS]))
        if known is not None and len(known.examples) == EXAMPLES:
            known.count += 1
        else:
            self.add(loss.kind, loss.path, 1, () if loss.value is None else (example_of(loss.value),))

    def update(self, other: Losses) -> None:
        """Add the counts of others."""
        for (kind, what), counted in other.counts.items():
            self.add(kind, what, counted.count, counted.examples)

    def redacted(self, redactor: Redactor) -> Losses:
        """Return the same counts with personal data and secrets in names and examples replaced."""
        found = Losses()
        for (kind, what), counted in self.counts.items():
            what_text, *examples = redactor.redact([what, *counted.examples]).texts
            found.add(kind, what_text, counted.count, (each[:EXAMPLE_CHARACTERS] for each in examples))
        return found

    def of_kind(self, kind: str) -> dict[str, LossCount]:
        """Return the counts of one kind, the greatest first."""
        found = [(what, counted) for (each, what), counted in self.counts.items() if each == kind]
        return dict(sorted(found, key=lambda item: (-item[1].count, item[0])))


def example_of(value: object) -> str:
    """Return a value as a short text on one line; cut only after redaction, so that no half of a secret stays."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = " ".join(text[: 20 * EXAMPLE_CHARACTERS].split())
    return shown.encode("utf-8", "replace").decode()
