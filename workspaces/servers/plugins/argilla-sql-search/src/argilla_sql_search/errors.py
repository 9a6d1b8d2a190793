"""What the engine refuses."""

from __future__ import annotations


class SearchRejectedError(Exception):
    """The search cannot be answered, as when Elasticsearch answers 400: the message says which part of it.

    Deliberately no `ValueError`: Argilla answers an Elasticsearch 400 with its generic server error, and this
    engine must not answer otherwise.
    """


class RefusedError(Exception):
    """What an annotator may not have or do; the message says why, to the annotator."""
