"""Flags of messages and conversations: refusals, identity leaks, empty and trivial texts, moderation labels."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

BEGINNING = 400
"""The first characters of an answer, in which refusals are searched."""

TRIVIAL_CHARACTERS = 16
"""Source: FastChat's clean_sharegpt.py, which drops conversations shorter than this."""


class Flag(StrEnum):
    """A flag that rules set. A moderation label adds its category: ``moderation:hate``."""

    REFUSAL = "refusal"
    IDENTITY_LEAK = "identity_leak"
    EMPTY = "empty"
    TRIVIAL = "trivial"
    MODERATION = "moderation"
    TOXIC = "toxic"


_NAMES = (
    "ChatGPT", "Chat GPT", "GPT-3", "GPT-4", "GPT-5", "OpenAI", "Anthropic", "Claude", "Bard", "Gemini", "PaLM",
    "LaMDA", "LLaMA", "Llama", "Vicuna", "LMSYS", "Koala", "Alpaca", "Open Assistant", "OpenAssistant", "LAION",
    "ChatGLM", "Guanaco", "Dolly", "Mistral", "Mixtral", "Qwen", "DeepSeek", "Grok", "Cohere", "MPT-7B",
    "Stable LM", "StableLM", "WizardLM", "Zephyr", "Tulu", "RWKV", "Falcon",
)  # fmt: skip
_NAME = "|".join(map(re.escape, _NAMES))
_MAKER = "Google|Meta|Microsoft|Alibaba|Zhipu"
_FILLER = (
    r"(?:(?:an?|the|actually|just|called|named|known as|large|language|model|AI|assistant|chatbot|bot|version|of|"
    r"helpful|based on|powered by|trained by|developed by|created by|made by|built by|from|and|my name is)[,:]? )"
)
_LEAK = re.compile(
    rf"\b(?:I am|I'm|I\u2019m|[Mm]y name is|[Aa]s|[Cc]all me|[Tt]his is) {_FILLER}{{0,8}}(?:{_NAME})\b"
    r"(?!['\u2019]s)(?! [A-Z][a-z])"  # 'as Claude's answer says', 'I am Claude Monet'
    rf"|\b(?:I was|I am|I'm|I\u2019m|model|assistant|AI)[, ]+(?:\w+ )?(?:trained|developed|created|made|built) by "
    rf"(?:researchers (?:at|from) )?(?:{_NAME}|{_MAKER})\b"
)
_LEAK_HINT = rf"{_NAME}|by (?:researchers (?:at|from) )?(?:{_MAKER})"
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am| \u2019m|\u2019m)? (?:really |very |so |truly )?(?:sorry|unable|not able|afraid)\b.{0,60}?"
    r"\b(?:can(?:no|')?t|can\u2019t|unable|not able|won't|won\u2019t|not appropriate|not comfortable)"
    r"|I (?:can(?:no|')t|can\u2019t|am unable to|am not able to|will not|won't|won\u2019t|must decline to) "
    r"(?:help|assist|provide|fulfill|comply|support|engage|generate|create|write|answer|discuss|do that|continue)"
    r"|(?:as|being) an? (?:AI|artificial intelligence)(?: \w+){0,3},? (?:I|it is|it's) "
    r"(?:can(?:no|')t|can\u2019t|am not|am unable|do not|don't|not appropriate|against)"
    r"|(?:goes against|violates?) (?:my|our|the) (?:\w+ )?(?:programming|guidelines|policy|policies|principles))",
    re.IGNORECASE | re.DOTALL,
)
_REFUSAL_HINT = (
    r"sorry|unable|not able|afraid|can(?:no|'|\x{2019})t|won(?:'|\x{2019})t|will not|decline|against|violate"
    r"|an? (?:ai|artificial)"
)
"""Words of which a refusal has at least one, for Arrow's engine, RE2: most answers need no search for the patterns."""


def message_flags(
    roles: Sequence[str], contents: pa.StringArray, tool_calls: pa.ListArray
) -> list[list[str]]:
    """Return the flags of each message: of an answer that is empty, refuses, or names the model it comes from.

    A message that calls tools is not empty.
    """
    beginnings = pc.utf8_slice_codeunits(contents, 0, BEGINNING)
    declining = pc.match_substring_regex(beginnings, pattern=_REFUSAL_HINT, ignore_case=True).to_pylist()
    leaking = pc.match_substring_regex(contents, pattern=_LEAK_HINT).to_pylist()
    flags: list[list[str]] = [[] for _ in roles]
    calling = tool_calls.is_valid().to_pylist()
    for own_flags, role, content, calls, may_refuse, may_leak in zip(
        flags, roles, contents.to_pylist(), calling, declining, leaking, strict=True
    ):
        if role != Role.ASSISTANT.value:
            continue
        if not calls and not content.strip():
            own_flags.append(Flag.EMPTY.value)
        if may_leak and leaks_identity(content):
            own_flags.append(Flag.IDENTITY_LEAK.value)
        if may_refuse and refuses(content):
            own_flags.append(Flag.REFUSAL.value)
    return flags


def refuses(answer: str) -> bool:
    """Return whether an answer begins with a refusal. English only: other languages are not recognised."""
    return _REFUSAL.search(answer[:BEGINNING]) is not None


def leaks_identity(answer: str) -> bool:
    """Return whether an answer names the model or maker it comes from, on word boundaries.

    'I am Claude' does; a palm tree and a mention of ChatGPT do not.
    """
    return _LEAK.search(answer) is not None


def carried_labels(metadata: str, messages: int) -> tuple[list[list[str]], list[str]]:
    """Return the moderation labels of a log as flags: those of each message, and those of the conversation.

    Args:
        metadata: the conversation's metadata, as JSON. ``openai_moderation`` is a list with ``flagged`` and
            ``categories`` (names that hold, or a mapping of names to booleans); ``toxic`` is the log's own label.
        messages: the number of messages. Unless there is one label per message, labels belong to the conversation.
    """
    of_messages: list[list[str]] = [[] for _ in range(messages)]
    of_conversation: list[str] = []
    if '"flagged": true' not in metadata and '"toxic": true' not in metadata:
        return of_messages, of_conversation
    fields = json.loads(metadata)
    labels = fields.get("openai_moderation")
    if isinstance(labels, list):
        flags_of_labels = [_flags_of(label) for label in labels]
        if len(flags_of_labels) == messages:
            of_messages = flags_of_labels
        else:
            of_conversation += sorted({flag for flags in flags_of_labels for flag in flags})
    if fields.get("toxic") is True:
        of_conversation.append(Flag.TOXIC.value)
    return of_messages, of_conversation


def _flags_of(label: object) -> list[str]:
    if not isinstance(label, dict) or label.get("flagged") is not True:
        return []
    categories = label.get("categories")
    if isinstance(categories, dict):
        held: Sequence[str] = [str(name) for name, holds in categories.items() if holds is True]
    else:
        held = [str(name) for name in categories] if isinstance(categories, list) else []
    return [Flag.MODERATION.value, *sorted(f"{Flag.MODERATION}:{name.replace('/', '_')}" for name in held)]
