"""What an annotator sees, as data: a form for each task kind and the content of one task.

Task kinds describe forms; platform adapters draw them. Neither needs to know the other. Content carries
no model name and no identity, so that no platform can show one, and seed feedback only as ``opinion``, for the
tasks that are to show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.kinds import ChatField, Kind, Question
    from workspaces.records import Significance


@dataclass(frozen=True, slots=True)
class Turn:
    """One displayed message of a chat log. ``text`` comes from strangers: an adapter shows it as typed."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """What every task of one kind looks like: the parts of a ``Kind`` that a platform draws.

    ``side_by_side`` names fields best shown next to each other where the platform can.
    """

    kind: str
    title: str
    guidelines: str
    fields: tuple[ChatField, ...]
    questions: tuple[Question, ...]
    side_by_side: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: Kind) -> Form:
        """Return the form of a kind."""
        return cls(kind.name, kind.title, kind.guidelines, kind.fields, kind.questions, kind.side_by_side)


@dataclass(frozen=True, slots=True)
class TaskContent:
    """What one task shows: turns for every chat field of its form, and what it is worth.

    ``opinion`` is what a machine says of the response, by question title; empty where annotators are to see none.
    """

    task_id: str
    chats: Mapping[str, tuple[Turn, ...]]
    significance: Significance
    quote: Mapping[str, int]
    language: str | None = None
    quote_texts: Mapping[str, str] = field(default_factory=dict)
    opinion: Mapping[str, str] = field(default_factory=dict)

    @property
    def opinion_line(self) -> str:
        """The opinion in one line that says whose it is; empty without one."""
        if not self.opinion:
            return ""
        answers = " · ".join(f"{title} {text}" for title, text in self.opinion.items())
        return f"A machine's opinion, which may be wrong; answer as you see it: {answers}"
