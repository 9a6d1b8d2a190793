"""What came of each conversation when tasks were drawn, and what would change it: the counts add up to all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from task_generators.chat_logs.curation.flags import Flag
from task_generators.select import CHALLENGE, LANGUAGE, NEAR_DUPLICATE, NOT_SCORED, REPEATED_PROMPT
from workspaces.config.generation import ATTACHMENT
from workspaces.records import SharingState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from task_generators.candidates import TaskCandidate
    from task_generators.outlines import Outlines
    from task_generators.select import Selection
    from task_generators.traits import Traits
    from workspaces.keys import KeyIndex

HAS_TASKS = "with tasks"
HELD = "held"
PRIVATE = "kept private"
DELETED = "being deleted"
NO_SEED = "no seed feedback"
NO_RESPONSE = "no response of a model"
NOTHING_TO_ASK = "nothing to ask"
WEIGHTLESS = "significance with a weight of 0"
FILTERED = "outside what mixes draw from"
LIMIT = "limit reached"
CAP = "daily or weekly cap reached"
QUOTA = "beyond a quota"
BUDGET = "beyond the budget"

_STATES = {SharingState.HELD: HELD, SharingState.PRIVATE: PRIVATE, SharingState.DELETED: DELETED}

_REMEDIES = {
    HELD: "if their givers agreed: chatfeedback consent publish --all",
    PRIVATE: "their givers asked for it: they stay so",
    DELETED: "finish it: chatfeedback consent finish",
    NO_SEED: "rate them: chatfeedback seed",
    NO_RESPONSE: "none of the kinds in mix.kinds asks about them",
    NOTHING_TO_ASK: (
        "the kinds in mix.kinds find nothing in them, as where they compare and there is one answer, or it is empty: "
        "give another kind a weight, or set mix.trivial"
    ),
    WEIGHTLESS: "give it a weight: mix.significance",
    FILTERED: "widen mix.only, or write another mix",
    LIMIT: "raise mix.limit, to which the tasks that exist count",
    CAP: "run it again tomorrow, or raise mix.per_day or mix.per_week",
    QUOTA: "raise mix.quotas, or add chat logs about other things, to which the same share of all is more",
    BUDGET: "raise budget.points_total; what is left: chatfeedback budget",
    LANGUAGE: "add their languages to select.languages, or empty it",
    CHALLENGE: "lower select.challenge, or set it to null",
    NOT_SCORED: "score them: chatfeedback collection challenge",
    NEAR_DUPLICATE: "to use the copies, too: select.near_duplicates: all",
    ATTACHMENT: "their pictures and files are not kept, so nobody would see them; to ask all the same, take it out of "
    "select.skip_flags",
    REPEATED_PROMPT: "to use more of them: raise select.repeated_prompts, or set it to null",
}
_STOPS = {"limit": LIMIT, "per_day": CAP, "per_week": CAP, None: QUOTA}
_FLAGGED = "flagged so; to use them, take the flag out of select.skip_flags"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many conversations ended in one way, and what would change it; an empty remedy: nothing needs to."""

    reason: str
    conversations: int
    remedy: str = ""


class Seen:
    """What was seen of the conversations that tasks may be made of: marks on each, by its row; no text is kept."""

    def __init__(self, outlines: Outlines, index: KeyIndex, taken: NDArray[np.bool_]) -> None:
        """Args: outlines, where ids stand in them, and which conversations some mix takes."""
        self._outlines = outlines
        self._index = index
        self._taken = taken
        size = len(taken)
        self._found = np.zeros(size, np.bool_)
        self._outside = np.zeros(size, np.bool_)
        self._weighted = np.full(size, -1, np.int16)
        self._unseeded: NDArray[np.bool_] = np.zeros(size, np.bool_)
        self._answered: NDArray[np.bool_] = np.zeros(size, np.bool_)
        self.waiting = 0
        """Responses without seed feedback."""

    def conversations(self, usual: Selection) -> NDArray[np.bool_]:
        """Note what tasks may usually show; return which conversations hold responses without seed feedback."""
        shown = (self._taken & usual.taken.mask)[self._outlines.rows]
        for place in self._index.places_of(usual.withheld).tolist():
            start, end = self._outlines.starts[place : place + 2].tolist()
            withheld = usual.withheld[self._outlines.names[place].as_py()]
            for response in range(start, end):
                shown[response] &= self._outlines.ids[response].as_py() not in withheld
        waiting = shown & (self._outlines.levels < 0)
        self.waiting = int(np.count_nonzero(waiting))
        self._answered = self._outlines.any_of(shown)
        self._unseeded = self._outlines.any_of(waiting)
        return self._unseeded

    def candidate(self, found: TaskCandidate, traits: Traits, mix: int) -> None:
        """Note a candidate, and the place of the mix in which it has a weight; -1: in none, or it is asked already."""
        rows = self._index.places_of(found.conversation_ids)
        (self._found if traits.mixes else self._outside)[rows] = True
        if mix >= 0:
            self._weighted[rows] = mix

    def block(self, rows: NDArray[np.int32], inside: NDArray[np.bool_], mixes: NDArray[np.int16]) -> None:
        """Note candidates about one conversation each, by its row: whether some mix takes it, and the mix as above."""
        self._found[rows[inside]] = True
        self._outside[rows[~inside]] = True
        weighted = mixes >= 0
        self._weighted[rows[weighted]] = mixes[weighted]

    def reasons(
        self,
        usual: Selection,
        with_tasks: AbstractSet[str],
        unpaid: AbstractSet[str],
        stopped: Mapping[str, str | None],
    ) -> Counter[str]:
        """Count what came of the conversations that were taken; ``stopped`` is what filled each mix, in order."""
        stops = [_STOPS[it] for it in stopped.values()]
        marks = [np.zeros(len(self._taken), np.bool_) for _ in range(2)]
        for mark, names in zip(marks, (with_tasks, unpaid), strict=True):
            mark[self._index.places_of(names)] = True
        cases: list[tuple[str, NDArray[np.bool_]]] = [
            (HAS_TASKS, marks[0]),
            (BUDGET, marks[1]),
            *((stop, self._weighted == place) for place, stop in enumerate(stops)),
            (FILTERED, ~self._taken),
            (NO_SEED, self._unseeded),
            (WEIGHTLESS, self._found),
            (FILTERED, self._outside),
            (NOTHING_TO_ASK, self._answered),
            (NO_RESPONSE, np.ones(len(self._taken), np.bool_)),
        ]
        counts: Counter[str] = Counter()
        left: NDArray[np.bool_] = usual.taken.mask.copy()
        for reason, ended in cases:
            counts[reason] += int(np.count_nonzero(left & ended))
            left &= ~ended
        return counts


def outcomes(
    states: Mapping[SharingState, int],
    selection: Selection,
    seen: Seen,
    with_tasks: AbstractSet[str],
    unpaid: AbstractSet[str],
    stopped: Mapping[str, str | None],
) -> list[Outcome]:
    """Return what came of each conversation, those with tasks first, then the most frequent reasons.

    Args:
        states: the number of conversations by state.
        selection: of the shared ones.
        seen: what was seen of those that were taken.
        with_tasks: the conversations that tasks show, old or new.
        unpaid: the conversations of tasks that were drawn and that the budget cannot pay.
        stopped: what left room for no more in each mix: ``limit``, ``per_day``, ``per_week``; None: quotas, if any.
    """
    counts = Counter({_STATES[state]: count for state, count in states.items() if state in _STATES})
    counts.update(HAS_TASKS if name in with_tasks else reason for name, reason in selection.omissions.items())
    counts.update(seen.reasons(selection, with_tasks, unpaid, stopped))
    ordered = sorted(counts.items(), key=lambda entry: (entry[0] != HAS_TASKS, -entry[1], entry[0]))
    return [Outcome(reason, count, remedy_of(reason)) for reason, count in ordered if count]


def remedy_of(reason: str) -> str:
    """Return what a lead does about a reason; empty where nothing is missing."""
    if reason == HAS_TASKS:
        return ""
    flagged = reason in set(Flag) or reason.startswith(f"{Flag.MODERATION}:")
    return _FLAGGED if flagged else _REMEDIES[reason]
