"""Who asks: the person behind a request, and what Argilla lets that person's role see."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argilla_server.enums import UserRole
from argilla_server.errors import UnauthorizedError
from argilla_server.models import Dataset, MetadataProperty, WorkspaceUser
from argilla_server.security import auth
from fastapi.security import SecurityScopes
from sqlalchemy import select
from starlette.requests import Request

from argilla_sql_search.sessions import open_session
from argilla_sql_search.tables import ROUTED, make_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

LEADS = frozenset({UserRole.owner, UserRole.admin})
"""The roles that see everything; every other one, also one that a later Argilla adds, sees what is its own."""


ASKER: ContextVar[str | None] = ContextVar("ASKER", default=None)
"""The id of the annotator whose request runs: Argilla tells its search engine of some requests only."""


@dataclass(frozen=True)
class Viewer:
    """A person with an account.

    Args:
        id: of the account, as Argilla writes it.
        username: of the account; often an e-mail address.
        is_lead: whether the person's role sees everything.
        visible_metadata: for an annotator, by dataset id the names of the metadata properties that are visible
            for annotators, in the workspaces that the person belongs to.
        routed: for an annotator, the ids of the routed datasets in these workspaces.
    """

    id: str
    username: str
    is_lead: bool
    visible_metadata: Mapping[str, frozenset[str]] = field(default_factory=dict)
    routed: frozenset[str] = frozenset()


NOBODY = Viewer("", "", is_lead=False)
"""Whoever it is: for views that look the same to everybody."""


async def viewer_of(scope: Scope, *, with_metadata: bool) -> Viewer | None:
    """Return who sends a request, as Argilla's own authentication says; None for a stranger.

    Args:
        scope: of the request, which stays as it is.
        with_metadata: whether to read `visible_metadata`, which takes a query.
    """
    request = Request({**scope, "state": {}})
    async with open_session() as session:
        try:
            user = await auth.get_current_user(SecurityScopes(), request, session, None, None)
        except UnauthorizedError:
            return None
        is_lead = user.role in LEADS
        if is_lead:
            return Viewer(str(user.id), user.username, is_lead)
        theirs = select(Dataset.id).join(WorkspaceUser, WorkspaceUser.workspace_id == Dataset.workspace_id)
        theirs = theirs.where(WorkspaceUser.user_id == user.id)
        await make_tables()
        routed = await session.scalars(
            theirs.join(ROUTED, ROUTED.c.dataset_id == Dataset.id).where(ROUTED.c.routed)
        )
        visible: dict[str, set[str]] = {}
        if with_metadata:
            properties = select(MetadataProperty).where(MetadataProperty.dataset_id.in_(theirs))
            for found in await session.scalars(properties):
                if found.visible_for_annotators:
                    visible.setdefault(str(found.dataset_id), set()).add(found.name)
        frozen = {dataset: frozenset(names) for dataset, names in visible.items()}
        return Viewer(str(user.id), user.username, is_lead, frozen, frozenset(map(str, routed)))
