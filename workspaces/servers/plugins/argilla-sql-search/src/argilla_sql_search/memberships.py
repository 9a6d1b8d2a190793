"""Membership of a workspace, asked once in a request.

Argilla asks the database for each metadata property of each record that it serves to an annotator: of a page of ten
records with three properties, more than half of all statements.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from argilla_server.models import User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

_known: ContextVar[dict[tuple[UUID, UUID], bool] | None] = ContextVar("_known", default=None)
_ask = User.is_member


def install_memberships() -> None:
    """Let Argilla's users remember their memberships; once is enough."""
    User.is_member = _is_member  # type: ignore[assignment, method-assign]


@contextmanager
def remembered_memberships() -> Iterator[None]:
    """Remember, for the length of a `with` block, what was asked in it. What runs in it must change no membership."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


async def _is_member(user: User, workspace_id: UUID) -> bool:
    known = _known.get()
    if known is None:
        return await _ask(user, workspace_id)
    key = user.id, workspace_id
    if key not in known:
        known[key] = await _ask(user, workspace_id)
    return known[key]
