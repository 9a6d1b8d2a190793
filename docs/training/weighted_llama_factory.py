"""LLaMA-Factory's DPO and reward model with weighted pairs of `chatfeedback export llama-factory` (0.9.5).

    python weighted_llama_factory.py dpo.yaml

The YAML is that of `llamafactory-cli train`, with `stage: dpo` or `stage: rm`, one `dataset`, no `streaming`. Weights
have a mean of 1 over all rows, and a batch is not divided by its own, so a pair weighs as much in a batch of one.
"""

from __future__ import annotations

from functools import wraps

import torch
from datasets import load_dataset
from llamafactory.train import tuner
from llamafactory.train.dpo import trainer as dpo_trainer
from llamafactory.train.dpo import workflow as dpo
from llamafactory.train.rm import workflow as rm
from torch.nn.functional import logsigmoid

WEIGHT = "weight"


def with_weights(get_dataset):
    """Add the column `weight` of `provenance`, row by row and of mean 1, to the rows to train on."""

    @wraps(get_dataset)
    def loaded(template, model_args, data_args, *args, **kwargs):
        found = get_dataset(template, model_args, data_args, *args, **kwargs)
        told = load_dataset(data_args.dataset_dir, "provenance", split="train")
        weights = told.with_format("numpy")[WEIGHT][:]
        if len(weights) != len(found["train_dataset"]):
            raise SystemExit(
                "LLaMA-Factory dropped rows or split some off (val_size), so no weight has its row"
            )
        weights = weights / max(weights.mean(), 1e-6)
        return found | {"train_dataset": found["train_dataset"].add_column(WEIGHT, weights)}

    return loaded


class WeighingCollator(dpo.PairwiseDataCollatorWithPadding):
    """Hands the weights of a batch on to the trainer."""

    def __call__(self, features):
        """Return the batch, with `weight` if its rows have one."""
        weights = [feature[WEIGHT] for feature in features if WEIGHT in feature]
        batch = super().__call__(features)
        return batch | ({WEIGHT: torch.tensor(weights)} if weights else {})


class WeightedDPOTrainer(dpo_trainer.CustomDPOTrainer):
    """Weights the losses of pairs; `pref_ftx`, if any, adds its own loss without weights."""

    def get_batch_loss_metrics(self, model, batch, train_eval="train"):
        """Keep the weights for the loss of this batch."""
        self.weights = batch.pop(WEIGHT, None)
        return super().get_batch_loss_metrics(model, batch, train_eval)

    def compute_preference_loss(self, *logps):
        """Return the losses, each times its weight, and the rewards as they are."""
        losses, chosen, rejected = super().compute_preference_loss(*logps)
        return losses if self.weights is None else losses * self.weights.to(losses), chosen, rejected


class WeightedPairwiseTrainer(rm.PairwiseTrainer):
    """Loss of a batch: mean(weight * loss)."""

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        """Return the loss of a batch."""
        weights = inputs.pop(WEIGHT, None)
        loss, (_, chosen, rejected) = super().compute_loss(model, inputs, return_outputs=True, **kwargs)
        if weights is not None:
            losses = -logsigmoid(chosen.float() - rejected.float()).reshape(-1)
            loss = (losses * weights.to(losses)).mean()
        return (loss, (loss, chosen, rejected)) if return_outputs else loss


def weigh():
    """Let both workflows use the classes above."""
    for workflow in (dpo, rm):
        workflow.get_dataset = with_weights(workflow.get_dataset)
        workflow.PairwiseDataCollatorWithPadding = WeighingCollator
    dpo_trainer.CustomDPOTrainer, rm.PairwiseTrainer = WeightedDPOTrainer, WeightedPairwiseTrainer


if __name__ == "__main__":
    weigh()
    tuner.run_exp()
