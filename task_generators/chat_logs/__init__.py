"""Chat logs: read files in any known format into the collection."""

from task_generators.chat_logs.ingest import Ingested, ingest
from task_generators.chat_logs.workers import DaskWorkers, LocalWorkers

__all__ = ["DaskWorkers", "Ingested", "LocalWorkers", "ingest"]
