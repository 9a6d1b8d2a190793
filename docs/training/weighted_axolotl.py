"""axolotl's DPO and KTO with weighted rows of `chatfeedback export axolotl` and `axolotl-kto` (0.19.0).

    python weighted_axolotl.py exports/axolotl weighted.parquet
    PYTHONPATH=. axolotl train dpo.yaml

The first command writes the rows to train on with their weights, the second trains on them; `dpo.yaml` names

    datasets: [{path: weighted.parquet, ds_type: parquet, split: train, type: chat_template.default, ...}]
    trainer_cls: weighted_axolotl.WeightedAxolotlDPOTrainer  # with rl: kto, WeightedAxolotlKTOTrainer
"""

from __future__ import annotations

import sys

from axolotl.core.trainers import AxolotlKTOTrainer
from axolotl.core.trainers.dpo.trainer import AxolotlDPOTrainer
from weighted_preferences import WeightedDPOTrainer, WeightedKTOTrainer, weighted_rows


class WeightedAxolotlDPOTrainer(WeightedDPOTrainer, AxolotlDPOTrainer):
    """Loss of a batch: mean(weight * loss), with weights of mean 1 over all rows."""


class WeightedAxolotlKTOTrainer(WeightedKTOTrainer, AxolotlKTOTrainer):
    """Loss of a batch: mean(weight * loss), with weights of mean 1 over all rows."""


if __name__ == "__main__":
    folder, target = sys.argv[1:]
    weighted_rows(folder).to_parquet(target)
