"""Routing: which people are given which tasks, how many at a time, for how long, and how they qualify."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from workspaces.config.section import Count, Number, Section

GroupName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""The name of a group of people."""


class QualificationConfig(Section):
    """How people qualify: ``correct`` is the share of right answers over the first ``items`` tasks with known ones.

    Who has fewer right goes on, up to ``most`` of them; null: ``items``.
    """

    items: Annotated[Count, Field(ge=1, le=1000)] = 5
    correct: Annotated[Number, Field(gt=0, le=1)] = 0.8
    most: Annotated[Count, Field(ge=1, le=1000)] | None = None

    @property
    def limit(self) -> int:
        """How many practice tasks one person answers at most."""
        return self.items if self.most is None else self.most

    @model_validator(mode="after")
    def _in_order(self) -> QualificationConfig:
        if self.most is not None and self.most < self.items:
            raise ValueError(f"routing.qualification.most ({self.most}) is less than items ({self.items})")
        return self


class RoutingConfig(Section):
    """Whether people are given tasks of their own, on platforms that can, and by which rules.

    ``ahead`` is how many tasks wait for one person at most, ``reserve`` how many stand on the platform beyond those.
    ``expires_hours`` is how long a task is kept for one person; null: for ever. ``unseen_hours`` is how long it is kept
    while they look at none; null: as long. ``per_day`` bounds what one person gets
    for a day; null: no bound. ``own``: people are given conversations of their own, too. ``groups`` maps the names of
    groups of people to the mixes that they work on; who is in no group works on the mixes that no group names.
    """

    enabled: bool = False
    ahead: Annotated[Count, Field(ge=1, le=1000)] = 10
    reserve: Annotated[Count, Field(ge=0, le=100_000)] = 50
    expires_hours: Annotated[Number, Field(gt=0, le=24 * 365)] | None = 48
    unseen_hours: Annotated[Number, Field(gt=0, le=24 * 365)] | None = 24
    per_day: Annotated[Count, Field(ge=1)] | None = None
    own: bool = False
    qualification: QualificationConfig | None = None
    groups: dict[GroupName, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(default={})
