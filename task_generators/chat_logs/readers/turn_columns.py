"""The columns of a turn that ``turns.py`` reads, for the declarations of readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.uses import CONTENT, MODEL, ROLE, of_response

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.columns import Use


def turns(column: str, *, role: str = "role", content: str = "content") -> dict[str, Use]:
    """Return the declaration of a column that holds a list of turns, which may be stored as an object of lists.

    Args:
        column: the path of the list, such as ``messages``.
        role: the key of the speaker.
        content: the key of the text.
    """
    keys = {role: ROLE, content: CONTENT, "model_name": of_response(MODEL, role)}
    listed = {f"{column}[].{key}": use for key, use in keys.items()}
    zipped = {f"{column}.{key}[]": use for key, use in {**keys, "model_name": MODEL}.items()}
    return listed | zipped
