"""Trains small reward models from scratch, on a CPU, with an interpreter that has torch; imports nothing of ours.

    python reward_models.py SETS.npz RESULT.json

For each training set, a network of one hidden layer gets the pairwise loss of Bradley and Terry, with a target and a
weight for each pair: ``sum(weight * cross_entropy(target, sigmoid(r(first) - r(second)))) / sum(weight)``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

STEPS, HIDDEN, RATE, DECAY = 100, 16, 2e-2, 1e-2


def accuracy(sets: dict[str, NDArray[Any]], name: str, world: str, seed: int) -> float:
    """Train one model; return the share of the held-out pairs that it orders as the truth does."""
    torch.manual_seed(seed)
    features = torch.tensor(sets[f"{world}/features"], dtype=torch.float32)
    pairs = torch.tensor(sets[f"{name}/pairs"])
    target = torch.tensor(sets[f"{name}/target"], dtype=torch.float32)
    weight = torch.tensor(sets[f"{name}/weight"], dtype=torch.float32)
    model = nn.Sequential(nn.Linear(features.shape[1], HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    first, second = features[pairs[:, 0]], features[pairs[:, 1]]
    for _ in range(STEPS):
        optimizer.zero_grad()
        gain = (model(first) - model(second)).squeeze(1)
        losses = nn.functional.binary_cross_entropy_with_logits(gain, target, reduction="none")
        loss = (weight * losses).sum() / weight.sum()
        loss.backward()
        optimizer.step()
    if not torch.isfinite(loss):
        raise SystemExit(f"{name}: the loss is {loss.item()}")
    held_out = torch.tensor(sets[f"{world}/held_out"])
    truth = torch.tensor(sets[f"{world}/reward"])
    with torch.no_grad():
        said = model(features).squeeze(1)
    right = (said[held_out[:, 0]] > said[held_out[:, 1]]) == (truth[held_out[:, 0]] > truth[held_out[:, 1]])
    return float(right.double().mean())


def main() -> None:
    torch.set_num_threads(1)
    source, target = map(Path, sys.argv[1:])
    sets = dict(np.load(source))
    names = sorted({name.rsplit("/", 1)[0] for name in sets if name.endswith("/pairs")})
    # A set is called WORLD/SEED/CROWD/ARM.
    found = {
        name: accuracy(sets, name, "/".join(name.split("/")[:2]), int(name.split("/")[1])) for name in names
    }
    target.write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
