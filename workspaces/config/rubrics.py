"""Rubrics: the criteria that people check responses against."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from workspaces.config.section import Number, Section
from workspaces.kinds import Criterion, declared_kinds

MOST_CRITERIA = 20
LONGEST_CRITERION = 300
"""Of characters: a line or two above the buttons."""

MOST_WEIGHT = 1000


def _one_line(text: str) -> str:
    if not text.strip() or not text.strip().isprintable():
        raise ValueError(
            f"one line of text that people can answer with Met or Not met (given: {text[:80]!r})"
        )
    return text.strip()


def _counts(weight: float) -> float:
    if weight == 0 or abs(weight) > MOST_WEIGHT:
        raise ValueError(
            f"a number up to {MOST_WEIGHT}, below 0 for what a response must not do, and not 0 (given: {weight:g})"
        )
    return weight


class CriterionConfig(Section):
    """A criterion, and how much it counts in the score of a response; below 0 for what a response must not do."""

    criterion: Annotated[str, Field(max_length=LONGEST_CRITERION), AfterValidator(_one_line)]
    weight: Annotated[Number, AfterValidator(_counts)] = 1.0

    def as_criterion(self) -> Criterion:
        """Return it as the kinds take it."""
        return Criterion(self.criterion, self.weight)


def _text_alone(value: object) -> object:
    return {"criterion": value} if isinstance(value, str) else value


def _told_apart(criteria: tuple[CriterionConfig, ...]) -> tuple[CriterionConfig, ...]:
    seen: set[str] = set()
    for each in criteria:
        if (text := " ".join(each.criterion.split()).casefold()) in seen:
            raise ValueError(f"each criterion is there once (given twice: {each.criterion[:80]!r})")
        seen.add(text)
    if not any(each.weight > 0 for each in criteria):
        raise ValueError("at least one criterion needs a weight above 0: no response could score anything")
    return criteria


def _free_name(name: str) -> str:
    if name in declared_kinds():
        raise ValueError(f"{name!r} is a kind of task: give the rubric a name of its own")
    return name


RubricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,20}$"), AfterValidator(_free_name)]
"""Short enough for the names of the kinds made of it."""

RubricConfig = Annotated[
    tuple[Annotated[CriterionConfig, BeforeValidator(_text_alone)], ...],
    Field(min_length=1, max_length=MOST_CRITERIA),
    AfterValidator(_told_apart),
]
"""The criteria of a rubric, in the order in which people see them; a text alone has the weight 1."""


def criteria_in(rubrics: dict[str, RubricConfig]) -> dict[str, tuple[Criterion, ...]]:
    """Return the criteria of each rubric by name."""
    return {name: tuple(each.as_criterion() for each in criteria) for name, criteria in rubrics.items()}
