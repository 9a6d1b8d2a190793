"""``chatfeedback export``: rules of the configuration, options that stand in for them, and a dry run."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.report import write_report
from chatfeedback.steps.flagged import flagged_conversations
from tests.sample_records import NOW
from workspaces.config.generation import FLAGS
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def logs(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a log of pairs that somebody chose in."""
    chat = (
        "\n\nHuman: What is {0} plus {0} in numbers?\n\nAssistant: {1} answer number {0}, as far as I know."
    )
    rows = [
        {"chosen": chat.format(number, "A good"), "rejected": chat.format(number, "A bad")}
        for number in range(6)
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    steps.ingest_file(workspace, log, publish=True)
    return workspace


def flag(workspace: Workspace) -> None:
    """Let an endpoint flag a message of every conversation."""
    entries = [
        ModerationEntry(chat.messages[-1].id, "test-moderator", chat.id, True, ("hate",), NOW)
        for chat in workspace.collection.scan()
    ]
    with workspace.store.write() as connection:
        save_moderation(connection, entries)


def test_flags_of_logs_of_attachments_and_of_endpoints_are_known(logs: Workspace) -> None:
    flag(logs)
    shared = {chat.id for chat in logs.collection.scan()}
    with logs.store.read() as connection:
        found = {
            name: flagged_conversations(logs, connection, [name])
            for name in (*FLAGS, "moderation:hate", "moderation:violence")
        }
    assert found["moderation"] == found["moderation:hate"] == shared
    assert not any(found[name] for name in found if name not in ("moderation", "moderation:hate"))


def test_posteriors_are_asked_for_after_a_report(logs: Workspace) -> None:
    for arguments in (["--min-posterior", "0.9"], ["--weights", "posterior"]):
        assert "chatfeedback report" in str(run(logs, *arguments).exception)
    write_report(logs)
    told = {
        weights: json.loads(run(logs, "--weights", weights, "--dry-run", "--json").stdout)["digest"]
        for weights in ("none", "confidence", "posterior")
    }
    assert len(set(told.values())) > 1


def run(workspace: Workspace, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["export", "dpo", *arguments, "--workspace", str(workspace.path)])


def test_a_dry_run_shows_what_falls_out_and_writes_nothing(logs: Workspace) -> None:
    ran = run(logs, "--language", "en", "--dry-run")
    assert ran.exit_code == 0, ran.output
    assert " would be written" in ran.stdout.splitlines()[0]
    assert "Load it with" not in ran.stdout
    assert not (logs.path / "exports").exists()
    told = json.loads(run(logs, "--language", "en", "--dry-run", "--json").stdout)
    assert told["dry_run"] is True
    assert sum(told["rows"].values()) == 6


def test_a_dry_run_shows_how_many_rows_fall_out_at_which_rule(logs: Workspace, tmp_path: Path) -> None:
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "easy.txt").write_text("What is 3 plus 3 in numbers?\n", "utf-8")
    ran = run(logs, "--decontaminate", str(tmp_path / "benchmark"), "--dry-run")
    of_items, why, of_judgments, *_ = ran.stdout.splitlines()[1:]
    assert of_items == "  6 judged pairs: 5 to train on, 1 left out:"
    assert why == "    1 pair on a prompt that stands in a benchmark of exports.decontaminate"
    assert of_judgments == "  6 judgments: 5 behind pairs to train on, 1 left out:"


def test_a_rule_that_leaves_nothing_says_which_and_what_to_do(logs: Workspace) -> None:
    flag(logs)
    for arguments, rule in (
        (["--min-people", "2"], "exports.min_people"),
        (["--imported", "exclude"], "exports.imported"),
        (["--language", "de", "--language", "fr"], "exports.languages"),
        (["--until", "2001-01-01"], "exports.until"),
        (["--skip-flag", "moderation:hate"], "exports.skip_flags"),
    ):
        ran = run(logs, *arguments)
        assert ran.exit_code != 0
        assert rule in str(ran.exception)
        assert "loosen the rule" in str(ran.exception)


def test_licences_that_clash_are_refused_with_their_list_and_a_way_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    chat = "\n\nHuman: What is {0} plus {0} in words?\n\nAssistant: {1} answer number {0}."
    for place, licence in enumerate(("GPL-3.0", "cc-by-nc-4.0")):
        rows = [
            {side: chat.format(number, side) for side in ("chosen", "rejected")} | {"license": licence}
            for number in range(3 * place, 3 * place + 3)
        ]
        log = tmp_path / f"log-{place}.jsonl"
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        steps.ingest_file(workspace, log, publish=True)
    refused = run(workspace)
    assert refused.exit_code == 1
    assert "GPL-3.0 allows commercial use of the whole, CC-BY-NC-4.0 does not" in str(refused.exception)
    assert not (workspace.path / "exports" / "dpo").exists()
    planned = json.loads(run(workspace, "--dry-run", "--json").stdout)
    assert "without --any-licence it is refused: GPL-3.0" in planned["warnings"][0]
    assert json.loads(run(workspace, "--dry-run", "--any-licence", "--json").stdout)["warnings"] == []
    ran = run(workspace, "--licence", "cc-by-nc-4.0", "--licence", "mit")
    assert ran.exit_code == 0, ran.output
    assert run(workspace, "--any-licence", "--output", str(tmp_path / "own")).exit_code == 0
    assert "Not to be published as it is" in (tmp_path / "own" / "README.md").read_text("utf-8")


def test_an_option_stands_in_for_the_line_of_the_configuration(logs: Workspace) -> None:
    path = logs.path / CONFIG_NAME
    path.write_text(path.read_text("utf-8").replace("  min_people: 1", "  min_people: 2"), "utf-8")
    assert "exports.min_people" in str(run(logs).exception)
    ran = run(logs, "--min-people", "1")
    assert ran.exit_code == 0, ran.output


def ingest_lists(workspace: Workspace, log: Path, *words: str, judged: bool = True) -> None:
    """Share twelve conversations for each word: those about one list differ in that word, and in no other."""
    asked = "{0} of the {1} things in this long list about towns and rivers?"
    same = "It is town number {0}: " + " ".join(f"street {{0}}-{number}" for number in range(60))
    rows: list[dict[str, Any]] = []
    for number in range(12):
        for word in words:
            prompt, answer = asked.format(word, number), same.format(number)
            if judged:
                begun = f"\n\nHuman: {prompt}\n\nAssistant: "
                rows.append({"chosen": begun + answer, "rejected": f"{begun}No."})
            else:
                turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
                rows.append({"messages": turns})
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    steps.ingest_file(workspace, log, publish=True)


def sides_of_lists(folder: Path) -> dict[int, set[str]]:
    """Return on which sides of the splits the conversations about each list are."""
    sides: dict[int, set[str]] = {}
    for path in folder.glob("*.parquet"):
        for row in pq.read_table(path).to_pylist():
            number = int((row.get("prompt") or row["conversation"])[0]["content"].split()[3])
            sides.setdefault(number, set()).add(path.name.split("-")[0])
    return sides


def test_no_near_copy_of_what_is_trained_on_is_tested_on(workspace: Workspace, tmp_path: Path) -> None:
    """Copies that differ in a word of the prompt have other openings; the collection knows them as near duplicates."""
    ingest_lists(workspace, tmp_path / "log.jsonl", "Which", "What")
    steps.export(workspace, "dpo", tmp_path / "out", test_share=0.5)
    sides = sides_of_lists(tmp_path / "out" / "data" / "trl")
    assert len(sides) == 12
    assert {"train", "test"} == set().union(*sides.values())
    assert all(len(side) == 1 for side in sides.values())


def test_near_copies_that_come_later_move_nothing_that_nobody_was_asked_about(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest_lists(workspace, tmp_path / "log.jsonl", "Which", judged=False)
    steps.export(workspace, "sharelm", tmp_path / "out", test_share=0.5)
    before = sides_of_lists(tmp_path / "out" / "data" / "sharelm")
    ingest_lists(workspace, tmp_path / "later.jsonl", "What", "Some", judged=False)
    steps.export(workspace, "sharelm", tmp_path / "out", test_share=0.5)
    assert sides_of_lists(tmp_path / "out" / "data" / "sharelm") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "since: expected a day as 2026-11-26 (given: 'yesterday')"),
        (["--until", "86400"], "until: expected a day"),  # no seconds since 1970
        (["--imported", "perhaps"], "imported"),
        (["--min-agreement", "1.5"], "min_agreement"),
        (["--min-people", "0"], "min_people"),
        (["--skip-flag", "harmfull"], "skip_flags"),
        (["--own", "mine"], "own"),
        (["--weights", "equal"], "weights"),
        (
            ["--since", "2026-02-01", "--until", "2026-01-01"],
            "since (2026-02-01) is after until (2026-01-01)",
        ),
    ],
)
def test_a_value_that_a_rule_does_not_take_is_named(logs: Workspace, arguments: list[str], said: str) -> None:
    ran = run(logs, *arguments)
    assert ran.exit_code == 2
    assert said in ran.output
    assert "Value error" not in ran.output


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["dpo", "--feed", "f"], "--feed"),
        (["dpo", "--public"], "--private/--public"),
        (["verify", "F", "--min-people", "2"], "--min-people"),
        (["verify", "F", "--output", "o"], "--output"),
        (["diff", "F", "F", "--dry-run"], "--dry-run"),
        (["push", "F", "a/b", "--jsonl"], "--jsonl"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(arguments: list[str], option: str) -> None:
    ran = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["export", *arguments])
    assert ran.exit_code == 2
    assert f"{option} changes nothing of 'export {arguments[0]}'" in ran.output


def test_a_dry_run_says_what_the_folder_would_refuse(logs: Workspace, tmp_path: Path) -> None:
    assert "the folder refuses it" not in run(logs, "--dry-run").output
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    for place in (tmp_path, logs.path / "collection" / "x", tmp_path / "notes.txt"):
        ran = run(logs, "--dry-run", "--output", str(place))
        assert ran.exit_code == 0
        assert "warning: as it is, the folder refuses it: " in ran.output
    assert not (logs.path / "exports").exists()


@pytest.mark.parametrize(
    ("name", "is_told"), [("[1]", True), ("$HOME", True), ('a "b"', False), ("100%", False)]
)
def test_the_line_that_loads_an_export_is_python_or_says_that_it_cannot(
    logs: Workspace, tmp_path: Path, name: str, is_told: bool
) -> None:
    ran = run(logs, "--output", str(tmp_path / name), "--test-share", "0")
    line = next(it for it in ran.output.splitlines() if it.startswith("Load it with: "))
    call = ast.parse(line.removeprefix("Load it with: "), mode="eval").body
    assert isinstance(call, ast.Call)
    assert ast.literal_eval(call.args[0]) == str(tmp_path / name)
    assert ("move the folder first" in ran.output) is is_told


def test_json_tells_figures_as_the_manifest_holds_them(logs: Workspace, tmp_path: Path) -> None:
    for share in ("0", "0.5"):
        ran = run(logs, "--json", "--output", str(tmp_path / "dpo"), "--test-share", share)
        told = json.loads(ran.stdout)
        manifest = json.loads((tmp_path / "dpo" / "manifest.json").read_text("utf-8"))
        assert told["accounting"] == manifest["accounting"]
        assert told["difference"] == manifest["release"]["difference"]
        assert told["version"] == manifest["release"]["version"]


def test_a_name_that_nothing_has_is_said(logs: Workspace) -> None:
    ran = run(
        logs, "--language", "en", "--language", "English", "--licence", "MIT", "--licence", "mit", "--dry-run"
    )
    assert ran.exit_code == 0, ran.output
    assert "warning: exports.languages names 'English', which no pair has" in ran.output
    assert "exports.licences" not in ran.output


def test_a_kind_that_there_is_not_is_refused_with_those_there_are(logs: Workspace) -> None:
    ran = run(logs, "--kind", "preferences")
    assert "'preferences'" in str(ran.exception)
    assert "preference_strength" in str(ran.exception)
