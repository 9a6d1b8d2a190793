"""What stands in a benchmark is not trained on, whatever its form, and every drop is a row."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import exports
from chatfeedback import steps
from chatfeedback.cli import app
from exports import Evidence, NothingToExportError, projection_of
from exports.benchmark_files import BenchmarkFolderError, read_benchmarks
from exports.contamination import Benchmarks, Contamination, Likeness
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.config import ExportsConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspaces.workspace import Workspace

LONG = "Write a short story about a lighthouse keeper who finds a letter in a green bottle on the beach"
SHORT = "How many sheep are left in the old field?"
TINY = "What is love?"
CHINESE = "请写一篇关于灯塔看守人在海滩上发现一封信的短篇故事并解释原因"


def found(text: str, *prompts: str) -> Contamination | None:
    benchmarks = Benchmarks({"b": prompts or (LONG, SHORT, TINY, CHINESE)})
    return next(iter(benchmarks.contaminates((("user", text),))), None)


@pytest.mark.parametrize(
    ("text", "likeness"),
    [
        (LONG, Likeness.WORD_FOR_WORD),
        (LONG.upper() + "!!!", Likeness.WORD_FOR_WORD),
        ("Please do this: " + LONG + " Begin now, and be quick about it.", Likeness.WORD_FOR_WORD),
        (" ".join(LONG.split()[3:17]), Likeness.WORD_FOR_WORD),
        (unicodedata.normalize("NFD", SHORT), Likeness.WORD_FOR_WORD),
        ("\ufeff" + SHORT.replace("e", "e\u00ad\u200b"), Likeness.WORD_FOR_WORD),
        ("Riddle. " + SHORT + " Think step by step, then answer.", Likeness.WORD_FOR_WORD),
        ("what is LOVE", Likeness.NEAR_DUPLICATE),
        ("这是问题：" + CHINESE + "。谢谢", Likeness.WORD_FOR_WORD),
        (" ".join(LONG.split()[:12]), None),
        ("What is love? Give me a long answer with sources.", None),
        ("", None),
        ("?!", None),
    ],
)
def test_a_prompt_is_found_in_a_benchmark_by_its_words(text: str, likeness: Likeness | None) -> None:
    contamination = found(text)
    assert (contamination and contamination.likeness) == likeness


def test_a_short_prompt_is_found_by_its_likeness_alone() -> None:
    """Where 13 words stand unchanged nothing else is asked; a prompt of fewer than 8 words has no such run."""
    prompt = "Name seven rivers in Peru, please now"
    assert found(prompt + " thanks", prompt) == Contamination("b", Likeness.NEAR_DUPLICATE)
    assert found("Name seven rivers in Chile, please now", prompt) is None


WORDS = st.lists(
    st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]), max_size=30
)


@given(WORDS, WORDS, WORDS)
def test_thirteen_words_of_a_benchmark_are_found_wherever_they_stand(
    prompt: list[str], before: list[str], after: list[str]
) -> None:
    text = " ".join([*before, *prompt, *after])
    contamination = found(text, " ".join(prompt))
    if len(prompt) >= 8:
        assert contamination == Contamination("b", Likeness.WORD_FOR_WORD)
    if contamination and contamination.likeness is Likeness.WORD_FOR_WORD:
        size = min(13, len(prompt))
        runs = {tuple(prompt[at : at + size]) for at in range(len(prompt) - size + 1)}
        words = text.split()
        assert any(tuple(words[at : at + size]) in runs for at in range(len(words)))


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("arena.jsonl", lambda path: _jsonl(path, [{"question_id": 1, "turns": [{"content": LONG}]}])),
        ("mt.jsonl", lambda path: _jsonl(path, [{"turns": [LONG, SHORT]}])),
        ("reward.json", lambda path: path.write_text(json.dumps([{"prompt": LONG}]), "utf-8")),
        ("eval.json", lambda path: path.write_text(json.dumps({"data": [{"instruction": LONG}]}), "utf-8")),
        ("gsm.csv", lambda path: _csv(path, [{"question": LONG, "answer": "1"}])),
        ("inner/one.parquet", lambda path: pq.write_table(pa.table({"problem": [LONG], "x": [1]}), path)),
        ("wide.csv", lambda path: _csv(path, [{"question": LONG, "answer": "long " * 40_000}])),
        (
            "one.json",
            lambda path: path.write_text(json.dumps({"question": LONG, "choices": [TINY, "No"]}), "utf-8"),
        ),
        (
            "columns.json",
            lambda path: path.write_text(json.dumps({"prompt": [LONG], "answer": [TINY]}), "utf-8"),
        ),
        ("lines.txt", lambda path: path.write_text(f"{LONG}\n{SHORT}\n", "utf-8")),
        (
            "chat.jsonl",
            lambda path: _jsonl(
                path,
                [{"messages": [{"role": "user", "content": LONG}, {"role": "assistant", "content": TINY}]}],
            ),
        ),
    ],
)
def test_benchmarks_of_any_usual_form_are_read(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    write(tmp_path / name)
    (tmp_path / "LICENSE").write_text("mine", "utf-8")
    benchmarks = read_benchmarks(tmp_path)
    assert list(benchmarks.counts) == [name]
    assert benchmarks.contaminates((("user", LONG),)) == (Contamination(name, Likeness.WORD_FOR_WORD),)
    assert benchmarks.contaminates((("user", TINY),)) == (), "responses of benchmarks are no prompts"


def test_a_prompt_that_stands_in_several_benchmarks_counts_for_each() -> None:
    benchmarks = Benchmarks(
        {"one": [LONG], "other": [SHORT, LONG], "near": [" ".join(LONG.split()[:12])], "no": [TINY]}
    )
    prompts = [(("user", LONG),), (("user", SHORT), ("assistant", "4"), ("user", LONG.lower()))]
    report = benchmarks.report(benchmarks.count(prompts))
    word_for_word = {"word_for_word": 2, "near_duplicate": 0}
    assert report == {
        "near": {"prompts": 1, **word_for_word},
        "no": {"prompts": 1, "word_for_word": 0, "near_duplicate": 0},
        "one": {"prompts": 1, **word_for_word},
        "other": {"prompts": 2, **word_for_word},
    }


def test_what_an_earlier_rule_left_out_is_not_counted_as_contaminated(tmp_path: Path) -> None:
    made = World()
    for prompt, votes in (
        (LONG, "aaa"),
        (SHORT, "a"),
        ("An open question", "aaa"),
        ("Another question", "a"),
    ):
        made.votes(made.task(*made.chat(prompt, "one", "two")), votes)
    evidence = Evidence(
        made.tasks, made.annotations, made.contexts, Weights(), benchmarks=Benchmarks({"b": [LONG, SHORT]})
    )
    result = exports.export(
        tmp_path / "dpo",
        projection_of("dpo"),
        evidence,
        ledger_tip=None,
        created_at=NOW,
        rules=ExportsConfig(min_people=2),
    )
    manifest = json.loads((tmp_path / "dpo" / "manifest.json").read_text("utf-8"))
    assert manifest["decontamination"] == {"b": {"prompts": 2, "word_for_word": 1, "near_duplicate": 0}}
    assert sorted(result.accounting.items_left_out.values()) == [1, 2]


@pytest.mark.parametrize("content", ["3", '"LONG"', "{}", '{"id": "x"}', "null"])
def test_a_document_that_is_no_table_has_no_prompt_or_is_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "some.json").write_text(content, "utf-8")
    if content.startswith('"'):
        assert read_benchmarks(tmp_path).counts == {"some.json": 1}
    else:
        with pytest.raises(BenchmarkFolderError, match=r"some\.json"):
            read_benchmarks(tmp_path)


@pytest.mark.parametrize("content", ["", '{"id": 1}\n', '{"prompt": ""}\n', "{broken\n", "\x00"])
def test_a_benchmark_without_a_prompt_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "some.jsonl").write_text(content, "utf-8")
    with pytest.raises(BenchmarkFolderError, match=r"some\.jsonl"):
        read_benchmarks(tmp_path)


def test_a_folder_that_is_not_there_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFolderError, match="is no folder"):
        read_benchmarks(tmp_path / "nowhere")
    with pytest.raises(BenchmarkFolderError, match="has no file"):
        read_benchmarks(tmp_path)


@pytest.mark.parametrize("name", ["dpo", "kto", "sft", "flat", "llama-factory-v1"])
def test_what_stands_in_a_benchmark_is_in_no_row_and_its_answers_say_so(tmp_path: Path, name: str) -> None:
    made = World()
    for prompt in (LONG, "An open question", "Sure: " + SHORT + " Now."):
        made.votes(made.task(*made.chat(prompt, "one", "two")), "aab")
    folder = tmp_path / "benchmarks of mine"
    folder.mkdir()
    _jsonl(folder / "arena.jsonl", [{"turns": [LONG]}, {"turns": [SHORT]}])
    evidence = Evidence(
        made.tasks, made.annotations, made.contexts, Weights(), benchmarks=read_benchmarks(folder)
    )
    result = exports.export(
        tmp_path / name,
        projection_of(name),
        evidence,
        ledger_tip=None,
        created_at=NOW,
        test_share=0.0,
        rules=ExportsConfig(decontaminate=folder),
    )
    reason = "answer on a prompt that stands in a benchmark of exports.decontaminate"
    assert result.dropped[reason] == 6
    omitted = load_dataset(
        str(tmp_path / name), "omissions", split="omitted", cache_dir=str(tmp_path / "cache")
    ).to_list()
    assert {row["annotation_id"] for row in omitted if row["reason"] == reason} == {
        each.id for each in made.annotations if each.task_id in ("t0", "t2")
    }
    manifest = json.loads((tmp_path / name / "manifest.json").read_text("utf-8"))
    (counts,) = manifest["decontamination"].values()
    assert counts["prompts"] == 2
    assert counts["word_for_word"] == result.accounting.items_left_out[reason]
    assert manifest["chosen_by"]["decontaminate"] == folder.name
    every_byte = b"".join(path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file())
    assert str(tmp_path).encode() not in every_byte
    assert b"sheep" not in every_byte


def test_an_export_of_benchmarks_alone_says_why_it_is_empty() -> None:
    made = World()
    made.votes(made.task(*made.chat(LONG, "one", "two")), "aab")
    evidence = Evidence(
        made.tasks, made.annotations, made.contexts, Weights(), benchmarks=Benchmarks({"b": [LONG]})
    )
    with pytest.raises(NothingToExportError, match=r"exports\.decontaminate.*loosen the rule"):
        exports.export(
            Path("/nowhere"), projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW, dry_run=True
        )


def test_the_command_line_and_the_configuration_name_the_folder(workspace: Workspace, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    chat = "\n\nHuman: {0}\n\nAssistant: {1}"
    _jsonl(
        log,
        [
            {"chosen": chat.format(text, "Good."), "rejected": chat.format(text, "Bad.")}
            for text in (LONG, "Else?")
        ],
    )
    steps.ingest_file(workspace, log, publish=True)
    (workspace.path / "benchmarks").mkdir()
    _jsonl(workspace.path / "benchmarks" / "b.jsonl", [{"prompt": LONG}])

    def run(*options: str) -> int:
        ran = CliRunner().invoke(
            app, ["export", "dpo", "--workspace", str(workspace.path), "--json", *options]
        )
        assert ran.exit_code == 0, ran.output
        return int(sum(json.loads(ran.stdout)["rows"].values()))

    assert run("--dry-run") == 2
    assert run("--dry-run", "--decontaminate", str(workspace.path / "benchmarks")) == 1
    file = workspace.path / "chatfeedback.yaml"
    text = file.read_text("utf-8")
    assert "  decontaminate: null\n" in text
    file.write_text(text.replace("  decontaminate: null\n", "  decontaminate: benchmarks\n"), "utf-8")
    assert run() == 1
    ran = CliRunner().invoke(app, ["export", "verify", str(workspace.path / "exports" / "dpo")])
    assert ran.exit_code == 0, ran.output
    ran = CliRunner().invoke(
        app, ["export", "dpo", "--workspace", str(workspace.path), "--decontaminate", str(tmp_path / "no")]
    )
    assert isinstance(ran.exception, BenchmarkFolderError)
