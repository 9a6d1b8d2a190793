"""What models failed at: requests without seed feedback or a label, and obedience to the text that they judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.money import CHALLENGE, MODERATION
from workspaces.store.label_requests import label_requests
from workspaces.store.requests import FAILED
from workspaces.store.seed_requests import canary_pairs, request_rows

if TYPE_CHECKING:
    from quality.seed_feedback.obedience import Obedience
    from workspaces.config import Config
    from workspaces.store.label_requests import LabelRequest
    from workspaces.store.seed_requests import RequestRow
    from workspaces.workspace import Workspace


def failed_requests(workspace: Workspace) -> list[RequestRow]:
    """Return the requests whose reply was unusable, or that were refused, oldest first."""
    with workspace.store.read() as connection:
        return request_rows(connection, FAILED)


def failed_label_requests(workspace: Workspace, purpose: str) -> list[LabelRequest]:
    """Return the requests for ``challenge`` scores or ``moderation`` that failed, oldest first."""
    with workspace.store.read() as connection:
        return label_requests(connection, purpose, FAILED)


def labelled_by(config: Config) -> dict[str, tuple[str, ...]]:
    """Return the models that are asked for labels of each purpose, by today's configuration."""
    moderation = config.moderation
    return {CHALLENGE: config.judges(), MODERATION: () if moderation is None else (moderation.model,)}


def judge_obedience(workspace: Workspace) -> tuple[Obedience, ...]:
    """Return how far each judge obeys instructions in what it judges, by its canaries."""
    with workspace.store.read() as connection:
        pairs = canary_pairs(connection)
    if not pairs:
        return ()
    from quality.seed_feedback.obedience import obedience
    from task_generators.seed_feedback.canaries import DEMANDS

    return obedience(pairs, DEMANDS)
