"""Section: models ranked at equal style."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from chatfeedback.report.section import Section, SectionTable
from chatfeedback.report.sections.models import listed, not_ranked
from quality import rank_at_equal_style
from quality.aggregation.ranking import LEAST_COMPARISONS, LEAST_PEOPLE
from workspaces.grammar import counted

if TYPE_CHECKING:
    import pandas as pd

    from chatfeedback.report.inputs import ReportInputs
    from quality import StyleRanking

TITLE = "Models ranked at equal style"
NAMES = {
    "length": "length",
    "headers": "headers",
    "lists": "list items",
    "bold": "bold passages",
    "code": "blocks of code",
}
HEADINGS = {
    "model": "model",
    "rank_from": "place from",
    "rank_to": "to",
    "share": "share at equal style",
    "share_low": "share from",
    "share_high": "share to",
    "plain_from": "as they are: place from",
    "plain_to": "place to",
    "plain_share": "share",
    "n_comparisons": "comparisons",
}
EFFECTS = {
    "style": "style",
    "effect": "effect",
    "low": "from",
    "high": "to",
    "share": "share",
    "reason": "state",
}
EXPLANATION = (
    "People may prefer an answer for its length or its layout. Here the differences of length, headers, list items, "
    "bold passages and blocks of code between the two answers are taken into account beside the models (as the public "
    "arena does, a tie being half a win of each), so that a model's share is what it would win against an average one "
    "whose answers have the same style. A style that a model always has cannot be told from the model."
)


def section(inputs: ReportInputs) -> Section | None:
    """Return the ranking, or the reason why there is none yet; ``None`` if there are no comparisons."""
    return of_comparisons(inputs.compared)


def of_comparisons(compared: pd.DataFrame) -> Section | None:
    """Return the section from comparisons of people who can be told apart."""
    if compared.empty:
        return None
    ranking = rank_at_equal_style(compared)
    if len(ranking.scores) < 2:
        return Section("equal-style", TITLE, text=(_too_early(len(compared), ranking),))
    models = ranking.scores.rename_axis("model").reset_index()
    style = ranking.style.rename(NAMES).rename_axis("style").reset_index()
    style = style.assign(share=special.expit(style["effect"]), reason=style["reason"].fillna("estimated"))
    return Section(
        "equal-style",
        TITLE,
        text=(EXPLANATION, *_sentences(len(compared), ranking)),
        tables=(
            SectionTable(
                "models_at_equal_style", "Models, the strongest at equal style first.", models, HEADINGS
            ),
            SectionTable(
                "style_effects",
                "Effect of each style, in log odds for a difference of one standard deviation, and the share of "
                "comparisons that the side with more of it wins between equal models.",
                style,
                {
                    "style": "style",
                    "effect": "effect",
                    "low": "from",
                    "high": "to",
                    "share": "share",
                    "reason": "why not",
                },
            ),
        ),
    )


def _sentences(n_every: int, ranking: StyleRanking) -> list[str]:
    people = counted(ranking.n_people, "person")
    compared = f"{ranking.n_comparisons:,} of {counted(n_every, 'comparison')}, by {people}."
    sentences = [
        compared + _others(n_every, ranking),
        _effects(ranking.style),
        _moved(ranking.scores),
    ]
    if ranking.n_people < LEAST_PEOPLE:
        sentences.append(
            f"Fewer than {LEAST_PEOPLE} people compared: whether others would prefer the same cannot be told."
        )
    return sentences + not_ranked(ranking.too_few, ranking.apart)


def _effects(style: pd.DataFrame) -> str:
    known = style.dropna(subset=["effect"])
    if known.empty:
        return "Style cannot be told from the models here: both rankings are the same."
    clear = known[(known["low"] > 0) | (known["high"] < 0)]
    if clear.empty:
        return "The answers do not tell yet that style matters: no effect is clearly other than none."
    strongest = clear["effect"].abs().sort_values(ascending=False).index
    told = [
        f"{NAMES.get(str(name), str(name))} ({'more' if clear['effect'][name] > 0 else 'less'} of it wins "
        f"{special.expit(abs(clear['effect'][name])):.0%} between equal models)"
        for name in strongest
    ]
    return f"What people prefer beside the model: {listed(told)}."


def _moved(scores: pd.DataFrame) -> str:
    plain = scores["plain_share"].rank(ascending=False, method="first")
    place = np.arange(1, len(scores) + 1)
    up = [str(name) for name, before, now in zip(scores.index, plain, place, strict=True) if before > now]
    if not up:
        return "At equal style the order of the models is the same."
    return f"At equal style {listed(up)} {'stands' if len(up) == 1 else 'stand'} higher than before."


def _others(n_every: int, ranking: StyleRanking) -> str:
    if n_every == ranking.n_comparisons:
        return ""
    gone = f", {ranking.n_unknown:,} of them for want of a text" if ranking.n_unknown else ""
    return (
        f" The other {n_every - ranking.n_comparisons:,} are of one model twice, of a model or text that is not known "
        f"here (any more), or of models that are not ranked{gone}."
    )


def _too_early(n_every: int, ranking: StyleRanking) -> str:
    return (
        f"It is too early to rank models at equal style: it takes two with {LEAST_COMPARISONS} comparisons each, of "
        f"two different models whose answers' texts are known. So far: {counted(n_every, 'comparison')}, "
        f"{ranking.n_unknown:,} of them without a text."
    )
