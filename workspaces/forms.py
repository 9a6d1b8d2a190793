"""What an annotator sees, as data: the form of a task kind, and the content of a task.

Task kinds describe forms and platform adapters render them, independently of each other. The content has no model
name and no identity, so that no platform can show one. It has seed feedback only as ``opinion``, for the tasks that
show it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspaces.grammar import noun_for
from workspaces.records import Display

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.kinds import ChatField, Kind, Question
    from workspaces.records import Role, Significance


@dataclass(frozen=True, slots=True)
class Turn:
    """One displayed message of a chat log, or a part of one. ``text`` is untrusted: an adapter shows it, and it does
    nothing.

    ``speaker`` names who speaks in words; ``role`` is who that is, for an adapter that gives people and models sides
    and colours of their own. An ``aside`` is no answer to anybody, as reasoning or a call of a tool: an adapter that
    can fold texts folds a long one. A ``verbatim`` text is data, as a call of a tool or its result: it is shown as
    typed where others are rendered. ``continued``: it goes on with the message that the turn before shows.
    ``asked``: it is one of several answers in one field that are asked about; the first of them is in sight when the
    task opens.
    """

    speaker: str
    text: str
    role: Role | None = None
    aside: bool = False
    verbatim: bool = False
    continued: bool = field(default=False, compare=False, repr=False)
    asked: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of all tasks of one kind that show as many responses: what a platform renders of a ``Kind``.

    ``side_by_side`` names the fields that are shown next to each other if the platform supports it. ``container`` is
    the name by which a platform finds its dataset or project again; default: the kind's. ``display`` is how the tasks
    show texts that are pushed now; those that stand on a platform keep their look.
    """

    kind: str
    title: str
    guidelines: str
    fields: tuple[ChatField, ...]
    questions: tuple[Question, ...]
    side_by_side: tuple[str, ...] = ()
    container: str = ""
    display: Display = Display.MARKDOWN

    def __post_init__(self) -> None:
        if not self.container:
            object.__setattr__(self, "container", self.kind)

    @classmethod
    def of(cls, kind: Kind, guidelines: str | None = None, display: Display = Display.MARKDOWN) -> Form:
        """Return the form of a kind; ``guidelines`` are those of a workspace, by default what the kind itself says."""
        shown = kind.guidelines if guidelines is None else guidelines
        return cls(
            kind.name,
            kind.form_title,
            shown,
            kind.fields,
            kind.questions,
            kind.side_by_side,
            kind.container,
            display,
        )


@dataclass(frozen=True, slots=True)
class TaskContent:
    """The content of one task: the turns of every chat field of its form, and its points.

    ``opinion`` is the seed feedback on the response, by question title; empty if annotators see none. ``paid_people``
    is how many people are paid for it; None: all who answer. ``prefilled`` is what text fields hold from the first, by
    question name; a person who leaves it there has answered with it.
    """

    task_id: str
    chats: Mapping[str, tuple[Turn, ...]]
    significance: Significance
    quote: Mapping[str, int]
    language: str | None = None
    quote_texts: Mapping[str, str] = field(default_factory=dict)
    opinion: Mapping[str, str] = field(default_factory=dict)
    paid_people: int | None = None
    prefilled: Mapping[str, str] = field(default_factory=dict)

    @property
    def offers(self) -> tuple[tuple[str, str], ...]:
        """What the task is worth: the points of each paid part in words, and what they are for.

        Parts that offer the same for the same words, such as one for each response, are named once.
        """
        offers = (
            (points_text(points), self.quote_texts.get(part, part)) for part, points in self.quote.items()
        )
        return tuple(dict.fromkeys(offers))

    @property
    def number_text(self) -> str:
        """The number by which an annotator can name the task to the project lead."""
        return f"Task {self.task_id}"

    @property
    def limit_text(self) -> str:
        """Who is paid, where not everybody is; to stand behind the points. Empty where everybody is."""
        if self.paid_people is None:
            return ""
        return (
            "for the first person who answers"
            if self.paid_people == 1
            else (f"for the first {self.paid_people} people who answer")
        )

    @property
    def opinion_line(self) -> str:
        """The opinion in one line, which states that a machine gave it; empty if there is none."""
        if not self.opinion:
            return ""
        answers = " · ".join(f"{title} {text}" for title, text in self.opinion.items())
        return f"A machine's opinion, which may be wrong; answer as you see it: {answers}"


def points_text(points: int) -> str:
    """Return an amount of Compute Points in words."""
    return f"{points} {noun_for(points, 'point')}"
