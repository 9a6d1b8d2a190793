"""Replies of an LLM: JSON in the shape of a pydantic model."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import AfterValidator, BaseModel

from task_generators.llm.errors import UnusableReplyError

Reply = TypeVar("Reply", bound=BaseModel)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


PRINTABLE = AfterValidator(_printable)
"""For a field: one line without control characters and surrogates, which any database and terminal can take."""


def parsed_reply(text: str, reply: type[Reply], what: str) -> Reply:
    """Parse a reply: JSON, possibly surrounded by words or a code fence.

    Args:
        text: the text of the reply.
        reply: the model of the reply.
        what: the name of the reply, for messages.

    Raises:
        UnusableReplyError: the text holds no JSON object that fits the model.
    """
    json_objects = re.findall(r"\{[^{}]*\}", text)
    for json_object in json_objects:
        try:
            return reply.model_validate(json.loads(json_object))
        except (ValueError, RecursionError):
            continue
    raise UnusableReplyError(f"the reply is no {what}" if json_objects else "the reply holds no JSON object")
