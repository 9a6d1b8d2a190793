"""What an Argilla sends to our receiver: an event about one answer, signed as Standard Webhooks say.

The event carries the whole record and the annotator's name. Only ids and the time of the change are taken from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from workspaces.platforms.argilla.hooks import EVENTS
from workspaces.platforms.argilla.shapes import ResponseEvent
from workspaces.platforms.base import EventRefusedError
from workspaces.records import Hint

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def hints_in(headers: Mapping[str, str], body: bytes, secret: SecretStr) -> list[Hint]:
    """Return what an event hints at.

    Args:
        headers: of the request, with names in lower case.
        body: as it came, because the signature is over its bytes.
        secret: of our webhook.

    Raises:
        EventRefusedError: the signature is wrong or missing, its time is more than 5 minutes away, or the event is
            none that we asked for.
    """
    _verify({name: headers.get(name, "") for name in SIGNED}, body, secret)
    try:
        event = ResponseEvent.model_validate_json(body)
    except ValidationError:
        raise EventRefusedError("no event about a response", 422) from None
    if event.type not in EVENTS:
        raise EventRefusedError("an event that was not asked for", 422)
    is_deletion = event.type == "response.deleted"
    data = event.data
    return [
        Hint(
            event.type,
            container_id=data.record.dataset.id,
            response_id=data.id,
            remote_id=data.record.id,
            changed_at=None if is_deletion else data.updated_at,
            is_deletion=is_deletion,
        )
    ]


def _verify(headers: dict[str, str], body: bytes, secret: SecretStr) -> None:
    try:
        Webhook(secret.get_secret_value()).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: what is no base64, no UTF-8 or no pair
        raise EventRefusedError("not signed by our webhook, or not within 5 minutes", 401) from None
