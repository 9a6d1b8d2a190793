"""Why an export has no row to train on, and what to run next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exports.choosing import chosen
from exports.omissions import BY_RULE, OmissionReason, left_out
from workspaces.grammar import counted, word_for
from workspaces.records import IMPORTED, SharingState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from exports.items import ExportItem, ItemT
    from exports.omissions import Omission
    from exports.projection import Evidence, Projection, Selection
    from workspaces.config.exports import ExportsConfig

SYNC = "run 'chatfeedback sync' to fetch new answers"
MORE_ANSWERS = (
    "more people have to answer: raise 'overlap' in chatfeedback.yaml, then run 'chatfeedback generate' and "
    "'chatfeedback push'"
)
COMPARE = "run 'chatfeedback generate' and 'chatfeedback push' to have people compare responses"
ASK = "under 'mix.kinds' in chatfeedback.yaml, then run 'chatfeedback generate' and 'chatfeedback push'"
RANK = f"name 'ranking' {ASK}"
CHECK = (
    "write a rubric under 'rubrics' in chatfeedback.yaml ('chatfeedback rubric propose' drafts one), name "
    f"'rubric_NAME' {ASK}"
)
STRENGTH = f"name 'preference_strength' {ASK}"
NOTHING = "no answer to such responses trains anything: run 'chatfeedback generate' for others"
LOOSEN = "loosen the rule, under 'exports' in chatfeedback.yaml or as an option: 'chatfeedback export --help'"
MOST_NAMES = 12
SHARED_LATER = (
    "run 'chatfeedback export' again then, or 'chatfeedback consent publish' if their givers agree now"
)

ADVICE: Mapping[OmissionReason, str] = {
    OmissionReason.NOT_ANSWERED: SYNC,
    OmissionReason.NOT_SUBMITTED: SYNC,
    OmissionReason.HELD: SHARED_LATER,
    OmissionReason.PRIVATE: "their givers decide: 'chatfeedback consent publish' shares them if they agree",
    OmissionReason.BARRED: "'chatfeedback people accept PERSON' lets their answers count again",
    OmissionReason.STRANGER: "'chatfeedback people review' lists them, 'chatfeedback people accept' lets them count",
    OmissionReason.NOT_SHARED: "what was deleted stays deleted: run 'chatfeedback ingest' for other chat logs",
    OmissionReason.NO_COMPARISON: COMPARE,
    OmissionReason.COMPARES_NOTHING: COMPARE,
    OmissionReason.NO_PREFERENCE: SYNC,
    OmissionReason.NO_RANKING: RANK,
    OmissionReason.NO_STRENGTH: STRENGTH,
    OmissionReason.NO_RUBRIC: CHECK,
    OmissionReason.NOT_EVERY_CRITERION: MORE_ANSWERS,
    OmissionReason.OF_ANSWERS: "run 'chatfeedback ingest' for chat logs",
    OmissionReason.OF_CONVERSATION: COMPARE,
    OmissionReason.OWN: "'quality.own: allowed' in chatfeedback.yaml lets answers of givers count",
    OmissionReason.OWN_REWRITE: MORE_ANSWERS,
    OmissionReason.SECOND: MORE_ANSWERS,
    OmissionReason.REWRITE_REJECTED: NOTHING,
    OmissionReason.UNWANTED: NOTHING,
    OmissionReason.NOT_ALTERNATING: "'chatfeedback export dpo' and 'chatfeedback export kto' keep such prompts",
    **dict.fromkeys(BY_RULE, LOOSEN),
    OmissionReason.NO_RUBRIC: "declare criteria under 'rubrics' in chatfeedback.yaml and name the rubric under "
    "'mix.kinds', then run 'chatfeedback generate' and 'chatfeedback push'",
    OmissionReason.NO_HARM: f"name 'safety' {ASK}",
    OmissionReason.NO_RATING: f"name 'qualitative' or 'response_score' {ASK}",
    OmissionReason.NO_MODERATION: "run 'chatfeedback collection moderate'",
    OmissionReason.NO_EDIT: f"name 'suggestion' and 'suggestion_check' {ASK}",
    OmissionReason.NO_REFERENCE: f"name 'suggestion' and 'suggestion_check' {ASK}",
    OmissionReason.HARM_UNSAID: MORE_ANSWERS,
    OmissionReason.NO_REWRITE: COMPARE,
    OmissionReason.NO_VERDICT: MORE_ANSWERS,
    OmissionReason.CONTRADICTED: MORE_ANSWERS,
    OmissionReason.UNDECIDED: MORE_ANSWERS,
    OmissionReason.REWRITE_UNDECIDED: MORE_ANSWERS,
    OmissionReason.REWRITE_GONE: "'chatfeedback generate' asks about the rewrites that stand",
    OmissionReason.ASKED_AGAIN: SYNC,
    OmissionReason.NOT_A_RESPONSE: NOTHING,
    OmissionReason.CALLS_TOOLS: NOTHING,
    OmissionReason.HAS_ATTACHMENT: NOTHING,
    OmissionReason.LACKS_CALL: NOTHING,
    OmissionReason.SEVERAL_TURNS: "'chatfeedback export kto' keeps conversations of several turns",
    OmissionReason.NO_PLACE: "'chatfeedback export dpo' and 'chatfeedback export kto' keep calls of tools",
    OmissionReason.NO_PROMPT: NOTHING,
    OmissionReason.EMPTY_PROMPT: NOTHING,
    OmissionReason.EMPTY_SIDE: NOTHING,
    OmissionReason.DIFFERENT_PROMPTS: NOTHING,
    OmissionReason.SAME_TEXT: NOTHING,
    OmissionReason.UNCHANGED_REWRITE: NOTHING,
}
"""The next command for each reason."""

GONE = (OmissionReason.NOT_SHARED, OmissionReason.REWRITE_GONE)
"""The reasons of an answer on a text that is not there: its conversation may be, and not be shared yet."""


def with_states(omissions: Sequence[Omission], evidence: Evidence) -> list[Omission]:
    """Return omissions with the reason why a response is not shared, where its conversation is still there."""
    reasons = {SharingState.HELD: OmissionReason.HELD, SharingState.PRIVATE: OmissionReason.PRIVATE}
    told = []
    for omission in omissions:
        task = evidence.tasks.get(omission.task_id)
        if omission.reason in GONE and task is not None:
            states = [evidence.states.get(conversation) for conversation in task.conversation_ids]
            reason = next((reasons[state] for state in states if state in reasons), omission.reason)
            omission = replace(omission, reason=reason)
        told.append(omission)
    return told


@dataclass(slots=True)
class Found:
    """What a projection made of the evidence, as far as it tells why there may be no row to train on.

    ``asked``: there is a task or an answer; ``on_platform``: a task on a platform. ``shortage`` and ``item`` are those
    of the selection (``exports.projection``).
    """

    shortage: str
    item: str
    items: int
    tied: int
    reasons: Counter[OmissionReason]
    items_left_out: Counter[str]
    asked: bool
    on_platform: bool

    def add(self, other: Found) -> None:
        """Add what was found in another portion."""
        self.items += other.items
        self.tied += other.tied
        self.reasons += other.reasons
        self.items_left_out += other.items_left_out
        self.asked |= other.asked
        self.on_platform |= other.on_platform


def found_in(selection: Selection[ItemT], evidence: Evidence) -> Found:
    """Return what a selection of a portion of the evidence tells."""
    return Found(
        selection.shortage,
        selection.item,
        len(selection.items),
        selection.tied,
        Counter(omission.reason for omission in selection.omissions),
        Counter(selection.items_left_out),
        bool(evidence.annotations or evidence.tasks),
        any(task.platform != IMPORTED for task in evidence.tasks.values()),
    )


def shortage(
    found: Found,
    held_until: datetime | None,
    others: Mapping[str, int],
    names: Mapping[str, Collection[str]],
) -> str:
    """Return why there is no row to train on: what is there instead, and the next command for each reason.

    Args:
        found: what the projection made of the evidence.
        held_until: when the first of the held conversations is shared.
        others: the number of items to train on that other projections find by the same rules; those that find some are
            named last.
        names: that the items have, by the rule that allows some alone (``exports.choosing.names_of``).
    """
    if not found.asked:
        return (
            "there is no answer yet: run 'chatfeedback ingest' for a chat log that holds judgments, or "
            "'chatfeedback generate', 'chatfeedback push' and 'chatfeedback sync' to ask people"
        )
    counts = found.reasons
    reasons = ", ".join(left_out(reason.value, count) for reason, count in sorted(counts.items()))
    lost = found.items_left_out  # what cost whole items comes first
    by_rule = sum(lost[reason.value] for reason in BY_RULE)
    advice = _names_there(found, names) + ([MORE_ANSWERS] if found.items else [])
    advice += [
        text
        for reason, _ in sorted(counts.items(), key=lambda it: (it[0].value not in lost, -it[1], it[0].value))
        if (text := ADVICE.get(reason)) is not None
        and (found.on_platform or text != SYNC)
        and (not by_rule or reason.value in lost)  # the rules are why, whatever else is in no row
    ]
    advice += [
        f"'chatfeedback export {name}' has {counted(count, 'item')} to train on"
        for name, count in others.items()
        if count
    ]
    held = _until(held_until) if counts[OmissionReason.HELD] else ""
    number = min(found.tied, found.items)  # rules may have left out others
    tied = f", and {number:,} {word_for(number, 'is', 'are')} tied" if number else ""
    why = f" ({reasons})" if reasons else ""
    what = f"rules leave out {counted(by_rule, found.item)}" if by_rule else found.shortage
    return f"{what}{tied}{why}{held}: {'; '.join(dict.fromkeys(advice))}"


def _names_there(found: Found, names: Mapping[str, Collection[str]]) -> list[str]:
    """Return what the items have of what a rule by names left them out for."""
    return [
        f"exports.{key} could name {', '.join(shown)}{' and others' if len(some) > MOST_NAMES else ''}"
        for key, some in names.items()
        if (shown := sorted(filter(None, some))[:MOST_NAMES])
        and any(f" exports.{key} " in reason for reason in found.items_left_out)
    ]


def shortage_of_collection(found: Found, evidence: Evidence, names: Mapping[str, Collection[str]]) -> str:
    """Return why an export that rests on no answers has no row: what its items lack, and what is not shared."""
    reasons = [
        left_out(reason.replace("answer on", f"{found.item} with"), count)
        for reason, count in sorted(found.items_left_out.items())
    ]
    states = Counter(evidence.states.values())
    reasons += [counted(count, f"{state.value} conversation") for state, count in sorted(states.items())]
    possible = {
        LOOSEN: any(reason.value in found.items_left_out for reason in BY_RULE),
        SHARED_LATER: states[SharingState.HELD],
        ADVICE[OmissionReason.PRIVATE]: states[SharingState.PRIVATE],
    }
    advice = _names_there(found, names) + [text for text, helps in possible.items() if helps]
    if not advice and "'chatfeedback " not in found.shortage:  # which may name what helps itself
        advice = ["run 'chatfeedback ingest' for chat logs"]
    why = f" ({', '.join(reasons)})" if reasons else ""
    held = _until(evidence.held_until) if states[SharingState.HELD] else ""
    return f"{found.shortage}{why}{held}{': ' if advice else ''}{'; '.join(advice)}"


def to_train_on(projection: Projection[ExportItem], evidence: Evidence, rules: ExportsConfig) -> int:
    """Return how many items to train on a projection finds."""
    accepts = projection.training_table.accepts
    return sum(map(accepts, chosen(projection.select(evidence), rules, evidence, accepts).items))


def _until(held_until: datetime | None) -> str:
    return f" (held until {held_until:%Y-%m-%d %H:%M} UTC)" if held_until else ""
