"""Preferences with a strength in HelpSteer 3's columns: two responses, and each person's score and reason.

Source: Wang et al. (2025), HelpSteer3-Preference, arXiv 2505.11475, and the dataset's card.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exports.columns import COUNT, MESSAGES, TEXT, ListOf, messages
from exports.pair_schemas import PROVENANCE, VOTES
from exports.pair_tables import how_made, provenance, vote_rows
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.selections import select_strengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {
    "context": MESSAGES,
    "response1": TEXT,
    "response2": TEXT,
    "overall_preference": COUNT,
    "individual_preference": ListOf({"score": COUNT, "reasoning": TEXT}),
}
METHOD = f"""\
A row is a pair of responses of which people said how much better one is. `score` is from -3 (`response1` is
much better) over 0 (about the same) to 3 (`response2` is much better), and `reasoning` what the person wrote,
empty where they wrote nothing. `overall_preference` is the mean of the scores, rounded, halves to the even number;
where a lead decided (`adjudicated`), it has that size, 1 at least, on the side that they named, or is 0. Votes without
a strength, and those that both responses are bad, are counted in `provenance` and stand in `votes`.

{how_made("`chosen` only names `response1`")}"""


def scores(pair: PreferencePair) -> list[tuple[int, str]]:
    """Return the score and the reason of each vote with a strength, in the order of votes."""
    return [(-vote.towards(0), vote.reason) for vote in pair.votes if vote.strength is not None]


def _rows(pair: PreferencePair) -> list[Row]:
    first, second = pair.sides
    given = scores(pair)
    return [
        {
            "context": messages(pair.prompt),
            "response1": first.text,
            "response2": second.text,
            "overall_preference": _overall(pair, [score for score, _ in given]),
            "individual_preference": [{"score": score, "reasoning": reason} for score, reason in given],
        }
    ]


def _overall(pair: PreferencePair, given: Sequence[int]) -> int:
    """Return the mean of the scores; where a lead decided, its size on the side that they chose, at least 1."""
    mean = round(sum(given) / len(given))
    if pair.adjudicated is None:
        return mean
    size = max(1, abs(mean))
    return {0: -size, 1: size}.get(-1 if pair.winner is None else pair.winner, 0)


def _measure(pairs: Sequence[PreferencePair]) -> Measurements:
    every = [score for pair in pairs for score, _ in scores(pair)]
    often = {str(score): every.count(score) for score in range(-3, 4)}
    reasons = sum(bool(reason) for pair in pairs for _, reason in scores(pair))
    counted = ", ".join(f"{count} x {score}" for score, count in often.items())
    return Measurements(
        manifest={"scores": {**often}, "reasons": reasons},
        card=f"- Scores: {counted}.\n- Scores with a reason: {reasons} of {len(every)}.",
    )


PROJECTION = Projection(
    name="helpsteer3",
    help="Preferences with each person's strength, from -3 to 3, and reason, in HelpSteer 3's columns.",
    title="Human preferences with strength and reasons",
    trainer="NeMo's loaders of HelpSteer 3",
    method=METHOD,
    limits=(
        "Rows with an `overall_preference` of 0 have no better response: leave them out of pairwise training.",
        "Which response is `response1` says nothing: it is the first by the alphabet.",
    ),
    tables=(
        TableSpec("preference", "preferences with strength", COLUMNS, _rows),
        TableSpec("provenance", "where each pair comes from", PROVENANCE, provenance),
        TableSpec("votes", "every vote, under a pseudonym", VOTES, vote_rows),
    ),
    select=select_strengths,
    measure=partial(OfAll, _measure),
)
