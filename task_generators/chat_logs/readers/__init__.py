"""Readers of chat-log formats, one file each."""

from task_generators.chat_logs.readers import sharelm
from task_generators.chat_logs.readers.reading import Feedback, Reading, RowError

READERS = (sharelm,)
"""Every known format, in the order they are tried."""

__all__ = ["READERS", "Feedback", "Reading", "RowError"]
