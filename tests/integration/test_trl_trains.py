"""TRL trains on what we write: the real trainers, a tiny model, a CPU, no network."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import exports
from chatfeedback import steps
from exports import Evidence, projection_of
from exports.weights import Weights
from tests.filled_workspace import fill
from tests.integration.trainer_environments import MARKS, python_with
from tests.unit.exports.export_records import NOW, World
from tests.unit.exports.test_tools import tool_chat
from workspaces.records import Significance, Task, ToolCall

pytestmark = MARKS
PACKAGES = ("torch==2.13.0", "trl==1.16.0", "transformers==5.23.0", "datasets==5.2.0")
STEPS = 3
PAGES = Path(__file__).parents[2] / "docs" / "training"

TRAIN = '''
import os, sys

for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import json
import torch
from datasets import load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
import trl

CHATML = """{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}<|im_start|>{{ m['role'] }}
{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}{{ m['content'] }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

home = {name: trl for name in ("DPO", "KTO", "Reward", "SFT")}
from trl.experimental import tpo
home["TPO"] = tpo
sys.path.insert(0, os.environ["TRAINING_PAGES"])
import weighted_preferences, weighted_reward
for name, module in {"DPO": weighted_preferences, "KTO": weighted_preferences, "Reward": weighted_reward}.items():
    home["Weighted" + name] = module
    setattr(module, f"Weighted{name}Config", getattr(trl, name + "Config"))


def weighting(run, weights, count=2):
    """Return the loss of the first rows with these weights; None: as the trainer without weights has it."""
    run.model.eval()
    batch = run.data_collator([dict(run.train_dataset[i]) for i in range(count)])
    name = "margin" if "margin" in batch else "weight"
    batch[name] = torch.tensor([1.0, 1.0] if weights is None else weights) * getattr(run, "mean_margin", 1.0)
    with torch.no_grad():
        if weights is None:
            del batch[name]
            plain = next(it for it in type(run).__mro__ if it.__module__.startswith("trl."))
            if plain is not trl.RewardTrainer:
                run._compute_loss = lambda *given: plain._compute_loss(run, *given)
            try:
                return float(plain.compute_loss(run, run.model, batch))
            finally:
                run.__dict__.pop("_compute_loss", None)
        return float(run.compute_loss(run.model, batch))


def train(kind, folder, work, **options):
    dataset = load_dataset(folder, "trl")
    rows = dataset["train"]
    if kind in ("WeightedDPO", "WeightedKTO"):
        rows = weighted_preferences.weighted_rows(folder)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=384, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator((str(row) for row in rows), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<|pad|>", eos_token="<|im_end|>", chat_template=CHATML
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    model.save_pretrained(work + "/model")
    tokenizer.save_pretrained(work + "/model")
    settings = {
        "output_dir": work + "/out", "max_steps": 3, "per_device_train_batch_size": 2, "use_cpu": True,
        "bf16": False, "report_to": "none", "save_strategy": "no", "max_length": 8192, "logging_steps": 1,
        "learning_rate": 1e-2, **options,
    }
    config = getattr(home[kind], kind + "Config")(**settings)
    run = getattr(home[kind], kind + "Trainer")(
        model=work + "/model", args=config, train_dataset=rows, processing_class=tokenizer,
        eval_dataset=dataset.get("test"),
    )
    before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
    run.train()
    told = run.evaluate() if "test" in dataset else {}
    changed = [name for name, value in run.model.named_parameters() if not torch.equal(value, before[name])]
    weighed = {}
    if kind.startswith("Weighted"):
        cases = {"first": [1, 0], "second": [0, 1], "both": [1, 1], "more of the first": [3, 1], "plain": None}
        weighed = {name: weighting(run, weights) for name, weights in cases.items()}
        weighed |= {f"alone, {weight}": weighting(run, [weight], 1) for weight in (1.0, 2.0)}
        weighed["mean"] = sum(rows["weight"]) / len(rows) if "weight" in rows.column_names else 1.0
    return {
        "kind": kind,
        "folder": os.path.basename(folder),
        "weighed": weighed,
        "written": len(rows),
        "trained_on": len(run.train_dataset),
        "steps": run.state.global_step,
        "losses": [entry["loss"] for entry in run.state.log_history if "loss" in entry],
        "changed": len(changed),
        "parameters": len(before),
        "tested": len(dataset.get("test", ())),
        "accuracy": told.get("eval_rewards/accuracies"),
    }


work = sys.argv[1]
reports = [train(kind, folder, work, **options) for kind, folder, options in json.loads(sys.argv[2])]
print()
print(json.dumps(reports))
'''


@pytest.fixture(scope="session")
def trl_python() -> Path:
    return python_with("trl-1.16.0", PACKAGES)


KINDS = {"dpo": ("DPO", "Reward"), "reward": ("Reward",), "kto": ("KTO",), "sft": ("SFT",), "tpo": ("TPO",)}
"""The trainers that read each export."""


def written(folder: Path, world: World, *names: str, test_share: float = 0.0) -> None:
    """Export answers in each of these forms, into a folder of its own."""
    evidence = Evidence(world.tasks, world.annotations, world.contexts, Weights({"p0": 0.5}))
    for name in names:
        exports.export(
            folder / name,
            projection_of(name),
            evidence,
            ledger_tip=None,
            created_at=NOW,
            test_share=test_share,
        )


def small(folder: Path) -> None:
    """Write exports of odd texts: what no text can be, system turns, a rewrite for each prompt."""
    world = World()
    for number in range(8):
        texts = (f"It is {2 * number}.", "No idea\x00 \ud800")
        one, two = world.chat(f"What is {number} + {number}? \U0001f600 é", *texts, system="Be kind.")
        world.votes(world.task(one, two), "a")
        world.answer(world.task(one), "p1", instruction="yes", helpful="yes")
        world.answer(world.task(two), "p1", helpful="no", suggestion=f"{number} + {number} = {2 * number}")
    written(folder, world, *KINDS)


def tool_use(folder: Path, *names: str) -> None:
    """Write exports of chats in which a tool answers before the model does; those of ``KINDS`` unless named."""
    world = World()
    for number in range(6):
        call = ToolCall("clock", json.dumps({"zone": number}), id=f"call_{number}")
        chat = tool_chat(f"c{number}", call, metadata=True)
        world.conversations.append(chat)
        one, two = f"c{number}r0", f"c{number}r1"
        world.votes(world.task(one, two), "aab")
        world.answer(world.task(one), "p1", instruction="yes", helpful="yes")
        world.answer(world.task(two), "p1", helpful="no", suggestion=f"It is a quarter past {number}.")
    written(folder, world, *(names or KINDS))


def mt_bench(folder: Path, shared: Path) -> None:
    """Write exports of the human judgments of MT-bench; nobody rewrote an answer there, so not for TPO."""
    world = World()
    answers = {}
    for line in (shared / "conversations.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        asked, answered = (turn["content"] for turn in row["conversation"][:2])
        (answers[row["conversation_id"]],) = world.chat(asked, answered, licence="cc-by-4.0")
    tasks: dict[tuple[str, str], str] = {}
    with (shared / "human_judgments_turn1.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            one, two = (
                answers[f"mt-bench-{row['question_id']}-{row[side]}"] for side in ("model_a", "model_b")
            )
            if (one, two) not in tasks:
                tasks[one, two] = f"t{len(tasks)}"
                world.tasks[tasks[one, two]] = Task(
                    tasks[one, two],
                    "preference",
                    (one, two),
                    (),
                    Significance.LOW,
                    {},
                    "1",
                    "argilla",
                    3,
                    NOW,
                )
            said = {"model_a": "a", "model_b": "b"}.get(row["winner"], "tie")
            world.answer(tasks[one, two], row["judge"], preference=said)
    written(folder, world, "dpo", "reward", "kto", "sft", test_share=0.1)


def demo(folder: Path) -> None:
    """Write exports of the answers of the demo's people."""
    workspace = fill(folder / "workspace")
    for name in KINDS:
        steps.export(workspace, name, folder / name, test_share=0)


def learnable(folder: Path) -> None:
    """Write exports of pairs of which the polite side is always preferred, whatever else it says."""
    world = World()
    words = ("blue", "red", "north", "south", "seven", "nine", "salt", "rain")
    for number in range(400):
        said = [f"{words[number * step % 8]} {words[(number + step) % 8]}" for step in (3, 5)]
        polite = number // 8 % 2
        texts = [f"{text}, please" if side == polite else f"{text}, now" for side, text in enumerate(said)]
        world.votes(world.task(*world.chat(f"Say {words[number % 8]} {number}.", *texts)), "ab"[polite] * 2)
    written(folder, world, "dpo", test_share=0.2)


def trained(python: Path, work: Path, jobs: list[tuple[str, Path, dict[str, float]]]) -> list[dict[str, Any]]:
    """Run trainers one after the other in one process; return what each reports."""
    script = work / "train.py"
    script.write_text(TRAIN, "utf-8")
    told = json.dumps([(kind, str(folder), options) for kind, folder, options in jobs])
    known = {**os.environ, "TRAINING_PAGES": str(PAGES), "HF_DATASETS_CACHE": str(work / "cache")}
    command: list[str | Path] = [python, script, work, told]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=work, env=known)
    assert done.returncode == 0, done.stderr[-4000:]
    reports: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    for report in reports:
        print(json.dumps(report))
    return reports


@pytest.mark.parametrize("sample", ["small", "tool_use", "mt_bench", "demo"])
def test_every_trainer_takes_every_row_and_learns(
    sample: str, trl_python: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if sample == "mt_bench":
        mt_bench(tmp_path, request.getfixturevalue("mt_bench"))
    else:
        {"small": small, "tool_use": tool_use, "demo": demo}[sample](tmp_path)
    jobs: list[tuple[str, Path, dict[str, float]]] = [
        (kind, tmp_path / name, {})
        for name, kinds in KINDS.items()
        for kind in kinds
        if (tmp_path / name).exists()
    ]
    reports = trained(trl_python, tmp_path, jobs)
    assert len(reports) == (5 if sample == "mt_bench" else 6)
    for report in reports:
        rows = json.loads((tmp_path / report["folder"] / "manifest.json").read_text("utf-8"))["rows"]["trl"]
        assert report["written"] == report["trained_on"] == rows["train"]
        assert report["steps"] == len(report["losses"]) == STEPS
        assert all(math.isfinite(loss) for loss in report["losses"])
        assert report["changed"] == report["parameters"]


def test_weights_of_rows_reach_the_loss(trl_python: Path, tmp_path: Path) -> None:
    small(tmp_path)
    jobs = [("WeightedDPO", "dpo"), ("WeightedKTO", "kto"), ("WeightedReward", "reward")]
    for report in trained(trl_python, tmp_path, [(kind, tmp_path / name, {}) for kind, name in jobs]):
        assert report["written"] == report["trained_on"]
        assert report["changed"] == report["parameters"]
        losses = report["weighed"]
        assert losses["first"] != pytest.approx(losses["second"], rel=1e-3)
        assert losses["both"] == pytest.approx(losses["first"] + losses["second"], rel=1e-4)
        assert losses["more of the first"] == pytest.approx(3 * losses["first"] + losses["second"], rel=1e-4)
        assert losses["both"] == pytest.approx(losses["plain"], rel=1e-4)
        assert losses["alone, 2.0"] == pytest.approx(2 * losses["alone, 1.0"], rel=1e-4), "a batch of one"
        assert losses["mean"] == pytest.approx(1)


def test_dpo_learns_what_people_prefer_and_tells_it_on_the_test_split(
    trl_python: Path, tmp_path: Path
) -> None:
    learnable(tmp_path)
    options = {"max_steps": 60, "per_device_train_batch_size": 8, "learning_rate": 5e-3}
    (report,) = trained(trl_python, tmp_path, [("DPO", tmp_path / "dpo", options)])
    assert report["tested"] > 40
    assert report["accuracy"] > 0.9
