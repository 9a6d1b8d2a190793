"""What several judges say of one response, taken together."""

from __future__ import annotations

from dataclasses import replace
from math import floor
from typing import TYPE_CHECKING

from workspaces.records import Quality, Significance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspaces.records import SeedFeedback

_LEVELS = tuple(Significance)
_RANK = {level: rank for rank, level in enumerate(_LEVELS)}


def disagreement(seeds: Sequence[SeedFeedback]) -> float:
    """Return how much judges disagree on the tags of one response: 0 (or one judge) to 1.

    The mean over the six qualities of the share of pairs of judges that give different tags: the observed disagreement
    of nominal data, as in Krippendorff's alpha.

    Source: Krippendorff, "Content Analysis" (2004), chapter 11; that what a committee disagrees on is worth most to
    ask about: Seung, Opper and Sompolinsky, "Query by Committee" (1992).
    """
    pairs = [(one, other) for index, one in enumerate(seeds) for other in seeds[index + 1 :]]
    if not pairs:
        return 0.0
    differ = sum(one.tags[quality] != other.tags[quality] for one, other in pairs for quality in Quality)
    return differ / (len(pairs) * len(Quality))


def united_significance(seeds: Sequence[SeedFeedback]) -> Significance:
    """Return the significance of one response: the mean level of its judges, raised by their disagreement.

    With levels 0, 1 and 2 it is the mean level plus 2 D, rounded half up, at most 2; D is ``disagreement``. So judges
    who agree keep their mean, a quarter of differing tags raises it by half a level, and full disagreement reaches the
    highest. One judge's own significance stays as it is.
    """
    mean = sum(_RANK[seed.significance] for seed in seeds) / len(seeds)
    return _LEVELS[min(floor(mean + 2 * disagreement(seeds) + 0.5), len(_LEVELS) - 1)]


def united(seeds: Iterable[SeedFeedback], judges: Sequence[str]) -> dict[str, SeedFeedback]:
    """Return one seed feedback for each rated message.

    Of each of the ``judges`` its newest one counts. The result is that of the first judge, in their order, that rated
    the message, with the significance of all of them. A message that none of them rated has its newest, whoever gave
    it.

    Args:
        seeds: oldest first.
        judges: the models that rate now.
    """
    newest: dict[str, SeedFeedback] = {}
    by_judge: dict[str, dict[str, SeedFeedback]] = {}
    for seed in seeds:
        newest[seed.message_id] = seed
        if seed.agent in judges:
            by_judge.setdefault(seed.message_id, {})[seed.agent] = seed
    for message_id, of_message in by_judge.items():
        said = [of_message[judge] for judge in judges if judge in of_message]
        newest[message_id] = replace(said[0], significance=united_significance(said))
    return newest
