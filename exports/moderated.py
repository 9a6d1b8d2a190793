"""Judged responses beside what moderation endpoints say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports.harms import JudgedHarm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an endpoint says of a text: whether it flags it, and for which categories."""

    flagged: bool
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModeratedResponse(JudgedHarm):
    """A response that people judged for harm, and the verdict of each endpoint on it, by the endpoint's name."""

    verdicts: tuple[tuple[str, Verdict], ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """How an endpoint's flags agree with those of people, over the responses that it judged and people decided.

    Source: LMSYS-Chat-1M (arXiv 2309.11998), section 4.1, which compares models by their micro-F1 on such labels.
    """

    both: int
    endpoint_alone: int
    people_alone: int
    neither: int

    @property
    def judged(self) -> int:
        """How many responses it judged."""
        return self.both + self.endpoint_alone + self.people_alone + self.neither

    @property
    def precision(self) -> float | None:
        """The share of its flags that people agree with; None without a flag."""
        return _ratio(self.both, self.both + self.endpoint_alone)

    @property
    def recall(self) -> float | None:
        """The share of what people flag that it flags; None where people flag nothing."""
        return _ratio(self.both, self.both + self.people_alone)

    @property
    def f1(self) -> float | None:
        """2 precision recall / (precision + recall); None where neither flags anything."""
        return _ratio(2 * self.both, 2 * self.both + self.endpoint_alone + self.people_alone)

    @property
    def accuracy(self) -> float | None:
        """The share of responses on which both say the same."""
        return _ratio(self.both + self.neither, self.judged)


def moderated(
    item: JudgedHarm, said: Mapping[str, Mapping[str, tuple[str, ...] | None]]
) -> ModeratedResponse | None:
    """Return a judged response with what endpoints say of its text; None if none has judged it.

    Of equal texts in several messages, an endpoint flags the text if it flags one of them.
    """
    found: dict[str, Verdict] = {}
    for message_id in item.message_ids:
        for agent, categories in said.get(message_id, {}).items():
            before = found.get(agent, Verdict(False))
            found[agent] = Verdict(
                before.flagged or categories is not None,
                tuple(sorted({*before.categories, *(categories or ())})),
            )
    if not found:
        return None
    fields = {name: getattr(item, name) for name in JudgedHarm.__dataclass_fields__}
    return ModeratedResponse(**fields, verdicts=tuple(sorted(found.items())))


def score(agent: str, items: Iterable[ModeratedResponse]) -> Score:
    """Return how an endpoint agrees with people."""
    pairs = [
        (dict(item.verdicts)[agent].flagged, item.flagged)
        for item in items
        if item.flagged is not None and agent in dict(item.verdicts)
    ]
    return Score(
        both=pairs.count((True, True)),
        endpoint_alone=pairs.count((True, False)),
        people_alone=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
