"""What came of each conversation when tasks were drawn, and what would change it: the counts add up to all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_generators.chat_logs.curation.flags import Flag
from task_generators.select import CHALLENGE, LANGUAGE, NEAR_DUPLICATE, NOT_SCORED, REPEATED_PROMPT
from workspaces.config.generation import ATTACHMENT
from workspaces.records import SharingState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from collections.abc import Set as AbstractSet

    from task_generators.candidates import TaskCandidate
    from task_generators.select import Selection
    from task_generators.traits import Facts, Traits
    from workspaces.records import Conversation

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
    """What was seen of the conversations that tasks may be made of, in one pass; no text is kept."""

    def __init__(self, facts: Facts) -> None:
        """Args: ``facts``: tells which mixes take a conversation."""
        self._facts = facts
        self._filtered: set[str] = set()
        self._outside: set[str] = set()
        self._found: set[str] = set()
        self._weighted: dict[str, str] = {}
        self._unseeded: set[str] = set()
        self._answered: set[str] = set()
        self.waiting = 0
        """Responses without seed feedback."""
        self.waiting_characters = 0
        """What the conversations hold that these are in."""

    def conversation(self, shown: Conversation, seeds: Collection[str]) -> bool:
        """Note what tasks may show of a conversation; return whether some mix takes it.

        ``seeds`` are the messages with seed feedback.
        """
        if not self._facts.takes(shown.id):
            self._filtered.add(shown.id)
            return False
        responses = shown.responses()
        waiting = sum(message.id not in seeds for message in responses)
        self.waiting += waiting
        if responses:
            self._answered.add(shown.id)
        if waiting:
            self._unseeded.add(shown.id)
            self.waiting_characters += sum(len(message.content) for message in shown.messages)
        return True

    def candidate(self, found: TaskCandidate, traits: Traits, mix: str | None) -> None:
        """Note a candidate, and in which mix it has a weight; None: in none, or it is asked already."""
        if traits.mixes:
            self._found.update(found.conversation_ids)
        else:
            self._outside.update(found.conversation_ids)
        if mix is not None:
            self._weighted.update(dict.fromkeys(found.conversation_ids, mix))

    def reason(self, conversation_id: str, stopped: Mapping[str, str | None]) -> str:
        """Return why no task was drawn of a conversation that was taken; ``stopped`` is what filled each mix."""
        mix = self._weighted.get(conversation_id)
        if mix is not None:
            return _STOPS[stopped[mix]]
        if conversation_id in self._filtered:
            return FILTERED
        if conversation_id in self._unseeded:
            return NO_SEED
        if conversation_id in self._found:
            return WEIGHTLESS
        if conversation_id in self._outside:
            return FILTERED
        return NOTHING_TO_ASK if conversation_id in self._answered else NO_RESPONSE


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
    for name in selection.taken:
        counts[
            HAS_TASKS if name in with_tasks else BUDGET if name in unpaid else seen.reason(name, stopped)
        ] += 1
    ordered = sorted(counts.items(), key=lambda entry: (entry[0] != HAS_TASKS, -entry[1], entry[0]))
    return [Outcome(reason, count, remedy_of(reason)) for reason, count in ordered if count]


def remedy_of(reason: str) -> str:
    """Return what a lead does about a reason; empty where nothing is missing."""
    if reason == HAS_TASKS:
        return ""
    flagged = reason in set(Flag) or reason.startswith(f"{Flag.MODERATION}:")
    return _FLAGGED if flagged else _REMEDIES[reason]
