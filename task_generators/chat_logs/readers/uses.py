"""What values of logs become: the uses that readers name in ``READS``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.fields import language, mapping, number, person, text, timestamp
from task_generators.chat_logs.readers.reading import RowError
from task_generators.chat_logs.readers.thumbs import thumb_of
from task_generators.chat_logs.readers.turns import are_tools, role_of
from workspaces.records import Role


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return text(value) is not None


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping) or bool(mapping(value))


def of_response(use: Use, role: str = "role", why: str = "") -> Use:
    """Return a use of values that count in a message of an assistant alone, such as its model and its ratings.

    Args:
        use: what they become there.
        role: the key of the speaker in the object that holds the value.
        why: why such a value of another message is ignored; empty: it is a loss.
    """

    def is_response(message: Mapping[str, object]) -> bool:
        try:
            return role_of(message.get(role), 0) is Role.ASSISTANT
        except RowError:
            return False

    return replace(use, counts_in=is_response, why=why)


def _moment(value: object) -> str | None:
    at = timestamp(value)
    return None if at is None else at.isoformat()


def _language(value: object) -> str | None:
    name = text(value)
    return name and (language(value) or "")


ID = Use("id of the conversation", stored=text)
MESSAGE_ID = Use("id of the message", stored=text, decides=True)
PARENT = Use("place in the tree", _is_text, decides=True)
KIND = Use("kind of a part", _is_text, decides=True)
ROLE = Use("role", _is_text, decides=True)
CONTENT = Use("text of a message", lambda value: isinstance(value, str), sought=True, parts=True)
TRANSCRIPT = replace(CONTENT, sought=False)
MODEL = Use("model", stored=text)
GIVER = Use("giver, as a pseudonym", stored=person)
RATER = Use("rater, as a pseudonym", stored=person)
SOURCE = Use("source", stored=text)
LICENCE = Use("licence", stored=text)
LANGUAGE = Use("language", stored=_language)
TIME = Use("time", stored=_moment)
THUMB = Use("imported feedback: thumb", stored=thumb_of)
SCORE = Use("imported feedback: score", stored=number)
VOTE = Use(
    "imported feedback: comparison", lambda value: isinstance(value, str | bool | int | float), decides=True
)
RANK = Use("imported feedback: comparison", lambda value: number(value) is not None, decides=True)
ORDER = Use("order of the messages", lambda value: number(value) is not None, decides=True)
FLAG = Use("metadata", lambda value: isinstance(value, bool), decides=True)
NOTE = Use("metadata", stored=text)
METADATA = Use("metadata", _is_object, whole=True)
TOOLS = Use("definitions of tools, as metadata", are_tools, whole=True)
ANY_METADATA = Use("metadata", whole=True)
PLACE = Use("what is known of the giver", stored=text)
PERSON = Use("what is known of the giver", _is_object, whole=True)
