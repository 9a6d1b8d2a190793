"""The report's ranking of models at equal style, and the command that prints it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.report import write_report
from quality import STYLE, rank_at_equal_style, style_of
from tests.sample_records import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

MODELS = ("brief", "plain", "wordy")
SAID = (
    "the",
    "river",
    "runs",
    "past",
    "an",
    "old",
    "mill",
    "where",
    "nobody",
    "ground",
    "any",
    "corn",
    "before",
    "noon",
)
WORDS = {"brief": 1.0, "plain": 2.0, "wordy": 4.0}


def answer(rng: np.random.Generator, model: str, number: int) -> str:
    """Models differ in how long they usually write; each differs from prompt to prompt."""
    words = 1 + rng.poisson(6 * WORDS[model] * np.exp(rng.normal(0, 0.7)))
    points = "\n".join(f"- {SAID[rng.integers(len(SAID))]} {place}" for place in range(rng.integers(0, 4)))
    text = " ".join(SAID[place] for place in rng.integers(0, len(SAID), words))
    return f"{model} says {number}: {text}\n\n{points}".strip()


def store_battles(workspace: Workspace, path: Path, number: int) -> pd.DataFrame:
    """Ingest comparisons by eight people who prefer the longer answer, and nothing else; return what they say."""
    rng, rows, said = np.random.default_rng(5), [], []
    for place in range(number):
        one, other = rng.permutation(MODELS)[:2].tolist()
        texts = answer(rng, one, place), answer(rng, other, place)
        one_longer = np.log(len(texts[0]) / len(texts[1]))
        value = "first" if rng.random() < 1 / (1 + np.exp(-1.5 * one_longer)) else "second"
        question = {"role": "user", "content": f"What is {place} and {place}, please?"}
        rows.append(battle(place, (one, other), texts, value, question))
        style = {
            f"{side}_{name}": count
            for side, text in zip(("first", "second"), texts, strict=True)
            for name, count in zip(STYLE, style_of(text), strict=True)
        }
        said.append(
            {"first": one, "second": other, "value": value, "item": place, "annotator": place % 8, **style}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert steps.ingest_file(workspace, path, publish=True).feedback == len(rows)
    workspace.collection.share_due(NOW + timedelta(days=9999))
    return pd.DataFrame(said)


def battle(
    place: int, models: tuple[str, str], texts: tuple[str, str], value: str, question: dict[str, str]
) -> dict[str, Any]:
    """Return a row as Chatbot Arena writes it."""
    sides = {
        f"conversation_{side}": [question, {"role": "assistant", "content": text}]
        for side, text in zip("ab", texts, strict=True)
    }
    winner = {"first": "model_a", "second": "model_b"}[value]
    return {
        "question_id": f"q{place}", "model_a": models[0], "model_b": models[1], "winner": winner,
        "judge": f"judge {place % 8}", "turn": 1, "tstamp": NOW.timestamp() + place, **sides,
    }  # fmt: skip


def test_a_model_that_wins_by_length_alone_stands_no_higher_at_equal_style(
    workspace: Workspace, tmp_path: Path
) -> None:
    said = store_battles(workspace, tmp_path / "arena.jsonl", 600)
    tables = write_report(workspace).written.tables
    models = tables["models_at_equal_style"].set_index("model")
    expected = rank_at_equal_style(said)
    assert models["share"].to_dict() == pytest.approx(expected.scores["share"].to_dict())
    assert models["share_low"].to_dict() == pytest.approx(expected.scores["share_low"].to_dict())
    assert models["plain_share"]["wordy"] > 0.6 > 0.4 > models["plain_share"]["brief"]
    assert (models["share_low"] <= 0.5).all()
    assert (models["share_high"] >= 0.5).all()
    effects = tables["style_effects"].set_index("style")
    assert effects["effect"].dropna().to_dict() == pytest.approx(
        expected.style["effect"].rename({"lists": "list items"}).dropna().to_dict()
    )
    assert effects["low"]["length"] > 0.3
    assert effects["reason"]["headers"] == "the same on both sides"

    told = CliRunner().invoke(app, ["ranking", "--json", "-w", str(workspace.path)])
    found = json.loads(told.stdout)
    assert {row["model"] for row in found["tables"]["models_at_equal_style"]} == set(MODELS)
    assert [row["model"] for row in found["tables"]["model_ranking"]] == ["wordy", "plain", "brief"]
    assert any("length (more of it wins" in sentence for sentence in found["said"]["equal-style"])
    assert "600 of 600 comparisons, by 8 people" in " ".join(found["said"]["equal-style"])
    printed = CliRunner().invoke(app, ["ranking", "-w", str(workspace.path)]).stdout
    assert "Models ranked at equal style" in printed


def test_few_comparisons_and_none_are_said_in_words(workspace: Workspace, tmp_path: Path) -> None:
    arguments = ["ranking", "-w", str(workspace.path)]
    assert "Nobody compared models yet." in CliRunner().invoke(app, arguments).stdout
    assert json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout) == {"said": {}, "tables": {}}
    store_battles(workspace, tmp_path / "arena.jsonl", 9)
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert told["tables"] == {}
    assert told["said"]["equal-style"][0].startswith("It is too early to rank models at equal style")
    assert "models_at_equal_style" not in write_report(workspace).written.tables


def test_comparisons_whose_texts_are_gone_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    said = store_battles(workspace, tmp_path / "arena.jsonl", 200)
    workspace.collection.remove([f"arena-q{place}" for place in range(80)])
    told = json.loads(CliRunner().invoke(app, ["ranking", "--json", "-w", str(workspace.path)]).stdout)
    shares = {row["model"]: row["share"] for row in told["tables"]["models_at_equal_style"]}
    assert shares == pytest.approx(rank_at_equal_style(said[80:]).scores["share"].to_dict())
    first = told["said"]["equal-style"][1]
    assert first.startswith(
        "120 of 200 comparisons, by 8 people. The other 80 are of one model twice, of a model or"
    )
