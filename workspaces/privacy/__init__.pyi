from .demographics import DemographicAnswers
from .pseudonyms import CHAT_LOG, Pseudonyms, create_key, read_key
from .tombstones import Tombstones

__all__ = ["CHAT_LOG", "DemographicAnswers", "Pseudonyms", "Tombstones", "create_key", "read_key"]
