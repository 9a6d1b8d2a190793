"""What is plain of a portion of the evidence in columns: conversations, tasks and answers.

A group is plain if all of its conversations and tasks are, and all answers to these say what they say in a plain way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from exports.arrays import (
    NOWHERE,
    codes_of,
    filled,
    flags_of,
    one_array,
    places_of,
    texts_of,
)
from exports.context import UNKNOWN
from exports.message_columns import Messages, names_tools
from exports.pair_columns import NEITHER, Origins
from exports.plain_rules import about_items, answers_left_out
from exports.verdicts import said_by
from workspaces.collection.statistics import UNDETERMINED
from workspaces.kinds import all_kinds, text_questions, together
from workspaces.records import IMPORTED, AnnotationStatus, Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

    from exports.arrays import Flags, Numbers
    from exports.projection import Evidence
    from workspaces.config.exports import ExportsConfig
    from workspaces.kinds import Kind

LANGUAGES = ("detected_language", "language")
"""The columns of which the first that says something is the language of a conversation."""


@dataclass(frozen=True, slots=True)
class EvidenceColumns:
    """A portion of the evidence as tables.

    Attributes:
        tasks: the columns of ``workspaces.store.tasks.StoredTask``, and ``group``.
        answers: the columns of ``workspaces.store.latest_annotations.StoredAnnotation``, of those that count.
        conversations: the columns of ``workspaces.collection.files.CONVERSATION``; ``opening``, the digest of the
            normalised opening of all of its prompts, null where they have several; ``group``, the same number for what
            belongs together; ``LANGUAGES``.
        everybody: what is the same for all portions: evidence without tasks, answers and contexts.
        aside: tasks with answers that may be set aside.
        rewritten: conversations with rewrites.
    """

    tasks: pa.Table
    answers: pa.Table
    conversations: pa.Table
    everybody: Evidence
    aside: Collection[str] = ()
    rewritten: Collection[str] = ()


class PlainGroups:
    """Which groups are plain so far."""

    def __init__(self, *several: Numbers) -> None:
        self._names = np.unique(np.concatenate(several))
        self._plain = self._names >= 0

    def leave_out(self, groups: Numbers) -> None:
        """Say of groups that they are not plain."""
        self._plain[np.searchsorted(self._names, groups)] = False

    def hold(self, groups: Numbers) -> Flags:
        """Return which of these groups are plain."""
        return self._plain[np.searchsorted(self._names, groups)]

    @property
    def rest(self) -> frozenset[int]:
        """The groups that are not plain."""
        return frozenset(self._names[~self._plain].tolist())


class PlainChats:
    """The conversations: which of them are plain, and where they come from."""

    def __init__(self, evidence: EvidenceColumns, messages: Messages) -> None:
        table = evidence.conversations
        self.groups = np.asarray(one_array(table.column("group")), np.int64)
        self.openings = one_array(table.column("opening"))
        ids = one_array(table.column("conversation_id"))
        self.plain = flags_of(self.openings.is_valid()) & ~names_tools(table)
        self.plain[messages.of_chat[~messages.are_texts | messages.share_ids]] = False
        if evidence.rewritten:
            self.plain &= ~flags_of(pc.is_in(ids, texts_of(sorted(evidence.rewritten))))
        self.answered = np.zeros(len(ids), np.bool_)
        self.answered[messages.of_chat[messages.are(Role.ASSISTANT)]] = True
        spoken = [one_array(table.column(name)) for name in LANGUAGES]
        self.origins = Origins(
            ids,
            one_array(table.column("source")),
            filled(one_array(table.column("licence")), UNKNOWN),
            one_array(table.column("model_name")),
            filled(*spoken, UNDETERMINED),
        )


class PlainTasks:
    """The tasks: what they show, and which of them ask in a plain way."""

    def __init__(self, evidence: EvidenceColumns, messages: Messages) -> None:
        table = evidence.tasks
        self.ids = one_array(table.column("task_id"))
        self.groups = np.asarray(one_array(table.column("group")).fill_null(NOWHERE), np.int64)
        self.rules_versions = one_array(table.column("rules_version"))
        platforms = one_array(table.column("platform"))
        self.kind_codes, self.kind_names = codes_of(one_array(table.column("kind")))
        known = all_kinds()
        self.kinds = [known.get(name) for name in self.kind_names]
        self.names: list[Sequence[str]] = [
            names if len(names) == 2 else ("", "")
            for names in json.loads(f"[{','.join(one_array(table.column('message_ids')).to_pylist())}]")
        ]
        self.shown = places_of(texts_of([*chain(*self.names)]), messages.ids).reshape(-1, 2)
        compares = [
            it is not None and it.comparison is not None and not it.judges_rewrites for it in self.kinds
        ]
        self.plain: Flags = (
            np.array(compares, np.bool_)[self.kind_codes]
            & (self.shown != NOWHERE).all(axis=1)
            & ~flags_of(pc.equal(platforms, IMPORTED))
            & flags_of(one_array(table.column("reask_of")).is_null())
            & flags_of(
                pc.is_in(filled(one_array(table.column("rewrites")), "null"), texts_of(["null", "[]"]))
            )
            & ~flags_of(pc.is_in(self.ids, texts_of(sorted(evidence.aside))))
        )
        if decided := {(kind, item) for kind, _, item in evidence.everybody.decisions}:
            self.plain &= np.array([item not in decided for item in self.items()], np.bool_)

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield kind and item of each task, as reports and leads name it."""
        for code, names in zip(self.kind_codes.tolist(), self.names, strict=True):
            yield self.kind_names[code], together(names)

    def usable(self, messages: Messages, groups: Numbers) -> Flags:
        """Return which of the plain tasks show two responses, of text, each to a text of a user.

        Args:
            messages: what they may show.
            groups: of the conversations: a task about those of another group than its own is not usable.
        """
        usable = self.plain.copy()
        empty, parents = messages.are_empty, messages.parents
        for side in (0, 1):
            rows = np.where(self.plain, self.shown[:, side], 0)
            before = np.where(parents[rows] == NOWHERE, rows, parents[rows])
            usable &= messages.are(Role.ASSISTANT)[rows] & ~empty[rows]
            usable &= groups[messages.of_chat[rows]] == self.groups
            usable &= messages.are(Role.USER)[before] & ~empty[before]
        return usable


class PlainAnswers:
    """The answers to the tasks: what they say, and about which tasks they are not plain.

    ``tasks`` are the places of their tasks, ``NOWHERE`` of tasks that are not there. ``counts``: it is a vote.
    ``left_out`` says by which rule one is no vote (``answers_left_out``).
    """

    def __init__(self, evidence: EvidenceColumns, asked: PlainTasks, rules: ExportsConfig) -> None:
        table = evidence.answers
        self.ids = one_array(table.column("annotation_id"))
        self.tasks = places_of(one_array(table.column("task_id")), asked.ids)
        self.people, names = codes_of(one_array(table.column("person_id")))
        self.person_ids = texts_of(names)
        self.updated_at = one_array(table.column("updated_at"))
        status = one_array(table.column("status"))
        self.submitted = flags_of(pc.equal(status, AnnotationStatus.SUBMITTED.value))
        self.discarded = flags_of(pc.equal(status, AnnotationStatus.DISCARDED.value))
        self.kind_codes = np.where(self.tasks == NOWHERE, 0, asked.kind_codes[self.tasks])
        codes, texts = codes_of(one_array(table.column("answers")))
        both, of_both = np.unique(codes * len(asked.kinds) + self.kind_codes, return_inverse=True)
        typed = text_questions()
        said = [
            _said(asked.kinds[it % len(asked.kinds)], texts[it // len(asked.kinds)], typed)
            for it in both.tolist()
        ]
        self.said = np.array(said, np.int64).reshape(-1, 5)[of_both]
        self.left_out = answers_left_out(rules, asked.kind_names, self.kind_codes, self.updated_at)
        self.discarded &= self.left_out == NOWHERE
        self.counts = self.submitted & (self.said[:, COMPLETE] == 1) & (self.left_out == NOWHERE)
        may_fall_out = ~self.counts | about_items(rules)  # the text may stand in a row all the same
        unclear = self._again(len(names)) | (may_fall_out & (self.said[:, HAS_TEXT] == 1))
        self.unclear = np.unique(self.tasks[unclear & (self.tasks != NOWHERE)])

    def _again(self, people: int) -> Flags:
        """Return which answers are by somebody who answered the same task more than once."""
        _, of_both, times = np.unique(
            self.tasks * people + self.people, return_inverse=True, return_counts=True
        )
        found: Flags = times[of_both] > 1
        return found


PLACE, BOTH, STRENGTH, COMPLETE, HAS_TEXT = range(5)
"""What an answer says, in numbers: ``Said``, whether it is complete, and whether it holds a person's own words."""


def _said(kind: Kind | None, text: str | None, typed: Collection[str]) -> tuple[int, int, int, int, int]:
    if kind is None or kind.comparison is None:  # the task is not plain
        return NEITHER, 0, NEITHER, 0, 0
    values = json.loads(text or "{}")
    if not isinstance(values, dict) or not all(isinstance(it, str) for it in values.values()):
        return NEITHER, 0, NEITHER, 0, 1  # nobody knows what it says: it is not plain
    written = int(any(said and name in typed for name, said in values.items()))
    said = said_by(kind.comparison, kind, values)
    if said is None:
        return NEITHER, 0, NEITHER, 0, written
    place, strength = (NEITHER if it is None else it for it in (said.place, said.strength))
    return place, int(said.both_bad), strength, 1, written
