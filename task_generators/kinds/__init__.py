"""The kinds of tasks: one module each, with a ``KIND``, and its guidelines beside it. They are found by themselves."""
