"""Chat logs: read files in any known format into the collection."""

from task_generators.chat_logs.ingest import Ingested, ingest

__all__ = ["Ingested", "ingest"]
