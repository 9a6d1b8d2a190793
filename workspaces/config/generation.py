"""How tasks are generated: the conversations they are selected from, and the mix of their kinds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from workspaces.config.section import Count, Number, Section, Weight
from workspaces.kinds import asked_kinds, kind_of
from workspaces.records import Significance

ATTACHMENT = "attachment"
"""The flag of a message with attachments: their bytes are not kept, so nobody sees them."""

FLAGS = ("refusal", "identity_leak", "empty", "trivial", "toxic", "moderation", ATTACHMENT)
"""The flags of messages and conversations; ``moderation:CATEGORY`` is a moderation flag of one category."""


def _known_flag(name: str) -> str:
    if name not in FLAGS and not (name.startswith("moderation:") and name != "moderation:"):
        raise ValueError(f"known flags: {', '.join(FLAGS)}, moderation:CATEGORY (given: {name[:80]!r})")
    return name


def _warning_kind(name: str) -> str:
    warning = [kind.name for kind in asked_kinds().values() if kind.warns]
    if name not in warning:
        raise ValueError(
            f"only kinds whose guidelines warn of harmful texts may show them: {', '.join(warning)} "
            f"(given: {name[:80]!r})"
        )
    return name


class SelectConfig(Section):
    """Which conversations tasks are made from.

    Messages and conversations with one of ``skip_flags`` are not shown to annotators. ``languages`` are codes as
    ``collection stats`` prints them, ``und`` for an undetermined language; empty: all. With ``near_duplicates`` set to
    ``one``, one conversation of each group is used (and one of each other model that answers the same prompts).
    ``repeated_prompts`` is a quantile of how often a prompt occurs in the collection: the conversations of a prompt
    that occurs more often are sampled down to it; null: no limit. ``challenge`` is the minimum challenge score of a
    prompt, out of 7; null: no minimum. ``show_flagged`` opens flags to a kind that shows harmful texts on purpose and
    warns its annotators first: its tasks show messages with these flags although ``skip_flags`` has them.
    """

    skip_flags: tuple[Annotated[str, AfterValidator(_known_flag)], ...] = (
        "toxic",
        "moderation",
        "empty",
        "trivial",
        ATTACHMENT,
    )
    languages: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = ()
    near_duplicates: Literal["one", "all"] = "one"
    repeated_prompts: Annotated[Number, Field(gt=0, lt=1)] | None = 0.9999
    challenge: Annotated[Count, Field(ge=1, le=7)] | None = None
    show_flagged: dict[
        Annotated[str, AfterValidator(_warning_kind)], tuple[Annotated[str, AfterValidator(_known_flag)], ...]
    ] = Field(default={})


def _known_kind(name: str) -> str:
    if name not in asked_kinds():
        known = " or ".join(repr(kind) for kind in asked_kinds())
        raise ValueError(f"Input should be {known} (given: {name[:80]!r})")
    return name


KindName = Annotated[str, AfterValidator(_known_kind)]
"""The name of a task kind that platforms ask."""


def _default_kinds() -> dict[str, float]:
    return {name: kind.weight for name, kind in asked_kinds().items()}


class MixConfig(Section):
    """Which tasks are drawn, and how many people answer each of them."""

    kinds: dict[KindName, Weight] = Field(default_factory=_default_kinds)
    significance: dict[Significance, Weight] = Field(
        default={Significance.LOW: 1.0, Significance.MEDIUM: 2.0, Significance.HIGH: 3.0}
    )
    trivial: bool = False
    limit: Annotated[Count, Field(ge=1)] | None = None
    overlap: Annotated[Count, Field(ge=1, le=100)] = 3
    show_seed: Annotated[Number, Field(ge=0, le=1)] = 0.0
    reask: Annotated[Number, Field(ge=0, le=0.1)] = 0.0

    @property
    def judges_rewrites(self) -> bool:
        """Whether people are asked about rewrites, so that their votes accept them."""
        return any(weight > 0 and kind_of(name).judges_rewrites for name, weight in self.kinds.items())

    @model_validator(mode="after")
    def _something_to_draw(self) -> MixConfig:
        for name, weights in (("kinds", self.kinds), ("significance", self.significance)):
            if not any(weights.values()):
                raise ValueError(f"mix.{name} needs at least one weight above 0")
        return self
