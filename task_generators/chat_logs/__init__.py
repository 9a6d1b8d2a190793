"""Chat logs: read logs of any known format into the collection."""

from task_generators.chat_logs.check import Checked, check
from task_generators.chat_logs.imported import keep_feedback
from task_generators.chat_logs.ingest import accepted_rows, ingest
from task_generators.chat_logs.ingested import Ingested
from task_generators.chat_logs.licences import Licences
from task_generators.chat_logs.sources import Source
from task_generators.chat_logs.unknown import unknown_format

__all__ = [
    "Checked",
    "Ingested",
    "Licences",
    "Source",
    "accepted_rows",
    "check",
    "ingest",
    "keep_feedback",
    "unknown_format",
]
