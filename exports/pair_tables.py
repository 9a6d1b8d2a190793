"""The tables of preference pairs that every projection of pairs has beside the one to train on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exports.columns import messages, origin, reply, tools
from exports.pair_schemas import PROVENANCE, TIES, VOTES
from exports.projection import TableSpec
from exports.selections import is_decided, is_tied
from workspaces.kinds import BOTH_BAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exports.columns import Columns, Row
    from exports.measurements import PairFigures
    from exports.pair_columns import PairColumns
    from exports.pairs import PreferencePair
    from exports.projection import Placed


def provenance(pair: PreferencePair) -> list[Row]:
    """Return the row of ``PROVENANCE`` of a pair."""
    winner = pair.winner or 0
    return [
        {
            "pair_id": pair.pair_id,
            "conversation_ids": list(pair.conversation_ids),
            "chosen_message_ids": list(pair.chosen.message_ids),
            "rejected_message_ids": list(pair.rejected.message_ids),
            "chosen_origin": pair.chosen.origin.value,
            "rejected_origin": pair.rejected.origin.value,
            "chosen_rewrite_of": list(pair.chosen.rewrite_of),
            "rejected_rewrite_of": list(pair.rejected.rewrite_of),
            "chosen_models": list(pair.chosen.models),
            "rejected_models": list(pair.rejected.models),
            "votes_chosen": pair.count(winner),
            "votes_rejected": pair.count(1 - winner),
            "votes_tie": pair.count(None),
            "votes_both_bad": pair.n_both_bad,
            "votes_skip": pair.skips,
            "n_annotators": len(pair.votes),
            "agreement": pair.agreement,
            "strength": pair.strength,
            "weight": pair.weight,
            "margin": pair.margin,
            "posterior": pair.posterior,
            "chosen_shown_first": pair.shown_first(winner),
            "rejected_shown_first": pair.shown_first(1 - winner),
            "adjudicated": pair.adjudicated is not None,
            **origin(pair),
        }
    ]


def _ties(pair: PreferencePair) -> list[Row]:
    first, second = pair.sides
    return [
        {
            "pair_id": pair.pair_id,
            "prompt": messages(pair.prompt),
            "first": reply(first.text),
            "second": reply(second.text),
            "votes_first": pair.count(0),
            "votes_second": pair.count(1),
            "votes_tie": pair.count(None),
            "votes_both_bad": pair.n_both_bad,
            "votes_skip": pair.skips,
            "first_shown_first": pair.shown_first(0),
            "second_shown_first": pair.shown_first(1),
            "conversation_ids": list(pair.conversation_ids),
            "first_message_ids": list(first.message_ids),
            "second_message_ids": list(second.message_ids),
            "first_origin": first.origin.value,
            "second_origin": second.origin.value,
            "first_rewrite_of": list(first.rewrite_of),
            "second_rewrite_of": list(second.rewrite_of),
            "first_models": list(first.models),
            "second_models": list(second.models),
            **origin(pair),
            **tools(pair.prompt),
        }
    ]


def vote_rows(pair: PreferencePair) -> list[Row]:
    """Return the rows of ``VOTES`` of a pair."""
    if pair.winner is None:
        names: dict[int | None, str | None] = {0: "first", 1: "second"}
    else:
        names = {pair.winner: "chosen", 1 - pair.winner: "rejected"}
    return [
        {
            "pair_id": pair.pair_id,
            "person_id": vote.person_id,
            "task_id": vote.task_id,
            "preferred": BOTH_BAD if vote.both_bad else names.get(vote.preferred, "tie"),
            "shown_first": names.get(vote.shown_first),
            "strength": None if vote.strength is None else float(vote.strength),
            "weight": vote.weight,
        }
        for vote in pair.votes
    ]


def in_columns(form: str, columns: Columns) -> Callable[[PairColumns], Placed]:
    """Return what makes the rows of a table to train on of pairs in columns.

    ``form`` is the name of a function of ``exports.pair_table_columns``.
    """
    return partial(_in_columns, form, columns)


def _in_columns(form: str, columns: Columns, pairs: PairColumns) -> Placed:
    from exports import pair_table_columns  # listing the projections needs no Arrow

    found: Placed = getattr(pair_table_columns, form)(pairs, columns)
    return found


def figures_in_columns(pairs: PairColumns) -> PairFigures:
    """Return what ``PairFigures`` measures of pairs in columns."""
    from exports.pair_figures import pair_figures

    return pair_figures(pairs)


def beside_pairs() -> Sequence[TableSpec[PreferencePair]]:
    """Return the tables ``provenance``, ``ties`` and ``votes``."""
    return (
        TableSpec(
            "provenance",
            "where each pair comes from",
            PROVENANCE,
            provenance,
            accepts=is_decided,
            of_columns=in_columns("provenance_rows", PROVENANCE),
        ),
        TableSpec(
            "ties",
            "pairs without a majority",
            TIES,
            _ties,
            accepts=is_tied,
            of_columns=in_columns("tie_rows", TIES),
        ),
        TableSpec(
            "votes",
            "every vote, under a pseudonym",
            VOTES,
            vote_rows,
            of_columns=in_columns("vote_rows", VOTES),
        ),
    )


_METHOD = """\
A vote says which of two responses to one prompt is better, that neither is, or that both are bad; where
it was asked, `strength` in `votes` says how much, from 0 to 3. A ranking of n responses is a vote on each
two of them, and these n (n - 1) / 2 votes weigh together as much as one. A side of the origin `generated`
stands in no chat log: a model was asked for it, to be compared. A rewrite that other people judged, not
knowing which of the two texts it was, is a side if they accepted it (`accepted_rewrite`), by their votes
alone; once accepted it is also compared with other responses to its prompt. Where nobody was asked, a rewrite is a
vote for the rewrite over the response (`human_edit`), and the writer counts as one annotator. Such a side has no
message and no model; its `rewrite_of` names the response that it replaces. Votes on the same prompt and texts are
pooled, one per person; votes of one person at one time for different sides are a tie, and of those for one side the
mildest counts. The side with more than half of all votes, ties included, is `chosen`; where there is none,
{undecided}. `votes_skip` counts people who discarded the comparison. Where votes disagree a lead may have
decided (`adjudicated`): then `chosen` is the side that they named, whatever the votes. A prompt keeps calls of
tools and their results; reasoning is left out.

`pair_id` is a hash of prompt and texts. Row *n* of a split in `provenance` tells of row *n* of that
split in the first configuration, which holds only what a trainer accepts. `agreement` is the share of
the most frequent vote, `strength` (chosen - rejected) / votes, `weight` the summed confidence behind
`chosen` per vote, `margin` the mean of the votes towards `chosen` by confidence: a vote for it counts its
strength, or 1 where none was asked, a vote against it as much below 0. `posterior` is the probability that
`chosen` is better, by Dawid and Skene's model in the newest report, or by what a lead decided; null where none has
computed it. With the rule `weights: none` every vote weighs 1 in these; with `weights: posterior`, `weight` is
`posterior`, and `margin` that of `chosen` less that of the other side, where there is one."""


def how_made(undecided: str) -> str:
    """Return how pairs are made of answers, for the card; ``undecided`` says what becomes of one without a majority."""
    return _METHOD.format(undecided=undecided)


METHOD = how_made("the pair is in `ties`")
"""How the pairs of an export with that table are made."""

SURE = "`weight` and `n_annotators` in `provenance` tell how sure a pair is."
"""A limit of every projection of pairs."""
