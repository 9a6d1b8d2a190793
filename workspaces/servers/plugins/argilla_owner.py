"""Create Argilla's owner account. Runs in Argilla's own environment; reads JSON from standard input.

Argilla's command line takes the password as an argument, where every user of the machine can read it.
"""

import asyncio
import json
import sys
from importlib.util import find_spec, module_from_spec

import bcrypt

package = find_spec("argilla_server")
assert package is not None
# Its package imports the whole API, which takes four times as long as the tables that are needed here.
sys.modules["argilla_server"] = module_from_spec(package)

from argilla_server.database import AsyncSessionLocal  # noqa: E402
from argilla_server.enums import UserRole  # noqa: E402
from argilla_server.models import User  # noqa: E402


async def create_owner(user: str, password: str, api_key: str) -> None:
    """Create the owner; one who exists is left alone."""
    async with AsyncSessionLocal() as session:
        if await User.get_by(session, username=user):
            return
        await User.create(
            session,
            first_name="Owner",
            username=user,
            role=UserRole.owner,
            api_key=api_key,
            password_hash=bcrypt.hashpw(password.encode(), bcrypt.gensalt()).decode(),  # as Argilla does
            workspaces=[],
        )


if __name__ == "__main__":
    asyncio.run(create_owner(**json.load(sys.stdin)))
