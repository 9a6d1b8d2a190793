"""The steps of the way of the data, each a function of what a workspace stores.

Here the packages below meet: they do not know each other, and pass data through the store. Every step can be
stopped at any instruction and run again; it does only what is missing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from reward_engine import due, posted, quote, settle, tip
from task_generators.chat_logs import ingest
from task_generators.kinds import KINDS, form_of
from task_generators.mix import choose_platform, draw
from task_generators.seed_feedback import HeuristicRater, seed, unrated
from workspaces.config import secret_from_environment
from workspaces.privacy.redaction import Redactor
from workspaces.records import Task, TaskKind
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import OVERALL, latest_confidence, latest_snapshot, save_confidence
from workspaces.store.seeds import latest_seeds, save_seeds, seeded_messages
from workspaces.store.tasks import all_tasks, save_placements, save_tasks, unplaced_tasks
from workspaces.sync import Synced, sync
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from exports import ExportResult
    from quality import Report
    from task_generators.chat_logs import Ingested
    from task_generators.seed_feedback import Rater, Seeded
    from workspaces.records import Conversation, SeedFeedback
    from workspaces.workspace import Workspace

    Advance = Callable[[int], None]
    """Told how much was done since the last call."""

SETTLE_BATCH = 500
"""Corrections posted in one transaction."""


def _ignore(_: int) -> None:
    pass


@dataclass(slots=True)
class Generated:
    """What a draw came to. ``waiting`` responses have no seed feedback yet and became nothing."""

    created: int
    existing: int
    waiting: int
    by_kind: dict[str, int] = field(default_factory=dict)
    by_platform: dict[str, int] = field(default_factory=dict)
    points: int = 0


@dataclass(slots=True)
class Pushed:
    """Tasks placed now, by platform and kind. ``unshared`` ones show a conversation that is no longer shared."""

    placed: dict[str, dict[str, int]] = field(default_factory=dict)
    unshared: int = 0

    @property
    def total(self) -> int:
        """All tasks placed now."""
        return sum(count for kinds in self.placed.values() for count in kinds.values())


@dataclass(slots=True)
class Settled:
    """Corrections posted: how many, the points credited and taken back, and the people concerned."""

    corrections: int = 0
    credited: int = 0
    taken_back: int = 0
    people: int = 0


def ingest_file(
    workspace: Workspace, path: Path, *, publish: bool = False, advance: Advance = _ignore
) -> Ingested:
    """Read a chat-log file into the collection; ``publish``: its givers agreed to share it without a delay."""
    with workspace.exclusive():
        return ingest(
            path,
            workspace.collection,
            rejects=workspace.path / "rejects" / f"{path.name}.jsonl",
            giver_id_of=workspace.pseudonyms.on_platform("chat-log"),
            now=utc_now(),
            delay=timedelta(hours=0 if publish else workspace.config.consent.delay_hours),
            redactor=Redactor(workspace.config.privacy.deny_names, workspace.config.privacy.default_region),
            advance=advance,
        )


def seed_responses(workspace: Workspace, *, advance: Advance = _ignore) -> Seeded:
    """Rate every shared response that has no seed feedback, by the configured LLM or the offline stand-in."""
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        rater = _rater(workspace)
        with workspace.store.read() as connection:
            rated = seeded_messages(connection, rater.agent, rater.prompt_version)

        def save(seeds: list[SeedFeedback]) -> None:
            with workspace.store.write() as connection:
                save_seeds(connection, seeds)

        try:
            return seed(unrated(workspace.collection.scan(), rated), rater, save, advance)
        finally:
            rater.close()


def _rater(workspace: Workspace) -> Rater:
    llm = workspace.config.llm
    if llm is None:
        return HeuristicRater(utc_now)
    from task_generators.seed_feedback.llm import LLMRater  # its client takes half a second to import

    return LLMRater(llm, secret_from_environment(llm.api_key_env, "the LLM"), utc_now)


def generate_tasks(workspace: Workspace) -> Generated:
    """Draw tasks by the mix, price them, and store them with their quotes."""
    config = workspace.config
    with workspace.exclusive():
        workspace.collection.share_due(utc_now())
        with workspace.store.read() as connection:
            seeds = latest_seeds(connection)
            existing = all_tasks(connection)
        conversations = list(workspace.collection.scan())
        candidates = (
            candidate
            for kind, module in KINDS.items()
            if config.mix.kinds.get(kind)
            for candidate in module.candidates(conversations, seeds, trivial=config.mix.trivial)
        )
        now, shares = utc_now(), config.platforms.shares()
        tasks = [
            Task(
                id=candidate.id,
                kind=candidate.kind,
                message_ids=candidate.message_ids,
                conversation_ids=candidate.conversation_ids,
                significance=candidate.significance,
                quote=quote(candidate.kind, candidate.significance, config.rates),
                rules_version=config.rates.version,
                platform=choose_platform(candidate.id, shares),
                overlap=config.mix.overlap,
                created_at=now,
            )
            for candidate in draw(candidates, config.mix, {task.id: task.kind for task in existing.values()})
        ]
        with workspace.store.write() as connection:
            save_tasks(connection, tasks)
    responses = (message for conversation in conversations for message in conversation.responses())
    return Generated(
        created=len(tasks),
        existing=len(existing),
        waiting=sum(message.id not in seeds for message in responses),
        by_kind=dict(Counter(task.kind.value for task in tasks)),
        by_platform=dict(Counter(task.platform for task in tasks)),
        points=sum(task.points * task.overlap for task in tasks),
    )


def push_tasks(workspace: Workspace, *, advance: Advance = _ignore) -> Pushed:
    """Put every task that does not stand on its platform there."""
    result = Pushed()
    with workspace.exclusive():
        for name in workspace.config.platforms.shares():
            with workspace.store.read() as connection:
                tasks = unplaced_tasks(connection, name)
            if not tasks:
                continue
            conversations = workspace.collection.get(i for task in tasks for i in task.conversation_ids)
            ready = [task for task in tasks if all(i in conversations for i in task.conversation_ids)]
            result.unshared += len(tasks) - len(ready)
            with workspace.platform(name) as platform:
                for kind, overlap, chosen in _alike(ready):
                    contents = (KINDS[kind].content(task, conversations) for task in chosen)
                    for placed in platform.push(form_of(kind), contents, overlap):
                        with workspace.store.write() as connection:
                            save_placements(connection, placed, utc_now())
                        counts = result.placed.setdefault(name, {})
                        counts[kind.value] = counts.get(kind.value, 0) + len(placed)
                        advance(len(placed))
    return result


def _alike(tasks: Sequence[Task]) -> Iterator[tuple[TaskKind, int, list[Task]]]:
    """Yield the tasks of each kind, with the overlap that the newest of them asks for."""
    for kind in TaskKind:
        if chosen := [task for task in tasks if task.kind is kind]:
            yield kind, chosen[-1].overlap, chosen


def sync_answers(workspace: Workspace, *, advance: Advance = _ignore) -> dict[str, Synced]:
    """Bring the answers of every platform into the store; return what was found, by platform."""
    found: dict[str, Synced] = {}
    with workspace.exclusive():
        for name in workspace.config.platforms.shares():
            with workspace.platform(name) as platform:
                found[name] = sync(workspace.store, platform, utc_now, advance)
    return found


def settle_answers(workspace: Workspace, *, advance: Advance = _ignore) -> Settled:
    """Post what every answer earns beyond what was posted for it before."""
    result = Settled()
    with workspace.exclusive():
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
            annotations = latest_annotations(connection)
            so_far = posted(connection)
            multipliers = {person: row.multiplier for person, row in latest_confidence(connection).items()}
        rewritten = {
            tasks[annotation.task_id].conversation_ids[0]
            for annotation in annotations
            if annotation.values.get("suggestion")
        }
        conversations = workspace.collection.get(rewritten)
        corrections = due(
            tasks, annotations, so_far, multipliers, lambda task: _response_text(task, conversations)
        )
        for start in range(0, len(corrections), SETTLE_BATCH):
            batch = corrections[start : start + SETTLE_BATCH]
            with workspace.store.write() as connection:
                settle(connection, batch, utc_now())
            advance(len(batch))
    result.corrections = len(corrections)
    result.credited = sum(correction.delta for correction in corrections if correction.delta > 0)
    result.taken_back = -sum(correction.delta for correction in corrections if correction.delta < 0)
    result.people = len({correction.person_id for correction in corrections})
    return result


def _response_text(task: Task, conversations: dict[str, Conversation]) -> str | None:
    conversation = conversations.get(task.conversation_ids[0])
    return conversation.path_to(task.message_ids[0])[-1].content if conversation else None


def judge(workspace: Workspace) -> Report:
    """Compute agreement and confidence, and store a snapshot of confidence for settlement and exports to read.

    The same answers give the same snapshot, which is then not written again.
    """
    from quality import build_report, votes  # pandas and scipy take a second to import

    now = utc_now()
    with workspace.exclusive():
        with workspace.store.read() as connection:
            report = build_report(votes(latest_annotations(connection), all_tasks(connection)))
            before = latest_snapshot(connection)
        rows = [
            {"snapshot_at": now, "person_id": person.person, "question": question, **asdict(confidence)}
            for person in report.people
            for question, confidence in {OVERALL: person.confidence, **person.by_question}.items()
        ]
        same = {key: {**row._mapping, "snapshot_at": now} for key, row in before.items()}
        if same != {(row["person_id"], row["question"]): row for row in rows}:
            with workspace.store.write() as connection:
                save_confidence(connection, rows)
    return report


def export(workspace: Workspace, kind: str, folder: Path, *, test_share: float = 0.1) -> ExportResult:
    """Write a training set (``dpo`` or ``kto``) of what people answered so far."""
    from exports import contexts_of, export_dpo, export_kto  # datasets takes seconds to import

    with workspace.exclusive():
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
            annotations = latest_annotations(connection)
            weights = {person: row.value for person, row in latest_confidence(connection).items()}
            ledger_tip = tip(connection)
        return {"dpo": export_dpo, "kto": export_kto}[kind](
            folder,
            tasks=tasks,
            annotations=annotations,
            contexts=contexts_of(workspace.collection.scan()),
            weights=weights,
            ledger_tip=ledger_tip.hash,
            created_at=utc_now(),
            test_share=test_share,
        )
