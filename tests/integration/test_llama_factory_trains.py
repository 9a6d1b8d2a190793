"""LLaMA-Factory trains on what we write, and weights its pairs: its own command line, a tiny model, a CPU.

torchvision and torchaudio of PyPI need a GPU's libraries: the one is left out, and an empty module stands for the
other, of which texts need nothing.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.test_trl_trains import PAGES, written
from tests.integration.trainer_environments import MARKS, OFFLINE, python_with
from tests.unit.exports.export_records import World

pytestmark = MARKS
PACKAGES = ("torch==2.13.0", "llamafactory==0.9.5")
TINY = Path(__file__).with_name("tiny_model.py")

WEIGH = '''
import json, sys
import torch
import weighted_llama_factory as ours

ours.weigh()
home = {"dpo": ours.dpo_trainer, "rm": ours.rm}
runs = []


def kept(base):
    """The trainer that stays at hand when its workflow is done."""
    class Kept(base):
        def train(self, *args, **kwargs):
            runs.append(self)
            return super().train(*args, **kwargs)
    return Kept


ours.dpo_trainer.CustomDPOTrainer = kept(ours.WeightedDPOTrainer)
ours.rm.PairwiseTrainer = kept(ours.WeightedPairwiseTrainer)
found = {}
for stage in ("dpo", "rm"):
    args = json.loads(sys.argv[1]) | {"stage": stage, "output_dir": sys.argv[2] + "/" + stage}
    ours.tuner.run_exp(args)
    run = runs[-1]
    run.model.eval()
    rows = run.train_dataset
    told = {"rows": len(rows), "weights": rows["weight"][:], "losses": [], "steps": run.state.global_step}
    told["losses"] = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    for name, weights in {"first": [1, 0], "second": [0, 1], "both": [1, 1], "more": [3, 1], "plain": None}.items():
        batch = run.data_collator([dict(rows[place]) for place in range(2)])
        if weights is None:
            del batch["weight"]
        else:
            batch["weight"] = torch.tensor([float(each) for each in weights])
        with torch.no_grad():
            told[name] = float(run.compute_loss(run.model, batch))
    found[stage] = told
print()
print(json.dumps(found))
'''


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with("llamafactory-0.9.5", PACKAGES, without=("torchvision", "torchaudio"))


@pytest.fixture
def known(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "stand-ins" / "torchaudio").mkdir(parents=True)
    (tmp_path / "stand-ins" / "torchaudio" / "__init__.py").touch()
    return {
        **os.environ,
        **OFFLINE,
        "HF_DATASETS_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "stand-ins"), str(PAGES)]),
    }


def ran(command: list[str | Path], known: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=known, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def settings(folder: Path, name: str) -> dict[str, Any]:
    return {
        "stage": "dpo", "model_name_or_path": str(folder / "model"), "do_train": True, "finetuning_type": "full",
        "dataset_dir": str(folder / name), "dataset": "chatfeedback_train", "template": "chatml",
        "output_dir": str(folder / "out"), "max_steps": 2, "per_device_train_batch_size": 2, "use_cpu": True,
        "bf16": False, "report_to": "none", "save_strategy": "no", "logging_steps": 1, "cutoff_len": 1024,
        "learning_rate": 1e-3,
    }  # fmt: skip


def test_its_command_trains_on_every_row_and_weights_reach_the_loss(
    python: Path, known: dict[str, str], tmp_path: Path
) -> None:
    world = World()
    for number, votes in enumerate(("aab", "bb", "a", "aaa")):
        world.votes(world.task(*world.chat(f"Why {number}?", "good, as I see it", "bad")), votes)
    written(tmp_path, world, "llama-factory", "llama-factory-kto")
    ran([python, TINY, tmp_path / "model"], known, tmp_path)
    kto = settings(tmp_path, "llama-factory-kto") | {"stage": "kto"}
    (tmp_path / "kto.yaml").write_text(yaml.safe_dump(kto), "utf-8")
    ran([python, "-m", "llamafactory.cli", "train", tmp_path / "kto.yaml"], known, tmp_path)
    assert math.isfinite(
        json.loads((tmp_path / "out" / "train_results.json").read_text("utf-8"))["train_loss"]
    )
    (tmp_path / "weigh.py").write_text(WEIGH, "utf-8")
    told = json.dumps(settings(tmp_path, "llama-factory"))
    out = ran([python, tmp_path / "weigh.py", told, tmp_path], known, tmp_path)
    for stage, found in json.loads(out.splitlines()[-1]).items():
        assert found["rows"] == 4, stage
        assert len(set(found["weights"])) > 1
        assert sum(found["weights"]) == pytest.approx(4), "of mean 1 over all rows"
        assert found["steps"] == len(found["losses"]) == 2
        assert all(map(math.isfinite, found["losses"]))
        assert found["both"] == pytest.approx(found["first"] + found["second"], rel=1e-3)
        assert found["more"] == pytest.approx(3 * found["first"] + found["second"], rel=1e-3)
        assert found["both"] == pytest.approx(found["plain"], rel=1e-3)
