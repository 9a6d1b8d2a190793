"""Judges with corrections: which examples a version of a prompt holds, and which items can become examples.

A hash sets one item in five apart. Corrections are drawn from those alone, and no such item tests a judge once any
judge has corrections. Items are recorded by hash, so that a deletion has nothing to reach here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.records import stable_id
from workspaces.store.insert import insert_missing
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

judge_prompt = sa.Table(
    "judge_prompt",
    metadata,
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("prompt_version", sa.String(32), primary_key=True),
    sa.Column("base_version", sa.String(32), nullable=False, comment="the prompt without corrections"),
    sa.Column("asked", sa.Integer, nullable=False, comment="llm.corrections when they were drawn"),
    sa.Column("corrections", sa.JSON, nullable=False, comment="hash of the item, and what people said"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

SET_APART = 5
"""One of so many items is set apart for corrections."""


@dataclass(frozen=True, slots=True)
class RecordedCorrection:
    """One example: the hash of the item (``item_hash``) and people's answers by question."""

    item: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A version of a judge's prompt with corrections; ``asked`` is how many were wanted."""

    agent: str
    prompt_version: str
    base_version: str
    asked: int
    corrections: tuple[RecordedCorrection, ...]
    created_at: datetime


def item_hash(item: str) -> str:
    """Return the hash by which an item is set apart and recorded."""
    return stable_id("judge", item)


def is_set_apart(item: str) -> bool:
    """Return whether corrections may be drawn from an item; then it tests no judge."""
    return int(item_hash(item), 16) % SET_APART == 0


def corrected_version(base_version: str, corrections: Sequence[RecordedCorrection]) -> str:
    """Return the name of a prompt with these corrections; the same ones give the same name."""
    words = [
        word for it in corrections for word in (it.item, *sorted(f"{q}={v}" for q, v in it.tags.items()))
    ]
    return f"{base_version}+{len(corrections)}-{stable_id(*words)[:8]}"


def save_judge_prompt(connection: sa.Connection, prompt: JudgePrompt) -> None:
    """Record a prompt, unless it is recorded already."""
    row = {
        "agent": prompt.agent,
        "prompt_version": prompt.prompt_version,
        "base_version": prompt.base_version,
        "asked": prompt.asked,
        "corrections": [{"item": it.item, "tags": dict(it.tags)} for it in prompt.corrections],
        "created_at": prompt.created_at,
    }
    insert_missing(connection, judge_prompt, [row])


def judge_prompts(connection: sa.Connection) -> list[JudgePrompt]:
    """Return every recorded prompt with corrections, oldest first."""
    query = sa.select(judge_prompt).order_by(judge_prompt.c.created_at, judge_prompt.c.prompt_version)
    return [
        JudgePrompt(
            row.agent,
            row.prompt_version,
            row.base_version,
            row.asked,
            tuple(RecordedCorrection(it["item"], it["tags"]) for it in row.corrections),
            row.created_at,
        )
        for row in connection.execute(query)
    ]
