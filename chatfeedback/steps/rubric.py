"""A first version of a rubric, by the configured LLM, for the lead to edit."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING

import yaml
from pydantic import TypeAdapter, ValidationError

from chatfeedback.steps.metering import metered
from chatfeedback.steps.money import RUBRIC, Money, spent_of_budget
from task_generators.llm.errors import UnusableReplyError
from workspaces.config import secret_from_environment
from workspaces.config.rubrics import RubricName
from workspaces.errors import ConfigurationError, UsageError, WorkbenchError
from workspaces.records import Role, stable_id
from workspaces.store.rubrics import all_rubrics
from workspaces.store.spending import cost_micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from task_generators.llm.meter import Meter
    from workspaces.config import LLMConfig
    from workspaces.kinds import Criterion
    from workspaces.store.spending import Tokens
    from workspaces.workspace import Workspace

_NAME: TypeAdapter[str] = TypeAdapter(RubricName)


@dataclass(frozen=True, slots=True)
class ProposedRubric:
    """Criteria that a model proposes for a rubric, after seeing so many prompts."""

    name: str
    agent: str
    prompts: int
    criteria: tuple[Criterion, ...]

    @property
    def text(self) -> str:
        """The section of the configuration that holds them, to be edited."""
        rows = [{"criterion": each.text, "weight": int(each.weight)} for each in self.criteria]
        written: str = yaml.safe_dump(
            {"rubrics": {self.name: rows}}, sort_keys=False, allow_unicode=True, width=10**6
        )
        return written


def propose_rubric(
    workspace: Workspace, name: str, *, about: str, criteria: int = 6, prompts: int = 12
) -> ProposedRubric:
    """Ask the configured LLM for the criteria of a rubric. Nothing is kept but what it cost.

    Args:
        workspace: whose LLM and whose shared prompts.
        name: of the rubric.
        about: what it is for, in the lead's words.
        criteria: how many.
        prompts: the most prompts that the LLM sees; the same ones each time, as long as the collection is the same.

    Raises:
        UsageError: the name is no name of a rubric, or tasks ask about a rubric of this name.
        ConfigurationError: no LLM is configured, or ``llm.budget`` does not pay for it.
        ConnectionFailedError: it cannot be reached.
        WorkbenchError: its reply is no rubric, and neither is the mended one.
    """
    from task_generators.labelling.rubric import RubricWriter, most_tokens

    try:
        _NAME.validate_python(name)
    except ValidationError as error:
        raise UsageError(
            f"{name!r} is no name of a rubric: {error.errors(include_url=False)[0]['msg']}; take lower-case letters, "
            "digits and _, at most 21, such as tutoring"
        ) from None
    llm = workspace.config.llm
    if llm is None:
        raise ConfigurationError(
            "no LLM is configured that could propose criteria: set llm, or write them yourself under rubrics"
        )
    with workspace.store.read() as connection:
        if name in all_rubrics(connection):
            raise UsageError(f"tasks ask about the rubric {name!r} already: give the new one another name")
    shown = _some_prompts(workspace, prompts)
    most = most_tokens(about, shown, criteria)
    writer = RubricWriter(llm, secret_from_environment(llm.api_key_env, "the LLM"))
    try:
        with metered(workspace.store, RUBRIC, llm, writer.meter), _paid(workspace, llm, writer.meter, most):
            proposed = writer.propose(about, shown, criteria)
    except UnusableReplyError as fault:
        raise WorkbenchError(
            f"{writer.agent} proposed no rubric, and did not mend its reply: {fault}. Run the command again, or write "
            "the criteria yourself under rubrics"
        ) from None
    finally:
        writer.close()
    return ProposedRubric(name, writer.agent, len(shown), proposed)


@contextmanager
def _paid(workspace: Workspace, llm: LLMConfig, meter: Meter, most: Tokens) -> Iterator[None]:
    """Set aside what is asked in the block costs at most; a reply that does not tell its tokens is charged that.

    Raises:
        ConfigurationError: ``llm.budget`` does not pay for it.
    """
    with workspace.store.read() as connection:
        money = Money(llm, llm.budget, spent_of_budget(connection, llm.currency), meter)
    if not money.reserve(RUBRIC, most.input, most.output):
        raise ConfigurationError(
            f"llm.budget has {(money.left or 0) / 1e6:,.4f} {llm.currency} left, and a rubric may cost "
            f"{(cost_micros(most, llm) or 0) / 1e6:,.4f}: raise llm.budget, or ask for fewer --criteria or --prompts"
        )
    try:
        with money.asking(RUBRIC):
            yield
    finally:
        money.release(RUBRIC)


def _some_prompts(workspace: Workspace, most: int) -> Sequence[str]:
    """Return the first prompts of some shared conversations, which their ids draw by lot."""
    return [prompt for _, prompt in nsmallest(most, _prompts(workspace))]


def _prompts(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for conversation in workspace.collection.scan():
        first = next((it.content for it in conversation.messages if it.role is Role.USER), "")
        if first.strip():
            yield stable_id("prompts for a rubric", conversation.id), first
