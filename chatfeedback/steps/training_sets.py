"""Writes training sets from the answers."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import exports
from chatfeedback.steps.answers import without_own, without_own_checks
from chatfeedback.steps.collected import collected
from chatfeedback.steps.flagged import flagged_conversations
from chatfeedback.steps.portions import Shared, own_set_aside, remembered
from chatfeedback.steps.releases import deleted_in, is_of_strangers
from chatfeedback.steps.rewrite_outcomes import rewrite_outcomes
from chatfeedback.steps.rewrites import read_rewrites
from chatfeedback.steps.scattered import forget_portions, scattered_in
from chatfeedback.steps.scattering import Scattering, number_of_portions
from chatfeedback.steps.written import check_place, key_of, noted, rests_of
from exports.benchmark_files import read_benchmarks
from exports.choosing import left_out_by
from exports.dataset import check_target
from exports.sides import divides
from exports.verification import read_manifest
from exports.weights import Weighting
from reward_engine import tip
from workspaces.config.people import OwnLogs
from workspaces.errors import UsageError, WorkbenchError
from workspaces.garbage import collector_paused
from workspaces.kinds import all_kinds
from workspaces.records import SharingState
from workspaces.store.adjudications import decisions
from workspaces.store.chat_exchanges import is_waiting
from workspaces.store.confidences import OVERALL, confidence_priors, latest_snapshot
from workspaces.store.conversations import entries_of, ids_in
from workspaces.store.near_duplicates import all_groups
from workspaces.store.own_answers import own_answers, second_answers
from workspaces.store.posteriors import posteriors
from workspaces.store.rewrites import own_checks
from workspaces.store.rubrics import all_rubrics, in_force
from workspaces.store.written import written_at
from workspaces.workers import LocalWorkers
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from exports.collected import Collected
    from exports.contamination import Benchmarks
    from exports.reducing import Portion
    from workspaces.config import ExportsConfig
    from workspaces.workers import Workers
    from workspaces.workspace import Workspace


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
    workers: Workers | None = None,
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
        json_lines: write every table but items and omissions as JSON lines, too.
        workers: do the work; None: this process, and others if there are many portions. What is written is the same.

    Raises:
        UnknownProjectionError: there is no projection of this name.
        UsageError: the rules name a task kind that there is not, ask for posteriors before any report, or for own
            answers alone where none counts; or ``folder`` is in another export, or among the files of the workspace, or
            holds another workspace's export.
        NotOurExportError: ``folder`` holds something else.
        CannotWriteError: ``folder`` cannot be written.
        BenchmarkFolderError: ``rules.decontaminate`` holds no benchmark.
        DamagedFeedError: what ``folder`` says of earlier releases was changed.
        LicenceConflictError: the licences of its rows conflict, and ``any_licence`` is not set.
    """
    projection = exports.projection_of(name)
    rules = rules or workspace.config.exports
    _check_kinds(rules)
    _check_own(rules, workspace.config.quality.own, projection)
    folder_of_benchmarks = rules.decontaminate
    benchmarks = (
        None
        if folder_of_benchmarks is None
        else read_benchmarks(workspace.path / folder_of_benchmarks.expanduser())
    )
    if not dry_run:  # before the lock: nobody waits for a place that cannot be written
        _check_folder(workspace, folder, projection.name)
        _collect_chats(workspace)
    with (
        workspace.exclusive(),
        collector_paused(),
        remembered(),
        scattered_in(workspace) as scratch,
        ExitStack() as kept,
    ):
        now = utc_now()
        workspace.collection.share_due(now)
        with workspace.store.read() as connection:
            number = 1 if projection.at_once else number_of_portions(connection)
            hired = kept.enter_context(_workers(workers, number, at_once=projection.at_once))
            evidence, portions = _portions(
                workspace, connection, scratch, projection, rules, benchmarks, number, hired
            )
            ledger_tip = tip(connection)
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
            portions=portions,
            workers=hired,
            scratch=scratch,
        )
        said = _other_share(folder, 1.0 if projection.test_only else test_share)
        if dry_run:
            planned, refusal = written(dry_run=True), _refusal(workspace, folder, projection.name)
            return replace(planned, warnings=(*planned.warnings, *said, *refusal))
        said += _begins_anew(workspace, folder)
        with noted(workspace, folder, projection.name) as writing, _rest_named(workspace, folder):

            def announce(holders: exports.Holders) -> None:
                forget_portions(scratch)
                writing.announce(holders.person_ids, holders.conversation_ids)

            result = written(announce=announce)
        return replace(result, warnings=(*result.warnings, *said))


def _check_folder(workspace: Workspace, folder: Path, name: str) -> None:
    check_place(workspace, folder, name)
    check_target(folder, name)
    if is_of_strangers(workspace, folder):
        raise UsageError(
            f"{folder} holds an export of another workspace: nothing is known here of its conversations, and the next "
            "release would call all of them gone; name another folder with --output"
        )


def _other_share(folder: Path, test_share: float) -> list[str]:
    """Return a warning where the release in a folder was divided by another share, so that groups change sides."""
    try:
        before = read_manifest(folder.expanduser()).get("test_share")
    except (UsageError, RuntimeError):  # no release is there
        return []
    if not isinstance(before, float | int) or before == test_share:
        return []
    return [
        (
            f"the release before has --test-share {before:g}, and this one {test_share:g}: what was tested on may be "
            "trained on now, and the other way round"
        )
    ]


def _begins_anew(workspace: Workspace, folder: Path) -> list[str]:
    """Return a warning where a release was written before and is gone, with all that it said of deletions.

    A kill before the first byte leaves the same note.
    """
    with workspace.store.read() as connection:
        before = written_at(connection, key_of(workspace, folder))
    if before is None or folder.expanduser().exists() or rests_of(folder):
        return []
    return [
        (
            f"an export to {folder} was noted on {before:%Y-%m-%d} and is not there: this one is the first of a new "
            "history, whose tombstones.jsonl names nothing that was deleted; if the other was published or moved, put "
            "it back and export again"
        )
    ]


def _refusal(workspace: Workspace, folder: Path, name: str) -> list[str]:
    """Return why an export into a folder would be refused, as a warning; nothing if it would not."""
    try:
        _check_folder(workspace, folder, name)
    except WorkbenchError as error:
        return [f"as it is, the folder refuses it: {error}"]
    return []


@contextmanager
def _rest_named(workspace: Workspace, folder: Path) -> Iterator[None]:
    """Say, where no next release can be made, what of the one that stays was deleted."""
    try:
        yield
    except exports.NothingToExportError as error:
        held = ""
        with suppress(UsageError):  # no release is there, or one of an earlier version
            held = deleted_in(workspace, folder)
        if not held:
            raise
        raise exports.NothingToExportError(
            f"{error}. {folder} stays as it was, and holds {held} since it was written: remove it, and what you "
            "published of it"
        ) from None


FEW = 3
"""Portions that are worked at in this process: starting others takes as long."""


def _collect_chats(workspace: Workspace) -> None:
    with workspace.store.read() as connection:
        if not is_waiting(connection):
            return
    from chatfeedback.steps.chat_collect import collect_chats  # takes long to import

    collect_chats(workspace)


def _workers(given: Workers | None, portions: int, *, at_once: bool) -> Workers:
    """Return who does the work: what is made at once stays in this process."""
    if at_once or (given is None and portions <= FEW):
        return LocalWorkers(1)
    return given or LocalWorkers()


def _portions(
    workspace: Workspace,
    connection: sa.Connection,
    scratch: Path,
    projection: exports.Projection[exports.ExportItem],
    rules: ExportsConfig,
    benchmarks: Benchmarks | None,
    number: int,
    workers: Workers,
) -> tuple[exports.Evidence, Sequence[Portion]]:
    """Return what is known of all portions of the evidence, and the portions."""
    scattering = Scattering(
        workspace,
        connection,
        scratch,
        all_groups(connection),
        everything=projection.at_once or divides(rules),
        number=number,
        workers=workers,
    )
    rule, own = workspace.config.quality.own, own_answers(connection)
    checks, second = own_checks(connection, scattering.of_rewrites), second_answers(connection)
    judged, _ = without_own_checks(scattering.about_rewrites(), checks | second)
    counted, own_ones = without_own(judged, own, rule)
    left_out = own_set_aside(rules, rule, counted, own_ones) | left_out_by(
        rules, scattering.of_rewrites, counted
    )
    counted = [it for it in counted if it.id not in left_out]
    rewrites = read_rewrites(workspace, connection, own)
    held, private = ids_in(connection, SharingState.HELD), ids_in(connection, SharingState.PRIVATE)
    times = [entry.share_at for entry in entries_of(connection, held).values() if entry.share_at]
    evidence = exports.Evidence(
        {},
        (),
        {},
        _weights(connection, rules),
        {**dict.fromkeys(held, SharingState.HELD), **dict.fromkeys(private, SharingState.PRIVATE)},
        min(times, default=None),
        outcomes=rewrite_outcomes(connection, scattering.of_rewrites, counted),
        decisions=dict(decisions(connection)),
        near_duplicates=scattering.near_duplicates,
        first_asked=scattering.first_asked,
        benchmarks=benchmarks,
        flagged=flagged_conversations(workspace, connection, rules.skip_flags),
    )
    rubrics = in_force(workspace.config.criteria(), all_rubrics(connection))
    portions = scattering.portions(Shared(evidence, rules, own, checks, second, rule, rewrites, rubrics))
    if not projection.at_once:
        return evidence, portions
    held_beside = collected(workspace, rules, rewrites.shown)
    return evidence, [_WithCollected(portion, held_beside) for portion in portions]


@dataclass(frozen=True, slots=True)
class _WithCollected:
    """A portion with what the collection says beside answers."""

    portion: Portion
    beside: Collected

    def __call__(self, groups: Collection[int] | None = None) -> exports.Evidence:
        return replace(self.portion(groups), collected=self.beside)

    def columns(self) -> None:
        return None


def _check_kinds(rules: ExportsConfig) -> None:
    known = all_kinds()
    for kind in rules.kinds:
        if kind not in known:
            raise UsageError(f"exports.kinds names {kind!r}; task kinds here: {', '.join(sorted(known))}")


def _check_own(
    rules: ExportsConfig, rule: OwnLogs, projection: exports.Projection[exports.ExportItem]
) -> None:
    """Refuse a rule that asks for own answers alone where none counts: all that is left would be of others."""
    if rules.own == "only" and rule is not OwnLogs.ALLOWED and projection.of_answers:
        raise UsageError(
            f"exports.own is 'only', and 'quality.own: {rule.value}' in chatfeedback.yaml lets no answer on one's own "
            "conversation count: 'quality.own: allowed' does"
        )


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
    """Return what the newest report computed of two responses that were compared, alone or in a ranking."""
    compared = [
        (kind.name, question.name) for kind in all_kinds().values() if (question := kind.compares) is not None
    ]
    return {
        (it.kind, it.question, it.item): it.probabilities
        for kind, question in compared
        for it in posteriors(connection, kind, question)
    }
