"""NeMo-RL's DPO and reward model with weighted pairs of `chatfeedback export nemo-rl` (commit 7ea279ab, August 2026).

    python weighted_nemo_rl.py examples/run_dpo.py --config dpo.yaml

It is started in a clone of NeMo-RL, in place of its `examples/run_dpo.py` or `run_rm.py`, with the same options.
`dataset_name` of the YAML stays `PreferenceDataset`, and `data_path` is a file of the export where it wrote it.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from datasets import load_dataset
from nemo_rl.algorithms.loss.loss_functions import DPOLossFn, PreferenceLossFn
from nemo_rl.data.datasets.preference_datasets.preference_dataset import PreferenceDataset
from nemo_rl.data.processors import preference_preprocessor

WEIGHT = "weight"


class WeightedPreferenceDataset(PreferenceDataset):
    """Has the column `weight` of `provenance`, row by row."""

    def __init__(self, data_path, *args, **kwargs):
        super().__init__(data_path, *args, **kwargs)
        path = Path(data_path).resolve()
        told = load_dataset(str(path.parents[2]), "provenance", split=path.name.split("-")[0])
        self.dataset = self.dataset.add_column(WEIGHT, told[WEIGHT])


def weighted_preprocessor(datum_dict, *args, **kwargs):
    """Return the pair with its weight for its `loss_multiplier`; one that is too long keeps 0."""
    made = preference_preprocessor(datum_dict, *args, **kwargs)
    return made | {"loss_multiplier": made["loss_multiplier"] * datum_dict[WEIGHT]}


class WeighingMixin:
    """Loss of a batch: sum(weight * loss) / sum(weight); 0 for a batch without any weight.

    NeMo-RL sums `loss_multiplier` for the number of pairs, and multiplies a loss with it twice, other figures once.
    """

    def _preference_loss(self, rewards, sample_mask, *args, **kwargs):
        loss, *_ = super()._preference_loss(rewards, sample_mask.sqrt(), *args, **kwargs)
        _, *figures = super()._preference_loss(rewards, sample_mask, *args, **kwargs)
        return (loss, *figures)


class WeightedPreferenceLossFn(WeighingMixin, PreferenceLossFn):
    """Of a reward model."""


class WeightedDPOLossFn(WeighingMixin, DPOLossFn):
    """Of DPO, without a loss of SFT beside it, whose weights would be squared."""

    def __init__(self, cfg, *args, **kwargs):
        super().__init__(cfg, *args, **kwargs)
        if self.sft_loss_weight:
            raise SystemExit("Weights need dpo.sft_loss_weight: 0")


if __name__ == "__main__":
    import nemo_rl.algorithms.dpo
    import nemo_rl.algorithms.rm
    import nemo_rl.data.utils
    from nemo_rl.data.datasets.preference_datasets import DATASET_REGISTRY

    DATASET_REGISTRY["PreferenceDataset"] = WeightedPreferenceDataset
    nemo_rl.data.utils.preference_preprocessor = weighted_preprocessor
    nemo_rl.algorithms.dpo.DPOLossFn = WeightedDPOLossFn
    nemo_rl.algorithms.rm.PreferenceLossFn = WeightedPreferenceLossFn
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
