"""Conversations as items of an export: whole trees of messages, without who gave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports.context import UNKNOWN, Prompt, distinct, text_of
from workspaces.records import Role

if TYPE_CHECKING:
    from exports.judgments import Judgment
    from workspaces.records import Conversation, Message


@dataclass(frozen=True)
class WholeConversation:
    """A conversation of the collection; nobody's judgment makes it."""

    conversation: Conversation
    language: str | None = None
    person_ids: tuple[str, ...] = ()
    judgments: tuple[Judgment, ...] = ()
    rules_versions: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of the conversation: every export item has an id."""
        return self.conversation.id

    @property
    def conversation_ids(self) -> tuple[str, ...]:
        """The conversation itself."""
        return (self.conversation.id,)

    @property
    def prompt(self) -> Prompt:
        """Its first message of a user, which decides the split."""
        first = next((it for it in self.conversation.messages if it.role is Role.USER), None)
        return () if first is None else ((first.role.value, text_of(first)),)

    @property
    def licences(self) -> tuple[str, ...]:
        """The licence of the log, and those of generated responses."""
        generated = (it.generated.licence for it in self.conversation.messages if it.generated)
        return distinct((self.conversation.licence or UNKNOWN, *generated))

    @property
    def sources(self) -> tuple[str, ...]:
        """The source of the log."""
        return distinct((self.conversation.source,))

    @property
    def models(self) -> tuple[str, ...]:
        """The models of its responses, sorted."""
        named = (self.model_of(it) for it in self.conversation.messages if it.role is Role.ASSISTANT)
        return distinct(name for name in named if name)

    def model_of(self, message: Message) -> str | None:
        """Return the model that wrote a response; None for other messages."""
        if message.role is not Role.ASSISTANT or message.rewrite_of:
            return None
        return message.model_name or self.conversation.model_name or UNKNOWN

    @property
    def main_path(self) -> tuple[Message, ...]:
        """The messages of the log from the root on, the first answer at each branch."""
        first: dict[str | None, Message] = {}
        for each in self.conversation.messages:
            if each.rewrite_of is None and each.generated is None:
                first.setdefault(each.parent_id, each)
        path: list[Message] = []
        message: Message | None = first.get(None)
        while message is not None:
            path.append(message)
            message = first.get(message.id)
        return tuple(path)
