"""Argilla: datasets through its SDK, records, answers and accounts over REST.

Answers are read over REST because the SDK drops a response's status and times (Argilla SDK 2.8.0).
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from workspaces.chunks import in_chunks
from workspaces.errors import WorkbenchError
from workspaces.kinds import TextQuestion
from workspaces.platforms.argilla import hooks, settings
from workspaces.platforms.argilla.accounts import Accounts
from workspaces.platforms.argilla.connection import ArgillaConnection
from workspaces.platforms.argilla.form import fields_of, metadata_of, plain, settings_of, suggestions_of
from workspaces.platforms.argilla.router import ArgillaRouter
from workspaces.platforms.argilla.shapes import (
    Changed,
    ChangedPage,
    Dataset,
    Hits,
    Progress,
    Questions,
    Record,
    Records,
    ServedPage,
    User,
    Version,
)
from workspaces.platforms.base import Container, RemoteAnswer, RequestRefusedError
from workspaces.platforms.halving import Halving
from workspaces.records import AnnotationStatus, PlacedTask

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import argilla
    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import PersonIdOf, Refuse, Settings
    from workspaces.records import GivenAnswer

PUSH_BATCH = 200
PULL_PAGE = 500
SERVED_PAGE = 10_000
CHANGED_PAGE = 1_000
REMOVE_BATCH = 100
"""Records that Argilla deletes, or looks up by id, at once."""

MARK = "chatfeedback_read"
"""Where a dataset's metadata hold the workbench's mark."""

BLINDNESS_HEADER, BLIND = "X-Argilla-Annotators", "blind"
"""What argilla-sql-search (`workspaces/servers/plugins`) adds to every answer of an Argilla that it runs in."""

SEES_OTHERS = (
    "annotators can read each other's answers and user names (e-mail addresses) through the API. Close it: 'pip "
    "install argilla-sql-search' (from a checkout: workspaces/servers/plugins/argilla-sql-search) where Argilla is "
    "installed, and start 'argilla-sql-search' instead of 'python -m argilla_server'; Elasticsearch may stay, with "
    "ARGILLA_SEARCH_ENGINE=elasticsearch"
)

ANSWERED = [
    status.value
    for status in (AnnotationStatus.DRAFT, AnnotationStatus.SUBMITTED, AnnotationStatus.DISCARDED)
]


class ArgillaPlatform:
    """One Argilla workspace: a dataset for each task kind, a record for each task (``external_id`` = task id)."""

    name = "argilla"

    def __init__(self, url: str, api_key: SecretStr, person_id_of: PersonIdOf, workspace: str) -> None:
        self._connection = ArgillaConnection(url, api_key)
        self._person_id_of = person_id_of
        self._workspace_name = workspace
        self._accounts = Accounts(self._connection, lambda: str(self._workspace.id))

    def check(self) -> str:
        """Return one line about the server, having proved that our key is accepted."""
        me = self._connection.read(User, "/api/v1/me")
        version = self._connection.read(Version, "/api/v1/version")
        if me.role != "owner":
            raise WorkbenchError(
                f"Argilla at {self._connection.url}: the key belongs to an {me.role}; the workbench needs an "
                "owner's key, to make the workspace and accounts"
            )
        return f"Argilla {version.version}"

    def open_doors(self) -> tuple[str, ...]:
        """Return what annotators can see of each other, unless argilla-sql-search keeps it from them."""
        if self._connection.header("/api/v1/version", BLINDNESS_HEADER) == BLIND:
            return ()
        return (SEES_OTHERS,)

    def push(
        self, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse | None = None
    ) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands in the kind's dataset exactly once; see ``Platform.push``."""
        halving = Halving(refuse)
        send: Callable[[list[TaskContent]], list[PlacedTask]] | None = None
        for batch in in_chunks(contents, PUSH_BATCH):
            if send is None:  # no dataset is made for no task
                dataset_id = self._dataset_id(form, overlap)
                send = partial(self._upsert, form, dataset_id, self._question_ids(form, dataset_id))
            yield from halving.send(batch, send)
        halving.end()

    def _upsert(
        self, form: Form, dataset_id: str, questions: Mapping[str, str], tasks: Sequence[TaskContent]
    ) -> list[PlacedTask]:
        """Write tasks by their external ids: what a killed run left behind is found again, and answers stay."""
        items = [
            {
                "external_id": task.task_id,
                "fields": fields_of(form, task),
                "metadata": metadata_of(task),
                **({"suggestions": suggestions_of(task, questions)} if questions else {}),
            }
            for task in tasks
        ]
        path = f"/api/v1/datasets/{UUID(dataset_id)}/records/bulk"
        return _placed(self._connection.put(Records, path, {"items": items}).items, dataset_id)

    def settings(self, form: Form, overlap: int | None = None) -> Settings | None:
        """Return the settings of a form's dataset; see ``Platform.settings``."""
        dataset = self._connection.find_dataset(self._workspace_name, form.container)
        return None if dataset is None else settings.settings(self._connection, dataset, form, overlap)

    def write_settings(self, form: Form, overlap: int | None, names: Collection[str]) -> None:
        """Write settings of a form's dataset; see ``Platform.write_settings``."""
        dataset = self._connection.find_dataset(self._workspace_name, form.container)
        if dataset is not None:
            settings.write(self._connection, dataset, form, overlap, names)

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        """Yield every answer in a dataset; see ``Platform.pull``. The cost grows with the answered records."""
        served = self._served(container_id)
        status = {"entity": "response", "property": "status"}
        query = {
            "filters": {"type": "and", "and": [{"type": "terms", "scope": status, "values": ANSWERED}]},
            "sort": [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "asc"}],
        }
        path = f"/api/v1/datasets/{container_id}/records/search"
        offset = 0
        while True:
            page = self._connection.search(
                Hits, path, query, include="responses", offset=offset, limit=PULL_PAGE
            )
            if not page.items:
                return
            yield [answer for hit in page.items for answer in self._answers(hit.record, served)]
            offset += len(page.items)

    def shown(self, container_id: str) -> frozenset[str] | None:
        """Return the records that were served to annotators; see ``Platform.shown``."""
        served = self._served_if_told(container_id)
        return None if served is None else frozenset(record for record, _ in served)

    def recent(self, container_id: str, since: datetime) -> Iterator[list[RemoteAnswer]] | None:
        """Return the answers that changed since a moment; None without argilla-sql-search; see ``Platform.recent``."""
        try:
            first = self._changed(container_id, since)
        except RequestRefusedError as error:
            if error.status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
                return None
            raise
        return self._pages_of_changes(container_id, first)

    def _pages_of_changes(self, container_id: str, page: list[Changed]) -> Iterator[list[RemoteAnswer]]:
        while page:
            yield [
                answer
                for it in page
                for answer in self._answers(
                    Record(id=it.record_id, external_id=it.external_id, responses=[it]),
                    {} if it.served_at is None else {(it.record_id, it.user_id): it.served_at},
                )
            ]
            if len(page) < CHANGED_PAGE:
                return
            page = self._changed(container_id, page[-1].updated_at, page[-1].id)

    def _changed(self, container_id: str, since: datetime, after: str | None = None) -> list[Changed]:
        path = f"/api/v1/datasets/{UUID(container_id)}/responses/changed"
        params: dict[str, str | int] = {"since": since.isoformat(), "limit": CHANGED_PAGE}
        if after is not None:
            params["after"] = after
        return self._connection.read(ChangedPage, path, **params).items

    def hook(self, url: str, token: SecretStr, container_ids: Sequence[str]) -> SecretStr:
        """Make sure that our receiver hears of answers; return Argilla's secret; see ``Platform.hook``."""
        return hooks.hook(self._connection, url)

    def hooked_since(self, url: str) -> datetime | None:
        """Return when our webhook was changed last; see ``Platform.hooked_since``."""
        return hooks.hooked_since(self._connection, url)

    def refuses_receiver(self, url: str) -> str | None:
        """Return None: Argilla takes every address."""
        return None

    def mute(self, url: str) -> None:
        """Switch our webhook off; see ``Platform.mute``."""
        hooks.mute(self._connection, url)

    def unhook(self, url: str) -> None:
        """Remove our webhook; see ``Platform.unhook``."""
        hooks.unhook(self._connection, url)

    def look(self, container_id: str) -> Container | None:
        """Return what a dataset is; None where it is gone. Its id, and those in it, are given once for all time."""
        try:
            dataset = self._dataset(container_id)
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return None
        total = self._connection.read(Progress, f"/api/v1/datasets/{UUID(container_id)}/progress").total
        mark = (dataset.metadata or {}).get(MARK)
        return Container(total, mark if isinstance(mark, str) else None)

    def mark(self, container_id: str, mark: str) -> None:
        """Write a mark into a dataset's metadata; see ``Platform.mark``.

        Argilla 2.8.0 fills the old metadata in place and then does not see that they changed: they are saved only
        where there were none.
        """
        path = f"/api/v1/datasets/{UUID(container_id)}"
        metadata = {**(self._dataset(container_id).metadata or {}), MARK: mark}
        self._connection.patch(path, {"metadata": None})
        self._connection.patch(path, {"metadata": metadata})

    def standing(self, container_id: str) -> list[PlacedTask]:
        """Return every task of ours that stands in a dataset; see ``Platform.standing``."""
        placed: list[PlacedTask] = []
        path = f"/api/v1/datasets/{UUID(container_id)}/records"
        for offset in count(0, PULL_PAGE):
            page = self._connection.read(Records, path, offset=offset, limit=PULL_PAGE).items
            placed += _placed(page, container_id)
            if len(page) < PULL_PAGE:
                break
        return placed

    def answers_to(self, place: PlacedTask) -> list[RemoteAnswer] | None:
        """Return the answers to one task; None where its record is gone, or is another task's."""
        try:
            record = self._connection.read(Record, f"/api/v1/records/{UUID(place.remote_id)}")
        except RequestRefusedError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        return self._answers(record, {}) if record.external_id == place.task_id else None

    def only_authors_delete(self) -> bool:
        """Return True: annotators cannot delete others' answers, nor records; see ``Platform.only_authors_delete``."""
        return True

    def find(self, container: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks of one form that stand here; see ``Platform.find``."""
        dataset = self._connection.find_dataset(self._workspace_name, container) if task_ids else None
        if dataset is None:
            return []
        placed: list[PlacedTask] = []
        for chunk in in_chunks(task_ids, REMOVE_BATCH):
            scope = {"entity": "record", "property": "external_id"}
            terms = {"type": "terms", "scope": scope, "values": chunk}
            query = {"filters": {"type": "and", "and": [terms]}}
            path = f"/api/v1/datasets/{dataset}/records/search"
            page = self._connection.search(Hits, path, query, offset=0, limit=REMOVE_BATCH)
            placed += _placed([hit.record for hit in page.items], dataset)
        return placed

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        """Delete these tasks' records, with every answer to them; see ``Platform.remove``."""
        by_dataset: dict[str, list[str]] = {}
        for task in tasks:
            by_dataset.setdefault(task.container_id, []).append(str(UUID(task.remote_id)))
        for dataset, ids in by_dataset.items():
            for chunk in in_chunks(ids, REMOVE_BATCH):
                self._connection.delete(f"/api/v1/datasets/{UUID(dataset)}/records", ids=",".join(chunk))

    def remove_answers(self, answers: Sequence[GivenAnswer]) -> None:
        """Delete these answers; see ``Platform.remove_answers``."""
        for answer in answers:
            self._connection.delete(f"/api/v1/responses/{UUID(answer.response_id)}")

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete an annotator's account; see ``Platform.close_account``."""
        return self._accounts.close_account(is_theirs)

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account in our workspace; see ``Platform.invite``."""
        return self._accounts.invite(email, password)

    def has_account(self, is_named: Callable[[str], bool]) -> bool:
        """Return whether there is such an account; see ``Platform.has_account``."""
        return self._accounts.has_account(is_named)

    def reset_password(self, is_theirs: Callable[[str], bool], password: SecretStr) -> list[str]:
        """Give an annotator's account another password; see ``Platform.reset_password``."""
        return self._accounts.reset_password(is_theirs, password)

    def revoke(self, is_theirs: Callable[[str], bool]) -> bool:
        """Take an annotator out of our workspace, and leave the account; see ``Platform.revoke``."""
        return self._accounts.revoke(is_theirs)

    def restore(self, is_theirs: Callable[[str], bool]) -> bool:
        """Let an annotator into our workspace again; see ``Platform.restore``."""
        return self._accounts.restore(is_theirs)

    def router(self) -> ArgillaRouter:
        """Return what gives our records to chosen annotators."""
        return ArgillaRouter(
            self._connection,
            lambda: self._connection.find_workspace(self._workspace_name),
            self._dataset_id,
            self._accounts.name_of,
        )

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    @cached_property
    def _workspace(self) -> argilla.Workspace:
        return self._connection.workspace(self._workspace_name)

    def _dataset_id(self, form: Form, overlap: int) -> str:
        workspace = self._workspace
        return self._connection.dataset(workspace, form.container, settings_of(form, overlap))

    def _question_ids(self, form: Form, dataset_id: str) -> dict[str, str]:
        """Return Argilla's ids of the questions whose fields hold a text from the first, by name; mostly none."""
        if not any(isinstance(question, TextQuestion) and question.prefilled for question in form.questions):
            return {}
        known = self._connection.read(Questions, f"/api/v1/datasets/{dataset_id}/questions").items
        return {question.name: question.id for question in known}

    def _dataset(self, dataset_id: str) -> Dataset:
        return self._connection.read(Dataset, f"/api/v1/datasets/{UUID(dataset_id)}")

    def _served(self, dataset_id: str) -> dict[tuple[str, str], datetime]:
        """Return when records were first served, by (record, user); nothing from an Argilla that does not tell."""
        return self._served_if_told(dataset_id) or {}

    def _served_if_told(self, dataset_id: str) -> dict[tuple[str, str], datetime] | None:
        served: dict[tuple[str, str], datetime] = {}
        path = f"/api/v1/datasets/{UUID(dataset_id)}/records/served"
        for offset in count(0, SERVED_PAGE):
            try:
                page = self._connection.read(ServedPage, path, offset=offset, limit=SERVED_PAGE)
            except RequestRefusedError as error:
                if error.status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
                    return None
                raise
            served.update({(it.record_id, it.user_id): it.served_at for it in page.items})
            if len(page.items) < SERVED_PAGE:
                break
        return served

    def _answers(self, record: Record, served: Mapping[tuple[str, str], datetime]) -> list[RemoteAnswer]:
        return [
            RemoteAnswer(
                response_id=response.id,
                remote_id=record.id,
                person_id=(person_id := self._person_id_of(self._accounts.name_of(response.user_id))),
                editor_id=person_id,  # Argilla lets nobody else change it
                status=AnnotationStatus(response.status),
                values=plain(response.values),
                updated_at=response.updated_at,
                served_at=served.get((record.id, response.user_id)),
                task_id=record.external_id,
            )
            for response in record.responses or ()
            if response.status in ANSWERED
        ]


def _placed(records: Iterable[Record], dataset_id: str) -> list[PlacedTask]:
    """Return where records stand; one without an external id is none of ours."""
    return [
        PlacedTask(record.external_id, record.id, dataset_id)
        for record in records
        if record.external_id is not None
    ]
