"""Pseudonyms (the only code that sees a person's identity), encrypted demographic answers, and tombstones."""

from workspaces.privacy.demographics import DemographicAnswers
from workspaces.privacy.pseudonyms import CHAT_LOG, Pseudonyms, create_key, read_key
from workspaces.privacy.tombstones import Tombstones

__all__ = ["CHAT_LOG", "DemographicAnswers", "Pseudonyms", "Tombstones", "create_key", "read_key"]
