"""Measurements that projections share, for the manifest and the card."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from exports.choice_bias import position_bias, style_bias
from exports.completions import OUTCOMES, Basis
from exports.label_noise import LabelVotes, label_noise
from exports.label_rules import label_of
from exports.length_bias import length_bias, p_wanted_longer
from exports.pictures import columns, picture_of_agreement, picture_of_lengths
from exports.projection import Measurements
from exports.truncation import over_limits, quantiles, tokens
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from exports.completions import LabelledCompletion, Verdict
    from exports.pairs import PreferencePair


def measure_pairs(pairs: Sequence[PreferencePair]) -> Measurements:
    """Return the biases of decided pairs, how noisy they are, and where they are cut."""
    bias = length_bias(pairs)
    position = position_bias(pairs)
    styles = style_bias(pairs)
    lengths = _lengths(
        [max(tokens(pair.prompt, side.text) for side in pair.sides) for pair in pairs],
        "pair, its longer side",
    )
    first = "no vote tells what was shown first" if position is None else position.sentence("votes")
    cut = ", ".join(f"{count} after {limit}" for limit, count in bias.same_until.items())
    return Measurements(
        manifest={
            "length_bias": bias.as_json(),
            "position_bias": None if position is None else position.as_json(),
            "style_bias": {name: share.as_json() for name, share in styles.items()},
            **lengths.manifest,
            "duplicates": {"pairs": len(pairs), "prompts": len({pair.prompt for pair in pairs})},
        },
        card=(
            f"- P(chosen is longer than rejected): {bias.p_chosen_longer:.3f} of {counted(bias.pairs, 'pair')}.\n"
            f"- Accuracy of always picking the longer side: {bias.longer_wins_accuracy:.3f} (0.5: no bias).\n"
            f"- Pairs whose sides differ only after so many words of prompt and response, which "
            f"train nothing if cut there: {cut}.\n"
            f"- P(the side shown first is preferred): {first}.\n"
            + "".join(
                f"- P(chosen has more {name.replace('_', ' ')}), where sides differ in it: {share.sentence('pairs')}.\n"
                for name, share in styles.items()
            )
            + f"{lengths.card}\n"
            f"- Different prompts: {len({pair.prompt for pair in pairs}):,} of {counted(len(pairs), 'pair')}."
        ),
        votes=[
            LabelVotes(
                for_it := pair.count(side),
                against := pair.count(1 - side),
                undecided=len(pair.votes) - for_it - against,
            )
            for pair in pairs
            if (side := pair.winner) is not None and pair.adjudicated is None
        ],
        pictures={
            "agreement.svg": picture_of_agreement((pair.agreement for pair in pairs), "pairs"),
            "lengths.svg": picture_of_lengths(
                {
                    "chosen": (len(pair.chosen.text) for pair in pairs),
                    "rejected": (len(pair.rejected.text) for pair in pairs),
                },
                "Chosen and rejected responses",
            ),
        },
    )


def with_label_noise(found: Measurements, *, by_agreement: bool) -> Measurements:
    """Return measurements with how many labels are probably wrong (``exports.label_noise``), if they have votes.

    ``by_agreement``: items on which people disagree were left out, and so nothing tells how often they do.
    """
    if found.votes is None:
        return found
    noise = None if by_agreement else label_noise(found.votes)
    if by_agreement:
        said = "- Label noise: unknown, a rule leaves out what people disagree about."
    elif noise is None:
        said = "- Label noise: unknown, no item has three votes, or another odd number, with none undecided."
    else:
        said = (
            f"- Label noise, if all people err alike and alone: {noise.vote_error:.3f} of votes and "
            f"{noise.wrong_labels:.3f} of labels are wrong, told from {counted(noise.told_from, 'item')} with an odd "
            "number of votes."
        )
    manifest: dict[str, JsonValue] = {
        **found.manifest,
        "label_noise": None if noise is None else noise.as_json(),
    }
    return replace(found, manifest=manifest, card=f"{found.card}\n{said}")


def _lengths(lengths: Sequence[int], what: str) -> Measurements:
    """Return how long rows are in approximate tokens (``exports.truncation``)."""
    over, shares = over_limits(lengths), quantiles(lengths)
    manifest: dict[str, JsonValue] = {"approximate_tokens": {"quantiles": {**shares}, "over": {**over}}}
    middle, most = shares["50"], shares["100"]
    cut = ", ".join(f"{count} over {limit}" for limit, count in over.items())
    return Measurements(
        manifest,
        f"- Tokens, taken as four bytes each ({what}): {middle:,} in the median, {most:,} at most; rows that are cut "
        f"or dropped: {cut}.",
    )


def warn_of_one_label(splits: Mapping[str, Sequence[LabelledCompletion]]) -> list[str]:
    """Return a warning for each split whose completions all have one label."""
    warnings = []
    for split, rows in splits.items():
        if len({row.label for row in rows}) == 1:
            all_of_them = f"all {counted(len(rows), 'completion')}"
            warnings.append(
                f"{word_for(len(rows), 'the only completion', all_of_them)} of the {split} split "
                f"{word_for(len(rows), 'is', 'are')} {rows[0].label}: KTOTrainer learns nothing from one label"
            )
    return warnings


def measure_conversations(completions: Sequence[LabelledCompletion]) -> Measurements:
    """Return the number of conversations to imitate, and how long their last responses are."""
    cut = _lengths([tokens(row.prompt, row.completion.text) for row in completions], "conversation")
    lengths = sorted(len(row.completion.text) for row in completions)
    median, longest = lengths[len(lengths) // 2], lengths[-1]
    return Measurements(
        manifest={"last_response_characters": {"median": median, "longest": longest}, **cut.manifest},
        card=f"- The last response has {counted(median, 'character')} in the median, {longest} at most.\n{cut.card}",
    )


def measure_completions(completions: Sequence[LabelledCompletion]) -> Measurements:
    """Return the number of completions by label, and P(a True one is longer than a False one)."""
    wanted, unwanted = (
        [len(row.completion.text) for row in completions if row.label is label] for label in (True, False)
    )
    longer = p_wanted_longer(wanted, unwanted)
    lengths = _lengths(
        [tokens(row.prompt, row.completion.text) for row in completions], "prompt and completion"
    )
    share = len(wanted) / len(completions)
    return Measurements(
        manifest={
            "labels": {"true": len(wanted), "false": len(unwanted)},
            **lengths.manifest,
            "duplicates": {
                "completions": len(completions),
                "prompts": len({row.prompt for row in completions}),
            },
            "length_bias": {"p_wanted_longer": None if longer is None else round(longer, 6)},
        },
        card=(
            f"- Completions: {len(wanted):,} True, {len(unwanted):,} False ({share:.0%} True).\n"
            f"{lengths.card}\n"
            f"- Different prompts: {len({row.prompt for row in completions}):,} of "
            f"{counted(len(completions), 'completion')}.\n"
            + (
                "- All labels are the same: KTO has nothing to tell apart."
                if longer is None
                else f"- P(a True completion is longer than a False one): {longer:.3f} (0.5: no bias)."
            )
        ),
        votes=[_label_votes(row) for row in completions if not row.adjudicated],
        pictures={
            "labels.svg": columns(
                "Completions by label", {"completions": {"True": len(wanted), "False": len(unwanted)}}
            ),
            "agreement.svg": picture_of_agreement((row.agreement for row in completions), "completions"),
            "lengths.svg": picture_of_lengths(
                {"True": wanted, "False": unwanted}, "Completions labelled True and False"
            ),
        },
    )


def _label_votes(row: LabelledCompletion) -> LabelVotes:
    """Return how many people gave verdicts that alone give the label of a completion, the other one, and none."""
    given: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in row.verdicts:
        given[verdict.person_id].append(verdict)
    said = Counter(_label_alone(row.basis, verdicts) for verdicts in given.values())
    pairs = len({verdict.question for verdict in row.verdicts}) if row.basis is Basis.PAIRS else 1
    return LabelVotes(said[row.label], said[not row.label], said[None], questions=pairs)


def _label_alone(basis: Basis, verdicts: Sequence[Verdict]) -> bool | None:
    if basis is not Basis.PAIRS:
        return label_of({verdict.question: verdict.answer for verdict in verdicts})
    net = sum(OUTCOMES[verdict.answer] for verdict in verdicts)
    return None if net == 0 else net > 0
