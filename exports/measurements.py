"""Measurements that projections share, for the manifest and the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.length_bias import length_bias, p_wanted_longer
from exports.projection import Measurements
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.completions import LabelledCompletion
    from exports.pairs import PreferencePair


def measure_pairs(pairs: Sequence[PreferencePair]) -> Measurements:
    """Return the length bias of decided pairs (``exports.length_bias``)."""
    bias = length_bias(pairs)
    cut = ", ".join(f"{count} after {limit}" for limit, count in bias.same_until.items())
    return Measurements(
        manifest={"length_bias": bias.as_json()},
        card=(
            f"- P(chosen is longer than rejected): {bias.p_chosen_longer:.3f} of {counted(bias.pairs, 'pair')}.\n"
            f"- Accuracy of always picking the longer side: {bias.longer_wins_accuracy:.3f} (0.5: no bias).\n"
            f"- Pairs whose sides differ only after so many words of prompt and response, which "
            f"train nothing if cut there: {cut}."
        ),
    )


def warn_of_one_label(splits: Mapping[str, Sequence[LabelledCompletion]]) -> list[str]:
    """Return a warning for each split whose completions all have one label."""
    return [
        f"{word_for(len(rows), 'the only completion', f'all {len(rows):,} completions')} of the {split} split "
        f"{word_for(len(rows), 'is', 'are')} {rows[0].label}: "
        "KTOTrainer learns nothing from one label"
        for split, rows in splits.items()
        if len({row.label for row in rows}) == 1
    ]


def measure_conversations(completions: Sequence[LabelledCompletion]) -> Measurements:
    """Return the number of conversations to imitate, and how long their last responses are."""
    lengths = sorted(len(row.completion.text) for row in completions)
    median, longest = lengths[len(lengths) // 2], lengths[-1]
    return Measurements(
        manifest={"last_response_characters": {"median": median, "longest": longest}},
        card=f"- The last response has {counted(median, 'character')} in the median, {longest} at most.",
    )


def measure_completions(completions: Sequence[LabelledCompletion]) -> Measurements:
    """Return the number of completions by label, and P(a True one is longer than a False one)."""
    wanted, unwanted = (
        [len(row.completion.text) for row in completions if row.label is label] for label in (True, False)
    )
    longer = p_wanted_longer(wanted, unwanted)
    return Measurements(
        manifest={
            "labels": {"true": len(wanted), "false": len(unwanted)},
            "length_bias": {"p_wanted_longer": None if longer is None else round(longer, 6)},
        },
        card=(
            f"- Completions: {len(wanted):,} True, {len(unwanted):,} False.\n"
            + (
                "- All labels are the same: KTO has nothing to tell apart."
                if longer is None
                else f"- P(a True completion is longer than a False one): {longer:.3f} (0.5: no bias)."
            )
        ),
    )
