"""Which licence a chat log comes under, where the log itself names none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.records import Conversation


@dataclass(frozen=True, slots=True)
class Licences:
    """What the lead says of their sources. ``given`` is said of one file, ``by_source`` of all, by source name."""

    given: str | None = None
    by_source: Mapping[str, str] = field(default_factory=dict)

    def fill(self, conversation: Conversation) -> Conversation:
        """Return the conversation with a licence, if one is known; what the log itself says is kept."""
        licence = conversation.licence or self.given or self.by_source.get(conversation.source)
        return conversation if licence == conversation.licence else replace(conversation, licence=licence)


NOTHING_SAID = Licences()
"""For logs of which only they themselves say anything."""
