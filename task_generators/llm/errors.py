"""Errors of an LLM. In a module of their own, because the client that ``chat`` imports is slow to import."""

from __future__ import annotations


class UnusableReplyError(Exception):
    """The model replied, but not with what was asked for. The message names the fault, and never quotes the reply."""


class RefusedError(UnusableReplyError):
    """An endpoint that answers other requests refuses this text, for example by a content filter."""
