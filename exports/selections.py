"""Selections that projections share: preference pairs and labelled completions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from exports.checked import CheckedResponse, checked_responses
from exports.context import TOOLS, keys_held
from exports.harms import JudgedHarm, judged_harms
from exports.items import ExportItem, ItemT
from exports.labelling import completion_labels
from exports.moderated import ModeratedResponse, moderated
from exports.omissions import Omission, OmissionReason
from exports.pairing import preference_pairs
from exports.projection import Selection
from exports.rankings import RankedResponses, ranked_responses
from exports.rated import RatedPrompt, rated_prompts
from exports.rewritten import Edit, ReferencedPair, edit_of, is_edit, referenced
from exports.verdicts import sorted_omissions
from workspaces.records import Role

NarrowT = TypeVar("NarrowT", bound=ExportItem)
MadeT = TypeVar("MadeT", bound=ExportItem, covariant=True)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exports.completions import LabelledCompletion
    from exports.context import Prompt
    from exports.pairs import PreferencePair
    from exports.projection import Evidence
    from workspaces.records import Annotation

    Select: TypeAlias = Callable[[Evidence], Selection[ItemT]]


PAIR = "pair"
SHORTAGE_OF_PAIRS = "no answered preference task or rewrite decides a pair"
"""What ``Selection.item`` and ``Selection.shortage`` are of preference pairs."""


class _Made(Protocol[MadeT]):
    """Items that answers make, and the answers that are in none of them."""

    @property
    def rows(self) -> Sequence[MadeT]: ...
    @property
    def omissions(self) -> Sequence[Omission]: ...


def select_pairs(evidence: Evidence) -> Selection[PreferencePair]:
    """Return every preference pair, the decided pairs before the tied ones, each sorted by id."""
    counted, aside = _set_aside(evidence)
    pairs = preference_pairs(
        evidence.tasks, counted, evidence.contexts, evidence.weights, evidence.outcomes, evidence.decisions
    )
    return Selection(
        items=(*pairs.decided, *pairs.tied),
        omissions=_with_aside(pairs.omissions, aside),
        shortage=SHORTAGE_OF_PAIRS,
        item=PAIR,
        tied=len(pairs.tied),
    )


def is_decided(pair: PreferencePair) -> bool:
    """Return whether one side of a pair has the majority."""
    return pair.winner is not None


def is_tied(pair: PreferencePair) -> bool:
    """Return whether no side of a pair has the majority."""
    return pair.winner is None


def _selection(
    made: Callable[[Evidence, Sequence[Annotation]], _Made[ItemT]], item: str, shortage: str
) -> Callable[[Evidence], Selection[ItemT]]:
    """Return a selection of what is made of the answers that are not set aside."""

    def selected(evidence: Evidence) -> Selection[ItemT]:
        counted, aside = _set_aside(evidence)
        found = made(evidence, counted)
        return Selection(found.rows, _with_aside(found.omissions, aside), shortage, item)

    return selected


def select_completions(evidence: Evidence) -> Selection[LabelledCompletion]:
    """Return every labelled completion, sorted by id; those without a label are left out."""
    counted, aside = _set_aside(evidence)
    found = completion_labels(
        evidence.tasks, counted, evidence.contexts, evidence.weights, evidence.outcomes, evidence.decisions
    )
    return Selection(
        found.rows,
        _with_aside(found.omissions, aside),
        shortage="no answered task decides a label",
        item="completion",
        items_left_out={OmissionReason.UNDECIDED.value: found.undecided} if found.undecided else {},
    )


select_rankings: Select[RankedResponses] = _selection(
    lambda it, counted: ranked_responses(
        it.tasks, counted, it.contexts, it.weights, it.outcomes, it.decisions
    ),
    "ranking",
    "no answered ranking task orders responses",
)
"""Every ranking of several responses, sorted by id."""

select_checked: Select[CheckedResponse] = _selection(
    lambda it, counted: checked_responses(it.tasks, counted, it.contexts, it.weights, it.decisions),
    "response",
    "no answered task checks a response against a rubric",
)
"""Every response that people checked against a rubric, sorted by id."""

select_harms: Select[JudgedHarm] = _selection(
    lambda it, counted: judged_harms(it.tasks, counted, it.contexts, it.weights, it.decisions),
    "response",
    "no answered task judges the harm in a response",
)
"""Every response that people judged for harm, sorted by id."""

select_rated: Select[RatedPrompt] = _selection(
    lambda it, counted: rated_prompts(it.tasks, counted, it.contexts, it.weights, it.decisions),
    "prompt",
    "no answered task rates a response",
)
"""Every prompt with responses that people rated, sorted by id."""


def select_rated_without_tools(evidence: Evidence) -> Selection[RatedPrompt]:
    """Return the rated prompts that a string can hold; answers on the others are omitted."""
    selection = select_rated(evidence)
    items = [item for item in selection.items if without_tools(item.prompt)]
    return _narrowed(selection, items, OmissionReason.NO_PLACE, evidence)


def select_moderated(evidence: Evidence) -> Selection[ModeratedResponse]:
    """Return the responses that people and a moderation endpoint judged, sorted by id; other answers are omitted."""
    selection = select_harms(evidence)
    said = evidence.collected.moderations({name for item in selection.items for name in item.message_ids})
    items = [found for item in selection.items if (found := moderated(item, said)) is not None]
    shortage = "no response that people judged for harm has been moderated" if selection.items else None
    return _narrowed(selection, items, OmissionReason.NO_MODERATION, evidence, shortage)


def _set_aside(evidence: Evidence) -> tuple[list[Annotation], list[Omission]]:
    """Return the annotations to use, and the omission of each that is set aside."""
    aside = evidence.set_aside
    used = [annotation for annotation in evidence.annotations if annotation.id not in aside]
    return used, [Omission(aside[it.id], it.task_id, it.id) for it in evidence.annotations if it.id in aside]


def _with_aside(omissions: Sequence[Omission], aside: Sequence[Omission]) -> list[Omission]:
    """Add the omissions of what is set aside; their tasks are not without any answer."""
    answered = {omission.task_id for omission in aside}
    others = [
        omission
        for omission in omissions
        if omission.reason is not OmissionReason.NOT_ANSWERED or omission.task_id not in answered
    ]
    return [*others, *aside]


def select_wanted(evidence: Evidence) -> Selection[LabelledCompletion]:
    """Return the labelled completions that are wanted, sorted by id; the answers that say otherwise are omitted."""
    selection = select_completions(evidence)
    wanted = [row for row in selection.items if row.label]
    return _narrowed(
        selection,
        wanted,
        OmissionReason.UNWANTED,
        evidence,
        shortage="no answered task makes a response wanted",
    )


def pairs_where(
    holds: Callable[[Prompt], bool],
    reason: OmissionReason = OmissionReason.NO_PLACE,
    select: Callable[[Evidence], Selection[PreferencePair]] = select_pairs,
) -> Callable[[Evidence], Selection[PreferencePair]]:
    """Return a selection of the pairs whose prompt a trainer can read whole; votes on the others are omitted."""

    def selected(evidence: Evidence) -> Selection[PreferencePair]:
        selection = select(evidence)
        return _narrowed(
            selection, [pair for pair in selection.items if holds(pair.prompt)], reason, evidence
        )

    return selected


def completions_where(
    holds: Callable[[Prompt], bool],
    reason: OmissionReason = OmissionReason.NO_PLACE,
    select: Callable[[Evidence], Selection[LabelledCompletion]] = select_completions,
) -> Callable[[Evidence], Selection[LabelledCompletion]]:
    """Return a selection of the completions whose prompt a trainer can read whole; other answers are omitted."""

    def selected(evidence: Evidence) -> Selection[LabelledCompletion]:
        selection = select(evidence)
        return _narrowed(selection, [row for row in selection.items if holds(row.prompt)], reason, evidence)

    return selected


def _narrowed(
    selection: Selection[ItemT],
    items: Sequence[NarrowT],
    reason: OmissionReason,
    evidence: Evidence,
    shortage: str | None = None,
) -> Selection[NarrowT]:
    """Return some of the items of a selection; the answers that are in none of them are omitted for this reason."""
    used = {judgment.annotation_id for item in items for judgment in item.judgments}
    task_of = {annotation.id: annotation.task_id for annotation in evidence.annotations}
    unused = {judgment.annotation_id for item in selection.items for judgment in item.judgments} - used
    lost = len(selection.items) - len(items)
    return Selection(
        items=items,
        omissions=sorted_omissions(
            [*selection.omissions, *(Omission(reason, task_of[name], name) for name in unused)]
        ),
        shortage=shortage or selection.shortage,
        item=selection.item,
        items_left_out=dict(Counter(selection.items_left_out) + Counter({reason.value: lost})),
        tied=0 if shortage else selection.tied,
    )


def select_edits(evidence: Evidence) -> Selection[Edit]:
    """Return the rewrites that people prefer to their originals, sorted by id."""
    selection = select_pairs(evidence)
    annotations = {annotation.id: annotation for annotation in evidence.annotations}
    edits = [edit_of(pair, annotations, evidence.tasks) for pair in selection.items if is_edit(pair)]
    return _narrowed(
        selection,
        edits,
        OmissionReason.NO_EDIT,
        evidence,
        shortage="no rewrite that people prefer to its original",
    )


def select_referenced(evidence: Evidence) -> Selection[ReferencedPair]:
    """Return the pairs of models' responses that have a reference, sorted by id."""
    selection = select_pairs(evidence)
    return _narrowed(
        selection,
        referenced(selection.items),
        OmissionReason.NO_REFERENCE,
        evidence,
        shortage="no decided pair has a rewrite to its prompt that people prefer",
    )


def alternates(prompt: Prompt) -> bool:
    """Return whether turns alternate from user or tool to assistant, after a system turn if any."""
    roles = [role for role, *_ in prompt]
    turns = roles[1:] if roles[0] == Role.SYSTEM else roles
    asked, answered = turns[::2], turns[1::2]
    return len(turns) % 2 == 1 and set(asked) <= {Role.USER, Role.TOOL} and set(answered) <= {Role.ASSISTANT}


def select_strengths(evidence: Evidence) -> Selection[PreferencePair]:
    """Return the pairs of which somebody said how much better a side is, sorted by id; other votes are omitted."""
    selection = select_pairs_without_tools(evidence)
    items = [pair for pair in selection.items if any(vote.strength is not None for vote in pair.votes)]
    return _narrowed(
        selection,
        sorted(items, key=lambda pair: pair.pair_id),
        OmissionReason.NO_STRENGTH,
        evidence,
        shortage="no answered task says how much better a response is",
    )


def without_tools(prompt: Prompt) -> bool:
    """Return whether no message of a prompt has to do with tools: no definition, no call, no result."""
    return not keys_held(prompt) and all(role != Role.TOOL for role, *_ in prompt)


select_pairs_without_tools = pairs_where(lambda prompt: not keys_held(prompt))
"""The pairs for trainers that read role and content of a message and nothing else."""

select_pairs_without_definitions = pairs_where(lambda prompt: TOOLS not in keys_held(prompt))
"""The pairs for trainers that read calls of tools, but not which tools there are."""

select_completions_without_tools = completions_where(without_tools)
"""The completions for trainers that read role and content of a message and nothing else."""
