"""verl's SFT with weighted conversations of `chatfeedback export sft` (0.9.1): a data set class for its trainer.

    torchrun --nproc_per_node=1 -m verl.trainer.sft_trainer \\
        data.custom_cls.path=weighted_verl.py data.custom_cls.name=WeightedSFTDataset ...

`data.train_files` are files of the export where it wrote them. Where conversations call tools, Parquet holds messages
and tools as JSON, which `datasets` reads and verl's own class does not: this one does.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

WEIGHT = "weight"


def weights_beside(path):
    """Return the column `weight` of `provenance` for one file of an export: its bucket, row by row."""
    path = Path(path)
    place = path.name.rsplit("-", 1)[0]  # such as train-00003-of-00008, before the digest
    found = list((path.parents[1] / "provenance").glob(f"{place}-*.parquet"))
    if len(found) != 1:
        raise SystemExit(f"{path} has no provenance: give files of an export, where it wrote them")
    return pd.read_parquet(found[0], columns=[WEIGHT])[WEIGHT].tolist()


def from_json(stored):
    """Return what JSON text holds; what is no text as it is."""
    return json.loads(stored) if isinstance(stored, str) else stored


class WeightedSFTDataset(MultiTurnSFTDataset):
    """Weights the tokens of a row in `loss_mask`, which verl multiplies the losses by and divides their sum by.

    Loss of a batch: sum(weight * loss of the row's tokens) / sum(weight * number of them).
    """

    def _read_files_and_process(self):
        if self.pad_mode != "no_padding":
            raise SystemExit("verl makes weights 0 and 1 where it pads: set data.pad_mode to no_padding")
        super()._read_files_and_process()
        weights = [weight for path in self.parquet_files for weight in weights_beside(path)]
        if len(weights) != len(self.messages):
            raise SystemExit("train_max_samples leaves rows out, so that no weight has its row: set it to -1")
        self.weights = weights
        if self.tools is not None:
            self.tools = [None if pd.isna(tools) else from_json(tools) for tools in self.tools]

    def _build_messages(self, example):
        messages = [from_json(message) for message in example[self.messages_key]]
        return super()._build_messages(example | {self.messages_key: messages})

    def __getitem__(self, item):
        """Return the row, its `loss_mask` times its weight."""
        row = super().__getitem__(item)
        return row | {"loss_mask": row["loss_mask"] * self.weights[item]}
