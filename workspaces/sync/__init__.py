"""Answers come back: polling over REST is the truth."""

from workspaces.sync.polling import Synced, annotation_id_of, record_answers, sync

__all__ = ["Synced", "annotation_id_of", "record_answers", "sync"]
