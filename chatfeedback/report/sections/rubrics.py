"""Section: what people say of the criteria of each rubric, and how far the responses of each model meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.section import Section, SectionTable
from quality.rubrics import criteria_table, response_scores
from workspaces.kinds import asked_kinds, criteria_of

if TYPE_CHECKING:
    from chatfeedback.report.inputs import ReportInputs
    from workspaces.kinds import Kind

EXPLANATION = (
    "The score of a response is the sum of the weights of the criteria that it meets, out of the sum of the positive "
    "weights that apply to it, and at least 0; the mean over the people who checked it. Alpha is of all three answers."
)
CRITERIA = {
    "rubric": "rubric",
    "criterion": "criterion",
    "weight": "weight",
    "votes": "votes",
    "met": "met",
    "not_applicable": "does not apply",
    "alpha": "alpha",
}
MODELS = {"rubric": "rubric", "model": "model", "responses": "responses", "score": "score"}


def section(inputs: ReportInputs) -> Section | None:
    """Return the criteria and the scores by model; ``None`` while nobody checked a response."""
    asked = set(inputs.platform_votes["kind"])
    kinds = [kind for name, kind in asked_kinds().items() if kind.by_rubric and name in asked]
    if not kinds:
        return None
    alphas = {
        (question.kind, question.question): question.coefficients["three_way"].value
        for question in inputs.report.questions
        if "three_way" in question.coefficients
    }
    criteria = pd.concat([_criteria(inputs, kind, alphas) for kind in kinds], ignore_index=True)
    models = pd.concat([_models(inputs, kind) for kind in kinds], ignore_index=True)
    return Section(
        "rubrics",
        "Rubrics",
        text=(EXPLANATION,),
        tables=(
            SectionTable(
                "rubric_criteria", "Criteria: how often met, of the answers that apply.", criteria, CRITERIA
            ),
            SectionTable("rubric_scores", "Mean score of each model's responses.", models, MODELS),
        ),
    )


def _criteria(inputs: ReportInputs, kind: Kind, alphas: dict[tuple[str, str], float | None]) -> pd.DataFrame:
    table = criteria_table(inputs.platform_votes, kind)
    alpha = [alphas.get((kind.name, question.name)) for question in criteria_of(kind)]
    table.insert(0, "rubric", kind.name)
    return table.assign(alpha=pd.Series(alpha, dtype="float64"))


def _models(inputs: ReportInputs, kind: Kind) -> pd.DataFrame:
    votes = inputs.platform_votes
    tasks = votes.loc[votes["kind"] == kind.name].drop_duplicates("item").set_index("item")["task_id"]
    scores = response_scores(votes, kind)
    models = tasks.reindex(scores.index).map(inputs.task_attributes["model"]).fillna("unknown")
    by_model = scores.groupby(models.rename("model"))
    table = pd.DataFrame({"responses": by_model.size(), "score": by_model.mean()}).reset_index()
    table.insert(0, "rubric", kind.name)
    return table.sort_values(["score", "model"], ascending=[False, True], ignore_index=True)
