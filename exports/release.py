"""Write an export: splits, licences, digests, manifest and card are the same for every projection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, cast

from exports.buckets import OF_PORTION, buckets_for
from exports.card import card
from exports.choosing import EVERYTHING, by_agreement, in_force, names_that_nothing_has, without_effect
from exports.croissant import FILE as CROISSANT
from exports.croissant import croissant
from exports.dataset import Before, check_target, tool_version, waiting_in, write_dataset
from exports.finishing import tables_of
from exports.licence_names import with_words
from exports.licences import check_licences, licence_conflicts, licence_notes
from exports.measurements import with_label_noise
from exports.plan import Plan
from exports.reducing import Whole, numbers_to_train_on, reduced
from exports.shortage import shortage, shortage_of_collection
from exports.sides import divides, sentences_about
from exports.splits import TEST, TRAIN
from exports.tables import digest_of, digests_of
from exports.telling import warn_of_names
from exports.training_content import FILE as SUMMARY
from exports.training_content import training_content
from workspaces.errors import WorkbenchError
from workspaces.workers import LocalWorkers, results_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import JsonValue

    from exports.accounting import Accounting
    from exports.difference import Difference
    from exports.holders import Holders
    from exports.items import ExportItem, ItemT
    from exports.plan import Reduced
    from exports.projection import Evidence, Projection
    from exports.reducing import Portion
    from exports.tables import DatasetTable
    from workspaces.config.exports import ExportsConfig
    from workspaces.workers import Workers


class NothingToExportError(WorkbenchError):
    """No answer gives a row to train on."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of an export.

    ``rows`` counts the rows to train on by split, ``dropped`` the omitted answers and tasks by reason; ``digest`` is
    the digest in the manifest; ``unchanged`` is true if the folder already held this export and was not written;
    ``accounting`` says what became of every judgment and every item. ``licence_notes`` are sentences for whoever
    publishes or uses the export, ``warnings`` for whoever trains on it. ``dry_run``: nothing was written. ``version``
    is that of the release that was written, and ``difference`` that to the release before, if there was one.
    """

    path: Path
    rows: Mapping[str, int]
    dropped: Mapping[str, int]
    digest: str
    unchanged: bool
    accounting: Accounting
    licence_notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    version: int | None = None
    difference: Difference | None = None


def export(
    folder: Path,
    projection: Projection[ItemT],
    evidence: Evidence,
    *,
    ledger_tip: str | None,
    created_at: datetime,
    test_share: float = 0.1,
    any_licence: bool = False,
    rules: ExportsConfig = EVERYTHING,
    dry_run: bool = False,
    json_lines: bool = False,
    others: Sequence[Projection[ExportItem]] = (),
    announce: Callable[[Holders], None] = lambda _: None,
    portions: Sequence[Portion] | None = None,
    workers: Workers | None = None,
    scratch: Path | None = None,
) -> ExportResult:
    """Write a projection of the evidence to a folder.

    Args:
        folder: does not exist yet, or holds an earlier export of the same projection, which is replaced.
        projection: what to make of the evidence (``projection_of``).
        evidence: the answers, and what they are about; with ``portions``, what is said of all of them.
        ledger_tip: hash of the last ledger transaction, for the manifest; ``None`` without a ledger.
        created_at: now, with its zone.
        test_share: share of groups of related items that goes into the test split, 0 to 1.
        any_licence: write the export although the licences of its rows conflict.
        rules: which answers and items go into it.
        dry_run: return what would be written, and write nothing.
        json_lines: every table but items and omissions is also written as JSON lines.
        others: other projections, which an error names if they find rows where this one, of answers, finds none.
        announce: is told whose data the export holds, before a byte of it is written.
        portions: return the answers, and what they are about, portion by portion (``exports.reducing``).
        workers: do the work; None: this process. The result is the same.
        scratch: a folder in which rows wait, under a name that is removed again; None: one of the system.

    Raises:
        NothingToExportError: no item gives a row to train on.
        LicenceConflictError: the licences of the rows conflict, and ``any_licence`` is not set.
        NotOurExportError: ``folder`` holds something else.
        CannotWriteError: ``folder`` cannot be written.
        DamagedFeedError: what ``folder`` says of earlier releases was changed.
    """
    # of what is there now: if another export comes before this one, files may be divided otherwise than need be
    before = Before() if dry_run else check_target(folder, projection.name)
    of_portions = [Whole(evidence)] if portions is None else portions
    with waiting_in(scratch) as waiting, workers or LocalWorkers(1) as workers:
        plan = Plan(
            projection=cast("Projection[ExportItem]", projection),
            rules=rules,
            test_share=1.0 if projection.test_only else test_share,
            json_lines=json_lines,
            buckets=1
            if projection.in_one_file
            else buckets_for(OF_PORTION * len(of_portions), before.buckets),
            folder=str(waiting),
        )
        made = _of_all(of_portions, plan, workers, evidence, others)
        buckets = 1 if projection.in_one_file else buckets_for(made.items, before.buckets)
        if not any_licence and not dry_run:
            check_licences(_sorted(made.licence_ids))
        tables = tables_of(
            plan,
            made,
            buckets,
            workers,
            before=before.files,
            dry_run=dry_run,
            meanwhile=None if dry_run else partial(announce, made.holders),
        )
        workers.dismiss()
        return _release(
            folder,
            plan,
            made,
            tables,
            evidence,
            workers,
            ledger_tip=ledger_tip,
            created_at=created_at,
            any_licence=any_licence,
            dry_run=dry_run,
        )


def _of_all(
    portions: Sequence[Portion],
    plan: Plan,
    workers: Workers,
    evidence: Evidence,
    others: Sequence[Projection[ExportItem]],
) -> Reduced:
    """Return what all portions give together.

    Raises:
        NothingToExportError: no item gives a row to train on.
    """
    first, *rest = results_of(
        workers, reduced, [(portion, number, plan) for number, portion in enumerate(portions)]
    )
    for each in rest:
        first.add(each)
    if first.trained:
        return first
    names = first.names
    if not plan.projection.of_answers:
        raise NothingToExportError(shortage_of_collection(first.found, evidence, names))
    numbers = sum(
        (numbers_to_train_on(portion, plan, others) for portion in portions),
        Counter({other.name: 0 for other in others}),
    )
    found = {other.name: numbers[other.name] for other in others}
    raise NothingToExportError(shortage(first.found, evidence.held_until, found, names))


def _release(
    folder: Path,
    plan: Plan,
    made: Reduced,
    tables: Sequence[DatasetTable],
    evidence: Evidence,
    workers: Workers,
    *,
    ledger_tip: str | None,
    created_at: datetime,
    any_licence: bool,
    dry_run: bool,
) -> ExportResult:
    """Write the release of tables that were made; the arguments are those of ``export``."""
    projection, rules = plan.projection, plan.rules
    names = {
        "conversation id": made.holders.conversation_ids,
        "source name": made.sources,
        "licence name": made.licences,
        "model name": {*made.content.models, *made.content.generated},
    }
    figures = {name for table in projection.tables for name in table.current_columns()}
    warnings = [
        *_warnings(projection, made.trained, plan),
        *names_that_nothing_has(rules, made.names, made.found.item),
        *without_effect(rules, figures, of_answers=projection.of_answers),
        *warn_of_names(names),
    ]
    counts = made.counted.counts(made.redactions, evidence.weights)
    measurements = with_label_noise(made.measure.measurements(), by_agreement=by_agreement(rules))
    dropped, accounting, benchmarks = _sorted(made.dropped), made.accounting, evidence.benchmarks
    licences, sources, versions = map(_sorted, (made.licence_ids, made.sources, made.rules_versions))
    shown_licences = with_words(licences, made.licences)
    refusal: list[str] = []
    if not any_licence and dry_run:
        refusal = [f"without --any-licence it is refused: {each}" for each in licence_conflicts(licences)]
    digests = digests_of(tables)
    digest = digest_of(digests)
    manifest: dict[str, JsonValue] = {
        "kind": projection.name,
        "buckets": tables[0].buckets,
        "created_at": created_at.astimezone(UTC).isoformat(),
        "digest": digest,
        "digests": {**digests},
        "rows": {table.name: {**table.n_rows} for table in tables if table.files},
        "annotators": len(made.annotators),
        **counts.as_json(),
        **measurements.manifest,
        "warnings": [*warnings],
        "dropped": {**dropped},
        "accounting": accounting.as_json(),
        "chosen_by": {**in_force(rules)},
        **({} if benchmarks is None else {"decontamination": benchmarks.report(made.contaminated)}),
        **({"json_lines": True} if plan.json_lines else {}),
        "test_share": plan.test_share,
        "licences": {**_sorted(made.licences)},
        "licences_by_identifier": {**licences},
        "sources": {**sources},
        "rules_versions": {**versions},
        "ledger_tip": ledger_tip,
    }
    card_of = partial(
        card,
        projection,
        "\n".join(
            [
                measurements.card,
                *(f"- Rule: `{key}`: {value}." for key, value in in_force(rules).items()),
                *([] if benchmarks is None else benchmarks.sentences(made.contaminated)),
            ]
        ),
        counts,
        tables=tables,
        pictures=measurements.pictures,
        division=sentences_about(plan.rules_of_sides, test_only=projection.test_only),
        licences=licences,
        shown_licences=shown_licences,
        sources=sources,
        accounting=accounting,
        dropped=dropped,
        warnings=warnings,
        tool_version=tool_version(),
        created_on=created_at.astimezone(UTC).date().isoformat(),
    )
    result = ExportResult(
        path=folder,
        rows={split: tables[0].n_rows.get(split, 0) for split in (TRAIN, TEST)},
        dropped=dropped,
        digest=digest,
        unchanged=False,
        accounting=accounting,
        licence_notes=tuple(licence_notes(licences)),
        warnings=(*warnings, *refusal),
        dry_run=dry_run,
    )
    if dry_run:
        return result
    paths = {table.name: {split: names[0] for split, names in table.files.items()} for table in tables}
    content = made.content.content(made.counted.items, made.redactions.characters, evidence.states.values())
    further = {
        **(projection.files(paths) if projection.in_one_file else {}),
        **{name: picture.svg for name, picture in measurements.pictures.items()},
        SUMMARY: training_content(
            projection.title,
            content,
            counts,
            sources=sources,
            licences={shown_licences[name]: count for name, count in licences.items()},
        ),
    }
    about = partial(
        croissant,
        tables,
        title=projection.title,
        method=projection.method,
        limits=projection.limits,
        licences=[*licences],
        created_on=created_at.astimezone(UTC).date().isoformat(),
        digest=digest,
    )
    release = write_dataset(
        folder, tables, manifest, card_of, further, lambda sums: {CROISSANT: about(sums)}, workers
    )
    if release is None:
        return replace(result, unchanged=True)
    return replace(result, version=release.version, difference=release.difference)


def _warnings(
    projection: Projection[ExportItem],
    trained: Mapping[str, Mapping[bool | None, int]],
    plan: Plan,
) -> list[str]:
    """Return what a trainer cannot learn from these items, counted by split and label."""
    only_test = TRAIN not in trained and not projection.test_only
    empty = ["the train split has no row: all items are in the test split"] if only_test else []
    rules = plan.rules_of_sides
    if (divides(rules) or plan.test_share) and TEST not in trained:
        why = (
            f"people were asked about nothing first on {rules.test_from} or later"
            if rules.test_from is not None
            else f"none is in a group of related rows that was drawn for it; --test-share is {plan.test_share:g}"
        )
        empty.append(f"the test split has no row: {why}")
    in_order = {split: trained[split] for split in (TRAIN, TEST) if split in trained}
    return [*empty, *projection.warn(in_order)]


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """Return counts by name, in alphabetical order."""
    return dict(sorted(counts.items()))
