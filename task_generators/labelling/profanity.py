"""Local moderation as a hint, by the extra ``profanity``: https://pypi.org/project/alt-profanity-check."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError
from workspaces.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from task_generators.labelling.moderation import Verdict

CATEGORY = "profanity"
LEAST = 0.9
"""The least probability of a flagged sentence: at 0.5 the model, which knows words only, flags a stain remover."""

_SENTENCE = re.compile(r"(?<=[.!?\n])\s+")


class LocalModerator:
    """Flags a message by its worst sentence, which a long answer would hide. A linear model of English words.

    Raises:
        ConfigurationError: the extra is not installed.
    """

    is_remote = False
    batch = 500

    def __init__(self) -> None:
        try:
            from profanity_check import predict_prob  # reads its model: 3 seconds
        except ModuleNotFoundError:
            raise ConfigurationError(
                "no moderation endpoint is configured: add 'moderation' to chatfeedback.yaml, or for a local hint "
                f"(English insults and swear words) {install_command('profanity')}"
            ) from None
        self.agent = f"alt-profanity-check-{version('alt-profanity-check')}"
        self._probabilities = predict_prob

    def moderate(self, texts: Sequence[str]) -> list[Verdict]:
        """Return the verdict on each text."""
        sentences = [
            (index, sentence)
            for index, text in enumerate(texts)
            for sentence in _SENTENCE.split(text)
            if sentence.strip()
        ]
        verdicts: list[Verdict] = [(False, ())] * len(texts)
        if sentences:
            for (index, _), probability in zip(
                sentences, self._probabilities([sentence for _, sentence in sentences]), strict=True
            ):
                if probability >= LEAST:
                    verdicts[index] = (True, (CATEGORY,))
        return verdicts

    def close(self) -> None:
        """Do nothing: there are no connections."""
