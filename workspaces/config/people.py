"""Annotators: who may answer, the screening of their answers, and the voluntary demographic form."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from workspaces.config.section import Count, Number, Section

_MARKUP = frozenset("*`<>[]|\\#")


def _plain_line(text: str) -> str:
    """Return a text that shows as it is written wherever annotators read it."""
    if not text.strip() or not text.isprintable() or _MARKUP.intersection(text):
        raise ValueError(
            f"one line without {' '.join(sorted(_MARKUP))}, such as 'Ada (ada@example.org)' (given: {text[:80]!r})"
        )
    return text.strip()


class PeopleConfig(Section):
    """Whether the answers of people whom nobody invited wait for the lead or count at once, and whom annotators ask.

    ``contact`` stands in the guidelines: a name, an address, or both; null: the person who invited them.
    ``leaderboard`` is the period whose leaderboard stands there; null: none does.
    """

    strangers: Literal["hold", "accept"] = "hold"
    contact: Annotated[str, Field(max_length=200), AfterValidator(_plain_line)] | None = None
    leaderboard: Literal["day", "week", "month", "all"] | None = "month"


class ScreeningConfig(Section):
    """The accepted share of wrong flags among all people who are flagged for review."""

    level: Annotated[Number, Field(gt=0, le=0.2)] = 0.05


class OwnLogs(StrEnum):
    """What becomes of a person's answers about conversations that they gave themselves.

    ``ALLOWED``: they count like all others. ``MARKED``: they are kept and paid, and count in no figure and no pair.
    ``REFUSED``: they are kept, count nowhere and earn nothing; the rates say so (``rates.own`` is 0).
    """

    ALLOWED = "allowed"
    MARKED = "marked"
    REFUSED = "refused"


class QualityConfig(Section):
    """How answers are assessed."""

    own: OwnLogs = OwnLogs.MARKED
    screening: ScreeningConfig = ScreeningConfig()


class DemographicQuestionConfig(Section):
    """A question that the lead adds to the voluntary form: its text and its options."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    options: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=2)]


class DemographicsConfig(Section):
    """The voluntary form, and the tables that may be published from it; ``k`` is the minimum size of a group."""

    questions: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")], DemographicQuestionConfig] = (
        Field(default={})
    )
    tables: tuple[Annotated[tuple[str, ...], Field(min_length=1, max_length=4)], ...] = ()
    k: Annotated[Count, Field(ge=10, le=10_000)] = 10
    dominance: Annotated[Number, Field(gt=0, le=0.9)] = 0.9
    rounding: Annotated[Count, Field(ge=5, le=100)] = 5
    epsilon: Annotated[Number, Field(gt=0, le=10)] | None = None
