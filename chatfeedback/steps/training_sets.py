"""Writes training sets from the answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import exports
from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.chat_collect import collect_chats
from chatfeedback.steps.collected import collected
from chatfeedback.steps.flagged import flagged_conversations
from chatfeedback.steps.rewrite_outcomes import rewrite_outcomes
from chatfeedback.steps.rewrites import read_rewrites
from chatfeedback.steps.written import noted
from chatfeedback.steps.written_texts import redacted
from exports.benchmark_files import read_benchmarks
from exports.choosing import by_own, left_out_by
from exports.dataset import check_target
from exports.omissions import OmissionReason
from exports.weights import Weighting
from reward_engine import tip
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.people import OwnLogs
from workspaces.errors import UsageError
from workspaces.garbage import collector_paused
from workspaces.kinds import ComparisonQuestion, all_kinds
from workspaces.records import SharingState
from workspaces.store.adjudications import decisions
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import OVERALL, confidence_priors, latest_snapshot
from workspaces.store.conversations import entries_of, ids_in
from workspaces.store.members import MemberStatus
from workspaces.store.near_duplicates import all_groups
from workspaces.store.own_answers import own_answers
from workspaces.store.posteriors import posteriors
from workspaces.store.rewrites import own_checks
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import sqlalchemy as sa

    from workspaces.config import ExportsConfig
    from workspaces.workspace import Workspace


_OUTSIDE = {
    MemberStatus.STRANGER: OmissionReason.STRANGER,
    MemberStatus.BARRED: OmissionReason.BARRED,
}
"""Why the answers of people who are outside are in no row."""


def export(
    workspace: Workspace,
    name: str,
    folder: Path,
    *,
    test_share: float = 0.1,
    any_licence: bool = False,
    rules: ExportsConfig | None = None,
    dry_run: bool = False,
    json_lines: bool = False,
) -> exports.ExportResult:
    """Write a training set from the answers so far.

    Args:
        workspace: whose answers.
        name: the name of the projection (``exports.all_projections``).
        folder: where the training set goes.
        test_share: the share of groups of related rows that goes into the test split, 0 to 1.
        any_licence: write it even if the licences of its rows conflict.
        rules: which answers and items go into it; None: as configured (``exports``).
        dry_run: return what would be written, and write nothing.
        json_lines: write every table as JSON lines, too.

    Raises:
        UnknownProjectionError: there is no projection of this name.
        UsageError: the rules name a task kind that there is not, or ask for posteriors before any report.
        NotOurExportError: ``folder`` holds something else.
        CannotWriteError: ``folder`` cannot be written.
        BenchmarkFolderError: ``rules.decontaminate`` holds no benchmark.
        DamagedFeedError: what ``folder`` says of earlier releases was changed.
        LicenceConflictError: the licences of its rows conflict, and ``any_licence`` is not set.
    """
    projection = exports.projection_of(name)
    rules = rules or workspace.config.exports
    _check_kinds(rules)
    folder_of_benchmarks = rules.decontaminate
    benchmarks = (
        None
        if folder_of_benchmarks is None
        else read_benchmarks(workspace.path / folder_of_benchmarks.expanduser())
    )
    if not dry_run:
        check_target(
            folder, projection.name
        )  # before the lock: nobody waits for a place that cannot be written
        collect_chats(workspace)
    with workspace.exclusive(), collector_paused():
        now = utc_now()
        workspace.collection.share_due(now)
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
            annotations = latest_annotations(connection)
            outside = {reason: latest_annotations(connection, status) for status, reason in _OUTSIDE.items()}
            weights = _weights(connection, rules)
            flagged = flagged_conversations(workspace, connection, rules.skip_flags)
            ledger_tip = tip(connection)
            decided = decisions(connection)
            groups = all_groups(connection)
            held = ids_in(connection, SharingState.HELD)
            private = ids_in(connection, SharingState.PRIVATE)
            times = [entry.share_at for entry in entries_of(connection, held).values() if entry.share_at]
            own = own_answers(connection)
            judged, own_judged = without_own_checks(annotations, own_checks(connection, tasks))
            counted, own_ones = without_own(judged, own, workspace.config.quality.own)
            rewrites = read_rewrites(workspace, connection)
            set_aside = (
                by_own(rules, counted, own_ones)
                if workspace.config.quality.own is OwnLogs.ALLOWED
                else dict.fromkeys((annotation.id for annotation in own_ones), OmissionReason.OWN)
            )
            left_out = set_aside | left_out_by(rules, tasks, counted)
            outcomes = rewrite_outcomes(connection, tasks, [it for it in counted if it.id not in left_out])
        set_aside |= {annotation.id: OmissionReason.OWN_REWRITE for annotation in own_judged}
        for reason, theirs in outside.items():
            annotations.extend(theirs)
            set_aside.update({annotation.id: reason for annotation in theirs})
        contexts = exports.contexts_of(map(rewrites.shown, workspace.collection.scan()))
        evidence = exports.Evidence(
            tasks,
            redacted(annotations, tasks, contexts, rewrites.redactor),
            contexts,
            weights,
            {**dict.fromkeys(held, SharingState.HELD), **dict.fromkeys(private, SharingState.PRIVATE)},
            min(times, default=None),
            set_aside,
            outcomes,
            decided,
            languages_of(workspace),
            groups,
            benchmarks,
            flagged,
            collected(workspace, rules, rewrites.shown),
        )
        written = partial(
            exports.export,
            folder,
            projection,
            evidence,
            ledger_tip=ledger_tip.hash,
            created_at=now,
            test_share=test_share,
            any_licence=any_licence,
            rules=rules,
            json_lines=json_lines,
            others=[it for it in exports.all_projections().values() if it.proposed and it.name != name],
        )
        if dry_run:
            return written(dry_run=True)
        with noted(workspace, folder, projection.name) as writing:
            return written(
                announce=lambda holders: writing.announce(holders.person_ids, holders.conversation_ids)
            )


def languages_of(workspace: Workspace) -> dict[str, str]:
    """Return the language of each shared conversation by its id: the detected one, or else that of the log."""
    return {
        name: detected or told or UNDETERMINED
        for batch in workspace.collection.scan_batches(("detected_language", "language"))
        for name, detected, told in zip(
            *(
                batch.column(column).to_pylist()
                for column in ("conversation_id", "detected_language", "language")
            ),
            strict=True,
        )
    }


def _check_kinds(rules: ExportsConfig) -> None:
    known = all_kinds()
    for kind in rules.kinds:
        if kind not in known:
            raise UsageError(f"exports.kinds names {kind!r}; task kinds here: {', '.join(sorted(known))}")


def _weights(connection: sa.Connection, rules: ExportsConfig) -> exports.Weights:
    """Return the weights by the newest report: the confidence of people, or the prior of the others', and posteriors.

    Raises:
        UsageError: the rules ask for posteriors, and no report has computed any.
    """
    probabilities = _posteriors(connection)
    weighting = Weighting(rules.weights)
    if not probabilities and (rules.min_posterior or weighting is Weighting.POSTERIOR):
        raise UsageError(
            "exports.min_posterior and the weights 'posterior' need posteriors, and no report has computed any yet: "
            "run 'chatfeedback report' first"
        )
    snapshot = latest_snapshot(connection)
    priors = {question: prior.mean for question, prior in confidence_priors(connection).items()}
    return exports.Weights(
        people={person: row.value for (person, question), row in snapshot.items() if question == OVERALL},
        by_question={key: row.value for key, row in snapshot.items() if key[1] != OVERALL},
        prior=priors.pop(OVERALL, None),
        priors=priors,
        posteriors=probabilities,
        weighting=weighting,
    )


def _posteriors(connection: sa.Connection) -> dict[tuple[str, str, str], Mapping[str, float]]:
    """Return what the newest report computed of comparisons of two responses."""
    compared = [
        (kind.name, question.name)
        for kind in all_kinds().values()
        if (question := kind.compares) is not None and isinstance(question, ComparisonQuestion)
    ]
    return {
        (it.kind, it.question, it.item): it.probabilities
        for kind, question in compared
        for it in posteriors(connection, kind, question)
    }
