"""Weights reach the losses of OpenRLHF and verl by the examples of ``docs/training``, on these trainers' own classes.

OpenRLHF's run from its unpacked wheel, with stand-ins for what imports DeepSpeed and Ray; verl's where it is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_torch_loaders import BEGIN, OPENRLHF_MODULES, run
from tests.integration.test_trainers_loaders import export
from tests.integration.test_trl_trains import tool_use, trl_python
from tests.integration.trainer_environments import MARKS, code_of, python_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["run", "trl_python"]
pytestmark = MARKS
VERL_PACKAGES = ("torch==2.13.0", "verl==0.9.1")
WEIGHTED_SFT = (
    BEGIN
    + """
import torch

sys.path.insert(0, os.environ["TRAINING_PAGES"])
from omegaconf import OmegaConf
from verl.utils import tensordict_utils as tu
from verl.utils.dataset.dataset_utils import SFTTensorCollator
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.workers.utils.losses import sft_loss
from weighted_verl import WeightedSFTDataset

paths = sorted(glob(folder + "/data/trl/train-*.parquet"))
words, settings = tokenizer(), OmegaConf.create({"pad_mode": "no_padding", "max_length": 999})


def losses(rows, *batches):
    found = []
    for batch in batches:
        data = SFTTensorCollator("no_padding")([rows[place] for place in batch])
        data = tu.get_tensordict(data, {"pad_mode": "no_padding", "dp_size": 1})
        tu.assign_non_tensor(data, batch_num_tokens=data["loss_mask"].values().sum().item())
        ids = data["input_ids"]
        scores = torch.nested.nested_tensor_from_jagged(torch.sin(ids.values().float()) - 2, ids.offsets())
        found.append(float(sft_loss(None, {"log_probs": scores}, data)[0]))
    return found


plain, ours = (make(list(paths), words, settings) for make in (MultiTurnSFTDataset, WeightedSFTDataset))
every = range(len(plain))
tokens = [int(plain[place]["loss_mask"].sum()) for place in every]
weights, own = list(ours.weights), losses(ours, every)
ours.weights = [0.4] * len(plain)
with_tools = sorted(glob(os.path.dirname(folder) + "/tools/sft/data/trl/train-*.parquet"))
called = WeightedSFTDataset(with_tools, words, settings)
try:
    WeightedSFTDataset(list(paths), words, OmegaConf.create({"pad_mode": "right"}))
except SystemExit as refused:
    padded = str(refused)
print()
print(json.dumps({
    "each": losses(plain, *([place] for place in every)), "tokens": tokens, "weights": weights, "own": own,
    "alike": losses(ours, every), "plain": losses(plain, every), "padded": padded,
    "called": [words.decode(called[place]["input_ids"]) for place in range(len(called))],
    "tools": [tools[0]["function"]["name"] for tools in called.tools],
}))
"""
)

WEIGHTED = (
    OPENRLHF_MODULES
    + """
import torch
from openrlhf.models.loss import PairWiseLoss
sys.path.insert(0, os.environ["TRAINING_PAGES"])
from weighted_openrlhf import WeightedPairWiseLoss, WeightedRewardDataset

chosen, rejected = torch.tensor([1.5, -0.5]), torch.tensor([0.5, 1.0])
each = [float(PairWiseLoss()(chosen[place : place + 1], rejected[place : place + 1])) for place in range(2)]
found = {
    name: float(WeightedPairWiseLoss()(chosen, rejected, None if weights is None else torch.tensor(weights)))
    for name, weights in {"more": [1.5, 0.5], "both": [1.0, 1.0], "none": [0.0, 0.0], "plain": None}.items()
}
rows, plain = (
    kind(load_dataset(folder, "openrlhf", split="train"), words, 512, strategy, num_processors=1)
    for kind in (WeightedRewardDataset, RewardDataset)
)
print()
print(json.dumps([each, found, list(rows.extras), list(plain.extras)]))
"""
)

WEIGHTED_DPO = (
    BEGIN
    + """
import torch
from torch import nn

for name in ("openrlhf", "openrlhf.models", "openrlhf.utils", "openrlhf.trainer", "openrlhf.datasets"):
    bare(name)
sys.modules["deepspeed"] = types.ModuleType("deepspeed")
made = types.ModuleType("openrlhf.datasets.utils")
made.exist_and_not_none = lambda d, key: key in d and d[key] is not None
sys.modules[made.__name__] = made
made = types.ModuleType("openrlhf.utils.utils")


def zero_pad_sequences(sequences, side="left", value=0):
    # as its utils.py has it, of which the rest needs Ray
    longest = max(each.size(-1) for each in sequences)
    return torch.stack([nn.functional.pad(each, (0, longest - each.size(-1)), value=value) for each in sequences])


made.zero_pad_sequences = zero_pad_sequences
sys.modules[made.__name__] = made
from openrlhf.models.loss import DPOLoss
sys.modules["openrlhf.models"].DPOLoss = DPOLoss
sys.path.insert(0, os.environ["TRAINING_PAGES"])
import weighted_openrlhf_dpo as ours
from datasets import load_dataset
from openrlhf.datasets.reward_dataset import RewardDataset
from openrlhf.trainer.dpo_trainer import DPOTrainer

words, names = tokenizer(), types.SimpleNamespace
data = names(prompt_key="prompt", chosen_key="chosen", rejected_key="rejected", apply_chat_template=True)
options = names(
    data=data, model=names(label_smoothing=0.0, ipo_enable=False, aux_loss_coef=0, nll_loss_coef=0),
    ds=names(packing_samples=False), logger=names(wandb=names(key=None), tensorboard_dir=None, logging_steps=99),
    eval=names(steps=99), ckpt=names(save_steps=99), train=names(batch_size=3),
)


class Strategy:
    # of one process without a GPU: it keeps the losses instead of learning by them
    args, ring_attn_group, accumulated_gradient = options, None, 1
    is_rank_0 = staticmethod(lambda: False)
    all_reduce = staticmethod(dict)
    get_grad_norm = staticmethod(lambda model: 0.0)
    optimizer_step = staticmethod(lambda *given: None)

    def backward(self, loss, *given):
        self.losses.append(float(loss))


class Model(nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.scores = nn.Parameter(torch.randn(len(words)))

    def forward(self, input_ids, **given):
        return -self.scores[input_ids[:, 1:]].square(), {}


def trained(rows_of, trainer, size, changed=None):
    strategy = Strategy()
    rows = rows_of(
        load_dataset(folder, "openrlhf", split="train"), words, 512, strategy, is_dpo=True, num_processors=1
    )
    if changed:
        rows.extras = [[length, weight] for (length, _), weight in zip(rows.extras, changed)]
    batches = torch.utils.data.DataLoader(rows, batch_size=size, collate_fn=rows.collate_fn)
    strategy.losses = []
    pace = names(get_last_lr=lambda: [0.0])
    trainer(Model(0), Model(1), strategy, words, None, batches, None, pace, max_epochs=1).fit(options)
    return strategy.losses, rows.extras


weighted = ours.WeightedRewardDataset, ours.WeightedDPOTrainer
own, extras = trained(*weighted, 3)
print()
print(json.dumps({
    "each": trained(RewardDataset, DPOTrainer, 1)[0],
    "plain": trained(RewardDataset, DPOTrainer, 3)[0],
    "own": own,
    "weights": [weight for _, weight in extras],
    "alike": trained(*weighted, 3, [1.0] * 3)[0],
    "alone": trained(*weighted, 1)[0],
    "none": trained(*weighted, 3, [0.0] * 3)[0],
}))
"""
)


def test_weights_reach_the_loss_of_verl(run: Callable[..., Any], tmp_path: Path) -> None:
    """By its own data set, collator and loss, all of them imported from where it is installed."""
    python = python_with("verl-0.9.1", VERL_PACKAGES)
    (tmp_path / "tools").mkdir()
    tool_use(tmp_path / "tools", "sft")
    found = run(WEIGHTED_SFT, code_of("verl"), export(tmp_path, "sft"), python)
    assert len(set(found["weights"])) > 1
    tokens = [weight * n for weight, n in zip(found["weights"], found["tokens"], strict=True)]
    whole = sum(n * loss for n, loss in zip(tokens, found["each"], strict=True))
    assert found["own"] == pytest.approx([whole / sum(tokens)])
    assert found["alike"] == pytest.approx(found["plain"])
    assert "pad_mode" in found["padded"]
    assert found["tools"] == ["clock"] * len(found["called"]), (
        "of JSON in Parquet, which is read as it is meant"
    )
    assert all("[tool]08:15[assistant]" in text for text in found["called"])


def test_the_margin_of_openrlhf_weights_its_loss(run: Callable[..., Any], tmp_path: Path) -> None:
    (first, second), found, weights, margins = run(
        WEIGHTED, code_of("openrlhf"), export(tmp_path, "openrlhf")
    )
    assert len(set(margins)) > 1
    mean = sum(margins) / len(margins)
    assert weights == pytest.approx([margin / mean for margin in margins])
    assert found["more"] == pytest.approx(0.75 * first + 0.25 * second)
    assert found["both"] == found["plain"] == pytest.approx((first + second) / 2)
    assert found["none"] == 0


def test_weights_reach_the_loss_of_the_dpo_of_openrlhf(run: Callable[..., Any], tmp_path: Path) -> None:
    """By its own data set, loss and loop of training, on one process without DeepSpeed."""
    found = run(WEIGHTED_DPO, code_of("openrlhf"), export(tmp_path, "openrlhf"))
    weights = found["weights"]
    assert len(set(weights)) > 1
    whole = sum(weight * loss for weight, loss in zip(weights, found["each"], strict=True))
    assert sum(weights) == pytest.approx(len(weights)), "of mean 1 over all rows"
    assert found["own"] == pytest.approx([whole / len(weights)])
    assert found["alike"] == pytest.approx(found["plain"])
    each = zip(weights, found["each"], strict=True)
    assert found["alone"] == pytest.approx([weight * loss for weight, loss in each]), "of a batch of one, too"
    assert found["none"] == [0]
