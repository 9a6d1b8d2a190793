"""Truncation: how many rows a trainer cuts or drops at usual lengths.

No tokenizer is known here, since models differ. A token is taken for four bytes of UTF-8, which is close for English
prose in the large vocabularies of today; code has more tokens, and so do scripts that a vocabulary knows little of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def over_limits(lengths: Iterable[int]) -> dict[str, int]:
    """Return how many lengths are above each of ``LIMITS``."""
    lengths = list(lengths)
    return {str(limit): sum(length > limit for length in lengths) for limit in LIMITS}


def quantiles(lengths: Iterable[int]) -> dict[str, int]:
    """Return the lengths that so many per cent do not exceed; at least one length."""
    ordered = sorted(lengths)
    return {str(share): ordered[max(0, -(-len(ordered) * share // 100) - 1)] for share in QUANTILES}
