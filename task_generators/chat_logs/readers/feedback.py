"""Feedback that people left in a chat log. The names of its task kinds and questions are in this module alone."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from workspaces.kinds import BOTH_BAD, ComparisonQuestion, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPARISON = "preference"
RATING = "rating"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's judgment of one response, or of two. Readers make it by ``comparison`` and ``ratings``.

    ``rater`` is the name the log gives the person, or None; it becomes a pseudonym before it is stored.
    ``message_ids`` and ``values`` are those of a task of this ``kind``: the responses, and plain answers by question
    name, in the order of ``message_ids``. Answers are words of a fixed set or numbers, never free text.
    ``shown_first`` is the response that was displayed first, None where the log does not tell.

    Nameless judgments of one conversation are one person's, unless ``one_per_row`` says that each row of the
    format is the judgment of another person.
    """

    rater: str | None
    kind: str
    message_ids: tuple[str, ...]
    values: Mapping[str, str]
    at: datetime | None
    shown_first: str | None = None
    one_per_row: bool = False

    @classmethod
    def comparison(
        cls,
        rater: str | None,
        responses: tuple[str, str],
        better: str | None,
        at: datetime | None,
        *,
        both_bad: bool = False,
        displayed: bool = False,
    ) -> Feedback:
        """Return a comparison of two responses.

        Args:
            rater: the log's name of the person, or None.
            responses: the message ids of the two responses.
            better: the message id of the better one; None for a tie.
            at: when the person answered, in UTC; None if unknown.
            both_bad: the person called both responses bad.
            displayed: the order of ``responses`` is that in which the person saw them.
        """
        question = _comparison_question()
        place = None if better is None else responses.index(better)
        values = {question.name: question.answer_for(place)}
        if both_bad:
            values[BOTH_BAD] = "yes"
        return cls(rater, COMPARISON, responses, values, at, responses[0] if displayed else None)

    @classmethod
    def ratings(
        cls, rater: str | None, message_id: str, values: Mapping[str, str], at: datetime | None
    ) -> Feedback:
        """Return ratings of one response.

        Args:
            rater: the log's name of the person, or None.
            message_id: the response.
            values: the ratings by name: ``{"thumb": "up"}``, ``{"score": "4"}``, or the log's own names.
            at: when the person answered, in UTC; None if unknown.
        """
        return cls(rater, RATING, (message_id,), values, at)

    def of_row(self) -> Feedback:
        """Return the same judgment as the only one of its person, unless the log names the person."""
        return self if self.rater is not None else replace(self, one_per_row=True)

    def renamed(self, name: Callable[[str], str]) -> Feedback:
        """Return the same judgment with other message ids."""
        return replace(
            self,
            message_ids=tuple(map(name, self.message_ids)),
            shown_first=None if self.shown_first is None else name(self.shown_first),
        )

    def sorted_by_message(self) -> Feedback:
        """Return the same judgment with the responses in the order of their ids, and a comparison mirrored."""
        shown = tuple(sorted(self.message_ids))
        if shown == self.message_ids:
            return self
        values = dict(self.values)
        if self.kind == COMPARISON:
            question = _comparison_question()
            values[question.name] = question.mirrored(values[question.name])
        return replace(self, message_ids=shown, values=values)


def _comparison_question() -> ComparisonQuestion:
    question = kind_of(COMPARISON).comparison
    if question is None:
        raise TypeError(f"{COMPARISON} tasks compare nothing")
    return question


def to_json(feedback: tuple[Feedback, ...]) -> str | None:
    """Return feedback as JSON, or None if there is none."""
    if not feedback:
        return None
    return json.dumps(
        [asdict(judgment) | {"at": judgment.at.isoformat() if judgment.at else None} for judgment in feedback]
    )


def from_json(value: str | None) -> tuple[Feedback, ...]:
    """Return the feedback that ``to_json`` wrote."""
    return tuple(
        Feedback(
            rater=judgment["rater"],
            kind=judgment["kind"],
            message_ids=tuple(judgment["message_ids"]),
            values=judgment["values"],
            at=None if judgment["at"] is None else datetime.fromisoformat(judgment["at"]),
            shown_first=judgment["shown_first"],
            one_per_row=judgment["one_per_row"],
        )
        for judgment in json.loads(value or "[]")
    )
