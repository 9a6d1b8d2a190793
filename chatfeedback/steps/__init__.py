"""The steps of the workflow, each a function of what a workspace stores.

The steps compose the packages below, which do not import each other and exchange data through the store. Every step
can be killed at any time and run again; it then does only what is missing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
