"""Chat logs: read logs of any known format into the collection."""

from task_generators.chat_logs.imported import keep_feedback
from task_generators.chat_logs.ingest import Ingested, ingest
from task_generators.chat_logs.licences import Licences
from task_generators.chat_logs.sources import Source
from task_generators.chat_logs.workers import DaskWorkers, LocalWorkers

__all__ = ["DaskWorkers", "Ingested", "Licences", "LocalWorkers", "Source", "ingest", "keep_feedback"]
