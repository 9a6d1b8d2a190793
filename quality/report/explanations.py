"""What the figures of a report mean, in one sentence or two: the same in the terminal and on the page."""

from __future__ import annotations

ALPHA = "Alpha (Krippendorff's): 1 is full agreement, 0 is what chance would give."

EQUAL_PAIRS = "Equal pairs: the share of pairs of votes on one item that are equal, not corrected for chance."

CONFIDENCE = (
    "Confidence is how often a person agrees with the majority of the others, corrected for chance and drawn towards "
    "everybody's mean while answers are few. It cannot tell a wrong majority from a right minority."
)

MULTIPLIER = (
    "Divergent: votes against the others' majority. Multiplier: their effect on later rewards; 1 is none."
)

EXPECTED_SHARE = (
    "Gold accuracy and self-consistency are what is expected of further answers: the counted share drawn towards "
    "everybody's while few are counted, so that a single right answer is not 100 %. Neither changes pay."
)
