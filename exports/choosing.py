"""The rules by which answers and items go into a training set; what falls out says at which rule.

Rules about answers come first: an answer that falls out is as if nobody had given it. Rules about items follow in the
order of ``ITEM_RULES``; an item falls out at the first that it does not fulfil.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from exports.items import judges_of
from exports.licence_names import licence_key
from exports.omissions import Omission, OmissionReason
from exports.verdicts import sorted_omissions
from workspaces.config.exports import ExportsConfig
from workspaces.records import ANONYMOUS, CHAT, IMPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from exports.items import ExportItem, ItemT
    from exports.projection import Evidence, Selection
    from workspaces.records import Annotation, Task

EVERYTHING = ExportsConfig()
"""The rules that leave out nothing."""
ABOUT_ANSWERS = ("kinds", "chat", "imported", "since", "until")
"""The keys of the rules about answers; also ``own`` is about them (``by_own``)."""


FIGURES = {"min_agreement": "agreement", "min_margin": "margin", "min_posterior": "posterior"}
"""The columns with the figures that rules are about; not every export has them."""


@dataclass(frozen=True, slots=True)
class ItemRule:
    """A rule about items: its key in the configuration, the reason of what falls out, and what it holds of.

    ``of_votes``: it is about how people voted, and not about what they voted on.
    """

    key: str
    reason: OmissionReason
    holds: Callable[[ExportItem, ExportsConfig, Evidence], bool]
    of_votes: bool = False


def left_out_by(
    rules: ExportsConfig, tasks: Mapping[str, Task], annotations: Iterable[Annotation]
) -> dict[str, OmissionReason]:
    """Return why rules leave answers out, by annotation id."""
    if all(getattr(rules, key) == getattr(EVERYTHING, key) for key in ABOUT_ANSWERS):
        return {}
    return {
        annotation.id: reason
        for annotation in annotations
        if (reason := _aside(annotation, tasks.get(annotation.task_id), rules)) is not None
    }


def by_own(
    rules: ExportsConfig, annotations: Iterable[Annotation], own: Iterable[Annotation]
) -> dict[str, OmissionReason]:
    """Return why ``rules.own`` leaves answers out, by annotation id; ``own`` are those about one's own conversation."""
    theirs = {annotation.id for annotation in own}
    if rules.own == "exclude":
        return dict.fromkeys(theirs, OmissionReason.OWN_BY_RULE)
    if rules.own == "only":
        others = (annotation.id for annotation in annotations if annotation.id not in theirs)
        return dict.fromkeys(others, OmissionReason.NOT_OWN)
    return {}


def counted_by(rules: ExportsConfig, evidence: Evidence) -> Evidence:
    """Return the evidence without the answers that rules leave out; these are set aside with their reason."""
    aside = left_out_by(rules, evidence.tasks, evidence.annotations)
    return replace(evidence, set_aside={**aside, **evidence.set_aside}) if aside else evidence


def chosen(
    selection: Selection[ItemT],
    rules: ExportsConfig,
    evidence: Evidence,
    accepts: Callable[[ItemT], bool],
) -> Selection[ItemT]:
    """Return a selection without the items to train on that rules leave out, and with their answers as omissions.

    Args:
        selection: what a projection makes of the evidence.
        rules: the rules.
        evidence: what it was made of.
        accepts: whether an item is one to train on. Rules about votes let others pass, such as ties.
    """
    asked = [rule for rule in ITEM_RULES if _is_asked(rule, rules, evidence)]
    of_all = [rule for rule in asked if not rule.of_votes]
    if not asked:
        return selection
    kept: list[ItemT] = []
    fallen: list[tuple[ItemT, OmissionReason]] = []
    for item in selection.items:
        some = asked if accepts(item) else of_all
        reason = next((rule.reason for rule in some if not rule.holds(item, rules, evidence)), None)
        if reason is None:
            kept.append(item)
        else:
            fallen.append((item, reason))
    if not fallen:
        return selection
    used = {judgment.annotation_id for item in kept for judgment in item.judgments}
    task_of = {annotation.id: annotation.task_id for annotation in evidence.annotations}
    lost = {
        judgment.annotation_id: Omission(reason, task_of[judgment.annotation_id], judgment.annotation_id)
        for item, reason in reversed(fallen)  # of several reasons, that of the first item
        for judgment in item.judgments
        if judgment.annotation_id not in used
    }
    left_out = Counter(selection.items_left_out) + Counter(reason.value for _, reason in fallen)
    return replace(
        selection,
        items=kept,
        omissions=sorted_omissions([*selection.omissions, *lost.values()]),
        items_left_out=dict(left_out),
    )


def names_of(items: Sequence[ExportItem], rules: ExportsConfig, evidence: Evidence) -> dict[str, set[str]]:
    """Return the names that items have, of each rule in force that allows some names alone, by its key."""
    return {
        key: {name for item in items for name in of(item, evidence)}
        for key, of in NAMES.items()
        if getattr(rules, key)
    }


def names_that_nothing_has(
    rules: ExportsConfig, names: Mapping[str, Collection[str]], item: str
) -> list[str]:
    """Return a sentence for each name that a rule allows and that none of the items has, such as a misspelt one.

    Args:
        rules: the rules.
        names: that the items have, with those that fell out (``names_of``).
        item: what an item is called.
    """
    folded = {"licences": licence_key}
    return [
        f"exports.{key} names {name!r}, which no {item} has"
        for key, known in names.items()
        for name in getattr(rules, key)
        if folded.get(key, str)(name) not in set(map(folded.get(key, str), known))
    ]


def by_agreement(rules: ExportsConfig) -> bool:
    """Return whether rules may leave out items for what people voted, and not for how many they are."""
    return rules.min_agreement > 0 or rules.min_margin is not None or rules.min_posterior > 0


def in_force(rules: ExportsConfig) -> dict[str, str]:
    """Return the rules that leave something out as ``{key: value}``, in the order of the configuration.

    Of a folder the name alone: where it stands is nobody's business who gets the export.
    """
    return {
        key: ", ".join(map(str, value)) if isinstance(value, tuple) else str(getattr(value, "name", value))
        for key in ExportsConfig.model_fields
        if (value := getattr(rules, key)) != getattr(EVERYTHING, key)
    }


def without_effect(rules: ExportsConfig, columns: Collection[str], *, of_answers: bool) -> list[str]:
    """Return a sentence for each rule in force that can leave nothing out of an export, because it has no such figure.

    Args:
        rules: the rules.
        columns: the names of all columns of the export.
        of_answers: whether answers make its items.
    """
    about_answers = () if of_answers else (*ABOUT_ANSWERS, "own", "min_people")
    return [
        f"the rule {key} leaves out nothing here: {FIGURES[key]} is no figure of these rows"
        if key in FIGURES
        else f"the rule {key} leaves out nothing here: no answer is behind these rows"
        for key in in_force(rules)
        if key in about_answers or (key in FIGURES and FIGURES[key] not in columns)
    ]


def _aside(annotation: Annotation, task: Task | None, rules: ExportsConfig) -> OmissionReason | None:
    if task is None:
        return None
    chatted = task.rules_version == CHAT and task.platform == IMPORTED
    imported = task.platform == IMPORTED and not chatted
    day = annotation.updated_at.astimezone(UTC).date()
    if rules.kinds and task.kind not in rules.kinds:
        return OmissionReason.OTHER_KIND
    if chatted and rules.chat != "only" and (rules.chat == "exclude" or rules.imported == "only"):
        return OmissionReason.FROM_CHAT
    if not chatted and rules.chat == "only":
        return OmissionReason.NOT_FROM_CHAT
    if imported and rules.imported == "exclude":
        return OmissionReason.FROM_LOG
    if not imported and not chatted and rules.imported == "only":
        return OmissionReason.FROM_PLATFORM
    early = rules.since is not None and day < rules.since
    late = rules.until is not None and day > rules.until
    return OmissionReason.OTHER_TIME if early or late else None


def _is_asked(rule: ItemRule, rules: ExportsConfig, evidence: Evidence) -> bool:
    """Return whether a rule can leave out an item."""
    if rule.holds is _uncontaminated:
        return evidence.benchmarks is not None
    return bool(getattr(rules, rule.key) != getattr(EVERYTHING, rule.key))


def _enough_people(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    """All raters without a name count as one; what nobody was asked about passes."""
    if not item.judgments:
        return True  # of the collection itself
    judges = {"" if name.startswith(ANONYMOUS) else name for name in judges_of(item)}
    return len(judges) >= rules.min_people


def _agreement(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    """What a lead decided needs no agreement."""
    agreement = getattr(item, "agreement", None)  # of pairs and labels
    return agreement is None or bool(getattr(item, "adjudicated", None)) or agreement >= rules.min_agreement


def _margin(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    margin = getattr(item, "margin", None)  # of pairs
    return margin is None or rules.min_margin is None or margin >= rules.min_margin


def _posterior(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    """What a lead decided needs no posterior."""
    if not rules.min_posterior or not hasattr(item, "posterior"):  # of pairs
        return True
    posterior = getattr(item, "posterior", None)
    return bool(getattr(item, "adjudicated", None)) or (
        posterior is not None and posterior >= rules.min_posterior
    )


def _unflagged(item: ExportItem, rules: ExportsConfig, evidence: Evidence) -> bool:
    return not rules.skip_flags or evidence.flagged.isdisjoint(item.conversation_ids)


def _languages_of(item: ExportItem, evidence: Evidence) -> list[str]:
    return [evidence.languages.get(name, "") for name in item.conversation_ids]


def _models_of(item: ExportItem, _: Evidence) -> Iterable[str]:
    return item.models


def _sources_of(item: ExportItem, _: Evidence) -> Iterable[str]:
    return item.sources


def _licences_of(item: ExportItem, _: Evidence) -> Iterable[str]:
    return item.licences


NAMES: Mapping[str, Callable[[ExportItem, Evidence], Iterable[str]]] = {
    "languages": _languages_of,
    "models": _models_of,
    "sources": _sources_of,
    "licences": _licences_of,
}
"""What an item is called by, of each rule that allows some names alone."""


def _languages(item: ExportItem, rules: ExportsConfig, evidence: Evidence) -> bool:
    return _among(_languages_of(item, evidence), rules.languages)


def _models(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    return _among(item.models, rules.models)


def _sources(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    return _among(item.sources, rules.sources)


def _licences(item: ExportItem, rules: ExportsConfig, _: Evidence) -> bool:
    return _among(map(licence_key, item.licences), tuple(map(licence_key, rules.licences)))


def _uncontaminated(item: ExportItem, _: ExportsConfig, evidence: Evidence) -> bool:
    return evidence.benchmarks is None or not evidence.benchmarks.contaminates(item.prompt)


def _among(names: Iterable[str], allowed: tuple[str, ...]) -> bool:
    return not allowed or set(names) <= set(allowed)


ITEM_RULES = (
    ItemRule("min_people", OmissionReason.FEW_PEOPLE, _enough_people, of_votes=True),
    ItemRule("min_agreement", OmissionReason.LOW_AGREEMENT, _agreement, of_votes=True),
    ItemRule("min_margin", OmissionReason.LOW_MARGIN, _margin, of_votes=True),
    ItemRule("min_posterior", OmissionReason.LOW_POSTERIOR, _posterior, of_votes=True),
    ItemRule("skip_flags", OmissionReason.FLAGGED, _unflagged),
    ItemRule("languages", OmissionReason.OTHER_LANGUAGE, _languages),
    ItemRule("models", OmissionReason.OTHER_MODEL, _models),
    ItemRule("sources", OmissionReason.OTHER_SOURCE, _sources),
    ItemRule("licences", OmissionReason.OTHER_LICENCE, _licences),
    ItemRule("decontaminate", OmissionReason.CONTAMINATED, _uncontaminated),
)
