"""Measurements that projections share, for the manifest and the card."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exports.choice_bias import FEATURES, Clusters, position_bias, style_bias
from exports.completions import OUTCOMES, Basis
from exports.label_noise import LabelVotes, label_noise
from exports.label_rules import label_rules
from exports.length_bias import LengthBias, length_bias, p_wanted_longer
from exports.pictures import columns, picture_of_agreement, picture_of_lengths
from exports.projection import Measurements
from exports.truncation import over_limits, quantiles, tokens
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from exports.completions import LabelledCompletion, Verdict
    from exports.pairs import PreferencePair


@dataclass(slots=True)
class PairFigures:
    """The biases of decided pairs, how noisy they are, and where they are cut."""

    pairs: int = 0
    prompts: int = 0
    length: LengthBias = field(default_factory=LengthBias)
    position: Clusters = field(default_factory=Clusters)
    styles: dict[str, Clusters] = field(default_factory=lambda: dict.fromkeys(FEATURES, Clusters()))
    tokens: Counter[int] = field(default_factory=Counter)
    chosen: Counter[int] = field(default_factory=Counter)
    rejected: Counter[int] = field(default_factory=Counter)
    agreement: Counter[float] = field(default_factory=Counter)
    votes: Counter[LabelVotes] = field(default_factory=Counter)

    def see(self, pairs: Sequence[PreferencePair]) -> None:
        """Take the pairs of a portion."""
        self.add(
            PairFigures(
                pairs=len(pairs),
                prompts=len({pair.prompt for pair in pairs}),
                length=length_bias(pairs),
                position=position_bias(pairs),
                styles=style_bias(pairs),
                tokens=Counter(max(tokens(pair.prompt, side.text) for side in pair.sides) for pair in pairs),
                chosen=Counter(len(pair.chosen.text) for pair in pairs),
                rejected=Counter(len(pair.rejected.text) for pair in pairs),
                agreement=Counter(pair.agreement for pair in pairs),
                votes=Counter(
                    _pair_votes(pair, side) for pair in pairs if (side := _voted(pair)) is not None
                ),
            )
        )

    def add(self, other: PairFigures) -> None:
        """Take what was seen of another portion."""
        self.pairs += other.pairs
        self.prompts += other.prompts
        self.length += other.length
        self.position += other.position
        self.styles = {name: clusters + other.styles[name] for name, clusters in self.styles.items()}
        for mine, theirs in (
            (self.tokens, other.tokens),
            (self.chosen, other.chosen),
            (self.rejected, other.rejected),
        ):
            mine.update(theirs)
        self.agreement.update(other.agreement)
        self.votes.update(other.votes)

    def measurements(self) -> Measurements:
        """Return what was measured, of at least one pair."""
        bias, position = self.length, self.position.share
        styles = {name: share for name, it in self.styles.items() if (share := it.share) is not None}
        lengths = _lengths(self.tokens, "pair, its longer side")
        first = "no vote tells what was shown first" if position is None else position.sentence("votes")
        cut = ", ".join(f"{count} after {limit}" for limit, count in bias.same_until.items())
        more = "".join(
            f"- P(chosen has more {name.replace('_', ' ')}), where sides differ in it: {share.sentence('pairs')}.\n"
            for name, share in styles.items()
        )
        return Measurements(
            manifest={
                "length_bias": bias.as_json(),
                "position_bias": None if position is None else position.as_json(),
                "style_bias": {name: share.as_json() for name, share in styles.items()},
                **lengths.manifest,
                "duplicates": {"pairs": self.pairs, "prompts": self.prompts},
            },
            card=(
                f"- P(chosen is longer than rejected): {bias.p_chosen_longer:.3f} of {counted(bias.pairs, 'pair')}.\n"
                f"- Accuracy of always picking the longer side: {bias.longer_wins_accuracy:.3f} (0.5: no bias).\n"
                f"- Pairs whose sides differ only after so many words of prompt and response, which "
                f"train nothing if cut there: {cut}.\n"
                f"- P(the side shown first is preferred): {first}.\n"
                f"{more}{lengths.card}\n"
                f"- Different prompts: {self.prompts:,} of {counted(self.pairs, 'pair')}."
            ),
            votes=self.votes,
            pictures={
                "agreement.svg": picture_of_agreement(self.agreement, "pairs"),
                "lengths.svg": picture_of_lengths(
                    {"chosen": self.chosen, "rejected": self.rejected},
                    "Chosen and rejected responses",
                ),
            },
        )


def _voted(pair: PreferencePair) -> int | None:
    """Return the side that votes gave a pair; None where a lead decided."""
    return pair.winner if pair.adjudicated is None else None


def _pair_votes(pair: PreferencePair, side: int) -> LabelVotes:
    for_it, against = pair.count(side), pair.count(1 - side)
    return LabelVotes(for_it, against, undecided=len(pair.votes) - for_it - against)


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


def _lengths(lengths: Counter[int], what: str) -> Measurements:
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


def warn_of_one_label(splits: Mapping[str, Mapping[bool | None, int]]) -> list[str]:
    """Return a warning for each split whose completions all have one label."""
    warnings = []
    for split, labels in splits.items():
        if len(labels) == 1:
            ((label, number),) = labels.items()
            all_of_them = f"all {counted(number, 'completion')}"
            warnings.append(
                f"{word_for(number, 'the only completion', all_of_them)} of the {split} split "
                f"{word_for(number, 'is', 'are')} {label}: KTOTrainer learns nothing from one label"
            )
    return warnings


@dataclass(slots=True)
class ConversationFigures:
    """The number of conversations to imitate, and how long their last responses are."""

    tokens: Counter[int] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)

    def see(self, completions: Sequence[LabelledCompletion]) -> None:
        """Take the conversations of a portion."""
        self.tokens.update(tokens(row.prompt, row.completion.text) for row in completions)
        self.lengths.update(len(row.completion.text) for row in completions)

    def add(self, other: ConversationFigures) -> None:
        """Take what was seen of another portion."""
        self.tokens.update(other.tokens)
        self.lengths.update(other.lengths)

    def measurements(self) -> Measurements:
        """Return what was measured, of at least one conversation."""
        cut, longest = _lengths(self.tokens, "conversation"), max(self.lengths)
        median = sorted(self.lengths.elements())[self.lengths.total() // 2]
        return Measurements(
            manifest={"last_response_characters": {"median": median, "longest": longest}, **cut.manifest},
            card=(
                f"- The last response has {counted(median, 'character')} in the median, {longest} at most.\n{cut.card}"
            ),
        )


@dataclass(slots=True)
class CompletionFigures:
    """The number of completions by label, and P(a True one is longer than a False one)."""

    prompts: int = 0
    lengths: dict[bool, Counter[int]] = field(default_factory=lambda: {True: Counter(), False: Counter()})
    tokens: Counter[int] = field(default_factory=Counter)
    agreement: Counter[float] = field(default_factory=Counter)
    votes: Counter[LabelVotes] = field(default_factory=Counter)

    def see(self, completions: Sequence[LabelledCompletion]) -> None:
        """Take the completions of a portion."""
        self.prompts += len({row.prompt for row in completions})
        for row in completions:
            self.lengths[row.label][len(row.completion.text)] += 1
            self.tokens[tokens(row.prompt, row.completion.text)] += 1
            self.agreement[row.agreement] += 1
            if not row.adjudicated:
                self.votes[_label_votes(row)] += 1

    def add(self, other: CompletionFigures) -> None:
        """Take what was seen of another portion."""
        self.prompts += other.prompts
        for label, lengths in other.lengths.items():
            self.lengths[label].update(lengths)
        self.tokens.update(other.tokens)
        self.agreement.update(other.agreement)
        self.votes.update(other.votes)

    def measurements(self) -> Measurements:
        """Return what was measured, of at least one completion."""
        wanted, unwanted = (list(self.lengths[label].elements()) for label in (True, False))
        longer = p_wanted_longer(wanted, unwanted)
        lengths = _lengths(self.tokens, "prompt and completion")
        number = len(wanted) + len(unwanted)
        bias = (
            "- All labels are the same: KTO has nothing to tell apart."
            if longer is None
            else f"- P(a True completion is longer than a False one): {longer:.3f} (0.5: no bias)."
        )
        return Measurements(
            manifest={
                "labels": {"true": len(wanted), "false": len(unwanted)},
                **lengths.manifest,
                "duplicates": {"completions": number, "prompts": self.prompts},
                "length_bias": {"p_wanted_longer": None if longer is None else round(longer, 6)},
            },
            card=(
                f"- Completions: {len(wanted):,} True, {len(unwanted):,} False ({len(wanted) / number:.0%} True).\n"
                f"{lengths.card}\n"
                f"- Different prompts: {self.prompts:,} of {counted(number, 'completion')}.\n{bias}"
            ),
            votes=self.votes,
            pictures={
                "labels.svg": columns(
                    "Completions by label", {"completions": {"True": len(wanted), "False": len(unwanted)}}
                ),
                "agreement.svg": picture_of_agreement(self.agreement, "completions"),
                "lengths.svg": picture_of_lengths(
                    {"True": self.lengths[True], "False": self.lengths[False]},
                    "Completions labelled True and False",
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
        return label_rules().label_of({verdict.question: verdict.answer for verdict in verdicts})
    net = sum(OUTCOMES[verdict.answer] for verdict in verdicts)
    return None if net == 0 else net > 0
