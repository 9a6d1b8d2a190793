"""What an LLM can do wrong. Apart from ``task_generators.llm.chat``, whose client is slow to import."""

from __future__ import annotations

from pydantic import AfterValidator


class UnusableReplyError(Exception):
    """The model replied, but not with what was asked for; the message says what was wrong, never what it wrote."""


class RefusedError(UnusableReplyError):
    """An endpoint that answers other requests refuses this text, as by a filter of content."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


PRINTABLE = AfterValidator(_printable)
"""Of a field: one line that any database holds and no terminal obeys, without control characters and surrogates."""
