"""Truncation: how many rows a trainer cuts or drops at usual lengths.

No tokenizer is known here, since models differ. A token is taken for four bytes of UTF-8, which is close for English
prose in the large vocabularies of today; code has more tokens, and so do scripts that a vocabulary knows little of.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

    from exports.context import Prompt

BYTES_OF_A_TOKEN = 4
LIMITS = (512, 1024, 2048, 4096)
"""Tokens at which trainers commonly cut."""
QUANTILES = (50, 90, 99, 100)
"""In per cent."""


def tokens(prompt: Prompt, response: str) -> int:
    """Return the approximate number of tokens of a prompt and a response, without the marks of a template."""
    size = len(response.encode()) + sum(len(text.encode()) for _, *texts in prompt for text in texts)
    return -(-size // BYTES_OF_A_TOKEN)


def over_limits(lengths: Counter[int]) -> dict[str, int]:
    """Return how many lengths are above each of ``LIMITS``, from the number of each length."""
    return {str(limit): sum(n for length, n in lengths.items() if length > limit) for limit in LIMITS}


def quantiles(lengths: Counter[int]) -> dict[str, int]:
    """Return the lengths that so many per cent do not exceed; at least one length."""
    known, total = sorted(lengths), lengths.total()
    until = [*accumulate(lengths[length] for length in known)]
    return {str(share): known[bisect_left(until, max(1, -(-total * share // 100)))] for share in QUANTILES}
