"""What exports of the collection itself are made from; nothing is read before a projection asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.benchmark import benchmark_prompts
from exports import NothingToExportError
from exports.collected import BenchmarkChoice, BenchmarkPrompt, Collected
from workspaces.errors import UsageError
from workspaces.store.moderations import verdicts_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exports.collected import Moderations
    from workspaces.config import ExportsConfig
    from workspaces.records import Conversation
    from workspaces.workspace import Workspace


def collected(
    workspace: Workspace, rules: ExportsConfig, shown: Callable[[Conversation], Conversation]
) -> Collected:
    """Return what a workspace holds beside answers; call its functions while the workspace is locked.

    Args:
        workspace: whose collection.
        rules: the quotas of a benchmark.
        shown: returns a conversation with its rewrites.
    """

    def conversations() -> Iterable[Conversation]:
        return map(shown, workspace.collection.scan())

    def moderations(message_ids: Iterable[str]) -> Moderations:
        with workspace.store.read() as connection:
            return verdicts_on(connection, message_ids)

    def benchmark() -> BenchmarkChoice:
        quotas = {
            "least": rules.benchmark_least,
            "topic_mean": rules.benchmark_topic_mean,
            "per_topic": rules.benchmark_per_topic,
        }
        try:
            picked = benchmark_prompts(
                workspace,
                least=rules.benchmark_least,
                topic_mean=rules.benchmark_topic_mean,
                per_topic=rules.benchmark_per_topic,
            )
        except UsageError as error:  # nothing is scored, or there are no topics
            raise NothingToExportError(str(error)) from None
        prompts = (
            BenchmarkPrompt(
                it.conversation_id, it.prompt, it.topic or "", it.score, it.language, it.source, it.licence
            )
            for it in picked.prompts
        )
        return BenchmarkChoice(tuple(prompts), picked.left_out, quotas, workspace.config.judges())

    return Collected(conversations, moderations, benchmark)
