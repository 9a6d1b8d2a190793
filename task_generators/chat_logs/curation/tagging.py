"""Fills the columns that describe a conversation: languages, flags, size, and the bands that find near duplicates."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.curation.flags import TRIVIAL_CHARACTERS, Flag, carried_labels, message_flags
from task_generators.chat_logs.curation.languages import language_of
from workspaces.collection.files import measured
from workspaces.collection.message_columns import logged, with_columns

if TYPE_CHECKING:
    from task_generators.chat_logs.batches import Batch


def tag(batch: Batch) -> Batch:
    """Return the batch with every computed column filled."""
    conversation = batch.rows.column("conversation")
    messages = conversation.flatten()
    roles, contents = (messages.field(name).to_pylist() for name in ("role", "content"))
    languages = [language_of(content) for content in contents]
    flags_of_messages = message_flags(roles, messages.field("content"), messages.field("tool_calls"))
    of_log = logged(messages)
    offsets = conversation.offsets.to_pylist()
    offsets = [offset - offsets[0] for offset in offsets]
    main_languages: list[str | None] = []
    flags: list[list[str]] = []
    for (start, end), metadata in zip(
        pairwise(offsets), batch.rows.column("conversation_metadata").to_pylist(), strict=True
    ):
        last = start + sum(of_log[start:end])  # what was generated stands after the log
        carried, of_conversation = carried_labels(metadata, last - start)
        carried += [[] for _ in range(end - last)]
        flags_of_messages[start:end] = [
            [*by_rule, *in_log] for by_rule, in_log in zip(flags_of_messages[start:end], carried, strict=True)
        ]
        characters: Counter[str] = Counter()
        for language, content in zip(languages[start:last], contents[start:last], strict=True):
            if language is not None:
                characters[language] += len(content)
        main_languages.append(
            min(characters, key=lambda language: (-characters[language], language)) if characters else None
        )
        if sum(len(content.strip()) for content in contents[start:last]) < TRIVIAL_CHARACTERS:
            of_conversation.append(Flag.TRIVIAL.value)
        flags.append(sorted(set(of_conversation).union(*flags_of_messages[start:end])))
    filled = {
        "language": pa.array(languages, pa.string()),
        "flags": pa.array(flags_of_messages, pa.list_(pa.string())),
    }
    tagged = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), with_columns(len(messages), filled, messages)
    )
    batch = (
        batch.with_column("conversation", tagged)
        .with_column("detected_language", main_languages)
        .with_column("flags", flags)
    )
    return replace(batch, rows=measured(batch.rows))
