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


MAX_REPLY_CHARACTERS = 200_000
MAX_STARTS = 200
"""Bounds of the search for JSON in a reply."""


def any_reply(text: str, reply: type[Reply], what: str) -> Reply:
    """Parse a reply whose objects hold others: JSON, possibly surrounded by words or a code fence.

    Args:
        text: the text of the reply.
        reply: the model of the reply.
        what: the name of the reply, for messages.

    Raises:
        UnusableReplyError: the text holds no JSON object that fits the model.
    """
    try:
        return reply.model_validate_json(text)
    except ValueError:
        pass
    decoder, found, start = json.JSONDecoder(), False, -1
    text = text[:MAX_REPLY_CHARACTERS]
    for _ in range(MAX_STARTS):
        start = text.find("{", start + 1)
        if start < 0:
            break
        try:
            value, _ = decoder.raw_decode(text, start)
            found = True
            return reply.model_validate(value)
        except (ValueError, RecursionError):
            continue
    raise UnusableReplyError(f"the reply is no {what}" if found else "the reply holds no JSON object", text)


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
    raise UnusableReplyError(
        f"the reply is no {what}" if json_objects else "the reply holds no JSON object", text
    )
