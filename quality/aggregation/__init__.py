"""Aggregation: one answer per item, or one score per model, from the answers of several people."""

from quality.aggregation.bradley_terry import BradleyTerry, bradley_terry
from quality.aggregation.dawid_skene import (
    CAUTIOUS,
    NEAR_VOTES,
    POOLED,
    UNSMOOTHED,
    ConfusionPrior,
    DawidSkene,
    PooledPrior,
    dawid_skene,
)
from quality.aggregation.mace import Mace, mace
from quality.aggregation.majority import majority_vote, vote_distribution
from quality.aggregation.ranking import Ranking, StyleRanking, rank_at_equal_style, rank_models
from quality.aggregation.stream import DawidSkeneStream, dawid_skene_stream
from quality.aggregation.style_control import StyleControl, control_style

__all__ = [
    "CAUTIOUS",
    "NEAR_VOTES",
    "POOLED",
    "UNSMOOTHED",
    "BradleyTerry",
    "ConfusionPrior",
    "DawidSkene",
    "DawidSkeneStream",
    "Mace",
    "PooledPrior",
    "Ranking",
    "StyleControl",
    "StyleRanking",
    "bradley_terry",
    "control_style",
    "dawid_skene",
    "dawid_skene_stream",
    "mace",
    "majority_vote",
    "rank_at_equal_style",
    "rank_models",
    "vote_distribution",
]
