from .database import Store

__all__ = ["Store"]
