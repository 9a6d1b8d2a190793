"""Sources of chat logs: files, folders and datasets of the hub, read as rows, and the plan that says how."""

from task_generators.chat_logs.sources.chunks import Chunk, chunks_of
from task_generators.chat_logs.sources.detection import ChunkPlan, SourcePlan, is_readable, plan
from task_generators.chat_logs.sources.grouping import grouped, together
from task_generators.chat_logs.sources.rows import Row
from task_generators.chat_logs.sources.source import Source

__all__ = [
    "Chunk",
    "ChunkPlan",
    "Row",
    "Source",
    "SourcePlan",
    "chunks_of",
    "grouped",
    "is_readable",
    "plan",
    "together",
]
