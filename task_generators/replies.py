"""What an LLM can do wrong. Apart from ``task_generators.llm``, whose client is slow to import."""

from __future__ import annotations


class UnusableReplyError(Exception):
    """The model replied, but not with what was asked for; the message says what was wrong, never what it wrote."""
