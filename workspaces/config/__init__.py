"""``chatfeedback.yaml``: its model, the code that reads it, and the commented file that ``init`` writes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
