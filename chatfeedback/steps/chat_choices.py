"""What people say of answers while they chat: thumbs, and which of two is better. It is kept as ids, without texts."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import feedback
from task_generators.chat_logs.readers.feedback import Feedback
from workspaces.errors import UsageError
from workspaces.store.chat_exchanges import Choice, answers_among, keep_choice
from workspaces.store.identities import is_person
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from workspaces.store.chat_exchanges import Exchange
    from workspaces.workspace import Workspace


class NotYoursError(UsageError):
    """An answer that this person did not pay for, or that is not recorded."""


def rate_answer(workspace: Workspace, person_id: str, response_id: str, thumb: str) -> None:
    """Keep a thumb, ``up`` or ``down``, of a person about an answer of theirs.

    Raises:
        NotYoursError: it is no recorded answer of theirs.
    """
    if thumb not in ("up", "down"):
        raise UsageError("a thumb is up or down")
    (answer,) = _theirs(workspace, person_id, response_id)
    _keep(
        workspace,
        answer.conversation_id,
        Feedback.ratings(person_id, response_id, {"thumb": thumb}, utc_now()),
        person_id,
    )


def choose_answer(workspace: Workspace, person_id: str, shown: tuple[str, str], better: str | None) -> None:
    """Keep which of two answers to one prompt a person prefers.

    Args:
        workspace: where it is kept.
        person_id: who chose.
        shown: the responses, in the order in which they were displayed.
        better: the better one; None for a tie.

    Raises:
        NotYoursError: one is no recorded answer of theirs.
        UsageError: they answer different prompts.
    """
    first, second = _theirs(workspace, person_id, *shown)
    if first.prompt_id != second.prompt_id or shown[0] == shown[1] or better not in (None, *shown):
        raise UsageError("two different answers to one prompt can be compared")
    judged = Feedback.comparison(person_id, shown, better, utc_now(), displayed=True)
    _keep(workspace, first.conversation_id, judged, person_id)


def _theirs(workspace: Workspace, person_id: str, *response_ids: str) -> list[Exchange]:
    with workspace.store.read() as connection:
        answers = answers_among(connection, person_id, [it for it in response_ids if it])
    if not all(response_id in answers for response_id in response_ids):
        raise NotYoursError("there is no such answer of yours that was recorded")
    return [answers[response_id] for response_id in response_ids]


def _keep(workspace: Workspace, conversation_id: str, judged: Feedback, person_id: str) -> None:
    text = feedback.to_json((judged,)) or "[]"
    choice = Choice(secrets.token_hex(12), person_id, conversation_id, text, utc_now())
    with workspace.store.write() as connection:
        if not is_person(connection, person_id):
            raise NotYoursError("nobody has this pseudonym any more")
        keep_choice(connection, choice)
