"""Curation: what ingest does to a row before it is stored. Cleaning, redaction, languages and flags."""

from task_generators.chat_logs.curation.cleaning import clean
from task_generators.chat_logs.curation.redaction import redact, redact_again
from task_generators.chat_logs.curation.tagging import tag

__all__ = ["clean", "redact", "redact_again", "tag"]
