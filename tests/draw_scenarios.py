"""Collections and configurations whose draws are recorded: what ``generate`` makes of each, as plain text."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from chatfeedback import steps
from task_generators.allotment import unit
from tests.sample_records import NOW
from workspaces.config import Config
from workspaces.records import (
    AnnotationStatus,
    Attachment,
    Conversation,
    Message,
    Quality,
    Role,
    SeedFeedback,
    Significance,
    Tag,
    ToolCall,
    stable_id,
)
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.tasks import all_tasks, task
from workspaces.store.topics import TopicEntry, replace_topics
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

BOTH: dict[str, Any] = {"version": 1, "platforms": {"argilla": {}, "label_studio": {}}}
EVERY = {
    "qualitative": 4, "preference": 2, "preference_strength": 1, "ranking": 1, "suggestion": 1,
    "response_rating": 1, "conversation_rating": 1, "safety": 1,
}  # fmt: skip
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "everything": {"mix": {"kinds": EVERY, "limit": 120, "show_seed": 0.3, "reask": 0.1}},
    "no limit, trivial": {"mix": {"kinds": EVERY, "trivial": True}},
    "quotas": {
        "mix": {
            "kinds": EVERY,
            "limit": 80,
            "quotas": {"model": 0.3, "language": {"en": 0.8}, "topic": {"odd": 10, "each": 0.6}},
        }
    },
    "several mixes": {
        "mixes": {
            "default": {
                "kinds": {"qualitative": 1, "ranking": 1},
                "limit": 30,
                "only": {"languages": ["en"]},
            },
            "second": {"kinds": EVERY, "limit": 40, "significance": {"low": 0, "medium": 1, "high": 5}},
            "third": {"kinds": {"response_rating": 1, "safety": 2}, "only": {"models": ["m1", "gpt-4"]}},
            "fourth": {"kinds": EVERY, "per_day": 7, "only": {"since": "2024-01-01", "flags": ["refusal"]}},
        },
    },
    "flags shown": {
        "mix": {"kinds": EVERY, "limit": 200},
        "select": {
            "show_flagged": {"safety": ["toxic", "moderation"]},
            "skip_flags": ["toxic", "moderation"],
        },
    },
    "one language, all copies": {
        "mix": {"kinds": EVERY, "limit": 60},
        "select": {"languages": ["en", "und"], "near_duplicates": "all", "repeated_prompts": 0.5},
    },
    "pairs alone": {"mix": {"kinds": {"preference": 2, "ranking": 1}, "trivial": True}},
    "rewrites and gold": {"mix": {"kinds": {**EVERY, "suggestion_check": 3}, "gold": 0.2, "limit": 150}},
    "small budget": {"mix": {"kinds": EVERY, "reask": 0.1}, "budget": {"points_total": 4000}},
}
COMPARED = CONFIGURATIONS | {
    "flags shown in one of two mixes": {
        "mixes": {
            "default": {"kinds": {"safety": 1}, "per_day": 1},
            "second": {"kinds": {"qualitative": 1, "preference": 1}, "limit": 2},
        },
        "select": {"show_flagged": {"safety": ["toxic", "refusal"]}, "skip_flags": ["toxic", "refusal"]},
    },
}
"""These and further ones, of which nothing was recorded."""

MODELS = ("m1", "m2", "gpt-4")
WORDS = [
    "bread",
    "oven",
    "flour",
    "train",
    "paint",
    "river",
    "cloud",
    "letter",
    "garden",
    "engine",
    "planet",
    "window",
    "copper",
]


def odd_logs(count: int, seed: int = 1) -> list[Conversation]:
    """Return conversations of every shape: chains, trees, several models, blank answers, calls, repeated prompts."""
    rng = random.Random(seed)

    def text(least: int = 3) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(least, 14)))

    logs = []
    for number in range(count):
        name, model = f"c{number}", rng.choice(MODELS)
        shape = rng.choice(["chain"] * 5 + ["tree", "models", "unnamed", "calls", "open", "answer first"])
        prompt = rng.choice(
            [text(), text(), f"The same question {rng.randint(0, 12)} for all", "hi", "hi there friend"]
        )
        messages = [Message(f"{name}#0", None, Role.USER, prompt)]
        if shape == "answer first":
            messages = [Message(f"{name}#0", None, Role.ASSISTANT, text(), model)]
        for at in range(1, rng.randint(2, 7)):
            parent = messages[rng.randrange(at)] if shape == "tree" else messages[-1]
            role = Role.USER if parent.role is Role.ASSISTANT else Role.ASSISTANT
            said = rng.choice(
                [text(), text(), "", " \n", "Sorry, I can't help with that.", "The same answer."]
            )
            wrote = {"models": rng.choice(MODELS), "unnamed": None}.get(shape, model)
            made = Message(
                f"{name}#{at}", parent.id, role, said if role is Role.ASSISTANT else text(2),
                wrote if role is Role.ASSISTANT else None,
            )  # fmt: skip
            if shape == "calls" and role is Role.ASSISTANT and rng.random() < 0.5:
                made = replace(made, tool_calls=(ToolCall("look", "{}", "1"),))
            if rng.random() < 0.02:
                made = replace(made, attachments=(Attachment("image", "a.png"),))
            messages.append(made)
        if shape == "open":
            messages.append(Message(f"{name}#end", messages[-1].id, Role.USER, text()))
        logs.append(
            Conversation(
                name,
                tuple(messages),
                source=rng.choice(["here", "there"]),
                model_name=None if shape == "unnamed" and rng.random() < 0.5 else model,
                timestamp=datetime(2023, 6, 1, tzinfo=UTC) + timedelta(days=rng.randint(0, 700)),
                language=rng.choice([None, "en", "de"]),
                conversation_metadata={
                    "toxic": rng.random() < 0.05,
                    "openai_moderation": [
                        {"flagged": flagged, "categories": {"hate": True} if flagged else {}}
                        for flagged in (rng.random() < 0.03 for _ in messages)
                    ],
                },
            )
        )
    return logs


def rate(workspace: Workspace, share: float = 0.9, agent: str = "rater") -> None:
    """Store seed feedback for a share of all shared responses, by their ids alone."""
    with workspace.store.write() as connection:
        save_seeds(
            connection,
            [
                SeedFeedback(
                    it.id, agent, "1",
                    {quality: list(Tag)[int(unit(f"{agent}{it.id}{quality}") * 3)] for quality in Quality},
                    list(Significance)[int(unit(f"{agent} level {it.id}") * 3)], NOW,
                )
                for conversation in workspace.collection.scan()
                for it in conversation.responses()
                if unit(f"rated {it.id}") < share
            ],
        )  # fmt: skip


def from_file(path: Path) -> Callable[[Workspace], None]:
    """Return what fills a workspace with the chat logs of a file."""

    def fill(workspace: Workspace) -> None:
        steps.ingest_file(workspace, path, publish=True)
        workspace.collection.share_due(datetime.now(UTC))
        rate(workspace)

    return fill


def from_sample(workspace: Workspace) -> None:
    """Fill a workspace with the demo's sample."""
    with as_file(files("chatfeedback.demo") / "sample.jsonl") as sample:
        from_file(sample)(workspace)


def from_odd_logs(workspace: Workspace) -> None:
    """Fill a workspace with conversations of every shape, two judges and topics."""
    path = workspace.path / "odd.jsonl"
    rows = (row_of(log) for log in odd_logs(150))
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    from_file(path)(workspace)
    rate(workspace, 0.2, "other")
    with workspace.store.write() as connection:
        names = [log.id for log in odd_logs(150)]
        topics = [TopicEntry(0, "odd", (), "terms"), TopicEntry(1, "even", (), "terms")]
        of = {name: place % 2 for place, name in enumerate(names) if place % 5}
        replace_topics(connection, topics, of, NOW)


def row_of(log: Conversation) -> dict[str, Any]:
    """Return a conversation as a row of a chat log that names its messages."""
    turns = []
    for it in log.messages:
        turn: dict[str, Any] = {
            "role": it.role.value,
            "content": it.content,
            "id": it.id,
            "parent_id": it.parent_id,
        }
        if it.model_name:
            turn["model_name"] = it.model_name
        if it.tool_calls:
            turn["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in it.tool_calls
            ]
        turns.append(turn)
    row = {
        "conversation_id": log.id, "conversation": turns, "source": log.source,
        "timestamp": log.timestamp and log.timestamp.isoformat(), "language": log.language,
        **log.conversation_metadata,
    }  # fmt: skip
    return row | ({"model_name": log.model_name} if log.model_name else {})


def drawn(workspace: Workspace, settings: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Return what a draw by these settings made, as plain data: the result, and every task in the order of the draw."""
    (workspace.path / CONFIG_NAME).write_text(json.dumps(BOTH | settings), encoding="utf-8")
    workspace.config = Config.model_validate(BOTH | settings)
    found = asdict(steps.generate_tasks(workspace, dry_run=dry_run))
    del (
        found["answers"],
        found["chats_waiting"],
        found["counterparts"],
        found["with_counterparts"],
    )  # not told yet when draws were recorded
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        order = connection.execute(
            task.select().with_only_columns(task.c.task_id).order_by(_rowid())
        ).scalars()
        rows = [asdict(tasks[each]) for each in order]
    for mixed in found["mixes"].values():  # in what order they are named is no matter
        mixed["shortfalls"].sort(key=lambda it: it["what"])
        del mixed["unknown"]  # not told yet when draws were recorded
    for row in rows:
        del row["created_at"], row["closed_at"], row["rewrites"]
    return {"found": found, "tasks": rows}


def digest(value: Iterable[Any] | dict[str, Any]) -> str:
    """Return a short hash of plain data."""
    return stable_id(json.dumps(value, sort_keys=True, default=str))


def answer_all(workspace: Workspace, count: int = 3) -> None:
    """Have as many people give the same answer to each open task, and rewrite what they may rewrite."""
    from workspaces.kinds import kind_of

    rows: list[AnnotationRevision] = []
    with workspace.store.write() as connection:
        for each in list(all_tasks(connection).values()):
            kind = kind_of(each.kind).showing(len(each.message_ids))
            answers = {name: next(iter(question.options)) for name, question in kind.with_options.items()}
            if kind.rewrite is not None:
                answers["suggestion"] = f"A better and longer answer to {each.id}, in some more words."
            for person in range(count):
                name = stable_id(each.id, str(person))
                rows.append(AnnotationRevision(
                    annotation_id=name, revision=1, task_id=each.id, person_id=f"person {person}",
                    platform=each.platform, response_id=name, status=AnnotationStatus.SUBMITTED, answers=answers,
                    content_hash=name, updated_at=NOW, synced_at=NOW,
                ))  # fmt: skip
        save_revisions(connection, rows)


def made(workspace: Workspace) -> dict[str, Any]:
    """Return the digests of real draws on top of each other, without answers and then with them."""
    found: dict[str, Any] = {name: digest(drawn(workspace, it)) for name, it in CONFIGURATIONS.items() if it}
    answer_all(workspace)
    order = ("rewrites and gold", "several mixes", "no limit, trivial", "as it comes")
    return found | {"answered": {name: digest(drawn(workspace, CONFIGURATIONS[name])) for name in order}}


def _rowid() -> Any:
    import sqlalchemy as sa

    return sa.literal_column("rowid")
