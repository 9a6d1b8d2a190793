"""Synchronises the answers on a platform to the store, by polling its REST interface."""

from workspaces.sync.polling import sync
from workspaces.sync.recording import Synced, annotation_id_of, record_answers

__all__ = ["Synced", "annotation_id_of", "record_answers", "sync"]
