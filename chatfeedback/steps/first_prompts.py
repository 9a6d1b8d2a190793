"""The first prompt of each conversation that is held or shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from workspaces.collection.statistics import HELD_OR_SHARED
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from workspaces.workspace import Workspace


def first_prompt_batches(workspace: Workspace) -> Iterator[list[tuple[str, str]]]:
    """Yield id and first prompt of the held or shared conversations whose first prompt is not blank, by batch."""
    for batch in workspace.collection.scan_batches(("conversation",), HELD_OR_SHARED):
        yield [(name, prompt) for name, prompt in _prompts(batch) if prompt.strip()]


def spoken_prompts(workspace: Workspace) -> Iterator[tuple[str, str, str | None]]:
    """Yield what ``first_prompt_batches`` yields one by one, each with the language of its conversation, if known."""
    for batch in spoken_prompt_batches(workspace):
        yield from batch


def spoken_prompt_batches(workspace: Workspace) -> Iterator[list[tuple[str, str, str | None]]]:
    """Yield what ``spoken_prompts`` yields, a batch at a time."""
    columns = ("conversation", "detected_language", "language")
    for batch in workspace.collection.scan_batches(columns, HELD_OR_SHARED):
        languages = pc.coalesce(batch.column("detected_language"), batch.column("language")).to_pylist()
        of = dict(zip(batch.column("conversation_id").to_pylist(), languages, strict=True))
        yield [(name, prompt, of[name]) for name, prompt in _prompts(batch) if prompt.strip()]


def _prompts(batch: pa.RecordBatch) -> Iterator[tuple[str, str]]:
    for row in batch.select(["conversation_id", "conversation"]).to_pylist():
        prompt = next(
            (turn["content"] for turn in row["conversation"] if turn["role"] == Role.USER.value), None
        )
        if prompt is not None:
            yield row["conversation_id"], prompt
