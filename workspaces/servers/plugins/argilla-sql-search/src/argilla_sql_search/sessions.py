"""Short database sessions that only read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from argilla_server.database import AsyncSessionLocal
from sqlalchemy.ext.asyncio import AsyncSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]


@asynccontextmanager
async def open_session() -> AsyncIterator[AsyncSession]:
    """Open a session on Argilla's database for the length of a `with` block."""
    async with AsyncSessionLocal() as session:
        yield session


def dialect_of(session: AsyncSession) -> str:
    """Return the name of the session's database: `sqlite` or `postgresql`."""
    return session.get_bind().dialect.name
