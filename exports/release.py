"""Write an export: splits, licences, digests, manifest and card are the same for every projection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from exports.accounting import Accounting, account
from exports.buckets import buckets_for
from exports.card import card
from exports.choosing import EVERYTHING, by_agreement, chosen, counted_by, in_force
from exports.counts import Redactions, count
from exports.croissant import FILE as CROISSANT
from exports.croissant import croissant
from exports.dataset import check_target, tool_version, write_dataset
from exports.filling import omissions_table, tables_of
from exports.holders import HoldersSought
from exports.licences import check_licences, licence_conflicts, licence_notes
from exports.measurements import with_label_noise
from exports.omissions import count_omissions
from exports.shortage import shortage, shortage_of_collection, with_states
from exports.sides import apart, assigned, divides, sentences_about
from exports.splits import TEST, TRAIN, SplitItem
from exports.tables import digest_of, digests_of
from exports.training_content import FILE as SUMMARY
from exports.training_content import content_of, training_content
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydantic import JsonValue

    from exports.context import Prompt
    from exports.difference import Difference
    from exports.holders import Holders
    from exports.items import ExportItem, ItemT
    from exports.projection import Evidence, Projection, Selection
    from workspaces.config.exports import ExportsConfig


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
) -> ExportResult:
    """Write a projection of the evidence to a folder.

    Args:
        folder: does not exist yet, or holds an earlier export of the same projection, which is replaced.
        projection: what to make of the evidence (``projection_of``).
        evidence: the answers, and what they are about.
        ledger_tip: hash of the last ledger transaction, for the manifest; ``None`` without a ledger.
        created_at: now, with its zone.
        test_share: share of groups of related items that goes into the test split, 0 to 1.
        any_licence: write the export although the licences of its rows conflict.
        rules: which answers and items go into it.
        dry_run: return what would be written, and write nothing.
        json_lines: every table is also written as JSON lines.
        others: other projections, which an error names if they find rows where this one, of answers, finds none.
        announce: is told whose data the export holds, before a byte of it is written.

    Raises:
        NothingToExportError: no item gives a row to train on.
        LicenceConflictError: the licences of the rows conflict, and ``any_licence`` is not set.
        NotOurExportError: ``folder`` holds something else.
        CannotWriteError: ``folder`` cannot be written.
        DamagedFeedError: what ``folder`` says of earlier releases was changed.
    """
    # of what is there now: if another export comes before this one, files may be divided otherwise than need be
    buckets_before = 0 if dry_run else check_target(folder, projection.name)
    if projection.test_only:
        test_share, rules_of_sides = 1.0, EVERYTHING
    else:
        rules_of_sides = rules
    evidence = apart(rules_of_sides, counted_by(rules, evidence), test_share)
    selection = projection.select(evidence)
    accepts = projection.training_table.accepts
    prompts = _asked_of_benchmarks(selection, rules, evidence, accepts)
    selection = chosen(selection, rules, evidence, accepts)
    selection = replace(selection, omissions=with_states(selection.omissions, evidence))
    trained = [item for item in selection.items if projection.training_table.accepts(item)]
    if not trained:
        raise NothingToExportError(
            shortage(selection, evidence, others, rules)
            if projection.of_answers
            else shortage_of_collection(selection, evidence)
        )
    arranged = _arranged(projection, selection, evidence, rules_of_sides, test_share)
    buckets = 1 if projection.in_one_file else buckets_for(len(selection.items), buckets_before)
    redactions, holders = Redactions(), HoldersSought(selection.items, evidence.annotations)
    tables = [
        *tables_of(
            projection,
            arranged,
            buckets,
            json_lines=json_lines,
            see=holders.see,
            see_trained=redactions.see,
        ),
        omissions_table(selection.omissions, buckets),
    ]
    warnings = _warnings(projection, arranged, rules_of_sides)
    counts = count(trained, redactions, evidence.weights)
    measurements = with_label_noise(projection.measure(trained), by_agreement=by_agreement(rules))
    dropped = count_omissions(selection.omissions)
    accounting = account(projection, selection, evidence)
    licences = _counts(item.licences for item in trained)
    sources = _counts(item.sources for item in trained)
    versions = _counts(item.rules_versions for item in trained)
    refusal: list[str] = []
    if not any_licence and dry_run:
        refusal = [f"without --any-licence it is refused: {each}" for each in licence_conflicts(licences)]
    elif not any_licence:
        check_licences(licences)
    digests = digests_of(tables)
    digest = digest_of(digests)
    manifest: dict[str, JsonValue] = {
        "kind": projection.name,
        "buckets": buckets,
        "created_at": created_at.astimezone(UTC).isoformat(),
        "digest": digest,
        "digests": {**digests},
        "rows": {table.name: {**table.n_rows} for table in tables if table.files},
        "annotators": len({person_id for item in selection.items for person_id in item.person_ids}),
        **counts.as_json(),
        **measurements.manifest,
        "warnings": [*warnings],
        "dropped": {**dropped},
        "accounting": accounting.as_json(),
        "chosen_by": {**in_force(rules)},
        **({} if evidence.benchmarks is None else {"decontamination": evidence.benchmarks.report(prompts)}),
        **({"json_lines": True} if json_lines else {}),
        "test_share": test_share,
        "licences": {**licences},
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
                *([] if evidence.benchmarks is None else evidence.benchmarks.sentences(prompts)),
            ]
        ),
        counts,
        tables=tables,
        pictures=measurements.pictures,
        division=sentences_about(rules_of_sides, test_only=projection.test_only),
        licences=licences,
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
    announce(holders.found)
    paths = {table.name: {split: names[0] for split, names in table.files.items()} for table in tables}
    content = content_of(trained, evidence, redactions.characters)
    further = {
        **(projection.files(paths) if projection.in_one_file else {}),
        **{name: picture.svg for name, picture in measurements.pictures.items()},
        SUMMARY: training_content(projection.title, content, counts, sources=sources, licences=licences),
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
    release = write_dataset(folder, tables, manifest, card_of, further, lambda sums: {CROISSANT: about(sums)})
    if release is None:
        return replace(result, unchanged=True)
    return replace(result, version=release.version, difference=release.difference)


def _asked_of_benchmarks(
    selection: Selection[ItemT],
    rules: ExportsConfig,
    evidence: Evidence,
    accepts: Callable[[ItemT], bool],
) -> list[Prompt]:
    """Return the prompts of the items that no other rule leaves out, if there are benchmarks."""
    if evidence.benchmarks is None:
        return []
    kept = chosen(selection, rules, replace(evidence, benchmarks=None), accepts)
    return [item.prompt for item in kept.items]


def _arranged(
    projection: Projection[ItemT],
    selection: Selection[ItemT],
    evidence: Evidence,
    rules: ExportsConfig,
    test_share: float,
) -> dict[str, Sequence[ItemT]]:
    """Return the items of each split, in their order."""
    groups = evidence.near_duplicates
    items = (
        SplitItem(
            item.id,
            item.conversation_ids,
            item.prompt,
            tuple(groups[name] for name in item.conversation_ids if name in groups),
        )
        for item in selection.items
    )
    splits = assigned(items, rules, evidence, test_share)
    return {
        split: projection.arrange([item for item in selection.items if splits[item.id] == split])
        for split in (TRAIN, TEST)
    }


def _warnings(
    projection: Projection[ItemT], arranged: Mapping[str, Sequence[ItemT]], rules: ExportsConfig
) -> list[str]:
    """Return what a trainer cannot learn from these items."""
    accepts = projection.training_table.accepts
    trained = {split: [item for item in items if accepts(item)] for split, items in arranged.items()}
    only_test = not trained[TRAIN] and not projection.test_only
    empty = ["the train split has no row: all items are in the test split"] if only_test else []
    if divides(rules) and not trained[TEST]:
        since = (
            ""
            if rules.test_from is None
            else f": people were asked about nothing first on {rules.test_from} or later"
        )
        empty.append(f"the test split has no row{since}")
    return [*empty, *projection.warn({split: items for split, items in trained.items() if items})]


def _counts(groups: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Return the number of items by name, in alphabetical order."""
    return dict(sorted(Counter(name for names in groups for name in names).items()))
