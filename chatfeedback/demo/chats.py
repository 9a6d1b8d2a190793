"""Simulated people spend points: each asks the stand-in by the gateway, as a program with a key of theirs would."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from chatfeedback import steps
from chatfeedback.steps.chat_keys import make_chat_key, revoke_chat_keys
from workspaces.store.chat_exchanges import answers_by_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workspaces.workspace import Workspace

ADDRESS = "http://127.0.0.1"
KEY_NAME = "demo"
PROMPTS = (
    "How do I keep basil alive on a balcony that faces north?",
    "Explain to a child why the moon changes its shape.",
    "Which three questions should I ask before I rent a flat?",
    "Write a polite reminder that a book is overdue.",
)


def chat(workspace: Workspace, people: Sequence[str], advance: Callable[[int], None]) -> int:
    """Let people ask one question each, unless somebody chatted before; return how many were answered.

    Who has too few points is refused, as everybody is.
    """
    with workspace.store.read() as connection:
        if answers_by_model(connection):
            return 0
    answered = asyncio.run(_ask(workspace, people, advance))
    steps.collect_chats(workspace)
    return answered


async def _ask(workspace: Workspace, people: Sequence[str], advance: Callable[[int], None]) -> int:
    from chatfeedback.web.app import application  # its packages take a second to import

    answered = 0
    transport = httpx.ASGITransport(application(workspace, address=ADDRESS))
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
        for number, person_id in enumerate(people):
            key = make_chat_key(workspace, person_id, KEY_NAME)
            prompt = PROMPTS[number % len(PROMPTS)]
            said = await client.post(
                "/v1/chat/completions",
                headers={"Authorization": f"Bearer {key}"},
                json={"model": "dynamic", "messages": [{"role": "user", "content": prompt}]},
            )
            revoke_chat_keys(workspace, person_id)
            answered += said.status_code == httpx.codes.OK
            advance(1)
    return answered
