"""Hygiene: what is cleaned away by the rules of a source, and what is said of the rest in columns."""

from task_generators.chat_logs.curation.cleaning import clean
from task_generators.chat_logs.curation.tagging import tag

__all__ = ["clean", "tag"]
