"""Loaders of trainers that need torch take our rows whole: verl, OpenRLHF and NeMo-RL, as they stand in their code.

They run in the environment of ``test_trl_trains``, from the unpacked wheels; NeMo-RL's wheel on PyPI holds no code, so
its loader runs from a copy of its repository, if the folder of wheels has one. Packages' ``__init__`` do not run, and
what they import beside (Ray, Megatron, DeepSpeed) is stood in for.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_trainers_loaders import export
from tests.integration.test_trl_trains import PAGES, trl_python
from tests.integration.trainer_environments import MARKS, code_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["trl_python"]
pytestmark = MARKS
NEMO_RL_CODE = os.environ.get("CHATFEEDBACK_NEMO_RL")

BEGIN = '''
import json, os, sys, types
from glob import glob

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
code, folder = sys.argv[1:]


def bare(name):
    """Let modules of a package be imported without running its __init__."""
    module = types.ModuleType(name)
    module.__path__ = [os.path.join(code, *name.split("."))]
    sys.modules[name] = module
    return module


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE({char: place for place, char in enumerate(alphabet)}, []))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", eos_token="<eos>",
        chat_template="{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}",
    )
    from tokenizers import decoders
    made.backend_tokenizer.decoder = decoders.ByteLevel()
    return made

'''
VERL = (
    BEGIN
    + """
bare("verl"); utils = bare("verl.utils"); bare("verl.utils.dataset")
utils.hf_tokenizer = None
from verl.utils.dataset.rm_dataset import RMDataset

(path,) = glob(folder + "/data/verl/train-*.parquet")
words = tokenizer()
rows = RMDataset([path], tokenizer=words, max_length=256, cache_dir=folder + "-cache")
print()
print(json.dumps([[words.decode(side[mask.bool()]) for side, mask in zip(row["input_ids"], row["attention_mask"])]
                  for row in (rows[i] for i in range(len(rows)))]))
"""
)
OPENRLHF_MODULES = (
    BEGIN
    + """
bare("openrlhf"); bare("openrlhf.datasets"); bare("openrlhf.models"); bare("openrlhf.utils")
sys.modules["deepspeed"] = types.ModuleType("deepspeed")
made = types.ModuleType("openrlhf.datasets.utils")
made.exist_and_not_none = lambda d, key: key in d and d[key] is not None
sys.modules["openrlhf.datasets.utils"] = made
made = types.ModuleType("openrlhf.utils.utils")
made.zero_pad_sequences = None
sys.modules["openrlhf.utils.utils"] = made
from datasets import load_dataset
from openrlhf.datasets.reward_dataset import RewardDataset

data = types.SimpleNamespace(
    prompt_key="prompt", chosen_key="chosen", rejected_key="rejected", apply_chat_template=True
)
strategy = types.SimpleNamespace(args=types.SimpleNamespace(data=data))
words = tokenizer()
"""
)
OPENRLHF = (
    OPENRLHF_MODULES
    + """
told = []
for is_dpo in (False, True):
    rows = RewardDataset(
        load_dataset(folder, "openrlhf", split="train"), words, 512, strategy, is_dpo=is_dpo, num_processors=1
    )
    read = [rows[place] for place in range(len(rows))]
    told.append([[words.decode(row[0][0]), words.decode(row[2][0]), row[4]] for row in read])
print()
print(json.dumps(told))
"""
)
NEMO_RL = (
    BEGIN
    + '''
for name in ("nemo_rl", "nemo_rl.data", "nemo_rl.data.datasets", "nemo_rl.data.datasets.preference_datasets"):
    bare(name)
for name in ("nemo_rl.algorithms", "nemo_rl.algorithms.loss", "nemo_rl.distributed"):
    bare(name)


class StandIn(types.ModuleType):
    # of a module that needs Ray, Megatron or pictures, of which nothing is called here
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


for name in (
    "algorithms.x_token.loss_utils", "data.packing", "distributed.model_utils", "models.dtensor.parallelize",
    "models.policy", "utils.fastokens", "utils.logger",
):
    sys.modules[f"nemo_rl.{name}"] = StandIn(f"nemo_rl.{name}")
from datasets import load_dataset
import transformers.audio_utils, transformers.video_utils  # before the next line: they ask whether it is installed

sys.modules.update({name: StandIn(name) for name in ("PIL", "requests")})
sys.modules["PIL"].Image = types.SimpleNamespace(Image=object)
raw = types.ModuleType("nemo_rl.data.datasets.raw_dataset")
raw.RawDataset = object
sys.modules[raw.__name__] = raw
source = types.ModuleType("nemo_rl.data.datasets.utils")


def load_dataset_from_path(path, subset=None, split=None):
    """As its utils.py has it for a path that ends with .jsonl; the rest of that module needs audio and images."""
    return load_dataset("json", data_files=path)[split or "train"]


source.load_dataset_from_path = load_dataset_from_path
sys.modules[source.__name__] = source
import torch
import yaml

sys.path.insert(0, os.environ["TRAINING_PAGES"])
import weighted_nemo_rl as ours
from nemo_rl.algorithms.loss.loss_functions import DPOLossConfig, DPOLossFn, PreferenceLossFn
from nemo_rl.data.collate_fn import preference_collate_fn
from nemo_rl.data.datasets.preference_datasets.preference_dataset import PreferenceDataset
from nemo_rl.data.interfaces import TaskDataSpec

(path,) = glob(folder + "/data/nemo-rl/train-*.jsonl")
page = open(os.environ["TRAINING_PAGES"] + "/nemo-rl.md").read().split("```yaml\\n")[1].split("```")[0]
settings = yaml.safe_load(page)["data"]
settings = {**settings["default"], **settings["train"], "data_path": path}
assert settings.pop("dataset_name") == "PreferenceDataset"
rows = ours.WeightedPreferenceDataset(path, split="train").dataset
words = tokenizer()


def batch(length):
    made = [ours.weighted_preprocessor(row, TaskDataSpec("t"), words, length, n) for n, row in enumerate(rows)]
    return preference_collate_fn(made, words, 1, add_loss_mask=True)


def losses(of_reward, of_dpo, data):
    seqs = data["sample_mask"].sum()
    scores = torch.sin(torch.arange(2.0 * len(rows)))
    logprobs = -torch.arange(data["input_ids"][:, 1:].numel()).reshape(2 * len(rows), -1) / 1000
    data = {**data, "reference_policy_logprobs": torch.zeros(data["input_ids"].shape)}
    return [
        of_reward(scores[:, None], data, seqs, None)[1], of_dpo(logprobs, data, seqs, None)[1],
    ]


def told(weights):
    data = {**batch(999)}
    data["sample_mask"] = torch.tensor([float(it) for it in weights for _ in range(2)])
    return losses(ours.WeightedPreferenceLossFn(), ours.WeightedDPOLossFn(DPOLossConfig()), data)


ones = {**batch(999), "sample_mask": torch.ones(2 * len(rows))}
own = batch(999)
print()
print(json.dumps({
    "rows": list(PreferenceDataset(**settings).dataset), "weights": rows["weight"][:],
    "mask": own["sample_mask"].tolist(), "too long": batch(5)["sample_mask"].tolist(),
    "plain": losses(PreferenceLossFn(), DPOLossFn(DPOLossConfig()), ones), "ones": told([1] * len(rows)),
    "own": told(rows["weight"][:]),
    "each": [told([n == place for n in range(len(rows))]) for place in range(len(rows))],
    "none": told([0] * len(rows)),
}))
'''
)


@pytest.fixture
def run(trl_python: Path, tmp_path: Path) -> Callable[..., Any]:
    def ran(script: str, code: Path, folder: Path, python: Path = trl_python) -> Any:
        path = tmp_path / "load.py"
        path.write_text(script, "utf-8")
        known = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache"), "TRAINING_PAGES": str(PAGES)}
        done = subprocess.run(
            [python, path, code, folder], capture_output=True, text=True, check=False, env=known
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return ran


def test_verl_reads_every_pair(run: Callable[..., Any], tmp_path: Path) -> None:
    rows = run(VERL, code_of("verl"), export(tmp_path, "verl"))
    assert len(rows) == 3
    for chosen, rejected in rows:
        assert {chosen.split("?")[1][-8:-5], rejected.split("?")[1][-8:-5]} == {"ood", "bad"}
        assert chosen.split("?")[0] == rejected.split("?")[0]
        assert chosen.endswith("<eos>")


def test_openrlhf_reads_every_pair_and_its_margin(run: Callable[..., Any], tmp_path: Path) -> None:
    reward, dpo = run(OPENRLHF, code_of("openrlhf"), export(tmp_path, "openrlhf"))
    assert len(reward) == len(dpo) == 3
    for chosen, rejected, margin in reward:
        assert {chosen.split("[assistant]")[1][:3], rejected.split("[assistant]")[1][:3]} == {"goo", "bad"}
        assert margin > 0
    assert all(length > 0 for _, _, length in dpo), "of DPO, the length of the prompt"


def test_nemo_rl_reads_every_pair_and_weights_reach_its_losses(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    if NEMO_RL_CODE is None:
        pytest.skip("its wheel on PyPI is empty: set CHATFEEDBACK_NEMO_RL to a clone of its repository")
    found = run(NEMO_RL, Path(NEMO_RL_CODE), export(tmp_path, "nemo-rl"))
    assert len(found["rows"]) == 3
    for row in found["rows"]:
        assert [it["rank"] for it in row["completions"]] == [0, 1]
        assert {it["completion"][0]["content"] for it in row["completions"]} == {"good", "bad"}
        assert row["context"][-1]["content"].startswith("Why")
        assert row["task_name"]
    weights = found["weights"]
    assert len(set(weights)) > 1
    assert found["mask"] == pytest.approx([weight for weight in weights for _ in range(2)])
    assert found["too long"] == [0] * 6
    for trainer in (0, 1):  # of a reward model, of DPO
        for figure in ("loss", "accuracy"):
            each = [it[trainer][figure] for it in found["each"]]
            whole = sum(weight * value for weight, value in zip(weights, each, strict=True))
            assert found["own"][trainer][figure] == pytest.approx(whole / sum(weights))
            assert found["ones"][trainer][figure] == pytest.approx(found["plain"][trainer][figure])
            assert found["none"][trainer][figure] == 0
