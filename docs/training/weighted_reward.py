"""A reward model whose loss weights each pair with the column `margin` of `chatfeedback export reward` (TRL 1.16.0)."""

from __future__ import annotations

from torch.nn.functional import logsigmoid
from trl import RewardTrainer


class WeightedRewardTrainer(RewardTrainer):
    """Takes `margin` for the weight of a pair, and not for a distance that the rewards have to keep.

    Weights are divided by their mean over all rows, not by that of a batch, in which a pair alone would always weigh 1.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        margins = self.train_dataset.with_format("numpy")["margin"][:]
        self.mean_margin = max(float(margins.mean()), 1e-6)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Return mean(weight * loss), with weights of mean 1 over all rows."""
        weight = inputs.pop("margin") / self.mean_margin
        _, outputs = super().compute_loss(model, inputs, return_outputs=True)
        chosen, rejected = outputs.logits.squeeze(-1).chunk(2)
        loss = -(weight * logsigmoid(chosen - rejected)).mean()
        return (loss, outputs) if return_outputs else loss
