"""Errors of an LLM. In a module of their own, because the client that ``endpoint`` imports is slow to import."""

from __future__ import annotations

from workspaces.errors import ConnectionFailedError


class UnusableReplyError(Exception):
    """The model replied, but not with what was asked for. The message names the fault, and never quotes the reply.

    ``reply`` is the text that the model gave, where it gave one.
    """

    def __init__(self, fault: str, reply: str | None = None) -> None:
        super().__init__(fault)
        self.reply = reply


class RefusedError(UnusableReplyError):
    """An endpoint that answers other requests refuses this text, for example by a content filter."""


class UnansweredError(ConnectionFailedError):
    """A request was not answered in any of its attempts; others may be."""


class EarlyRefusalError(UnusableReplyError):
    """An endpoint that has answered nothing so far refuses a text: this one, or every one."""
