"""What votes said of rewrites, as training sets and counterparts take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.rewrite_votes import outcomes_of
from exports.verdicts import RewriteOutcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from workspaces.records import Annotation, Task


def rewrite_outcomes(
    connection: sa.Connection, tasks: Mapping[str, Task], counted: Sequence[Annotation]
) -> RewriteOutcomes:
    """Return what votes said of rewrites: those that people are asked about, or that votes alone accept.

    Args:
        connection: to the store.
        tasks: by id.
        counted: the annotations that count in figures.
    """
    return RewriteOutcomes(*outcomes_of(connection, tasks, counted))
