"""Synchronises the answers on a platform to the store, by polling its REST interface and hearing its events."""

from workspaces.sync.following import Following
from workspaces.sync.places import lose_missing
from workspaces.sync.polling import sync
from workspaces.sync.recording import Synced, annotation_id_of, names_of, record_answers

__all__ = ["Following", "Synced", "annotation_id_of", "lose_missing", "names_of", "record_answers", "sync"]
