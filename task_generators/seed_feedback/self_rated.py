"""The second mode of seed feedback: a model answers a chat and rates its own answer in the same reply.

Source: ChatFeedback, section 3 and figure 3: the format of the reply is checked, the response goes to the person, and
the rest is the seed. A model's rating of itself is no independent judgment: its prompt version is one of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_generators.llm.errors import UnusableReplyError
from task_generators.seed_feedback.prompt import Answers
from workspaces.records import Quality, Role, SeedFeedback, Significance, Tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from openai.types.chat import ChatCompletionMessageParam
    from pydantic import JsonValue

    from task_generators.llm.chat import ChatEndpoint
    from workspaces.records import Message

PROMPT_VERSION = "self-1"
AFTERWARDS_VERSION = "self-after-1"
"""Of a rating that is asked for once the answer has ended."""

MAX_TOKENS = 2_000
RATING_TOKENS = 100
"""What the rating and the lines around the response take of a reply."""

SELF_RATED = "self-rated:"
"""Before the name of a model that rated its own response: nobody takes it for a judge."""

FORMAT = """\
Answer the conversation. Then rate your own answer, which the reader does not see. Reply in exactly this form, with \
nothing before or after it:

<response {marker}>
your answer, in as many lines as it takes
</response {marker}>
"""

QUESTIONS = """\
{"instruction": "yes", "helpful": "yes", "factual": "na", "style": "yes", "sensitive": "no", "toxic": "no", \
"significance": "medium"}

For each quality write "yes", "no" or "na" (it does not apply to your answer):
- instruction: the answer follows the instruction
- helpful: it gives a useful and correct answer to the problem
- factual: it is grounded in the instruction and in real-world knowledge
- style: it is well written
- sensitive: it contains private details or matter some readers should be warned of
- toxic: it insults, threatens, demeans or incites
"significance" is how much human feedback on the answer is worth: "low" for small talk and formalities, "medium" for \
an ordinary answer, "high" for a substantial or disputable one."""

REPAIR = (
    "That is not in the form that was asked for. Give the same answer again between the lines <response {marker}> and "
    "</response {marker}>, and after them the JSON object with the seven keys, and nothing else."
)


AFTERWARDS = """\
Rate your last answer. Its reader does not see this. Reply with one JSON object in exactly this form, with nothing \
before or after it:

"""

AFTERWARDS_REPAIR = (
    "That is not in the form that was asked for. Reply with the JSON object with the seven keys, "
    "and nothing else."
)


@dataclass(frozen=True, slots=True)
class SelfRated:
    """A generated response and the rating that its model gave it."""

    response: str
    tags: dict[Quality, Tag]
    significance: Significance

    def answers(self) -> dict[str, str]:
        """Return the rating by question, significance included."""
        return {
            **{quality.value: tag.value for quality, tag in self.tags.items()},
            "significance": self.significance.value,
        }


async def respond(
    chat: ChatEndpoint, path: Sequence[Message], marker: str, max_tokens: int = MAX_TOKENS
) -> SelfRated:
    """Return a model's answer to a chat, with its own rating; a reply in another form is asked to be mended once.

    Args:
        chat: the endpoint of the model.
        path: the messages from the first on, the newest last: a person's. They are the person's own and are followed.
        marker: a word that nobody who wrote them can know.
        max_tokens: of the reply, rating included.

    Raises:
        UnusableReplyError: two replies in a row are not in the form that was asked for, or the text is refused.
        ConnectionFailedError: the endpoint cannot be reached.
    """
    messages = said(path, marker)
    text = await chat.written(messages, max_tokens)
    try:
        return self_rated(text, marker)
    except UnusableReplyError:
        messages += [
            {"role": "assistant", "content": text or "(nothing)"},
            {"role": "user", "content": REPAIR.format(marker=marker)},
        ]
        return self_rated(await chat.written(messages, max_tokens), marker)


def self_rated(text: str, marker: str) -> SelfRated:
    """Return what a reply holds: a response between its markers, then one JSON object, and nothing else.

    Raises:
        UnusableReplyError: it is not in this form.
    """
    mark = re.escape(marker)
    found = re.fullmatch(
        rf"\s*<response {mark}>\n(.*?)\n?</response {mark}>\s*(\{{[^{{}}]*\}})\s*", text, re.DOTALL
    )
    if found is None or not found[1].strip():
        raise UnusableReplyError("the reply is not in the form that was asked for", text)
    try:
        rating = Answers.model_validate_json(found[2])
    except ValueError:
        raise UnusableReplyError("the reply has a response and no seed feedback", text) from None
    return SelfRated(found[1], rating.tags(), rating.significance)


def rating_asked(messages: JsonValue, answer: str, unusable: str | None = None) -> list[JsonValue]:
    """Return what a model is sent to rate the answer that it gave to some messages of OpenAI's protocol.

    ``unusable`` is a reply to that which is not in the form, and shall be mended.
    """
    said: list[JsonValue] = [
        *(messages if isinstance(messages, list) else ()),
        {"role": "assistant", "content": answer},
        {"role": "user", "content": AFTERWARDS + QUESTIONS},
    ]
    if unusable is not None:
        said += [
            {"role": "assistant", "content": unusable or "(nothing)"},
            {"role": "user", "content": AFTERWARDS_REPAIR},
        ]
    return said


def rating_in(text: str) -> dict[str, str]:
    """Return what a reply says of an answer, by question: one JSON object, and nothing else.

    Raises:
        UnusableReplyError: it is not in this form.
    """
    try:
        return Answers.model_validate_json(text.strip()).answers()
    except ValueError:
        raise UnusableReplyError("the reply is no seed feedback", text) from None


def said(path: Sequence[Message], marker: str) -> list[ChatCompletionMessageParam]:
    """Return what is sent for a response with its rating: the form of the reply, then the conversation."""
    return [{"role": "system", "content": FORMAT.format(marker=marker) + QUESTIONS}, *answered(path)]


def answered(path: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    """Return the messages of a conversation that a model shall go on with; those of tools are left out."""
    messages: list[ChatCompletionMessageParam] = []
    for message in path:
        if message.role is Role.ASSISTANT:
            messages.append({"role": "assistant", "content": message.content})
        elif message.role is Role.USER:
            messages.append({"role": "user", "content": message.content})
        elif message.role is Role.SYSTEM:
            messages.append({"role": "system", "content": message.content})
    return messages


def own_rating(
    message_id: str, model: str, rating: Mapping[str, str], now: datetime, version: str = PROMPT_VERSION
) -> SeedFeedback:
    """Return a model's rating of its own response (by question) as seed feedback; ``agent`` says that it is one."""
    return SeedFeedback(
        message_id,
        f"{SELF_RATED}{model}",
        version,
        {quality: Tag(rating[quality.value]) for quality in Quality},
        Significance(rating["significance"]),
        now,
    )
