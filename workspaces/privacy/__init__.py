"""Pseudonyms, the one place that knows who somebody is; what people say of themselves, sealed; and tombstones."""

from workspaces.privacy.demographics import DemographicAnswers
from workspaces.privacy.pseudonyms import CHAT_LOG, Pseudonyms, create_key, read_key
from workspaces.privacy.tombstones import Tombstones

__all__ = ["CHAT_LOG", "DemographicAnswers", "Pseudonyms", "Tombstones", "create_key", "read_key"]
