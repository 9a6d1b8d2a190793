"""TRL trains on what we write: the real trainers, a tiny model, a CPU, no network."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

from exports import Evidence, contexts_of, export, projection_of
from exports.weights import Weights
from workspaces.records import (
    Annotation,
    AnnotationStatus,
    Conversation,
    Message,
    Role,
    Significance,
    Task,
)

pytestmark = [
    pytest.mark.trl,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        os.environ.get("CHATFEEDBACK_TEST_TRL") != "1",
        reason="installs torch and TRL (1.5 GB, about 1 minute): set CHATFEEDBACK_TEST_TRL=1 to run it",
    ),
]

PACKAGES = ("torch==2.13.0", "trl==1.16.0", "transformers==5.23.0", "datasets==5.2.0")
STEPS = 3
PAGES = Path(__file__).parents[2] / "docs" / "training"
NOW = datetime(2026, 5, 1, tzinfo=UTC)

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

CHATML = """{% for m in messages %}<|im_start|>{{ m['role'] }}
{{ m['content'] }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

kind, folder, work, steps = sys.argv[1:]
dataset = load_dataset(folder, "trl", cache_dir=work + "/cache")
rows = dataset["train"]

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

if kind == "TPO":
    from trl.experimental import tpo as home
elif kind == "WeightedReward":
    sys.path.insert(0, os.environ["TRAINING_PAGES"])
    import weighted_reward as home
    home.WeightedRewardConfig = trl.RewardConfig
else:
    home = trl
config = getattr(home, kind + "Config")(
    output_dir=work + "/out", max_steps=int(steps), per_device_train_batch_size=2, use_cpu=True, bf16=False,
    report_to="none", save_strategy="no", max_length=128, logging_steps=1, learning_rate=1e-2,
)
run = getattr(home, kind + "Trainer")(
    model=work + "/model", args=config, train_dataset=rows, processing_class=tokenizer
)
before = {name: value.detach().clone() for name, value in run.model.named_parameters()}
run.train()
changed = [name for name, value in run.model.named_parameters() if not torch.equal(value, before[name])]
print()
print(json.dumps({
    "written": len(rows),
    "trained_on": len(run.train_dataset),
    "steps": run.state.global_step,
    "losses": [entry["loss"] for entry in run.state.log_history if "loss" in entry],
    "changed": len(changed),
    "parameters": len(before),
}))
'''


@pytest.fixture(scope="session")
def trl_python() -> Path:
    """Make the environment once for all runs on this machine."""
    folder = Path(platformdirs.user_cache_dir("chatfeedback")) / "envs" / "trl-1.16.0"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        complete = folder / "complete.json"
        if not complete.is_file() or json.loads(complete.read_text()) != list(PACKAGES):
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
            complete.write_text(json.dumps(PACKAGES))
    return python


def write_exports(folder: Path) -> None:
    """Answer preference tasks, tag and rewrite responses; export each kind that TRL reads, all rows for training."""
    conversations: list[Conversation] = []
    tasks: dict[str, Task] = {}
    annotations: list[Annotation] = []

    def answer(kind: str, shown: tuple[str, ...], person: str, **values: str) -> None:
        task_id = f"t-{kind}-{'-'.join(shown)}"
        tasks[task_id] = Task(task_id, kind, shown, (), Significance.LOW, {}, "1", "argilla", 3, NOW)
        status = AnnotationStatus.SUBMITTED
        when = NOW + timedelta(minutes=len(annotations))
        name = f"a{len(annotations)}"
        annotations.append(Annotation(name, task_id, person, "argilla", status, 1, values, when))

    for number in range(8):
        one, two = f"{number}.1", f"{number}.2"
        turns = (
            Message(f"{number}.s", None, Role.SYSTEM, "Be kind."),
            Message(f"{number}.u", f"{number}.s", Role.USER, f"What is {number} + {number}? \U0001f600 é"),
            Message(one, f"{number}.u", Role.ASSISTANT, f"It is {2 * number}."),
            Message(two, f"{number}.u", Role.ASSISTANT, "No idea\x00 \ud800"),
        )
        conversations.append(Conversation(f"c{number}", turns, source="test logs"))
        answer("preference", (one, two), "p0", preference="a")
        answer("qualitative", (one,), "p1", instruction="yes", helpful="yes")
        answer("qualitative", (two,), "p1", helpful="no", suggestion=f"{number} + {number} = {2 * number}")
    evidence = Evidence(tasks, annotations, contexts_of(conversations), weights=Weights())
    for name in ("dpo", "kto", "reward", "sft", "tpo"):
        export(folder / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0.0)


@pytest.mark.parametrize(
    ("kind", "name", "rows"),
    [
        ("DPO", "dpo", 16),
        ("Reward", "dpo", 16),
        ("Reward", "reward", 16),
        ("WeightedReward", "reward", 16),
        ("KTO", "kto", 24),
        ("SFT", "sft", 16),
        ("TPO", "tpo", 8),
    ],
)
def test_a_trainer_takes_every_row_and_learns(
    kind: str, name: str, rows: int, trl_python: Path, tmp_path: Path
) -> None:
    write_exports(tmp_path)
    script = tmp_path / "train.py"
    script.write_text(TRAIN, "utf-8")
    command: list[str | Path] = [trl_python, script, kind, tmp_path / name, tmp_path, str(STEPS)]
    known = {**os.environ, "TRAINING_PAGES": str(PAGES)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=known)
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    print(kind, report)
    assert report["written"] == report["trained_on"] == rows
    assert report["steps"] == STEPS
    assert len(report["losses"]) == STEPS
    assert all(math.isfinite(loss) for loss in report["losses"])
    assert report["changed"] == report["parameters"]
