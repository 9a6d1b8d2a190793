"""Every command's text with none, one and two of everything: numbers agree with their nouns, and no word is broken."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app, output
from tests.counted_words import disagreements
from tests.sample_records import ALL_TAGS, chat, minutes, siblings
from tests.unit.chatfeedback.test_forget_raters import battle
from tests.unit.chatfeedback.test_strangers import WithAccounts
from workspaces.records import IMPORTED, PlacedTask
from workspaces.store.flags import save_findings
from workspaces.store.tasks import all_tasks, save_placements
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CONFIGURATION = """\
version: 1
platforms: {argilla: {}}
mix: {kinds: {qualitative: 1, preference: 1}, overlap: 1, show_seed: 0.5, reask: 0.1}
rates: {points_per_day: 1}
"""
FRAME = re.compile("[│┃┏┓┡┩└┘━┳╇┴─]+")


class Memory(WithAccounts):
    """Takes tasks off."""

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        pass

    def reset_password(self, *_: object) -> list[str]:
        return []

    def revoke(self, *_: object) -> bool:
        return True

    def restore(self, *_: object) -> bool:
        return True


class Walk:
    """Runs commands as text, and keeps what each of them said."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.said: dict[str, str] = {}

    def run(self, *arguments: str) -> str:
        ran = CliRunner().invoke(app, [*arguments, "--workspace", str(self.workspace.path)])
        error = str(ran.exception) if ran.exception is not None and ran.exit_code else ""
        self.said[" ".join(arguments[:4])] = f"{ran.output}\n{error}"
        return ran.stdout


@pytest.fixture(params=[0, 1, 2], ids=["none", "one", "two"], scope="module")
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """All commands in a workspace with so many conversations, people, answers, strangers, barred people and raters."""
    patch, memory = pytest.MonkeyPatch(), Memory()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[Memory]:
        yield memory

    patch.setattr(Workspace, "platform", connected)
    patch.setattr(Workspace, "address", lambda _workspace, name: f"https://{name}.example.org")
    patch.setattr(output._out, "_width", 80)
    folder = tmp_path_factory.mktemp("walk")
    with Workspace.create(folder / "w", CONFIGURATION) as workspace:
        made = Walk(workspace)
        _walk(made, memory, request.param, folder)
        yield made
    patch.undo()


def _walk(walk: Walk, memory: Memory, n: int, folder: Path) -> None:
    workspace, run = walk.workspace, walk.run
    log = folder / "log.jsonl"
    trees = [chat(f"c{k}", f"question {k}, call +49 30 901820{k}0", f"answer {k}") for k in range(n)]
    trees += [siblings(f"s{k}", f"which {k}?", f"this {k}", f"that {k}") for k in range(n)]
    with log.open("w", encoding="utf-8") as file:
        for tree in trees:
            turns = [{"role": each.role.value, "content": each.content} for each in tree.messages[:2]]
            file.write(json.dumps({"conversation_id": tree.id, "messages": turns, "mood": "fine"}) + "\n")
        file.write("no JSON\n" * n)
    run("ingest", str(log), "--check")
    run("ingest", str(log))
    battles = folder / "battles.jsonl"
    rows = [battle(f"judge {k}", "model_a", k) for k in range(n)]
    battles.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    run("ingest", str(battles), "--publish")
    for command in ("generate", "seed", "collection", "consent publish", "consent publish --all", "seed"):
        run(*command.split())
    for command in (
        "generate",
        "push",
        "tasks list",
        "collection stats",
        "collection omissions",
        "collection search",
    ):
        run(*command.split(), *(["question"] if command.endswith("search") else []))
    for command in ("topics", "challenge", "moderate", "redact", "compact"):
        run("collection", command)
    with workspace.store.write() as connection:
        tasks = [task for task in all_tasks(connection).values() if task.platform != IMPORTED]
        save_placements(connection, [PlacedTask(t.id, f"remote-{t.id}", "box") for t in tasks], minutes(0))
    name_of = workspace.pseudonyms.on_platform("argilla")
    invited, strangers = [f"p{k}@example.org" for k in range(n)], [f"q{k}@example.org" for k in range(n)]
    barred = [f"r{k}@example.org" for k in range(n)]
    if n:
        run("people", "invite", *invited, *barred)
    for name in (*invited, *strangers, *barred):
        for task in tasks[:n]:
            values: dict[str, Any] = {**ALL_TAGS} if task.kind == "qualitative" else {"preference": "a"}
            memory.give(f"{name} {task.id}", task.id, person=name_of(name), **values)
    run("sync")
    run("sync")
    evidence = {"answers": n, "agree_with_others": 0.1, "crowd_agrees": 0.7, "items": []}
    with workspace.store.write() as connection:
        save_findings(connection, [(name_of(name), "guessing", evidence, n) for name in barred], minutes(0))
    run("people", "review")
    flags = json.loads(run("people", "review", "--json"))["flags"]
    if flags:
        run("people", "review", "accept", *(flag["flag_id"] for flag in flags), "--take-back")
    run("people", "review", "--all")
    gold = folder / "gold.yaml"
    right = [
        f"- {{task: {t.id}, {'helpful: no' if t.kind == 'qualitative' else 'preference: a'}}}"
        for t in tasks[:n]
    ]
    gold.write_text("\n".join([*right, *(["- {task: nothing, helpful: no}"] * n)]), encoding="utf-8")
    run("gold", "add", str(gold))
    for command in ("gold list", "settle", "settle", "status", "budget", "leaderboard", "ranking", "report",
                    "people list", "ledger verify", "ledger checkpoint", "ledger export", "consent history",
                    "demographics",
                    "export dpo", "export kto", "export sft", "doctor", "tasks list"):  # fmt: skip
        run(*command.split())
    for name in invited[:1]:
        for command in ("wallet", "wallet --explain", "people set", "people list"):
            run(*command.split()[:2], name, *command.split()[2:]) if command.startswith("people") else run(
                command.split()[0], name, *command.split()[1:]
            )
        run("ledger", "adjust", name, str(n), "--reason", "thanks", "--author", "Grace")
        run("people", "accept", strangers[0])
        run("people", "revoke", name)
    if n:
        run("consent", "keep-private", *(tree.id for tree in trees[:n]))
        run("consent", "delete", *(tree.id for tree in trees[n : 2 * n]))
    for command in ("generate", "gold remove --all", "export dpo", "consent finish"):
        run(*command.split())
    page = workspace.reports / "latest" / "report.html"
    text = re.sub(r"<[^>]+>", " | ", page.read_text(encoding="utf-8").partition("<body")[2])
    walk.said["the page"] = " ".join(text.split())


def test_every_number_agrees_with_its_noun(walk: Walk) -> None:
    wrong = {command: found for command, text in walk.said.items() if (found := disagreements(text))}
    assert not wrong


def test_no_command_failed_in_a_way_that_nobody_foresaw(walk: Walk) -> None:
    assert not {command for command, text in walk.said.items() if "Traceback" in text}
    assert len(walk.said) > 40


def test_at_80_columns_every_id_and_address_stands_whole(walk: Walk) -> None:
    """What the JSON of the same commands names, such as pseudonyms, ids of tasks and of conversations."""
    names = set()
    for command in (
        "people list",
        "leaderboard",
        "consent history",
        "people review --all",
        "tasks list",
        "gold list",
    ):
        listed = CliRunner().invoke(
            app, [*command.split(), "--workspace", str(walk.workspace.path), "--json"]
        )
        text = CliRunner().invoke(app, [*command.split(), "--workspace", str(walk.workspace.path)]).stdout
        ids = set(re.findall(r'"(?:person_id|task_id|conversation_id|flag_id)": "([^"]+)"', listed.stdout))
        words = set(FRAME.sub(" ", text).split())
        missing = {each for each in ids if each not in words and f"{each}:" not in words}
        assert not missing, f"{command}: {missing}\n{text}"
        names |= ids
    assert names or not walk.workspace.reports.exists() or "none" in str(walk.said.get("people list"))
