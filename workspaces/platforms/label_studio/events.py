"""What a Label Studio sends to our receiver: an event about answers, with our token in a header.

The event carries the whole task and project. Only ids and the time of the change are taken from it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from pydantic import ValidationError

from workspaces.platforms.base import EventRefusedError
from workspaces.platforms.label_studio.hooks import EVENTS, TOKEN_HEADER
from workspaces.platforms.label_studio.shapes import AnnotationEvent
from workspaces.records import Hint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr


def hints_in(headers: Mapping[str, str], body: bytes, token: SecretStr) -> list[Hint]:
    """Return what an event hints at.

    Args:
        headers: of the request, with names in lower case.
        body: as it came.
        token: what our webhooks send.

    Raises:
        EventRefusedError: the token is wrong or missing, or the event is none that we asked for.
    """
    given = headers.get(TOKEN_HEADER.lower(), "")
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise EventRefusedError("without our token", 401)
    try:
        event = AnnotationEvent.model_validate_json(body)
    except ValidationError:
        raise EventRefusedError("no event about annotations", 422) from None
    if event.action not in EVENTS:
        raise EventRefusedError("an event that was not asked for", 422)
    is_deletion = event.action == "ANNOTATIONS_DELETED"
    return [
        Hint(
            event.action,
            container_id=str(event.project.id),
            response_id=str(each.id),
            remote_id=None if each.task is None else str(each.task),
            changed_at=None if is_deletion else each.updated_at,
            is_deletion=is_deletion,
        )
        for each in event.all
    ]
