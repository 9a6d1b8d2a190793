"""What the page does of itself: chats and posts enter the collection; what a first answer needs is loaded before."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from chatfeedback.steps.chats_that_wait import collect_waiting
from chatfeedback.steps.plugin_posts import collect_posts
from chatfeedback.web.chat_counter import counter_of
from workspaces.errors import ConfigurationError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette

    from workspaces.workspace import Workspace

_LOG = logging.getLogger("chatfeedback.chat")

COLLECT_SECONDS = 300.0
"""How often chats that wait are moved into the collection: a chat of an evening becomes a few appends, not hundreds."""


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Run the background tasks of an application as long as it is served."""
    site = app.state.site
    tasks = [asyncio.create_task(_collect(site.workspace))]
    chat = site.workspace.config.chat
    try:
        counter = counter_of(app, site.workspace, site.limits) if chat.models or chat.stand_in else None
    except ConfigurationError:  # the page says so where somebody chats
        counter = None
    if counter is not None:
        tasks.append(asyncio.create_task(run_in_threadpool(counter.till.warm_up)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if counter is not None:
            await counter.aclose()


async def _collect(workspace: Workspace) -> None:
    """Move chats and posts that wait into the collection, again and again; what fails is tried again."""
    while True:
        await asyncio.sleep(COLLECT_SECONDS)
        for what, collect in (("chats", collect_waiting), ("posts of the plug-in", collect_posts)):
            try:
                await run_in_threadpool(collect, workspace)
            except WorkbenchError as error:  # another step is at work, or texts were not redacted anew yet
                _LOG.info("%s wait for the collection: %s", what, error)
            except Exception as error:
                _LOG.warning("%s could not be collected: %s", what, type(error).__name__)
