"""The sections of the report, in the order of the page.

A section is a module with one function, ``section(inputs)``. It returns ``None`` while there is nothing to show;
the page then leaves the section out. To add a section, write its module and add it to ``SECTIONS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.sections import (
    adjudications,
    agreement,
    agreement_by_group,
    demographics,
    disputes,
    growth,
    judge_conduct,
    judges,
    models,
    models_at_equal_style,
    next_steps,
    own_answers,
    people,
    rewrites,
    rubrics,
    screening,
    seed_feedback,
    significance,
    strangers,
    time_on_task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatfeedback.report.inputs import ReportInputs
    from chatfeedback.report.section import Section

SECTIONS: tuple[Callable[[ReportInputs], Section | None], ...] = (
    next_steps.section,
    agreement.section,
    agreement_by_group.section,
    models.section,
    models_at_equal_style.section,
    people.section,
    own_answers.section,
    rewrites.section,
    rubrics.section,
    adjudications.section,
    time_on_task.section,
    screening.section,
    disputes.section,
    strangers.section,
    seed_feedback.section,
    judges.section,
    judge_conduct.section,
    significance.section,
    demographics.section,
    growth.section,
)
