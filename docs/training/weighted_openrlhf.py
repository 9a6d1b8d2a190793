"""OpenRLHF's reward model with weighted pairs of `chatfeedback export openrlhf` (0.11.2).

    python weighted_openrlhf.py --model.margin_loss_enable ...

The options are those of `python -m openrlhf.cli.train_rm`; without `--model.margin_loss_enable` all pairs weigh alike.
Weights have a mean of 1 over all rows, and a batch is not divided by its own: `--train.micro_batch_size` is 1 unless it
is named, and a pair alone would always weigh 1.
"""

from __future__ import annotations

import runpy

from openrlhf.datasets.reward_dataset import RewardDataset
from openrlhf.models.loss import PairWiseLoss
from torch.nn.functional import logsigmoid


def of_mean_one(weights):
    """Return weights divided by their mean."""
    mean = max(sum(weights) / max(len(weights), 1), 1e-6)
    return [weight / mean for weight in weights]


class WeightedRewardDataset(RewardDataset):
    """Has margins of mean 1."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extras = of_mean_one(self.extras)


class WeightedPairWiseLoss(PairWiseLoss):
    """Takes `margin` for the weight of a pair, and not for a distance that the rewards have to keep."""

    def forward(self, chosen_reward, reject_reward, margin=None):
        """Return mean(weight * loss)."""
        if margin is None:
            return super().forward(chosen_reward, reject_reward)
        weight = margin.reshape(chosen_reward.shape).to(chosen_reward.dtype)
        return -(weight * logsigmoid(chosen_reward - reject_reward)).mean()


if __name__ == "__main__":
    import openrlhf.datasets
    import openrlhf.trainer.rm_trainer

    openrlhf.datasets.RewardDataset = WeightedRewardDataset
    openrlhf.trainer.rm_trainer.PairWiseLoss = WeightedPairWiseLoss
    runpy.run_module("openrlhf.cli.train_rm", run_name="__main__")
