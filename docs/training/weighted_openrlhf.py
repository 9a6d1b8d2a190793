"""OpenRLHF's reward model with weighted pairs of `chatfeedback export openrlhf` (0.11.2).

    python weighted_openrlhf.py --model.margin_loss_enable ...

The options are those of `python -m openrlhf.cli.train_rm`; without `--model.margin_loss_enable` all pairs weigh alike.
"""

from __future__ import annotations

import runpy

from openrlhf.models.loss import PairWiseLoss
from torch.nn.functional import logsigmoid


class WeightedPairWiseLoss(PairWiseLoss):
    """Takes `margin` for the weight of a pair, and not for a distance that the rewards have to keep."""

    def forward(self, chosen_reward, reject_reward, margin=None):
        """Return sum(weight * loss) / sum(weight); a batch without any weight has the loss 0."""
        if margin is None:
            return super().forward(chosen_reward, reject_reward)
        weight = margin.reshape(chosen_reward.shape).to(chosen_reward.dtype)
        return -(weight * logsigmoid(chosen_reward - reject_reward)).sum() / weight.sum().clamp(min=1e-6)


if __name__ == "__main__":
    import openrlhf.trainer.rm_trainer

    openrlhf.trainer.rm_trainer.PairWiseLoss = WeightedPairWiseLoss
    runpy.run_module("openrlhf.cli.train_rm", run_name="__main__")
