"""Draws and records the corrections that an LLM is shown when it gives seed feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.answers import read_answers
from task_generators.seed_feedback.prompt import EARLIER_VERSIONS, PROMPT_VERSION, Correction
from workspaces.store.judge_prompts import (
    JudgePrompt,
    RecordedCorrection,
    corrected_version,
    item_hash,
    judge_prompts,
    save_judge_prompt,
)
from workspaces.store.seed_feedback import all_seeds
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.config import LLMConfig
    from workspaces.records import Message
    from workspaces.workspace import Workspace


def corrections_for(workspace: Workspace, llm: LLMConfig) -> tuple[str, tuple[Correction, ...]]:
    """Return the version of the prompt for an LLM and the corrections in it, and record them.

    What was drawn for ``llm.corrections`` stays the same, because another prompt is another judge, which rates
    everything anew. Conversations that are not shared any more are left out. Without any disagreement so far, the
    prompt has no corrections. The caller holds the lock of the workspace.
    """
    if not llm.corrections:
        return PROMPT_VERSION, ()
    with workspace.store.read() as connection:
        known = [
            prompt
            for prompt in judge_prompts(connection)
            if (prompt.agent, prompt.asked) == (llm.model, llm.corrections)
            and prompt.base_version in (PROMPT_VERSION, *EARLIER_VERSIONS)
        ]
    recorded = known[-1].corrections if known else _drawn(workspace, llm)
    paths = _paths(workspace, {it.item for it in recorded})
    kept = tuple(it for it in recorded if it.item in paths)
    if not kept:
        return PROMPT_VERSION, ()
    version = corrected_version(PROMPT_VERSION, kept)
    with workspace.store.write() as connection:
        prompt = JudgePrompt(llm.model, version, PROMPT_VERSION, llm.corrections, kept, utc_now())
        save_judge_prompt(connection, prompt)
    return version, tuple(Correction(paths[it.item], it.tags) for it in kept)


def _drawn(workspace: Workspace, llm: LLMConfig) -> Sequence[RecordedCorrection]:
    from quality.seed_feedback import seed_table  # pandas takes a second to import
    from quality.seed_feedback.corrections import disagreements
    from quality.seed_feedback.tables import judge_name

    answers = read_answers(workspace)
    with workspace.store.read() as connection:
        seeds = seed_table(all_seeds(connection))
    shown = {task.id for task in answers.tasks.values() if task.seed_shown}
    for version in (PROMPT_VERSION, *EARLIER_VERSIONS):
        judge = judge_name(llm.model, version)
        if found := disagreements(answers.votes, seeds, judge, shown, llm.corrections):
            break
    return [RecordedCorrection(item_hash(it.item), it.people) for it in found]


def _paths(workspace: Workspace, wanted: set[str]) -> dict[str, tuple[Message, ...]]:
    """Return the messages down to each wanted response, by the hash of the item; shared conversations alone."""
    found: dict[str, tuple[Message, ...]] = {}
    if wanted:
        for conversation in workspace.collection.scan():
            for message in conversation.responses():
                if (name := item_hash(message.id)) in wanted:
                    found[name] = conversation.path_to(message.id)
    return found
