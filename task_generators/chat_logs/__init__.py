"""Chat logs: read files in any known format into the collection."""

from task_generators.chat_logs.imported import keep_feedback
from task_generators.chat_logs.ingest import Ingested, ingest
from task_generators.chat_logs.sources.source import Source
from task_generators.chat_logs.workers import DaskWorkers, LocalWorkers

__all__ = ["DaskWorkers", "Ingested", "LocalWorkers", "Source", "ingest", "keep_feedback"]
