"""Argilla's assignments, which argilla-sql-search keeps beside Argilla's own tables and serves over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import httpx

from workspaces.chunks import in_chunks
from workspaces.platforms.argilla.shapes import (
    AssignmentPage,
    Hits,
    Progress,
    Routing,
    Users,
    Withdrawn,
    Written,
)
from workspaces.platforms.base import RequestRefusedError
from workspaces.platforms.routing import Accounts, Assignment, AssignmentState, RoutingUnavailableError
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from workspaces.forms import Form
    from workspaces.platforms.argilla.connection import ArgillaConnection
    from workspaces.platforms.routing import KnownPerson

READ_PAGE = 10_000
WRITE_BATCH = 1_000
LOOK_BATCH = 100
"""Records whose responses are asked for at once."""

SEARCH_PAGE = 500
NOWHERE = UUID(int=0)
"""No dataset's id: what a server says of it tells whether it knows the route."""

NO_ROUTE = '"Not Found"'
"""What Starlette says of an address that nothing serves; of an unknown dataset Argilla says more."""

TOLD = [AnnotationStatus.SUBMITTED.value, AnnotationStatus.DISCARDED.value, AnnotationStatus.DRAFT.value]


class ArgillaRouter:
    """The assignments of one Argilla workspace; see ``Router``.

    Args:
        connection: with an owner's key.
        workspace_id: returns Argilla's id of the workspace; None where there is none yet.
        make_dataset: returns the id of the dataset of a form, made where there is none.
        username_of: returns the name of a user by id.
    """

    def __init__(
        self,
        connection: ArgillaConnection,
        workspace_id: Callable[[], str | None],
        make_dataset: Callable[[Form, int], str],
        username_of: Callable[[str], str],
    ) -> None:
        self._connection = connection
        self._workspace_id = workspace_id
        self._make_dataset = make_dataset
        self._username_of = username_of

    def check(self) -> None:
        """Return if the server has our search engine with its router; see ``Router.check``."""
        try:
            self._connection.read(Routing, _routing(str(NOWHERE)))
        except RequestRefusedError as error:
            if error.status != httpx.codes.NOT_FOUND or NO_ROUTE in str(error):
                raise self._unavailable() from error

    def accounts(self, known: KnownPerson) -> Accounts:
        """Return the accounts of annotators in our workspace, the one with the least id of several."""
        if (workspace := self._workspace_id()) is None:
            return Accounts({})
        path = f"/api/v1/workspaces/{workspace}/users"
        users = [user for user in self._connection.read(Users, path).items if user.role == "annotator"]
        whose = {user.id: known(user.username) for user in users}
        people = {person_id: name for name, person_id in sorted(whose.items(), reverse=True) if person_id}
        return Accounts(people, sum(person_id is None for person_id in whose.values()))

    def person_of(self, account: str, known: KnownPerson) -> str | None:
        """Return the pseudonym of a user, by id; None: nobody's who is known, or the account is gone."""
        return known(self._username_of(account))

    def prepare(self, form: Form, overlap: int) -> None:
        """Make the dataset of a form, and route it while it is empty; see ``Router.prepare``."""
        dataset = self._make_dataset(form, overlap)
        if not self._connection.read(Progress, f"/api/v1/datasets/{dataset}/progress").total:
            self.switch(dataset, routed=True)

    def is_routed(self, container_id: str) -> bool:
        """Return whether a dataset is routed."""
        return self._connection.read(Routing, _routing(container_id)).routed

    def switch(self, container_id: str, *, routed: bool) -> None:
        """Route a dataset or stop it."""
        try:
            self._connection.put(Routing, _routing(container_id), {"routed": routed})
        except RequestRefusedError as error:
            if error.status == httpx.codes.CONFLICT:  # another search engine answers
                raise self._unavailable() from error
            raise

    def assignments(self, container_id: str) -> Iterator[list[Assignment]]:
        """Yield all assignments of a dataset; see ``Router.assignments``."""
        begun = self._begun(container_id)
        offset = 0
        while True:
            page = self._connection.read(
                AssignmentPage, _assignments(container_id), offset=offset, limit=READ_PAGE
            )
            if not page.items:
                return
            yield [
                Assignment(
                    remote_id=row.record_id,
                    account=row.user_id,
                    position=row.position,
                    expires_at=row.expires_at,
                    state=AssignmentState(row.state),
                    served_at=row.served_at,
                    begun_at=begun.get((row.record_id, row.user_id)),
                )
                for row in page.items
            ]
            offset += len(page.items)

    def assign(self, container_id: str, assignments: Sequence[Assignment]) -> None:
        """Give records to users; see ``Router.assign``."""
        for batch in in_chunks(assignments, WRITE_BATCH):
            items = [
                _pair(it)
                | {
                    "position": it.position,
                    "expires_at": None if it.expires_at is None else it.expires_at.isoformat(),
                }
                for it in batch
            ]
            self._connection.put(Written, _assignments(container_id), {"items": items})

    def take_back(
        self, container_id: str, assignments: Sequence[Assignment], *, unseen: bool = False
    ) -> None:
        """Take records from users; see ``Router.take_back``."""
        for batch in in_chunks(assignments, WRITE_BATCH):
            path = f"{_assignments(container_id)}/withdraw"
            self._connection.search(
                Withdrawn, path, {"items": [_pair(it) for it in batch], "unless_served": unseen}
            )

    def responses(
        self, container_id: str, remote_ids: Sequence[str]
    ) -> dict[tuple[str, str], tuple[AnnotationStatus, datetime]]:
        """Return what users said to these records and when; see ``Router.responses``."""
        found: dict[tuple[str, str], tuple[AnnotationStatus, datetime]] = {}
        for some in in_chunks(remote_ids, LOOK_BATCH):
            scope = {"entity": "record", "property": "id"}
            condition = {"type": "terms", "scope": scope, "values": list(some)}
            found |= self._responses(container_id, condition)
        return found

    def _begun(self, container_id: str) -> dict[tuple[str, str], datetime]:
        draft = AnnotationStatus.DRAFT.value
        scope = {"entity": "response", "property": "status"}
        found = self._responses(container_id, {"type": "terms", "scope": scope, "values": [draft]})
        return {pair: at for pair, (status, at) in found.items() if status is AnnotationStatus.DRAFT}

    def _responses(
        self, container_id: str, condition: Mapping[str, object]
    ) -> dict[tuple[str, str], tuple[AnnotationStatus, datetime]]:
        """Return the status of each response at the records that meet a condition, and its time, by (record, user)."""
        path = f"/api/v1/datasets/{UUID(container_id)}/records/search"
        query = {
            "filters": {"type": "and", "and": [condition]},
            "sort": [{"scope": {"entity": "record", "property": "inserted_at"}, "order": "asc"}],
        }
        found: dict[tuple[str, str], tuple[AnnotationStatus, datetime]] = {}
        offset = 0
        while True:
            page = self._connection.search(
                Hits, path, query, include="responses", offset=offset, limit=SEARCH_PAGE
            )
            if not page.items:
                return found
            found |= {
                (hit.record.id, response.user_id): (AnnotationStatus(response.status), response.updated_at)
                for hit in page.items
                for response in hit.record.responses or ()
                if response.status in TOLD
            }
            offset += len(page.items)

    def _unavailable(self) -> RoutingUnavailableError:
        return RoutingUnavailableError(
            f"Argilla at {self._connection.url} cannot give tasks to chosen people: install argilla-sql-search there "
            "(from a checkout: workspaces/servers/plugins/argilla-sql-search), with ARGILLA_SEARCH_ENGINE=sql, and "
            "start 'argilla-sql-search' instead of 'python -m argilla_server'; or set routing.enabled to false in "
            "chatfeedback.yaml"
        )


def _pair(assignment: Assignment) -> dict[str, object]:
    return {"record_id": assignment.remote_id, "user_id": assignment.account}


def _routing(dataset_id: str) -> str:
    return f"/api/v1/datasets/{UUID(dataset_id)}/routing"


def _assignments(dataset_id: str) -> str:
    return f"/api/v1/datasets/{UUID(dataset_id)}/assignments"
