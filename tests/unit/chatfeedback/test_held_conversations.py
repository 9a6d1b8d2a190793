"""Held conversations are no dead end: until when they are held, who may share them, and why no task came of each."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps import outcomes as outcomes_module
from chatfeedback.steps import publish as publish_module
from chatfeedback.steps.outcomes import HAS_TASKS, Seen, outcomes, remedy_of
from task_generators import select
from task_generators.outlines import OutlineReader
from task_generators.seed_feedback.united_seeds import UnitedSeeds
from task_generators.select import Names, Selection
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config import load_config
from workspaces.config.generation import FLAGS
from workspaces.records import SharingState
from workspaces.store.conversations import count_by_state
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1, preference: 1}}\n"
ALL = "chatfeedback consent publish --all"


def row(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "conversation_id": f"chat-{number}",
        "conversation": [
            {"role": "user", "content": f"How long is the tooth of the walrus number {number}?"},
            {
                "role": "assistant",
                "content": f"The tooth of the walrus number {number} has {number + 40} cm.",
            },
        ],
        "model_name": "m",
        "source": ("zoo", "sea")[number % 2],
        "user_id": f"giver-{number % 3}",
    } | changed


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    error = ran.exception
    assert getattr(error, "exit_code", getattr(error, "code", 0)) == code, (ran.output, error)
    return f"{ran.stdout}{error or ''}"


def as_json(folder: Path, *arguments: str) -> Any:
    return json.loads(run(folder, *arguments, "--json"))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with six held conversations without times, of two sources and three givers, and their log."""
    made = tmp_path_factory.mktemp("held")
    with Workspace.create(made / "w", CONFIGURATION) as workspace:
        steps.ingest_file(workspace, write(made / "logs.jsonl", [row(n) for n in range(6)]), processes=1)
    return made


@pytest.fixture
def folder(held: Path, tmp_path: Path) -> Path:
    return shutil.copytree(held, tmp_path, dirs_exist_ok=True) / "w"


def shared(folder: Path) -> set[str]:
    with Workspace.open(folder) as workspace:
        return {conversation.id for conversation in workspace.collection.scan()}


def test_every_command_on_the_way_says_until_when_and_what_shares_them(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", CONFIGURATION).close()
    logs = write(tmp_path / "logs.jsonl", [row(n) for n in range(6)])
    for arguments in (["ingest", str(logs)], ["collection"], ["seed"], ["generate"]):
        said = run(tmp_path / "w", *arguments)
        assert re.search(rf"\b6 held until \d+ \w+ \d\d:\d\d UTC; if their givers agreed: {ALL}", said), said
    told = as_json(tmp_path / "w", "generate")["held"]
    assert (told["count"], told["first"], ALL in told["remedy"]) == (6, told["last"], True)


NAMED: dict[str, tuple[Callable[[Path], list[str]], set[int]]] = {
    "all": (lambda _: ["--all"], {0, 1, 2, 3, 4, 5}),
    "a source": (lambda _: ["--source", "sea"], {1, 3, 5}),
    "a chat log": (lambda at: ["--file", str(write(at / "some.jsonl", [row(1), row(2)]))], {1, 2}),
    "the same texts under other ids": (
        lambda at: ["--file", str(write(at / "some.jsonl", [row(4, conversation_id="renamed")]))],
        {4},
    ),
    "another giver's word": (
        lambda at: ["--file", str(write(at / "some.jsonl", [row(4, user_id="giver-0")]))],
        set(),
    ),
    "a list of ids": (lambda at: ["--file", str(listed(at / "ids.txt", "chat-5\n\nchat-0\nno-such\n"))], {0, 5}),
    "an age": (lambda _: ["--older-than", "1h"], set()),
    "a shorter age": (lambda _: ["--older-than", "0m"], {0, 1, 2, 3, 4, 5}),
    "two conditions": (
        lambda at: ["--source", "zoo", "--file", str(write(at / "some.jsonl", [row(1), row(2)]))],
        {2},
    ),
}  # fmt: skip


def listed(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("named", NAMED)
def test_held_ones_are_published_as_they_are_named_and_the_history_says_that_the_lead_did(
    folder: Path, tmp_path: Path, named: str
) -> None:
    arguments, expected = NAMED[named]
    chosen = arguments(tmp_path)
    found = as_json(folder, "consent", "publish", *chosen)
    assert shared(folder) == {f"chat-{number}" for number in expected}
    assert (found["published"], found["held"]["count"]) == (len(expected), 6 - len(expected))
    again = as_json(folder, "consent", "publish", *chosen)
    assert (again["published"], again["shared_before"]) == (0, len(expected))
    events = as_json(folder, "consent", "history")["events"]
    assert {(event["asked_by"], event["state"]) for event in events} <= {("lead", "shared")}
    assert sorted(event["conversation_id"] for event in events) == sorted(shared(folder))


def test_what_a_giver_keeps_private_stays_so_and_is_counted(folder: Path) -> None:
    run(folder, "consent", "keep-private", "chat-3")
    found = as_json(folder, "consent", "publish", "--all")
    assert (found["published"], found["private"]) == (5, 1)
    assert "1 conversation stays private" in run(folder, "consent", "publish", "--source", "sea")
    assert "chat-3" not in shared(folder)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chat-1", "--all"], "--all, --source, --file, --older-than"),
        (["--all", "--by", "giver"], "leave out '--by giver'"),
        (["--source", "moon"], "sources here: 'sea', 'zoo'"),
        (["--file", "no-such-file"], "no-such-file cannot be read: No such file"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_shares_nothing(
    folder: Path, arguments: list[str], expected: str
) -> None:
    assert expected in run(folder, "consent", "publish", *arguments, code=2)
    assert shared(folder) == set()


def test_a_publication_that_is_killed_is_finished_by_the_next(folder: Path) -> None:
    class Killed(BaseException):
        pass

    def killed(count: int) -> None:
        raise Killed

    with Workspace.open(folder) as workspace:
        with mock.patch.object(publish_module, "BATCH", 2), pytest.raises(Killed):
            steps.publish_held(workspace, advance=killed)
        assert len(steps.history(workspace, [])) == 2
        assert steps.publish_held(workspace).published == 4
        assert len(steps.history(workspace, [])) == 6


def test_reading_known_ones_with_publish_shares_them_but_nothing_that_the_file_does_not_hold(
    folder: Path, tmp_path: Path
) -> None:
    longer = row(1)
    longer["conversation"] = [
        *longer["conversation"],
        {"role": "user", "content": "And the other tooth?"},
        {"role": "assistant", "content": "It is a little shorter."},
    ]
    run(folder, "ingest", str(write(tmp_path / "later.jsonl", [longer])))
    said = run(folder, "ingest", "--publish", str(tmp_path / "logs.jsonl"))
    assert "0 added, 6 known already" in said
    assert "5 published, by your word" in said
    assert "1 held until" in said
    assert "chat-1" not in shared(folder)
    assert as_json(folder, "ingest", "--publish", str(tmp_path / "later.jsonl"))["published"] == 1
    assert len(shared(folder)) == 6
    assert {event["asked_by"] for event in as_json(folder, "consent", "history")["events"]} == {"lead"}


def test_a_shorter_delay_counts_for_what_is_read_later_and_the_lead_is_told(
    folder: Path, tmp_path: Path
) -> None:
    path = folder / CONFIG_NAME
    path.write_text(CONFIGURATION + "consent: {delay_hours: 0}\n", encoding="utf-8")
    said = run(folder, "ingest", str(write(tmp_path / "more.jsonl", [row(7)])))
    assert "6 of them were read with a longer consent.delay_hours than today's, and keep it" in said
    assert shared(folder) == {"chat-7"}
    path.write_text(CONFIGURATION + "consent: {delay_hours: 48}\n", encoding="utf-8")
    assert "longer consent.delay_hours" not in run(folder, "generate")


def test_every_reason_that_the_code_knows_has_a_remedy() -> None:
    reasons = {
        value
        for module in (select, outcomes_module)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and not name.startswith("_")
    }
    assert {"held", "no seed feedback", "limit reached", "beyond the budget", "near duplicate"} <= reasons
    for reason in (reasons | {*FLAGS, "moderation:hate"}) - {HAS_TASKS, UNDETERMINED}:
        assert len(remedy_of(reason)) > 10


def test_generate_says_of_every_conversation_what_came_of_it(folder: Path, tmp_path: Path) -> None:
    """Each of the reasons comes up once in turn; the counts always add up."""
    config = folder / CONFIG_NAME
    copy = row(8, conversation_id="copy", model_name="m")
    copy["conversation"][0] = {"role": "user", "content": "How long is the tooth of the walrus number 8 ?"}
    user_only = row(9)
    del user_only["conversation"][1]
    more = [row(8), copy, user_only, row(10, conversation=[*row(10)["conversation"][:1], {"role": "assistant", "content": " "}])]  # fmt: skip # noqa: E501
    run(folder, "ingest", "--publish", str(write(tmp_path / "more.jsonl", more)), code=0)
    run(folder, "consent", "publish", "chat-0", "chat-1", "chat-2")
    run(folder, "consent", "keep-private", "chat-3")

    def reasons() -> dict[str, int]:
        found = as_json(folder, "generate")
        with Workspace.open(folder) as workspace, workspace.store.read() as connection:
            counted = count_by_state(connection)
        told = {outcome["reason"]: outcome["conversations"] for outcome in found["outcomes"]}
        assert sum(told.values()) == found["conversations"] == sum(counted.values())
        assert (told["held"], told["kept private"]) == (2, 1)
        return told

    def configure(**sections: str) -> None:
        mix = sections.pop("mix", "{kinds: {qualitative: 1}}")
        lines = (f"{name}: {value}\n" for name, value in sections.items())
        config.write_text(f"version: 1\nplatforms: {{argilla: {{}}}}\nmix: {mix}\n{''.join(lines)}")
        load_config(config)

    assert reasons()["no seed feedback"] >= 3
    run(folder, "seed")
    configure(budget="{points_total: 1}")
    assert reasons()["beyond the budget"] >= 3
    configure(mix="{kinds: {qualitative: 1}, significance: {low: 0, medium: 0, high: 0.1}}")
    assert reasons()["significance with a weight of 0"] >= 3
    configure(mix="{kinds: {preference: 1}}")
    assert reasons()["nothing to ask"] >= 3
    configure(select="{languages: [xx]}")
    assert reasons()["language"] >= 3
    configure(select="{challenge: 1}")
    assert reasons()["no challenge score"] >= 3
    configure(mix="{kinds: {qualitative: 1}, limit: 1}")
    told = reasons()
    assert (told["with tasks"], told["limit reached"] >= 2) == (1, True)
    configure()
    told = reasons()
    assert told["with tasks"] >= 4
    assert "empty" in told


@given(
    st.dictionaries(st.sampled_from(list(SharingState)), st.integers(0, 9)),
    st.sets(st.integers(0, 20)),
    st.dictionaries(st.integers(0, 20), st.sampled_from([*FLAGS, "language", "near duplicate"])),
    st.sets(st.integers(0, 20)),
    st.sets(st.integers(0, 20)),
)
def test_outcomes_add_up_to_the_conversations(
    states: dict[SharingState, int],
    taken: set[int],
    omitted: dict[int, str],
    with_tasks: set[int],
    unpaid: set[int],
) -> None:
    names = {number: f"c{number}" for number in range(21)}
    omissions = {names[number]: reason for number, reason in omitted.items() if number not in taken}
    nothing = OutlineReader(UnitedSeeds({}), prompts=False, characters=False)
    shared = Names.of(names[number] for number in taken)
    selection = Selection(shared, omissions, {}, {})
    states[SharingState.SHARED] = len(taken) + len(omissions)
    found = outcomes(
        states,
        selection,
        Seen(nothing.outlines(), shared.index, shared.mask),
        {names[number] for number in with_tasks},
        {names[number] for number in unpaid},
        {},
    )
    assert sum(outcome.conversations for outcome in found) == sum(states.values())
    assert len({outcome.reason for outcome in found}) == len(found)
