"""Synchronises the answers on a platform to the store, by polling its REST interface."""

from workspaces.sync.polling import Synced, annotation_id_of, record_answers, sync

__all__ = ["Synced", "annotation_id_of", "record_answers", "sync"]
