"""Pseudonyms (the only code that sees a person's identity), encrypted demographic answers, and tombstones."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
