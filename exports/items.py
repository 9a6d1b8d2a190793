"""The items that every export consists of, whatever type a projection gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from exports.pairs import PreferencePair

if TYPE_CHECKING:
    from collections.abc import Collection

    from exports.context import Prompt
    from exports.judgments import Judgment


class ExportItem(Protocol):
    """The unit of a split: a preference pair, a labelled completion, a question.

    Items of one export have different ids. ``prompt`` and ``conversation_ids`` decide the split; ``person_ids``
    are the pseudonyms of the annotators, ``judgments`` what they said; the rest is counted in the card and the
    manifest.
    """

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def prompt(self) -> Prompt: ...  # noqa: D102
    @property
    def conversation_ids(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def person_ids(self) -> Collection[str]: ...  # noqa: D102
    @property
    def judgments(self) -> Collection[Judgment]: ...  # noqa: D102
    @property
    def licences(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def sources(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def models(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def rules_versions(self) -> tuple[str, ...]: ...  # noqa: D102


ItemT = TypeVar("ItemT", bound=ExportItem)


def judges_of(item: ExportItem) -> set[str]:
    """Return the people who judged an item; who wrote a reference, or a text that others judged, is none."""
    wrote = {by.annotation_id for by in getattr(item, "writers", ())}
    judged = item.votes if isinstance(item, PreferencePair) else item.judgments
    return {by.person_id for by in judged if by.annotation_id not in wrote}
