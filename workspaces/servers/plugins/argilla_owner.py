"""Create Argilla's owner account. Runs in Argilla's own environment; reads JSON from standard input.

Argilla's command line takes the password as an argument, where every user of the machine can read it.
"""

import asyncio
import json
import sys

from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import UserRole
from argilla_server.models import User


async def create_owner(user: str, password: str, api_key: str) -> None:
    """Create the owner; one who exists is left alone."""
    async with AsyncSessionLocal() as session:
        if await accounts.get_user_by_username(session, user):
            return
        await User.create(
            session,
            first_name="Owner",
            username=user,
            role=UserRole.owner,
            api_key=api_key,
            password_hash=accounts.hash_password(password),
            workspaces=[],
        )


if __name__ == "__main__":
    asyncio.run(create_owner(**json.load(sys.stdin)))
