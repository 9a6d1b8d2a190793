"""Polls a platform for answers, and stores every change as a revision.

Each change is stored once: an answer with the content of its latest revision is not a change, whatever its time. An
answer that its author deleted on the platform gets a revision too, so that its settlement can be reversed.

An answer counts as deleted only where its task still stands as the very copy at which it was given, and where the mark
in the container says that this server had the answer before. Everything else that is missing was lost, by a server that
was made anew or restored from a copy, by a task or container that somebody deleted, or with the account of its author:
the answers stand, and the failure says how tasks are placed again.

No clock of ours decides anything: changes are told apart by the platform's own times, and an answer that is missing by
where it stood. Where the clock of a platform was set back, a change is told by its task alone, asked for once more, on
a server whose mark says that it had what the change replaces.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError
from workspaces.grammar import counted, word_for
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import latest_revisions, newest_number_of
from workspaces.store.deletions import forgotten_people
from workspaces.store.flags import FlagStatus
from workspaces.store.marks import Mark, mark_of, save_mark
from workspaces.store.standing import standing
from workspaces.store.tasks import containers, places_in
from workspaces.sync.evidence import stands_at, was_given_at
from workspaces.sync.places import PLACE_AGAIN, still_standing
from workspaces.sync.reading import Reading
from workspaces.sync.recording import (
    Synced,
    disputed_deletions,
    names_of,
    record_answers,
    record_deletions,
    record_losses,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from workspaces.platforms.base import Container, Platform, RemoteAnswer
    from workspaces.records import PlacedTask
    from workspaces.store import Store
    from workspaces.store.annotations import AnnotationRevision

    IsAccountOf = Callable[[str, str, str], bool]
    """Tells of a platform, the name of an account there and a person whether it is theirs."""


def sync(
    store: Store,
    platform: Platform,
    clock: Callable[[], datetime],
    advance: Callable[[int], None] = lambda _: None,
    *,
    hold_strangers: bool = True,
    is_account_of: IsAccountOf | None = None,
) -> Synced:
    """Store every answer on a platform, page by page, each page in one transaction.

    A container, page or task that cannot be read keeps no other one from being read: it is one of the ``failures``.
    With ``hold_strangers`` the answers of people whom nobody invited count for nothing until they are accepted.
    ``is_account_of`` is as ``Poll`` has it.
    """
    result = Synced()
    with store.read() as connection:
        container_ids = containers(connection, platform.name)
    for container_id in container_ids:
        poll = Poll(store, platform, container_id, clock, result, is_account_of)
        try:
            poll.run(advance, hold_strangers=hold_strangers)
        except WorkbenchError as error:
            poll.fail(str(error))
    with store.read() as connection:
        stands = standing(connection)
    result.answers = stands.by_platform()[platform.name]
    result.held_answers = sum(name == platform.name for _, name, _ in stands.held)
    result.strangers = sum(name == platform.name for _, name in stands.strangers)
    return result


class Poll:
    """One reading of one container: of all of it (``run``), or of some of its tasks (``read_tasks``).

    ``is_account_of`` tells whose an account is (``Pseudonyms.is_account_of``); None: everybody's account is there.
    """

    def __init__(
        self,
        store: Store,
        platform: Platform,
        container_id: str,
        clock: Callable[[], datetime],
        result: Synced,
        is_account_of: IsAccountOf | None = None,
    ) -> None:
        self._is_account_of = is_account_of
        self._store = store
        self._platform = platform
        self._container_id = container_id
        self._clock = clock
        self._result = result
        self._failed = False
        self._accounts: dict[str, bool] = {}

    def fail(self, reason: str) -> None:
        """Note one failure of this container, once."""
        self._failed = True
        line = f"{self._container_id}: {reason}"
        if line not in self._result.failures:
            self._result.failures.append(line)

    def run(self, advance: Callable[[int], None], *, hold_strangers: bool) -> None:
        """Read the container, and look for what is missing in it.

        Raises:
            WorkbenchError: the platform does not answer.
        """
        name, box = self._platform.name, self._container_id
        with self._store.read() as connection:
            known = places_in(connection, box, name)
            mark = mark_of(connection, name, box) or Mark()
        container = self._platform.look(box)
        if container is None:
            self.fail(
                f"{counted(len(known), 'task')} of ours stood here, and this place is gone, or is another one now: it "
                f"was deleted, or the server lost its data. {PLACE_AGAIN}"
            )
            return
        places = self._standing(container, known)
        placed = {place.remote_id: place for place in places}
        seen: set[str] = set()
        gone: set[str] = set()
        earlier: list[AnnotationRevision] = []
        reading = Reading(self._platform, box, places)
        for page in reading:
            now = self._clock()
            recorded = record_answers(
                self._store, name, page, placed, now, self._result, hold_strangers=hold_strangers
            )
            seen |= recorded.ids
            earlier += recorded.earlier
            gone |= _not_as_placed(page, placed)
            advance(sum(answer.remote_id in placed for answer in page))
        for failure in reading.failures:
            self.fail(failure)
        gone |= {place.task_id for place in known} - {place.task_id for place in places} | reading.gone
        readable = {it.task_id: it for it in places if it.task_id not in reading.unread | gone}
        covered = mark.covers(container.mark)
        if covered is None:
            record_losses(self._store, earlier, self._clock(), self._result)
        else:
            tasks = {revision.task_id for revision in earlier}
            again = [place for place in places if place.task_id in tasks]
            self._read_again(again, covered, hold_strangers=hold_strangers)
        gone |= self._look_for_missing(readable, seen, covered)
        if gone:
            self.fail(
                f"{len(gone):,} of {counted(len(known), 'task')} of ours {word_for(len(gone), 'does', 'do')} not stand "
                f"here any more, or not as ours. {PLACE_AGAIN}"
            )
        if not self._failed:
            self._write_mark(container, mark, list(readable))

    def read_tasks(self, places: Sequence[PlacedTask], *, hold_strangers: bool, deletions: bool) -> None:
        """Read the answers to some tasks alone; with ``deletions`` look for those that are missing at them.

        A task or container that does not stand there any more is left to ``run``.

        Raises:
            WorkbenchError: the platform does not answer.
        """
        name, box = self._platform.name, self._container_id
        placed = {place.remote_id: place for place in places}
        seen: set[str] = set()
        there: dict[str, PlacedTask] = {}
        for place in places:
            answers = self._platform.answers_to(place)
            if answers is not None:
                there[place.task_id] = place
                seen |= record_answers(
                    self._store,
                    name,
                    answers,
                    placed,
                    self._clock(),
                    self._result,
                    hold_strangers=hold_strangers,
                ).ids
        container = self._platform.look(box) if deletions and there else None
        if container is not None:
            with self._store.read() as connection:
                mark = mark_of(connection, name, box) or Mark()
            self._look_for_missing(there, seen, mark.covers(container.mark))

    def _read_again(self, places: Sequence[PlacedTask], covered: int, *, hold_strangers: bool) -> None:
        """Read the answers to tasks of which the listing told less than was known, one task after the other.

        The listing was old, and nothing changes; or the clock of the platform was set back, and what its authors said
        since is found.
        """
        found, now = Synced(), self._clock()
        for place in places:
            try:
                answers = self._platform.answers_to(place) or ()
            except WorkbenchError as error:
                self.fail(str(error))
                continue
            placed = {place.remote_id: place}
            record_answers(
                self._store,
                self._platform.name,
                answers,
                placed,
                now,
                found,
                hold_strangers=hold_strangers,
                covered=covered,
            )
        self._result.new += found.new  # since the listing
        self._result.changed += found.changed
        self._result.unchanged -= found.changed

    def _standing(self, container: Container, known: list[PlacedTask]) -> list[PlacedTask]:
        """Return the tasks that stand; all are looked up only where the container cannot hold them all.

        Tasks that were placed before the times of their copies were kept are looked up once.
        """
        unknown = container.made_at is not None and any(place.made_at is None for place in known)
        if container.tasks >= len(known) and not unknown:
            return known
        return still_standing(self._store, self._platform, self._container_id, known, self._clock())

    def _look_for_missing(
        self, places: Mapping[str, PlacedTask], seen: set[str], covered: int | None
    ) -> set[str]:
        """Record that answers are gone that the listing does not contain and that the platform does not return either.

        The platform is asked for each of them, because the pages of a changing listing can skip an answer. Answers
        from before a task was pushed again stood at another place: the workbench removed them itself
        (``withdrawals``), or they were lost.

        Returns the ids of tasks that do not stand where they were placed.
        """
        with self._store.read() as connection:
            known = latest_revisions(connection, sorted(places))
            forgotten = forgotten_people(connection)
            missing: dict[str, list[AnnotationRevision]] = {}
            for annotation_id, revision in known.items():
                if (
                    revision.status is not AnnotationStatus.DELETED
                    and annotation_id not in seen
                    and revision.person_id not in forgotten
                    and was_given_at(revision, places[revision.task_id])
                ):
                    missing.setdefault(revision.task_id, []).append(revision)
            disputed = disputed_deletions(
                connection, [each for revisions in missing.values() for each in revisions]
            )
        self._result.disputed += sum(each.status is FlagStatus.OPEN for each in disputed.values())
        proven: bool | None = None
        lost_tasks: set[str] = set()
        for task_id, revisions in sorted(missing.items()):
            unexplained = [revision for revision in revisions if revision.annotation_id not in disputed]
            if not unexplained:
                continue
            try:
                answers = self._platform.answers_to(places[task_id])
                proven = self._platform.only_authors_delete() if proven is None else proven
            except WorkbenchError as error:
                self.fail(str(error))
                continue
            if answers is None:
                lost_tasks.add(task_id)
                continue
            with self._store.read() as connection:
                present = set(names_of(connection, self._platform.name, answers))
            gone = [revision for revision in unexplained if revision.annotation_id not in present]
            self._record(gone, covered, proven=proven)
        return lost_tasks

    def _record(self, gone: list[AnnotationRevision], covered: int | None, *, proven: bool) -> None:
        now = self._clock()
        if orphans := [revision for revision in gone if not self._has_account(revision.person_id)]:
            record_losses(self._store, orphans, now, self._result)
            gone = [revision for revision in gone if revision not in orphans]
            self.fail(
                f"{', '.join(sorted({each.person_id for each in orphans}))}: the account was deleted there, and its "
                "answers with it. They stand and count here; to take access from somebody, use 'chatfeedback people "
                "revoke' or 'people remove'"
            )
        if covered is None:
            record_losses(self._store, gone, now, self._result)
            return
        sure = [revision for revision in gone if proven and (revision.number or 0) <= covered]
        unsure = [revision for revision in gone if revision not in sure]
        for some, is_proven in ((sure, True), (unsure, False)):
            if some:
                record_deletions(self._store, some, now, self._result, proven=is_proven)

    def _has_account(self, person_id: str) -> bool:
        """Return whether the platform still has an account of this person: who has none deleted no answer."""
        is_account_of, name = self._is_account_of, self._platform.name
        if is_account_of is None:
            return True
        if person_id not in self._accounts:
            self._accounts[person_id] = self._platform.has_account(
                lambda account: is_account_of(name, account, person_id)
            )
        return self._accounts[person_id]

    def _write_mark(self, container: Container, mark: Mark, task_ids: list[str]) -> None:
        """Write a new mark, if there are answers that the one in the container does not cover."""
        covered = mark.covers(container.mark)
        with self._store.read() as connection:
            newest = newest_number_of(connection, task_ids)
        if covered is not None and newest <= covered and mark.next_mark is None:
            return
        name, box = self._platform.name, self._container_id
        new = secrets.token_hex(8)
        with self._store.write() as connection:
            shown = Mark(container.mark, covered or 0, new, newest)
            save_mark(connection, name, box, shown)
        self._platform.mark(box, new)
        there = self._platform.look(box)
        kept = None if there is None else there.mark
        if kept not in (None, container.mark, new):
            return  # a copy of this workspace wrote another one meanwhile: what it covers is not known here
        if kept != new:
            self.fail(
                "it did not keep what was written into it, so answers that are deleted there wait for you: "
                "'chatfeedback people review'"
            )
            return
        with self._store.write() as connection:
            save_mark(connection, name, box, Mark(new, newest))


def _not_as_placed(page: list[RemoteAnswer], placed: Mapping[str, PlacedTask]) -> set[str]:
    """Return the tasks at whose numbers answers stand whose copy is another one, or says that it is another task."""
    there = ((answer, placed.get(answer.remote_id)) for answer in page)
    return {place.task_id for answer, place in there if place is not None and not stands_at(answer, place)}
