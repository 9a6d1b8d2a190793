from .appender import Appended
from .collection import Collection

__all__ = ["Appended", "Collection"]
