"""What a moderation endpoint, or the local hint, says of the collection's messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.metering import metered, no_spending
from task_generators.llm.errors import RefusedError, UnusableReplyError
from workspaces.chunks import in_chunks
from workspaces.collection.statistics import HELD_OR_SHARED
from workspaces.config import secret_from_environment
from workspaces.store.moderations import ModerationEntry, moderated, save_moderation
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.labelling.moderation import Moderator
    from task_generators.labelling.profanity import LocalModerator
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Moderated:
    """Messages that the agent judged in this run, and those flagged; the next run asks again for ``failed`` ones."""

    agent: str
    asked: int = 0
    flagged: int = 0
    failed: int = 0


def moderate(workspace: Workspace, *, advance: Advance = ignore) -> Moderated:
    """Moderate every message that the configured endpoint, or else the local hint, has not judged yet.

    A request that the endpoint refuses is repeated message by message, because one message may be too long or filtered.
    That message is stored as flagged, with the category ``refused``.

    Raises:
        ConfigurationError: no endpoint is configured, and no local hint is installed.
        ConnectionFailedError: the endpoint cannot be reached; its verdicts until then are kept.
    """
    from task_generators.labelling.moderation import Moderator  # its client is slow to import
    from task_generators.labelling.profanity import LocalModerator

    config = workspace.config.moderation
    with workspace.exclusive():
        if config is None:
            return _moderate(workspace, LocalModerator(), no_spending, advance)
        moderator = Moderator(config, secret_from_environment(config.api_key_env, "the moderation endpoint"))
        with metered(workspace.store, "moderation", config, moderator.meter) as save_spending:
            return _moderate(workspace, moderator, save_spending, advance)


def _moderate(
    workspace: Workspace, moderator: Moderator | LocalModerator, save_spending: SaveSpending, advance: Advance
) -> Moderated:
    result = Moderated(moderator.agent)
    try:
        for waiting in _unmoderated(workspace, moderator.agent, moderator.batch):
            asked_before = result.asked
            for entries in _moderated(moderator, waiting):
                with workspace.store.write() as connection:
                    save_moderation(connection, entries)
                    save_spending(connection)
                result.asked += len(entries)
                result.flagged += sum(entry.flagged for entry in entries)
            result.failed += len(waiting) - (result.asked - asked_before)
            advance(len(waiting))
    finally:
        moderator.close()
    return result


def _unmoderated(workspace: Workspace, agent: str, size: int) -> Iterator[list[tuple[str, str, str]]]:
    """Yield id, conversation and text of the messages that an agent has not judged, ``size`` at a time."""
    for batch in workspace.collection.scan_batches(("conversation",), HELD_OR_SHARED):
        messages = [
            (message["id"], row["conversation_id"], message["content"])
            for row in batch.to_pylist()
            for message in row["conversation"]
            if message["content"].strip()
        ]
        with workspace.store.read() as connection:
            done = moderated(connection, [name for name, _, _ in messages], agent)
        waiting = [message for message in messages if message[0] not in done]
        yield from in_chunks(waiting, size)


def _moderated(
    moderator: Moderator | LocalModerator, waiting: list[tuple[str, str, str]]
) -> Iterator[list[ModerationEntry]]:
    """Yield the verdicts on the messages: of all at once, or one by one if the endpoint refuses the request."""
    from task_generators.labelling.moderation import REFUSED

    try:
        verdicts = moderator.moderate([text for _, _, text in waiting])
    except UnusableReplyError as error:
        if len(waiting) > 1:
            for message in waiting:
                yield from _moderated(moderator, [message])
            return
        if not isinstance(error, RefusedError):
            return
        verdicts = [(True, (REFUSED,))]
    yield [
        ModerationEntry(name, moderator.agent, conversation, flagged, categories, utc_now())
        for (name, conversation, _), (flagged, categories) in zip(waiting, verdicts, strict=True)
    ]
