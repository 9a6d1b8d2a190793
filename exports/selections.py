"""Selections that projections share: preference pairs and labelled completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.completions import LabelledCompletion, completion_labels
from exports.pairs import PreferencePair, preference_pairs
from exports.projection import Selection

if TYPE_CHECKING:
    from exports.projection import Evidence


def select_pairs(evidence: Evidence) -> Selection[PreferencePair]:
    """Return every preference pair, the decided pairs before the tied ones, each sorted by id."""
    pairs = preference_pairs(evidence.tasks, evidence.annotations, evidence.contexts, evidence.weights)
    tied = f" and {len(pairs.tied)} tied" if pairs.tied else ""
    return Selection(
        items=(*pairs.decided, *pairs.tied),
        omissions=pairs.omissions,
        shortage=f"no answered preference task or rewrite decides a pair{tied}",
    )


def is_decided(pair: PreferencePair) -> bool:
    """Return whether one side of a pair has the majority."""
    return pair.winner is not None


def is_tied(pair: PreferencePair) -> bool:
    """Return whether no side of a pair has the majority."""
    return pair.winner is None


def select_completions(evidence: Evidence) -> Selection[LabelledCompletion]:
    """Return every labelled completion, sorted by id."""
    labels = completion_labels(evidence.tasks, evidence.annotations, evidence.contexts, evidence.weights)
    return Selection(
        items=labels.rows, omissions=labels.omissions, shortage="no answered task decides a label"
    )
