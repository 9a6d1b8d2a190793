"""A reward model whose loss weights each pair with the column `margin` of `chatfeedback export reward` (TRL 1.16.0)."""

from __future__ import annotations

from torch.nn.functional import logsigmoid
from trl import RewardTrainer


class WeightedRewardTrainer(RewardTrainer):
    """Takes `margin` for the weight of a pair, and not for a distance that the rewards have to keep."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return sum(weight * loss) / sum(weight); a batch without any weight has the loss 0."""
        weight = inputs.pop("margin")
        _, outputs = super().compute_loss(model, inputs, return_outputs=True)
        chosen, rejected = outputs.logits.squeeze(-1).chunk(2)
        loss = -(weight * logsigmoid(chosen - rejected)).sum() / weight.sum().clamp(min=1e-6)
        return (loss, outputs) if return_outputs else loss
