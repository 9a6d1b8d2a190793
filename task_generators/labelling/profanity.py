"""A local hint for screening, where the extra ``profanity`` is installed: https://pypi.org/project/alt-profanity-check."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from task_generators.labelling.moderation import Verdict

CATEGORY = "profanity"
LEAST = 0.9
"""The probability that a sentence is flagged from: at 0.5 a model of words takes a stain remover for an insult."""

_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")


class LocalModerator:
    """Flags messages by their worst sentence: a long answer would hide it. A linear model of English words.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    batch = 500

    def __init__(self) -> None:
        try:
            from profanity_check import predict_prob  # reads its model: 3 seconds
        except ModuleNotFoundError:
            raise ConfigurationError(
                "no moderation endpoint is configured: add 'moderation' to chatfeedback.yaml, or for a local hint "
                "(English insults and swear words) pip install 'chatfeedback-workbench[profanity]'"
            ) from None
        self.agent = f"alt-profanity-check-{version('alt-profanity-check')}"
        self._probabilities = predict_prob

    def moderate(self, texts: Sequence[str]) -> list[Verdict]:
        """Return for each text whether it is flagged, and for what."""
        sentences = [
            (index, sentence)
            for index, text in enumerate(texts)
            for sentence in _SENTENCE.split(text)
            if sentence.strip()
        ]
        said: list[Verdict] = [(False, ())] * len(texts)
        if sentences:
            for (index, _), probability in zip(
                sentences, self._probabilities([sentence for _, sentence in sentences]), strict=True
            ):
                if probability >= LEAST:
                    said[index] = (True, (CATEGORY,))
        return said

    def close(self) -> None:
        """Nothing to let go of."""
