"""Does screening leave honest people alone and find those who do not read? Fresh people and items each time.

Run: python -m bench.screening [repetitions]

Honest people differ in accuracy, and lean towards an answer of their own to a different degree. Of ten people one
clicks at random (evenly, or by the shares of the answers) and one always gives the same answer; everybody gives 100
answers to one question. 'none' is the same crowd without those two. Three shares: a preference with ties, and the
middle one is how often a tie is right.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from quality.screening import FlagReason
from quality.screening.co_agreement import co_agreement
from quality.screening.guessing import guessing

LEVEL = 0.05
SETTINGS = [
    # people, answers an item, shares of the true answers
    (60, 3, (0.5, 0.5)),
    (60, 5, (0.5, 0.5)),
    (60, 3, (0.8, 0.2)),
    (60, 3, (0.4, 0.2, 0.4)),
    (60, 5, (0.4, 0.2, 0.4)),
    (200, 5, (0.2, 0.6, 0.2)),
]
ANSWERS = 100


def crowd(
    rng: np.random.Generator, people: int, overlap: int, shares: tuple[float, ...], spam: bool
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return votes and what each person is: honest, random, straight."""
    items = people * ANSWERS // overlap
    values = len(shares)
    truth = rng.choice(values, p=shares, size=items)
    # deal out the items so that everybody gives about ANSWERS answers, no item twice
    who = np.concatenate([rng.permutation(people) for _ in range(items * overlap // people + 1)])
    who = who[: items * overlap].reshape(items, overlap)
    accuracy = rng.beta(16, 4, people).clip(0.65, 0.98)
    lean = rng.dirichlet(np.array(shares) * 8, people)
    spammers = people // 10 if spam else 0
    kind = np.array(["honest"] * people, dtype=object)
    kind[:spammers] = "random"
    kind[spammers : 2 * spammers] = "straight"
    rows = []
    for item in range(items):
        for person in dict.fromkeys(who[item].tolist()):
            if kind[person] == "random":
                value = rng.integers(values) if person % 2 else rng.choice(values, p=shares)
            elif kind[person] == "straight":
                value = person % values
            elif rng.random() < accuracy[person]:
                value = truth[item]
            else:
                value = rng.choice(values, p=lean[person])
            rows.append(("preference", f"i{item}", f"p{person:03d}", str(value), f"t{item}"))
    votes = pd.DataFrame(rows, columns=["question", "item", "annotator", "value", "task_id"], dtype="str")
    return votes, {f"p{number:03d}": one for number, one in enumerate(kind)}


def main(repetitions: int) -> None:
    print(
        "people answers/item shares            | honest flagged, with spammers and none | random  straight found"
    )
    for people, overlap, shares in SETTINGS:
        rng = np.random.default_rng(11)
        flagged = {"honest": 0, "random": 0, "straight": 0, "none": 0}
        total = dict.fromkeys(flagged, 0)
        for _ in range(repetitions):
            for spam in (True, False):
                votes, kinds = crowd(rng, people, overlap, shares, spam)
                found = {one.person for one in guessing(votes, LEVEL / 2)}
                found |= {
                    one.person
                    for one in co_agreement(votes, LEVEL / 2)
                    if one.reason is FlagReason.CO_AGREEING
                }
                for person, kind in kinds.items():
                    name = kind if spam else "none"
                    total[name] += 1
                    flagged[name] += person in found
        rate = {name: flagged[name] / total[name] for name in flagged}
        print(
            f"{people:6} {overlap:12} {shares!s:17} | {rate['honest']:16.4f} {rate['none']:21.4f} |"
            f" {rate['random']:6.3f} {rate['straight']:9.3f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
