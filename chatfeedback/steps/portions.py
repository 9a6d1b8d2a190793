"""Portions of what an export is made from: read from the workspace once, and kept in files until they are needed.

The answers, tasks and conversations of a portion are in memory while it is worked at, in whatever process. What is the
same for all portions is small: ids, states, weights, and the rewrites that people are asked about.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import exports
from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.grouping import Groups, join_openings, number_of, with_near_openings
from chatfeedback.steps.written_texts import redacted
from exports.buckets import OF_PORTION
from exports.choosing import by_own
from exports.dataset import our_errors
from exports.omissions import OmissionReason
from workspaces.collection.files import CONVERSATION, conversations_in, rows_at
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.people import OwnLogs
from workspaces.files import written_before
from workspaces.kinds import all_kinds, asking, rubric_kinds
from workspaces.store.latest_annotations import StoredAnnotation, annotation_of, stream_annotations
from workspaces.store.members import MemberStatus, members
from workspaces.store.tasks import StoredTask, conversations_shown, shows_rewrites, stream_tasks, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from chatfeedback.steps.rewrites import Rewrites
    from workspaces.config import ExportsConfig
    from workspaces.kinds import Criterion
    from workspaces.records import Annotation, Task
    from workspaces.workspace import Workspace

TASKS = OF_PORTION
"""Tasks in a portion, on average and if none belong together."""
MOST = 512
"""Portions at most: a file of each is open while conversations are scattered, and a process may often open 1024."""
ROWS_AT_ONCE = 8192
LANGUAGES = ("detected_language", "language")
OUTSIDE = {
    MemberStatus.STRANGER: OmissionReason.STRANGER,
    MemberStatus.BARRED: OmissionReason.BARRED,
}
"""Why the answers of people who are outside are in no row."""
OF_ROWS = ("tasks", "answers", *(status.value for status in OUTSIDE))
CONVERSATIONS = "conversations"
"""What the files of a portion are called, before its number."""


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
    rule: OwnLogs
    rewrites: Rewrites
    rubrics: Mapping[str, Sequence[Criterion]]


@dataclass(frozen=True, slots=True)
class Portion:
    """A portion by its number; calling it reads the evidence from its files, of which ``sizes`` has the bytes."""

    folder: str
    number: int
    sizes: Mapping[str, int]

    def __call__(self) -> exports.Evidence:
        """Return the evidence.

        Raises:
            LostFileError: a file is gone or damaged.
        """
        folder = Path(self.folder)
        for name, size in self.sizes.items():
            with written_before(folder / name):
                if (folder / name).stat().st_size != size:
                    raise EOFError
        with _READING:  # the threads of a worker of a cluster read it once
            shared = _shared(str(folder / "shared"))
        rewrites, everybody = shared.rewrites, shared.evidence
        tasks = {row.task_id: task_of(row) for row in _kept(folder / f"tasks-{self.number}")}
        contexts: dict[str, exports.Context] = {}
        languages: dict[str, str] = {}
        for batch in _batches(folder / f"{CONVERSATIONS}-{self.number}"):
            contexts |= exports.contexts_of(map(rewrites.shown, conversations_in(batch.select(CONVERSATION))))
            told = (batch.column(name).to_pylist() for name in ("conversation_id", *LANGUAGES))
            languages |= {name: one or other or UNDETERMINED for name, one, other in zip(*told, strict=True)}
        annotations, aside = self._answers(folder, shared)
        return replace(
            everybody,
            tasks=tasks,
            annotations=redacted(annotations, tasks, contexts, rewrites.redactor),
            contexts=contexts,
            set_aside=aside,
            languages=languages,
        )

    def _answers(self, folder: Path, shared: Shared) -> tuple[list[Annotation], dict[str, OmissionReason]]:
        """Return the answers, and why some are in no row."""
        annotations = [annotation_of(row) for row in _kept(folder / f"answers-{self.number}")]
        judged, own_judged = without_own_checks(annotations, shared.own_checks)
        counted, own_ones = without_own(judged, shared.own, shared.rule)
        aside = own_set_aside(shared.rules, shared.rule, counted, own_ones)
        aside |= {annotation.id: OmissionReason.OWN_REWRITE for annotation in own_judged}
        for status, reason in OUTSIDE.items():
            theirs = [annotation_of(row) for row in _kept(folder / f"{status.value}-{self.number}")]
            annotations.extend(theirs)
            aside |= {annotation.id: reason for annotation in theirs}
        return annotations, aside


class Scattering:
    """Scatters what is in a workspace over portions; the workspace is locked meanwhile.

    Args:
        workspace: whose.
        connection: to its store, at one moment.
        folder: where the portions wait; it is empty.
        near_duplicates: the group of conversations that have a near duplicate; those whose openings have one are added.
        everything: also conversations that no task is about, and that have no near duplicate.
        at_once: there is one portion.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: sa.Connection,
        folder: Path,
        near_duplicates: Mapping[str, str],
        *,
        everything: bool,
        at_once: bool,
    ) -> None:
        self._workspace, self._connection, self._folder = workspace, connection, folder
        shown: dict[str, list[str]] = {}
        self.of_rewrites: dict[str, Task] = {}
        kinds = {kind.name for kind in all_kinds().values() if kind.rewrite or kind.judges_rewrites}
        for row in stream_tasks(connection):
            shown[row.task_id] = conversations_shown(row)
            if row.kind in kinds or shows_rewrites(row):
                self.of_rewrites[row.task_id] = task_of(row)
        self.number = 1 if at_once else min(MOST, max(1, -(-len(shown) // TASKS)))
        asked_about = {name for names in shown.values() for name in names} | {*near_duplicates}
        self.near_duplicates = with_near_openings(near_duplicates, workspace.collection, asked_about)
        self._wanted = None if everything else asked_about
        groups = self._groups(shown) if self.number > 1 else Groups()
        self._of_group: Callable[[str], int] = lambda name: number_of(groups.of(name), self.number)
        self._of_task = {name: self._of_group(names[0] if names else name) for name, names in shown.items()}

    def _groups(self, shown: Mapping[str, list[str]]) -> Groups:
        groups = Groups()
        for names in shown.values():
            for other in names[1:]:
                groups.join(names[0], other)
        for name, group in self.near_duplicates.items():
            groups.join(name, f"near duplicates {group}".encode())
        join_openings(groups, self._workspace.collection, self._wanted)
        return groups

    def tasks(self) -> None:
        """Scatter the tasks."""
        self._scatter("tasks", stream_tasks(self._connection))

    def answers(self) -> list[Annotation]:
        """Scatter the answers; return those to tasks that hold or show rewrites and that count."""
        for status in OUTSIDE.keys() & {it.status for it in members(self._connection)}:
            self._scatter(status.value, stream_annotations(self._connection, status))
        found: list[Annotation] = []

        def looked_at() -> Iterator[StoredAnnotation]:
            for row in stream_annotations(self._connection):
                if row.task_id in self.of_rewrites:
                    found.append(annotation_of(row))
                yield row

        self._scatter("answers", looked_at())
        return found

    def conversations(self) -> None:
        """Scatter the conversations that are shared."""
        writers: dict[int, Any] = {}
        waiting: list[pa.RecordBatch] = []

        def write() -> None:
            table = pa.Table.from_batches(waiting).combine_chunks()
            places: dict[int, list[int]] = defaultdict(list)
            for place, name in enumerate(table.column("conversation_id").to_pylist()):
                if self._wanted is None or name in self._wanted:
                    places[self._of_group(name)].append(place)
            with our_errors(self._folder):
                for number, some in places.items():
                    if number not in writers:
                        path = self._folder / f"{CONVERSATIONS}-{number}"
                        writers[number] = pa.ipc.new_file(str(path), table.schema)
                    writers[number].write_table(rows_at(table, some))
            waiting.clear()

        columns = tuple(dict.fromkeys((*CONVERSATION, *LANGUAGES)))
        for batch in self._workspace.collection.scan_batches(columns, locked=True):
            waiting.append(batch)
            if sum(it.num_rows for it in waiting) >= ROWS_AT_ONCE:
                write()
        if waiting:
            write()
        with our_errors(self._folder):
            for writer in writers.values():
                writer.close()

    def _scatter(self, name: str, rows: Iterable[StoredTask] | Iterable[StoredAnnotation]) -> None:
        waiting: dict[int, list[StoredTask | StoredAnnotation]] = defaultdict(list)
        size = 0
        for row in rows:
            waiting[self._of_task.get(row.task_id, 0)].append(row)
            size += 1
            if size == ROWS_AT_ONCE * 8:
                self._keep(name, waiting)
                size = 0
        self._keep(name, waiting)

    def _keep(self, name: str, waiting: dict[int, list[StoredTask | StoredAnnotation]]) -> None:
        for number, some in waiting.items():
            with our_errors(self._folder), (self._folder / f"{name}-{number}").open("ab") as file:
                pickle.dump([tuple(row) for row in some], file, pickle.HIGHEST_PROTOCOL)
        waiting.clear()

    def portions(self, shared: Shared) -> list[Portion]:
        """Return the portions, after all was scattered."""
        with our_errors(self._folder), (self._folder / "shared").open("wb") as file:
            pickle.dump(shared, file, pickle.HIGHEST_PROTOCOL)
        with our_errors(self._folder):
            return [
                Portion(
                    str(self._folder),
                    number,
                    {
                        name: self._size(name)
                        for name in (f"{kind}-{number}" for kind in (*OF_ROWS, CONVERSATIONS))
                    },
                )
                for number in range(self.number)
            ]

    def _size(self, name: str) -> int:
        """Return the bytes of a file, which is there from now on, if with none."""
        path = self._folder / name
        path.touch()
        return path.stat().st_size


def _kept(path: Path) -> Iterator[Any]:
    made = StoredTask if path.name.startswith("tasks-") else StoredAnnotation
    with written_before(path), path.open("rb") as file:
        while file.peek(1):
            yield from map(made._make, pickle.load(file))  # noqa: S301 - written by this export


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with written_before(path):
        if path.stat().st_size:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)


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
