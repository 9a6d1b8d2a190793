"""The task kinds: each is a module with a ``KIND`` and with guidelines beside it; the registry discovers them."""
