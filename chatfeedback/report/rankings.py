"""Rankings of models alone, without the rest of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.compared import compared_models
from chatfeedback.report.inputs import named_votes
from chatfeedback.report.sections import models, models_at_equal_style
from chatfeedback.steps.answers import read_answers
from quality.votes import comparisons

if TYPE_CHECKING:
    from chatfeedback.report.section import Section
    from workspaces.workspace import Workspace


def rankings(workspace: Workspace) -> tuple[Section, ...]:
    """Return the sections of the report that rank models; none if nobody compared."""
    answers = read_answers(workspace)
    every = comparisons(answers.votes)
    named = named_votes(every)
    compared = compared_models(workspace, named, answers.tasks)
    found = models.of_comparisons(compared, len(every)), models_at_equal_style.of_comparisons(compared)
    return tuple(section for section in found if section is not None)
