"""DPO and KTO whose losses weight each row of `chatfeedback export dpo` and `kto` (TRL 1.16.0, texts only).

Weights have a mean of 1 over all rows, and a batch is not divided by its own: a pair weighs as much in a batch of one
(`per_device_train_batch_size=1`, whatever `gradient_accumulation_steps`) as in any other.
"""

from __future__ import annotations

import torch
from datasets import load_dataset
from trl import DPOTrainer, KTOTrainer

WEIGHT = "weight"


def weighted_rows(folder, split="train"):
    """Return the rows to train on with a column `weight` of mean 1: row n of `provenance` tells of row n."""
    rows = load_dataset(folder, split=split)
    weights = load_dataset(folder, "provenance", split=split).with_format("numpy")[WEIGHT][:]
    return rows.add_column(WEIGHT, weights / max(weights.mean(), 1e-6))


class WeightingMixin:
    """Keeps the column `weight` up to the loss; the collator of a trainer of texts knows nothing of it."""

    def __init__(self, *args, **kwargs):
        if not hasattr(super(), "_compute_loss"):
            raise SystemExit("This version of TRL computes its loss elsewhere, without weights: install 1.16")
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
    """Loss of a batch: mean(weight * loss).

    DPOTrainer returns the mean of a batch alone, whatever the loss type. So each pair is computed by itself: a batch of
    n takes n passes. What compares the pairs of a batch (`aot`, `bco_pair`) is no loss for it.
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
        loss = (weights.to(losses[0].device) * torch.stack(losses)).mean()
        return (loss, {}) if return_outputs else loss


class WeightedKTOTrainer(WeightingMixin, KTOTrainer):
    """Loss of a batch: mean(weight * loss), each side times its `desirable_weight` or `undesirable_weight`.

    KTOTrainer multiplies the losses of each side with a number, which a vector stands in for here.
    """

    def _compute_loss(self, model, inputs, return_outputs):
        weights = inputs.pop(WEIGHT).to(inputs["input_ids"].device)
        wanted = torch.as_tensor(inputs["label"], device=weights.device).bool()
        before = self.desirable_weight, self.undesirable_weight
        self.desirable_weight = before[0] * weights[wanted]
        self.undesirable_weight = before[1] * weights[~wanted]
        try:
            return super()._compute_loss(model, inputs, return_outputs)
        finally:
            self.desirable_weight, self.undesirable_weight = before
