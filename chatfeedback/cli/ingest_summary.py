"""What ``ingest`` says of a source it read: every row and every value that is not kept is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.losses import CUT_JUDGMENTS
from task_generators.chat_logs.readers.columns import CUT, NOT_UNDERSTOOD, UNREAD
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs import Ingested

SHOWN = 12
"""Columns that a line of text names; ``--json`` and ``collection omissions`` name all."""


def as_object(ingested: Ingested) -> dict[str, Any]:
    """Return the summary as one JSON object.

    ``read`` is the sum of ``added``, ``grown``, ``duplicates``, ``deleted``, ``rejected``, ``cleaned`` and ``merged``.
    """
    losses = ingested.losses
    return {
        "format": ingested.format,
        "read": ingested.read,
        "added": ingested.added,
        "grown": ingested.grown,
        "duplicates": ingested.duplicates,
        "near_duplicates": ingested.near_duplicates,
        "deleted": ingested.deleted,
        "rejected": ingested.rejected,
        "merged": ingested.merged,
        "feedback": ingested.feedback,
        "forgotten_feedback": ingested.forgotten_feedback,
        "published": ingested.published,
        "cleaned": ingested.cleaned,
        "namesakes": ingested.namesakes,
        "taken_apart": ingested.taken_apart,
        "keyed_ids": ingested.keyed_ids,
        "telling_ids": ingested.telling_ids,
        "redactions": ingested.redactions,
        "reasons": ingested.reasons,
        "rejects_file": ingested.rejects_file,
        "damage": ingested.damage,
        "not_read": {path: lost.count for path, lost in losses.of_kind(UNREAD).items()},
        "not_understood": {
            path: {"count": lost.count, "example": lost.example}
            for path, lost in losses.of_kind(NOT_UNDERSTOOD).items()
        },
        "cut_turns": {reason: lost.count for reason, lost in losses.of_kind(CUT).items()},
        "cut_judgments": {reason: lost.count for reason, lost in losses.of_kind(CUT_JUDGMENTS).items()},
    }


def lines_of(name: str, ingested: Ingested, seconds: float) -> Iterator[str]:
    """Yield the summary as lines of text. The figures of the first add up to the rows that were read."""
    rows = (
        (ingested.added, "added", True),
        (ingested.grown, "grown", False),
        (ingested.duplicates, "known already", True),
        (ingested.rejected, "rejected", True),
        (ingested.cleaned, "cleaned away", False),
        (ingested.deleted, "deleted before", False),
        (ingested.merged, "part of another row's conversation", False),
    )
    figures = ", ".join(f"{count:,} {what}" for count, what, always in rows if count or always)
    yield f"{name} ({ingested.format}): {counted(ingested.read, 'row')} read: {figures}, in {seconds} s"
    if ingested.published:
        yield f"{ingested.published:,} published, by your word that their givers agreed"
    if ingested.feedback:
        yield f"Imported feedback: {counted(ingested.feedback, 'judgment')} of people, never paid"
    if ingested.forgotten_feedback:
        yield f"Left out: {counted(ingested.forgotten_feedback, 'judgment')} of people who asked to be forgotten"
    if ingested.near_duplicates:
        yield f"Near duplicates: {ingested.near_duplicates:,} of those added or grown"
    if ingested.namesakes:
        yield (
            f"{counted(ingested.namesakes, 'conversation')} had an id that stands for another one: such an id does not "
            "identify, so the text does"
        )
    if ingested.taken_apart:
        yield (
            f"{counted(ingested.taken_apart, 'stored conversation')} shared message ids with others and "
            f"{word_for(ingested.taken_apart, 'has', 'have')} ids of {word_for(ingested.taken_apart, 'its', 'their')} "
            "own now: 'seed' and 'generate' ask about each response"
        )
    yield from _telling_ids(ingested)
    yield from _losses(ingested)
    if ingested.cleaned:
        yield f"{ingested.cleaned:,} left out by the cleaning rules of {ingested.format}: see {ingested.rejects_file}"
    if ingested.deleted:
        yield f"Deleted before: {counted(ingested.deleted, 'conversation')}, as the giver asked; that stays so"
    if ingested.redactions:
        placeholders = ", ".join(f"{count:,} {kind}" for kind, count in sorted(ingested.redactions.items()))
        yield f"Replaced by placeholders: {placeholders}"


def links_sentence(ingested: Ingested) -> str:
    """Return a sentence about links in a folder that lead out of it."""
    links = ingested.links_out
    return (
        f"{counted(len(links), 'file')} of the folder {word_for(len(links), 'is a link', 'are links')} to files "
        f"elsewhere, which {word_for(len(links), 'was', 'were')} read, too: {_first(links)}"
    )


def _telling_ids(ingested: Ingested) -> Iterator[str]:
    if ingested.keyed_ids:
        yield (
            f"{counted(ingested.keyed_ids, 'conversation')} had an id, of its own or of a message, that holds the id "
            "of a person or an e-mail address: a keyed id stands for it"
        )
    if ingested.telling_ids:
        yield (
            f"{counted(ingested.telling_ids, 'stored conversation')} {word_for(ingested.telling_ids, 'keeps', 'keep')} "
            "an id that holds the id of a person or an e-mail address, and exports show it: tasks and answers name it; "
            "'consent delete' takes such a conversation out for good"
        )


def _losses(ingested: Ingested) -> Iterator[str]:
    unread = [
        f"{path} ({counted(lost.count, 'row')})" for path, lost in ingested.losses.of_kind(UNREAD).items()
    ]
    if unread:
        yield f"Not read: {_first(unread)}"
    odd = [
        f"{path} ({counted(lost.count, 'value')}, such as {lost.example!r})"
        for path, lost in ingested.losses.of_kind(NOT_UNDERSTOOD).items()
    ]
    if odd:
        yield f"Not understood: {_first(odd)}"
    cut = [f"{counted(lost.count, 'turn')} {reason}" for reason, lost in ingested.losses.of_kind(CUT).items()]
    cut += [
        f"{counted(lost.count, 'judgment')} {reason}"
        for reason, lost in ingested.losses.of_kind(CUT_JUDGMENTS).items()
    ]
    if cut:
        yield f"Cut from conversations that were read: {_first(cut)}"


def _first(parts: list[str]) -> str:
    more = len(parts) - SHOWN
    return ", ".join(parts[:SHOWN]) + (f", and {more:,} more: see 'collection omissions'" if more > 0 else "")
