"""Which columns hold judgments of people or further messages: a row that loses them is no longer what it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, has_value, is_messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from task_generators.chat_logs.readers.columns import Loss

_WORDS = (
    "chosen|rejected|label|score|rating|choice|winner|preference|preferred|better|worse|vote|upvote|downvote|thumb|"
    "feedback|annotation|rank|ranking|reward|judgment|judgment|verdict|like|dislike|star|swipe|candidate|generation|"
    "alternative|completion|response|answer|output|helpfulness|correctness|coherence|kto_tag|desirable|evaluation"
)
_NAME = re.compile(rf"(?:.*[_\W])?(?:{_WORDS})e?s?(?:[_\W].*)?", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?:n|num|max|min|total)_.*|.*_(?:n|num|tokens?|format|ids?|len|length|time|ms|seconds|count|type|schema|model|"
    r"hash|order|cost|url|lang|language|version|size)",
    re.IGNORECASE,
)
"""Names of figures about judgments and messages, such as ``completion_tokens``."""


def decisive(losses: Iterable[Loss], ignored: frozenset[str] = frozenset()) -> list[str]:
    """Return the paths of losses that hold judgments or further messages, without those the lead ignores.

    Args:
        losses: the values of a row that are not kept.
        ignored: paths, and columns of the row, that the lead does without.
    """
    return sorted(
        {
            loss.path
            for loss in losses
            if loss.kind == UNREAD
            and not loss.read
            and is_decisive(loss)
            and loss.path not in ignored
            and column_of(loss.path) not in ignored
        }
    )


def is_decisive(loss: Loss) -> bool:
    """Return whether a loss is a judgment or a message, by its name or its shape."""
    if loss.sought and "[]." in loss.path:
        _, _, within = loss.path.removesuffix("[]").partition("[].")
        name = within.rpartition(".")[2]
        # deeper in a turn are parts of texts and calls; what services call annotations of a turn are its citations
        return "[]" not in within and within.count(".") < 2 and name != "annotations" and _is_judgment(name)
    value = loss.value
    inner = value if isinstance(value, Mapping) else {}
    return (
        _is_judgment(loss.path.rpartition(".")[2].replace("[]", ""))
        or is_messages(value)
        or any(
            has_value(item) and (_is_judgment(str(key)) or is_messages(item)) for key, item in inner.items()
        )
    )


def column_of(path: str) -> str:
    """Return the column of the row that a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _is_judgment(name: str) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)  # camelCase
    return _NAME.fullmatch(words) is not None and _ABOUT.fullmatch(words) is None
