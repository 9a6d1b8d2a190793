"""The sides of a split beyond groups of related rows: people who are on one side alone, and a day that divides them.

Sides are decided over all conversations that may be exported, whatever is in this export: so they are the same in every
export and under every rule.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from hashlib import blake2b
from typing import TYPE_CHECKING

from exports.omissions import OmissionReason
from exports.splits import TEST, TRAIN, SplitItem, assign_splits
from reward_engine.acceptance import tally
from workspaces.records import ANONYMOUS, IMPORTED, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from exports.context import Context
    from exports.projection import Evidence
    from exports.verdicts import RewriteOutcomes
    from workspaces.config.exports import ExportsConfig
    from workspaces.records import Annotation


def divides(rules: ExportsConfig) -> bool:
    """Return whether rules divide people or days, and not groups of rows alone."""
    return rules.test_people > 0 or rules.test_from is not None


def sentences_about(rules: ExportsConfig, *, test_only: bool = False) -> list[str]:
    """Return how rows were divided, for the card."""
    if test_only:
        return ["Every row is in the split `test`: they are for evaluation."]
    said = [
        "Rows that share a conversation, a near duplicate of one, or a first user turn that is the same or nearly so",
        "(three-word shingles, Jaccard .8 or more) are in one split. MinHash finds all but 4 in 10,000 pairs of first",
        "turns that are so alike; of whole conversations 95 in 100 at .8, and 99 at .85.",
    ]
    if rules.test_from is None:
        said.append(
            "The split of such a group is a hash of the opening that people were asked about first and stays the same "
            "in later releases, unless new rows link two groups, a deletion parts them or takes that opening, or "
            "another share is asked for: `moved` in `manifest.json` counts what changed sides."
        )
    else:
        said.append(
            f"A group is in `test` if people were first asked about it on {rules.test_from} (UTC) or later."
        )
    if rules.test_people:
        said.append(
            f"People are on one side as well: {rules.test_people:.0%} of them, by a hash, are in `test` alone."
        )
    return said


def assigned(
    items: Iterable[SplitItem], rules: ExportsConfig, evidence: Evidence, test_share: float
) -> dict[str, str]:
    """Return ``train`` or ``test`` for every item id, and for names of conversations (``_name``).

    With ``test_from``, a group is in ``test`` if people were first asked about it on that day (UTC) or later, and
    ``test_share`` is of no account. A task was asked on the day on which it was made, and what came with a log when it
    was judged, whenever the log was read. So later answers move no group; a log of earlier days may.
    """
    beside = _all_of(evidence) if divides(rules) else _links(evidence)
    every = [*items, *beside]
    if rules.test_from is None:
        return assign_splits(every, test_share, first_asked=evidence.first_asked)
    days = _first_days(evidence)
    return assign_splits(every, test_share, lambda names: _is_late(names, days, rules.test_from))


def apart(rules: ExportsConfig, evidence: Evidence, test_share: float) -> Evidence:
    """Return the evidence without answers of people on the other side, which are set aside with their reason.

    A person's side is a stable hash of their pseudonym, and so never changes. Of the answers about a conversation in
    ``test``, those of people of ``test`` stay, and the same of ``train``: no person is behind rows of both, nor has
    written a text in both. Raters whom a log does not name have a pseudonym for each conversation, and stay. A rewrite
    is accepted by the votes that stay.
    """
    if not rules.test_people:
        return evidence
    sides = assigned((), rules, evidence, test_share)
    writers = {
        message_id: annotation.person_id
        for annotation in evidence.annotations
        if (message_id := evidence.outcomes.rewrites.get(annotation.id)) is not None
    }
    aside = {}
    for annotation in evidence.annotations:
        task = evidence.tasks.get(annotation.task_id)
        shown = () if task is None else tuple(name for name in task.message_ids if name in evidence.contexts)
        people = {annotation.person_id, *(writers[name] for name in shown if name in writers)}
        here = {sides[_name(evidence.contexts[name].conversation_id)] for name in shown}
        if any(side_of(person, rules.test_people) not in {side, None} for person in people for side in here):
            aside[annotation.id] = OmissionReason.OTHER_SIDE
    aside |= evidence.set_aside
    kept = (annotation for annotation in evidence.annotations if annotation.id not in aside)
    return replace(evidence, set_aside=aside, outcomes=_accepted_by(kept, evidence))


def _accepted_by(annotations: Iterable[Annotation], evidence: Evidence) -> RewriteOutcomes:
    """Return what the votes among these answers alone say of the rewrites that tasks judge."""
    outcomes = evidence.outcomes
    votes = tally(annotations, evidence.tasks, frozenset(outcomes.needed))
    said = {name: given.outcome(outcomes.needed[name]) for name, given in votes.items()}
    return replace(outcomes, of={**outcomes.of, **said})


def side_of(person_id: str, share: float) -> str | None:
    """Return the side of a person: ``test`` for that share of all people; None for a rater without a name."""
    if person_id.startswith(ANONYMOUS):
        return None
    place = int.from_bytes(blake2b(f"person {person_id}".encode(), digest_size=8).digest())
    return TEST if place < share * 2**64 else TRAIN


def _name(conversation_id: str) -> str:
    return f"conversation {conversation_id}"


def _all_of(evidence: Evidence) -> Iterator[SplitItem]:
    """Yield every conversation, once for each of its openings."""
    for name, openings in _by_opening(evidence.contexts.values()).items():
        yield from _of(name, openings, evidence.near_duplicates)


def _links(evidence: Evidence) -> Iterator[SplitItem]:
    """Yield what links groups of rows and may be in no item here: near copies, and openings of one conversation.

    So it does not matter which export, which rules and which answers an item is in.
    """
    groups = evidence.near_duplicates
    linking = (
        it
        for it in evidence.contexts.values()
        if it.path[0].role is not Role.USER or it.conversation_id in groups  # others have one opening
    )
    for name, openings in _by_opening(linking).items():
        if name in groups or len(openings) > 1:
            yield from _of(name, openings, groups)


def _of(name: str, openings: Sequence[Context], groups: Mapping[str, str]) -> Iterator[SplitItem]:
    """Yield an item for each opening of a conversation; the first has its name (``_name``)."""
    group = (groups[name],) if name in groups else ()
    for place, context in enumerate(openings):
        yield SplitItem(f"{_name(name)} {place}" if place else _name(name), (name,), context.prompt, group)


def _by_opening(contexts: Iterable[Context]) -> dict[str, list[Context]]:
    """Return a context for each opening of each conversation; that without a user counts where it is the only one."""
    found: dict[str, dict[str | None, Context]] = {}
    for context in contexts:
        opening = next((it.id for it in context.path if it.role is Role.USER), None)
        found.setdefault(context.conversation_id, {}).setdefault(opening, context)
    for openings in found.values():
        if len(openings) > 1:
            openings.pop(None, None)
    return {name: [*openings.values()] for name, openings in found.items()}


def _first_days(evidence: Evidence) -> dict[str, date]:
    """Return the day on which people were first asked about each conversation.

    The task of a judgment that came with a log is as old as its reading; who changes such a judgment judged before.
    """
    asked: dict[str, datetime] = {}
    for annotation in evidence.annotations:
        task = evidence.tasks.get(annotation.task_id)
        if task is not None and task.platform == IMPORTED:
            asked[task.id] = min(annotation.updated_at, asked.get(task.id, task.created_at))
    days: dict[str, date] = {}
    for task in evidence.tasks.values():
        day = asked.get(task.id, task.created_at).astimezone(UTC).date()
        for name in {
            evidence.contexts[it].conversation_id for it in task.message_ids if it in evidence.contexts
        }:
            days[name] = min(day, days.get(name, day))
    return days


def _is_late(conversation_ids: Iterable[str], days: Mapping[str, date], start: date | None) -> bool:
    known = [days[name] for name in conversation_ids if name in days]
    return start is not None and bool(known) and min(known) >= start
