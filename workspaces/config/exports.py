"""Which answers and items go into training sets."""

from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from workspaces.config.generation import FlagName
from workspaces.config.section import Count, Number, Section

Names = tuple[Annotated[str, Field(min_length=1)], ...]


def _day(value: object) -> object:
    """Take no number for seconds since 1970, and no moment for a day."""
    if isinstance(value, str):
        with suppress(ValueError):
            return date.fromisoformat(value)
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise ValueError("expected a day as 2026-11-26")


Day = Annotated[date, BeforeValidator(_day)]


class ExportsConfig(Section):
    """Rules for what goes into training sets; by default everything does.

    ``kinds``: the task kinds whose answers count; empty: all. ``imported``: what becomes of judgments that came with
    chat logs, ``chat`` of those that people gave in the chat of the workbench, ``own`` of answers about conversations
    that the same person gave, where ``quality.own`` lets them count.
    ``since`` and ``until``: the first and the last day of answers, in UTC. ``min_people``: who judged an item at least.
    ``min_agreement``: of pairs and labels, the share of the most frequent answer; ``min_margin``: of pairs, and
    ``min_posterior``, the probability that the chosen side is better. ``skip_flags``: no conversation of an item has
    one of these flags. ``languages``, ``models``, ``sources``, ``licences``: all that an item has must be among these;
    empty: any. ``decontaminate``: a folder of benchmarks whose prompts stay out, from the workspace's folder; None: no
    such folder. ``weights``: where the weights of votes and pairs come from: nowhere, all weigh alike; the confidence
    of people; the posteriors of pairs.
    ``test_people``: the share of people whose answers are in the test split alone, and nobody else's are; 0: people may
    be behind both. ``test_from``: groups first asked about on this day or later are the test split; None: by lot.
    Of the export ``benchmark``: ``benchmark_least``, the lowest score of a prompt; ``benchmark_topic_mean``, that of a
    topic's mean; ``benchmark_per_topic``, the most prompts of a topic.
    """

    kinds: Names = ()
    imported: Literal["include", "exclude", "only"] = "include"
    chat: Literal["include", "exclude", "only"] = "include"
    own: Literal["include", "exclude", "only"] = "include"
    since: Day | None = None
    until: Day | None = None
    min_people: Annotated[Count, Field(ge=1)] = 1
    min_agreement: Annotated[Number, Field(ge=0, le=1)] = 0.0
    min_margin: Annotated[Number, Field(ge=-3, le=3)] | None = None
    min_posterior: Annotated[Number, Field(ge=0, le=1)] = 0.0
    skip_flags: tuple[FlagName, ...] = ()
    languages: Names = ()
    models: Names = ()
    sources: Names = ()
    licences: Names = ()
    decontaminate: Path | None = None
    weights: Literal["none", "confidence", "posterior"] = "confidence"
    test_people: Annotated[Number, Field(ge=0, lt=1)] = 0.0
    test_from: Day | None = None
    benchmark_least: Annotated[Number, Field(ge=0, le=7)] = 6.0
    benchmark_topic_mean: Annotated[Number, Field(ge=0, le=7)] = 0.0
    benchmark_per_topic: Annotated[Count, Field(ge=1)] = 2

    @model_validator(mode="after")
    def _in_order(self) -> "ExportsConfig":
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since ({self.since}) is after until ({self.until}): no answer is in between")
        return self
