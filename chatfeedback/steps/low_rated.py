"""Which responses were rated low: by people, by seed feedback, or by whichever of both says something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.rewrite_outcomes import rewrite_outcomes
from chatfeedback.steps.rewrites import read_rewrites
from chatfeedback.steps.standing_seeds import standing_seeds
from task_generators.counterparts.requests import is_low
from workspaces.store.adjudications import decisions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.own_answers import own_answers
from workspaces.store.rewrites import for_nothing
from workspaces.store.tasks import all_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspaces.config import LLMConfig
    from workspaces.records import Conversation, Message
    from workspaces.workspace import Workspace


class LowRated:
    """Tells whether a response was rated low, as ``llm.counterparts`` says."""

    def __init__(self, workspace: Workspace, llm: LLMConfig) -> None:
        rules = llm.counterparts
        self._low = rules.low
        self._labels = {} if rules.rated_by == "seed" else _labels(workspace)
        self._seeds = None if rules.rated_by == "people" else standing_seeds(workspace)

    def load(self, conversations: Iterable[Conversation]) -> None:
        """Have what is known of the responses of these conversations at hand, all of it read at once."""
        if self._seeds is not None:
            self._seeds.load(it.id for conversation in conversations for it in conversation.responses())

    def __call__(self, message: Message) -> bool:
        """Return whether a response was rated low; people's word stands before seed feedback."""
        if message.id in self._labels:
            return not self._labels[message.id]
        seed = None if self._seeds is None else self._seeds.get(message.id)
        return seed is not None and is_low(seed, self._low)


def _labels(workspace: Workspace) -> dict[str, bool]:
    """Return whether people want each response that they decided about, as training sets have it."""
    from exports import Weights, contexts_of
    from exports.labelling import completion_labels

    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        judged, _ = without_own_checks(latest_annotations(connection), for_nothing(connection, tasks))
        counted, _ = without_own(judged, own_answers(connection), workspace.config.quality.own)
        rewrites = read_rewrites(workspace, connection)
        outcomes = rewrite_outcomes(connection, tasks, counted)
        decided = decisions(connection)
    about = {name for it in counted for name in tasks[it.task_id].conversation_ids}
    contexts = contexts_of(map(rewrites.shown, workspace.collection.get(sorted(about)).values()))
    labels = completion_labels(tasks, counted, contexts, Weights(), outcomes, decisions=decided)
    return {name: row.label for row in labels.rows for name in row.completion.message_ids}
