"""axolotl trains on what we write, and weights it: its own command line, a tiny model, a CPU.

Left out is what it asks for and does not import for DPO and KTO of texts: kernels of a GPU, services, benchmarks.
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
PACKAGES = ("torch==2.13.0", "axolotl==0.19.0")
WITHOUT = (
    *(
        "xformers",
        "fla-core",
        "flash-linear-attention",
        "liger-kernel",
        "gradio",
        "modal",
        "trackio",
        "lm-eval",
    ),
    *("s3fs", "gcsfs", "adlfs", "ocifs", "openenv-core"),
)
TINY = Path(__file__).with_name("tiny_model.py")
ROWS = {"axolotl": 4, "axolotl-kto": 8}

WEIGH = """
import json, sys
import torch


def main():
    from axolotl.cli.args import TrainerCliArgs
    from axolotl.cli.config import load_cfg
    from axolotl.common.datasets import load_preference_datasets
    from axolotl.train import setup_model_and_trainer

    cfg = load_cfg(sys.argv[1])
    run, *_ = setup_model_and_trainer(cfg, load_preference_datasets(cfg=cfg, cli_args=TrainerCliArgs()))
    run.train()
    run.model.eval()
    rows = run.train_dataset
    told = {"rows": len(rows), "weights": rows["weight"][:], "class": type(run).__name__}
    told["losses"] = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    for name, weights in {"first": [1, 0], "second": [0, 1], "both": [1, 1], "more": [3, 1]}.items():
        batch = run.data_collator([dict(rows[place]) for place in range(2)])
        batch["weight"] = torch.tensor([float(each) for each in weights])
        with torch.no_grad():
            told[name] = float(run.compute_loss(run.model, batch))
    print()
    print(json.dumps(told))


if __name__ == "__main__":  # axolotl starts processes, which import this file
    main()
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with("axolotl-0.19.0", PACKAGES, WITHOUT)


@pytest.fixture
def known(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        **OFFLINE,
        "AXOLOTL_DO_NOT_TRACK": "1",
        "HF_DATASETS_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": str(PAGES),
    }


def ran(command: list[str | Path], known: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=known, cwd=folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def settings(folder: Path, name: str) -> dict[str, Any]:
    """Return those of the page, with a tiny model and a CPU."""
    blocks = (PAGES / "axolotl.md").read_text("utf-8").split("```")[1::2]
    pages = [yaml.safe_load(block[5:]) for block in blocks if block.startswith("yaml\n")]
    (page,) = (page for page in pages if page["datasets"][0]["path"] == f"exports/{name}")
    page["datasets"][0]["path"] = str(folder / name)
    merged: dict[str, Any] = page | {
        "base_model": str(folder / "model"), "chat_template": "tokenizer_default", "output_dir": str(folder / "out"),
        "dataset_prepared_path": str(folder / "prepared"), "sequence_len": 1024, "max_steps": 2, "num_epochs": 1,
        "micro_batch_size": 2, "gradient_accumulation_steps": 1, "learning_rate": 1e-3, "optimizer": "adamw_torch",
        "lr_scheduler": "cosine", "use_cpu": True, "bf16": False, "fp16": False, "tf32": False, "logging_steps": 1,
        "save_strategy": "no", "special_tokens": {"pad_token": "<|pad|>"}, "dataset_num_proc": 1,
    }  # fmt: skip
    return merged


@pytest.mark.parametrize("name", ["axolotl", "axolotl-kto"])
def test_its_command_trains_and_weights_of_every_row_reach_the_loss(
    name: str, python: Path, known: dict[str, str], tmp_path: Path
) -> None:
    world = World()
    for number, votes in enumerate(("aab", "bb", "a", "aaa")):
        one, two = world.chat(f"Why {number}?", "good, as I see it", "bad")
        world.votes(world.task(one, two), votes)
        world.answer(world.task(one), "p0", instruction="yes", helpful="yes")
        world.answer(world.task(two), "p1", instruction="no", helpful="no")
    written(tmp_path, world, name)
    ran([python, TINY, tmp_path / "model"], known, tmp_path)
    plain = settings(tmp_path, name)
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(plain), "utf-8")
    ran([python, "-m", "axolotl.cli.train", tmp_path / "plain.yaml"], known, tmp_path)
    assert (tmp_path / "out" / "model.safetensors").is_file()

    weighted = tmp_path / "weighted.parquet"
    ran([python, PAGES / "weighted_axolotl.py", tmp_path / name, weighted], known, tmp_path)
    (rows,) = plain["datasets"]
    del rows["name"]
    rows |= {"path": str(weighted), "ds_type": "parquet"}
    kind = "DPO" if name == "axolotl" else "KTO"
    plain["trainer_cls"] = f"weighted_axolotl.WeightedAxolotl{kind}Trainer"
    (tmp_path / "weighted.yaml").write_text(yaml.safe_dump(plain), "utf-8")
    (tmp_path / "weigh.py").write_text(WEIGH, "utf-8")
    out = ran([python, tmp_path / "weigh.py", tmp_path / "weighted.yaml"], known, tmp_path)
    found = json.loads(out.splitlines()[-1])
    assert found["class"] == f"WeightedAxolotl{kind}Trainer"
    assert found["rows"] == ROWS[name]
    assert len(set(found["weights"])) > 1
    assert sum(found["weights"]) == pytest.approx(ROWS[name]), "of mean 1 over all rows"
    assert len(found["losses"]) == 2
    assert all(map(math.isfinite, found["losses"]))
    assert found["first"] != found["second"]
    assert found["both"] == pytest.approx(found["first"] + found["second"], rel=1e-4)
    assert found["more"] == pytest.approx(3 * found["first"] + found["second"], rel=1e-4)
