"""The offline stand-in for an LLM: a few rules about the text. Its ``agent`` identifies it in the store.

It cannot tell whether an answer is right. It exists so that the steps after seed feedback work without an
endpoint; its tags are no judgments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.records import Quality, Role, SeedFeedback, Significance, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from workspaces.records import Message

_REFUSAL = re.compile(
    r"\b(?:I (?:can(?:no|')t|am unable to|won't)|I'm (?:sorry|unable)|as an AI(?: language)? model)\b",
    re.IGNORECASE,
)
_INSULT = re.compile(r"\b(?:idiot|stupid|shut up|moron|worthless|hate you)\b", re.IGNORECASE)
_PRIVATE = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\b(?:\d[ -]?){13,19}\b|\bpassword\b", re.IGNORECASE)
_CLAIM = re.compile(r"\d|```|\b(?:is|are|was|were|because|according)\b", re.IGNORECASE)

SHORT = 80
LONG = 700


class HeuristicRater:
    """Rates responses by rules about their text. Deterministic, offline, and not a judgment."""

    agent = "heuristic-1"
    prompt_version = "1"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def rate(self, path: Sequence[Message]) -> SeedFeedback:
        """Return the seed feedback of the last message of ``path`` (all messages from the first prompt on)."""
        prompt = next((message.content for message in reversed(path[:-1]) if message.role is Role.USER), "")
        response = path[-1].content
        refused = _REFUSAL.search(response) is not None
        short = len(response) < SHORT and len(prompt) < SHORT
        small_talk = short and not refused and not _CLAIM.search(response)
        empty = not response.strip()
        tags = {
            Quality.INSTRUCTION: _tag(not refused and not empty, small_talk),
            Quality.HELPFUL: _tag(not refused and len(response) >= SHORT // 2, small_talk),
            Quality.FACTUAL: Tag.YES if _CLAIM.search(response) and not refused else Tag.NA,
            Quality.STYLE: _tag(not empty and len(response) <= 4 * LONG, False),
            Quality.SENSITIVE: _tag(_PRIVATE.search(response) is not None, False),
            Quality.TOXIC: _tag(_INSULT.search(response) is not None, False),
        }
        return SeedFeedback(
            message_id=path[-1].id,
            agent=self.agent,
            prompt_version=self.prompt_version,
            tags=tags,
            significance=_significance(prompt, response, small_talk=small_talk, refused=refused),
            created_at=self._clock(),
        )


def _tag(holds: bool, applies_not: bool) -> Tag:
    return Tag.NA if applies_not else Tag.YES if holds else Tag.NO


def _significance(prompt: str, response: str, *, small_talk: bool, refused: bool) -> Significance:
    if small_talk:
        return Significance.LOW
    substantial = (
        len(response) >= LONG or "```" in response or (len(prompt) >= SHORT * 3 and len(response) >= SHORT)
    )
    return Significance.HIGH if substantial or refused else Significance.MEDIUM
