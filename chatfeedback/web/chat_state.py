"""A chat as its page carries it: the turns so far, and two answers that wait for a choice.

The page holds it, not the server: a private chat is stored nowhere. It is signed for its person, so that nobody picks
a model by claiming to have seen the others, or sets a price.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from workspaces.config import DYNAMIC

if TYPE_CHECKING:
    from pydantic import JsonValue

MOST_TURNS = 400


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. Of an answer: its model, its id where it is recorded, its price, whether the platform picked it, and
    the thumb that it was given.
    """

    role: str
    content: str
    model: str = ""
    response_id: str = ""
    points: int = 0
    dynamic: bool = False
    thumb: str = ""


@dataclass(frozen=True, slots=True)
class ChatState:
    """A chat. ``tried`` are the models that answered the last prompt, ``two`` the answers side by side, as shown."""

    turns: tuple[Turn, ...] = ()
    two: tuple[Turn, ...] = ()
    tried: tuple[str, ...] = ()
    model: str = DYNAMIC
    private: bool = False

    @property
    def last(self) -> Turn | None:
        """The answer that the chat ends with; None where it ends with a prompt, or has not begun."""
        return self.turns[-1] if self.turns and self.turns[-1].role == "assistant" else None

    def messages(self, *, without_last: bool = False) -> list[JsonValue]:
        """Return the turns as messages of OpenAI's protocol; without the last answer, to ask for another."""
        turns = self.turns[:-1] if without_last and self.last else self.turns
        return [{"role": turn.role, "content": turn.content} for turn in turns]

    def asked(self, prompt: str) -> ChatState:
        """Return the chat with another prompt."""
        return replace(self, turns=(*self.turns, Turn("user", prompt)), two=(), tried=())

    def answered(self, turn: Turn) -> ChatState:
        """Return the chat with an answer, in place of an earlier one to the same prompt."""
        turns = self.turns[:-1] if self.last else self.turns
        return replace(self, turns=(*turns, turn), two=(), tried=(*self.tried, turn.model))

    def packed(self) -> str:
        """Return the chat as its page carries it: packed, for a form takes eight bytes for a letter of Chinese."""
        text = json.dumps(asdict(self), separators=(",", ":"))
        return urlsafe_b64encode(zlib.compress(text.encode())).decode()

    @classmethod
    def unpacked(cls, text: str) -> ChatState:
        """Return the chat that a page carries, whose signature was checked; a new one for an empty text.

        Raises:
            HTTPException: 400, it is none.
        """
        if not text:
            return cls()
        try:
            held = json.loads(zlib.decompress(urlsafe_b64decode(text)))
            turns = tuple(_turn(**fields) for fields in held["turns"])
            two = tuple(_turn(**fields) for fields in held["two"])
            tried = tuple(str(name) for name in held["tried"])
            state = cls(turns, two, tried, str(held["model"]), held["private"] is True)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError, zlib.error):
            raise HTTPException(400, "The chat that the page sent cannot be read. Begin a new one.") from None
        if len(state.turns) > MOST_TURNS or len(state.two) not in (0, 2):
            raise HTTPException(400, "The chat has become too long. Begin a new one.")
        return state


def _turn(
    role: str, content: str, model: str, response_id: str, points: int, dynamic: bool, thumb: str
) -> Turn:
    if role not in ("user", "assistant") or not all(
        isinstance(text, str) for text in (content, model, response_id, thumb)
    ):
        raise ValueError("no turn")
    return Turn(role, content, model, response_id, int(points), dynamic is True, thumb)
