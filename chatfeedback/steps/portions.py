"""Portions of what an export is made from, in files until they are needed.

The answers, tasks and conversations of a portion are in memory while it is worked at, in whatever process. What is the
same for all portions is small: ids, states, weights, and the rewrites that people are asked about.
"""

from __future__ import annotations

import pickle
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

import exports
from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.written_texts import redacted
from exports.choosing import EVERYTHING, by_own
from exports.omissions import OmissionReason
from exports.plain_evidence import LANGUAGES, EvidenceColumns
from workspaces.batch_files import table_in
from workspaces.collection.files import CONVERSATION, SCHEMA, conversations_in
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.people import OwnLogs
from workspaces.files import written_before
from workspaces.kinds import all_kinds, asking, rubric_kinds
from workspaces.store.arrow_rows import ANNOTATIONS, TASKS, rows_of
from workspaces.store.latest_annotations import StoredAnnotation, annotation_of
from workspaces.store.members import MemberStatus
from workspaces.store.tasks import StoredTask, task_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from chatfeedback.steps.rewrites import Rewrites
    from workspaces.batch_files import Waiting
    from workspaces.config import ExportsConfig
    from workspaces.kinds import Criterion
    from workspaces.records import Annotation

OUTSIDE = {
    MemberStatus.STRANGER: OmissionReason.STRANGER,
    MemberStatus.BARRED: OmissionReason.BARRED,
}
"""Why the answers of people who are outside are in no row."""
TASK_ROWS, ANSWERS, CONVERSATIONS = "tasks", "answers", "conversations"
"""What the rows of a portion are called; the answers of people who are outside, by their status."""
OPENING, GROUP = pa.field("opening", pa.binary(8)), pa.field("group", pa.int64())
TASK_COLUMNS, ANSWER_COLUMNS = TASKS.append(GROUP), ANNOTATIONS.append(GROUP)
IN_COLLECTION = pa.schema([SCHEMA.field(name) for name in dict.fromkeys((*CONVERSATION, *LANGUAGES))])
"""What portions hold of the columns of the collection."""
CONVERSATION_COLUMNS = IN_COLLECTION.append(OPENING).append(GROUP)


def own_set_aside(
    rules: ExportsConfig, rule: OwnLogs, counted: Iterable[Annotation], own: Iterable[Annotation]
) -> dict[str, OmissionReason]:
    """Return why answers are in no row for whose conversation they are about: by the rule of quality, or of exports."""
    if rule is OwnLogs.ALLOWED:
        return by_own(rules, counted, own)
    return dict.fromkeys((annotation.id for annotation in own), OmissionReason.OWN)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all portions share: evidence without answers, rules, who answers about their own, rewrites, rubrics."""

    evidence: exports.Evidence
    rules: ExportsConfig
    own: Collection[tuple[str, str]]
    own_checks: Collection[tuple[str, str]]
    second: Collection[tuple[str, str]]
    rule: OwnLogs
    rewrites: Rewrites
    rubrics: Mapping[str, Sequence[Criterion]]

    @property
    def tasks_aside(self) -> set[str]:
        """The tasks with answers that are set aside for whose they are."""
        own = () if self.rule is OwnLogs.ALLOWED and self.rules.own == EVERYTHING.own else self.own
        return {task_id for _, task_id in (*own, *self.own_checks, *self.second)}


@dataclass(frozen=True, slots=True)
class Portion:
    """A portion: where its rows wait, and the file of what is the same for all; calling it reads the evidence."""

    shared: str
    waiting: Mapping[str, Sequence[Waiting]]

    def tasks(self) -> pa.Table:
        """Return the tasks, oldest first: ``TASK_COLUMNS``.

        ``group`` is that of the conversations that a task shows; ``NOWHERE`` if none of those that belong together with
        them is there.

        Raises:
            LostFileError: the file is gone or damaged.
        """
        return self._table(TASK_ROWS, TASK_COLUMNS)

    def answers(self, outside: MemberStatus | None = None) -> pa.Table:
        """Return the answers that count, or those of people outside, by id: ``ANSWER_COLUMNS``.

        ``group`` is that of the task; ``NOWHERE`` if there is no such task.

        Raises:
            LostFileError: the file is gone or damaged.
        """
        return self._table(ANSWERS if outside is None else outside.value, ANSWER_COLUMNS)

    def conversations(self) -> pa.Table:
        """Return the conversations that are shared: ``CONVERSATION_COLUMNS``.

        ``opening`` is the digest of the opening of every prompt in a conversation, where that is the first turn; null:
        its prompts may have several. ``group`` is the same number for all conversations that belong together.

        Raises:
            LostFileError: the file is gone or damaged.
        """
        return self._table(CONVERSATIONS, CONVERSATION_COLUMNS)

    def columns(self) -> EvidenceColumns:
        """Return the evidence as tables.

        Raises:
            LostFileError: a file is gone or damaged.
        """
        shared = self._shared()
        theirs = (self.answers(status).column("task_id").to_pylist() for status in OUTSIDE)
        return EvidenceColumns(
            self.tasks(),
            self.answers(),
            self.conversations(),
            shared.evidence,
            aside={*shared.tasks_aside, *chain(*theirs)},
            rewritten=shared.rewrites.by_conversation,
        )

    def _shared(self) -> Shared:
        with _READING:  # the threads of a worker of a cluster read it once
            return _shared(self.shared)

    def __call__(self, groups: Collection[int] | None = None) -> exports.Evidence:
        """Return the evidence, or what there is about the conversations of some groups.

        Raises:
            LostFileError: a file is gone or damaged.
        """
        shared = self._shared()
        rewrites, everybody = shared.rewrites, shared.evidence
        tasks = {row.task_id: task_of(row) for row in rows_of(StoredTask, _of_groups(self.tasks(), groups))}
        conversations = _of_groups(self.conversations(), groups)
        contexts = exports.contexts_of(map(rewrites.shown, conversations_in(conversations)))
        told = (conversations.column(name).to_pylist() for name in ("conversation_id", *LANGUAGES))
        languages = {name: one or other or UNDETERMINED for name, one, other in zip(*told, strict=True)}
        annotations, aside = self._answers(shared, groups)
        return replace(
            everybody,
            tasks=tasks,
            annotations=redacted(annotations, tasks, contexts, rewrites.redactor),
            contexts=contexts,
            set_aside=aside,
            languages=languages,
        )

    def _answers(
        self, shared: Shared, groups: Collection[int] | None
    ) -> tuple[list[Annotation], dict[str, OmissionReason]]:
        """Return the answers, and why some are in no row."""
        annotations = self._annotations(None, groups)
        judged, own_judged = without_own_checks(annotations, shared.own_checks)
        judged, second = without_own_checks(judged, shared.second)
        counted, own_ones = without_own(judged, shared.own, shared.rule)
        aside = own_set_aside(shared.rules, shared.rule, counted, own_ones)
        aside |= {annotation.id: OmissionReason.OWN_REWRITE for annotation in own_judged}
        aside |= {annotation.id: OmissionReason.SECOND for annotation in second}
        for status, reason in OUTSIDE.items():
            theirs = self._annotations(status, groups)
            annotations.extend(theirs)
            aside |= {annotation.id: reason for annotation in theirs}
        return annotations, aside

    def _annotations(self, outside: MemberStatus | None, groups: Collection[int] | None) -> list[Annotation]:
        return list(map(annotation_of, rows_of(StoredAnnotation, _of_groups(self.answers(outside), groups))))

    def _table(self, name: str, schema: pa.Schema) -> pa.Table:
        return table_in(self.waiting.get(name, ()), schema)


def _of_groups(table: pa.Table, groups: Collection[int] | None) -> pa.Table:
    if groups is None:
        return table
    wanted = pa.array(sorted(groups), pa.int64())
    return table.filter(pc.is_in(table.column("group"), value_set=wanted))


@lru_cache(maxsize=1)
def _shared(path: str) -> Shared:
    """Read what is the same for all portions, once in each process."""
    with written_before(Path(path)), Path(path).open("rb") as file:
        shared: Shared = pickle.load(file)  # noqa: S301 - written by this export
    _KINDS.close()  # those of the export before, whose rubrics may have had other criteria
    known = all_kinds()
    missing = [kind for kind in rubric_kinds(shared.rubrics) if kind.name not in known]
    _KINDS.enter_context(asking(missing))  # in another process, until another export
    return shared


_KINDS, _READING = ExitStack(), Lock()


@contextmanager
def remembered() -> Iterator[None]:
    """Forget at the end of the block what the portions that this process made have in common."""
    try:
        yield
    finally:
        _shared.cache_clear()
