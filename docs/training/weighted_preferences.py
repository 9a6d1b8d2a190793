"""DPO and KTO whose losses weight each row of `chatfeedback export dpo` and `kto` (TRL 1.16.0, texts only)."""

from __future__ import annotations

import torch
from datasets import load_dataset
from trl import DPOTrainer, KTOTrainer

WEIGHT = "weight"


def weighted_rows(folder, split="train"):
    """Return the rows to train on with a column `weight`: row n of `provenance` tells of row n."""
    rows = load_dataset(folder, split=split)
    return rows.add_column(WEIGHT, load_dataset(folder, "provenance", split=split)[WEIGHT])


class WeightingMixin:
    """Keeps the column `weight` up to the loss; the collator of a trainer of texts knows nothing of it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        collate = self.data_collator

        def with_weights(examples):
            weights = torch.tensor([float(example.pop(WEIGHT, 1.0)) for example in examples])
            return {**collate(examples), WEIGHT: weights}

        self.data_collator = with_weights

    def _set_signature_columns_if_needed(self):
        super()._set_signature_columns_if_needed()
        if WEIGHT not in self._signature_columns:
            self._signature_columns.append(WEIGHT)


class WeightedDPOTrainer(WeightingMixin, DPOTrainer):
    """Loss of a batch: sum(weight * loss) / sum(weight); 0 for a batch without any weight.

    DPOTrainer returns the mean of a batch alone, whatever the loss type. So each pair is computed by itself: a batch of
    n takes n passes. It adds nothing to memory; `gradient_accumulation_steps` does not change it.
    """

    def _compute_loss(self, model, inputs, return_outputs):
        weights = inputs.pop(WEIGHT)
        n = len(weights)
        losses = []
        for pair in range(n):  # a batch is all chosen sides, then all rejected ones
            own = {
                key: it[pair::n] if len(it) == 2 * n else it[pair : pair + 1] for key, it in inputs.items()
            }
            losses.append(super()._compute_loss(model, own, return_outputs=False))
        loss = (weights.to(losses[0].device) * torch.stack(losses)).sum() / weights.sum().clamp(min=1e-6)
        return (loss, {}) if return_outputs else loss


class WeightedKTOTrainer(WeightingMixin, KTOTrainer):
    """Loss of a batch: sum(weight * loss) / sum(weight), each side times its `desirable_weight`; 0 without any weight.

    KTOTrainer multiplies the losses of each side with a number, which a vector stands in for here.
    """

    def _compute_loss(self, model, inputs, return_outputs):
        weights = inputs.pop(WEIGHT)
        weights = (weights * len(weights) / weights.sum().clamp(min=1e-6)).to(inputs["input_ids"].device)
        wanted = inputs["label"].bool()
        before = self.desirable_weight, self.undesirable_weight
        self.desirable_weight = before[0] * weights[wanted]
        self.undesirable_weight = before[1] * weights[~wanted]
        try:
            return super()._compute_loss(model, inputs, return_outputs)
        finally:
            self.desirable_weight, self.undesirable_weight = before
