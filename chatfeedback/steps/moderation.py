"""What a moderation endpoint, or the local hint, says of the collection's messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.advance import ignore
from chatfeedback.steps.metering import metered, no_spending
from chatfeedback.steps.money import MODERATION
from task_generators.llm.errors import EarlyRefusalError, RefusedError, UnusableReplyError
from workspaces.chunks import in_chunks
from workspaces.collection.statistics import HELD_OR_SHARED
from workspaces.config import secret_from_environment
from workspaces.records import stable_id
from workspaces.store.label_requests import (
    LabelRequest,
    begin_labels,
    end_labels,
    failed_labels,
)
from workspaces.store.moderations import ModerationEntry, moderated, save_moderation
from workspaces.store.requests import Ended, RequestState
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chatfeedback.steps.advance import Advance
    from chatfeedback.steps.metering import SaveSpending
    from task_generators.labelling.moderation import Moderator
    from task_generators.labelling.profanity import LocalModerator
    from workspaces.workspace import Workspace


@dataclass(slots=True)
class Moderated:
    """Messages that the agent judged in this run, and those flagged.

    ``failed`` messages have an unusable reply; the next run asks again about ``unanswered`` ones.
    """

    agent: str
    asked: int = 0
    flagged: int = 0
    failed: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """What is asked of one message; several are sent in one request. ``id`` depends on the agent and the text."""

    id: str
    message_id: str
    conversation_id: str
    text: str


def moderate(workspace: Workspace, *, retry: bool = False, advance: Advance = ignore) -> Moderated:
    """Moderate every message that the configured endpoint, or else the local hint, has not judged yet.

    What is asked of an endpoint is stored before it is sent; with its verdict it goes. A request that the endpoint
    refuses is repeated message by message, because one message may be too long or filtered. That message is stored as
    flagged, with the category ``refused``. One whose reply was unusable is not asked about again, but with ``retry``.

    Args:
        workspace: whose collection.
        retry: whether to ask again about messages whose reply was unusable.
        advance: called with the number of messages that something came of since the last call.

    Raises:
        ConfigurationError: no endpoint is configured, and no local hint is installed.
        ConnectionFailedError: the endpoint cannot be reached; its verdicts until then are kept.
    """
    from task_generators.labelling.moderation import Moderator  # its client is slow to import
    from task_generators.labelling.profanity import LocalModerator

    config = workspace.config.moderation
    with workspace.exclusive():
        if config is None:
            return _moderate(workspace, LocalModerator(), no_spending, advance, retry=retry)
        moderator = Moderator(config, secret_from_environment(config.api_key_env, "the moderation endpoint"))
        with metered(workspace.store, MODERATION, config, moderator.meter) as save_spending:
            return _moderate(workspace, moderator, save_spending, advance, retry=retry)


def _moderate(
    workspace: Workspace,
    moderator: Moderator | LocalModerator,
    save_spending: SaveSpending,
    advance: Advance,
    *,
    retry: bool,
) -> Moderated:
    result = Moderated(moderator.agent)
    with workspace.store.read() as connection:
        failed = frozenset() if retry else failed_labels(connection, MODERATION, moderator.agent)
    try:
        for waiting in _unmoderated(workspace, moderator.agent, moderator.batch, failed):
            if moderator.is_remote:
                with workspace.store.write() as connection:
                    begin_labels(connection, [_row(it, moderator.agent) for it in waiting], utc_now())
            for entries, ended in _moderated(moderator, waiting):
                with workspace.store.write() as connection:
                    save_moderation(connection, entries)
                    if moderator.is_remote:
                        end_labels(connection, ended, utc_now())
                    save_spending(connection)
                result.asked += len(entries)
                result.flagged += sum(entry.flagged for entry in entries)
                result.failed += sum(it.state is RequestState.UNUSABLE for it in ended)
                result.unanswered += sum(it.state is RequestState.UNANSWERED for it in ended)
            advance(len(waiting))
    finally:
        moderator.close()
    return result


def _row(request: MessageRequest, agent: str) -> LabelRequest:
    return LabelRequest(request.id, MODERATION, request.conversation_id, request.message_id, agent)


def _unmoderated(
    workspace: Workspace, agent: str, size: int, failed: Collection[str]
) -> Iterator[list[MessageRequest]]:
    """Yield the messages that an agent has to judge, ``size`` at a time."""
    for batch in workspace.collection.scan_batches(("conversation",), HELD_OR_SHARED):
        messages = [
            (message["id"], row["conversation_id"], message["content"])
            for row in batch.to_pylist()
            for message in row["conversation"]
            if message["content"].strip()
        ]
        with workspace.store.read() as connection:
            done = moderated(connection, [name for name, _, _ in messages], agent)
        requests = (
            MessageRequest(stable_id(MODERATION, agent, name, text), name, conversation, text)
            for name, conversation, text in messages
            if name not in done
        )
        yield from in_chunks((it for it in requests if it.id not in failed), size)


def _moderated(
    moderator: Moderator | LocalModerator, waiting: list[MessageRequest]
) -> Iterator[tuple[list[ModerationEntry], list[Ended]]]:
    """Yield the verdicts on the messages, and how what was asked of them ended.

    Of all at once, or one by one if the endpoint refuses the request or its reply is unusable.
    """
    from task_generators.labelling.moderation import REFUSED

    try:
        verdicts = moderator.moderate([it.text for it in waiting])
    except UnusableReplyError as error:
        if len(waiting) > 1:
            for message in waiting:
                yield from _moderated(moderator, [message])
            return
        if not isinstance(error, RefusedError):
            # an endpoint that has answered nothing may refuse everything: the fault may be in the settings
            early = isinstance(error, EarlyRefusalError)
            state = RequestState.UNANSWERED if early else RequestState.UNUSABLE
            yield [], [Ended(waiting[0].id, state, str(error), error.reply)]
            return
        verdicts = [(True, (REFUSED,))]
    entries = [
        ModerationEntry(it.message_id, moderator.agent, it.conversation_id, flagged, categories, utc_now())
        for it, (flagged, categories) in zip(waiting, verdicts, strict=True)
    ]
    yield entries, [Ended(it.id, RequestState.DONE) for it in waiting]
