"""Section: models ranked by people's preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.report.plots import Interval, intervals, known
from chatfeedback.report.section import Figure, Section, SectionTable
from quality import rank_models
from quality.aggregation.ranking import LEAST_COMPARISONS, LEAST_PEOPLE
from quality.votes import comparisons
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chatfeedback.report.inputs import ReportInputs
    from quality import Ranking

MOST_MODELS = 40
"""The most models that are drawn; the table holds all models."""

HEADINGS = {
    "model": "model",
    "rank_from": "place from",
    "rank_to": "to",
    "share": "share",
    "share_low": "share from",
    "share_high": "share to",
    "n_comparisons": "comparisons",
    "n_wins": "won",
    "n_ties": "tied",
    "score": "score",
}
EXPLANATION = (
    "The share of comparisons that a model would win against an average one of these, ties counted half "
    "(Bradley-Terry, with ties by Davidson), and its 95 % interval for other prompts and other people. It says whose "
    "answers people preferred, here and in the votes that logs carried, to the prompts they were shown."
)

TOO_FEW_PEOPLE = (
    f"Fewer than {LEAST_PEOPLE} people compared: whether others would prefer the same cannot be told."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return the ranking, or the reason why there is none yet; ``None`` if there are no comparisons."""
    return of_comparisons(inputs.compared, len(comparisons(inputs.votes)))


def of_comparisons(compared: pd.DataFrame, n_every: int) -> Section | None:
    """Return the section; ``compared`` are those comparisons, of ``n_every``, that people can be told apart in."""
    if not n_every:
        return None
    ranking = rank_models(compared)
    left_out = _left_out(n_every - len(compared))
    if len(ranking.scores) < 2:
        return Section("models", "Models ranked by preference", text=(_too_early(compared), *left_out))
    table = ranking.scores.rename_axis("model").reset_index()
    return Section(
        "models",
        "Models ranked by preference",
        text=(EXPLANATION, *_sentences(ranking), *left_out),
        figures=(_figure(ranking),),
        tables=(SectionTable("model_ranking", "Models, the strongest first.", table, HEADINGS),),
    )


def _figure(ranking: Ranking) -> Figure:
    shares = ranking.scores[["share", "share_low", "share_high"]].head(MOST_MODELS)
    rows = [
        Interval(str(name), share, known(low), known(high))
        for name, share, low, high in shares.itertuples(name=None)
    ]
    farthest = max(
        abs(end - 0.5) for row in rows for end in (row.value, row.low, row.high) if end is not None
    )
    plot = intervals(
        rows,
        f"{counted(len(ranking.scores), 'model')} by the share of comparisons that each would win against an "
        "average one.",
        ticks=[0.3, 0.4, 0.5, 0.6, 0.7] if farthest < 0.2 else [0, 0.25, 0.5, 0.75, 1.0],
        lines={0.5: "average"},
        percent=True,
    )
    more = f" The first {MOST_MODELS} are drawn." if len(ranking.scores) > MOST_MODELS else ""
    return Figure(
        plot, f"Expected share of comparisons won, ties counted half, with its 95 % interval.{more}"
    )


def _sentences(ranking: Ranking) -> list[str]:
    compared = f"{counted(ranking.n_comparisons, 'comparison')} by {counted(ranking.n_people, 'person')}."
    tied = f"{ranking.tie_share:.0%} of theirs"
    sentences = [
        f"{compared} Two equally strong models tie in {tied}.",
        _leaders(ranking.scores) if ranking.n_people >= LEAST_PEOPLE else TOO_FEW_PEOPLE,
    ]
    return sentences + not_ranked(ranking.too_few, ranking.apart)


def not_ranked(too_few: Sequence[str], apart: Sequence[str]) -> list[str]:
    """Return a sentence for each reason why models have no place, with their names."""
    sentences = []
    if too_few:
        sentences.append(f"Not ranked, with fewer than {LEAST_COMPARISONS} comparisons: {listed(too_few)}.")
    if apart:
        sentences.append(f"Not ranked, as nothing links them to the others: {listed(apart)}.")
    return sentences


def _leaders(scores: pd.DataFrame) -> str:
    first = [str(name) for name in scores.index[scores["rank_from"] == 1]]
    if len(first) == 1:
        return f"{first[0]} stands first: its interval lies above all others."
    if len(first) == len(scores):
        return (
            "The answers do not tell yet which model is better: all intervals overlap with the first one's."
        )
    return f"The answers do not tell which of these is best, whose intervals overlap: {listed(first)}."


def listed(names: Sequence[str]) -> str:
    """Return the first ten names, and how many more there are."""
    shown = ", ".join(names[:10])
    return f"{shown} and {len(names) - 10:,} more" if len(names) > 10 else shown


def _left_out(n_nameless: int) -> list[str]:
    if not n_nameless:
        return []
    are = word_for(n_nameless, "is", "are")
    nameless = f"{counted(n_nameless, 'comparison')} that logs ascribe to nobody"
    return [f"{nameless} {are} left out: nobody knows how many people that would be."]


def _too_early(compared: pd.DataFrame) -> str:
    known = compared.dropna(subset=["first", "second"])
    different = known[known["first"] != known["second"]]
    are = word_for(len(different), "is", "are")
    return (
        f"It is too early to rank models: it takes two with {LEAST_COMPARISONS} comparisons each. Of "
        f"{counted(len(compared), 'comparison')} so far, {len(different):,} {are} of two different models that are "
        "known."
    )
