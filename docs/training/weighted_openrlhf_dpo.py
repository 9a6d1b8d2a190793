"""OpenRLHF's DPO with weighted pairs of `chatfeedback export openrlhf` (0.11.2).

    python weighted_openrlhf_dpo.py ...

The options are those of `python -m openrlhf.cli.train_dpo`; `margin` of a pair is its weight. Weights have a mean of 1
over all rows, and a batch is not divided by its own. It needs `weighted_openrlhf.py` beside it.
"""

from __future__ import annotations

import runpy

import torch
from openrlhf.datasets.reward_dataset import RewardDataset
from openrlhf.models import DPOLoss
from openrlhf.trainer.dpo_trainer import DPOTrainer
from weighted_openrlhf import of_mean_one


class WeightedRewardDataset(RewardDataset):
    """Hands the weight of a pair on beside the length of its prompt."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_dpo:
            lengths, weights = zip(*self.extras, strict=True)
            self.extras = list(zip(lengths, of_mean_one(weights), strict=True))

    def process_data(self, data):
        """Return the row; of DPO, `extra` is the length and the weight."""
        row = super().process_data(data)
        return row | {"extra": [float(row["extra"]), float(data["margin"])]} if self.is_dpo else row


class WeightedDPOLoss(DPOLoss):
    """Loss of a batch: mean(weight * loss)."""

    weights: torch.Tensor

    def forward(self, *logps):
        """Return the loss of a batch, and the rewards of both sides."""
        _, chosen, rejected = super().forward(*logps)
        pairs = [super(WeightedDPOLoss, self).forward(*pair)[0] for pair in zip(*logps, strict=True)]
        weights = self.weights.to(logps[0])
        return (weights * torch.stack(pairs)).mean(), chosen, rejected


class WeightedDPOTrainer(DPOTrainer):
    """Weights the losses of pairs; that of `--model.nll_loss_coef`, if any, stays as it is."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        of = self.args.model
        self.loss_fn = WeightedDPOLoss(self.beta, of.label_smoothing, of.ipo_enable)

    def concatenated_forward(self, model, chosen_ids, c_mask, reject_ids, r_mask, prompt_id_lens):
        """Keep the weights for the loss of this batch."""
        lengths, weights = zip(*prompt_id_lens, strict=True)
        self.loss_fn.weights = torch.tensor(weights)
        lengths = [int(length) for length in lengths]
        return super().concatenated_forward(model, chosen_ids, c_mask, reject_ids, r_mask, lengths)


if __name__ == "__main__":
    import openrlhf.datasets
    import openrlhf.trainer.dpo_trainer

    openrlhf.datasets.RewardDataset = WeightedRewardDataset
    openrlhf.trainer.dpo_trainer.DPOTrainer = WeightedDPOTrainer
    runpy.run_module("openrlhf.cli.train_dpo", run_name="__main__")
