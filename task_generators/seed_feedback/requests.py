"""Cuts a conversation into requests: each rates several responses, and shows what was said before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from task_generators.shown import text_of
from workspaces.records import stable_id
from workspaces.store.seed_requests import PLAIN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from workspaces.records import Conversation, Message

MAX_CHARACTERS = 24_000
"""Of a conversation in one request: first the responses to rate, then what was said before, the newest first."""

LEAST_CONTEXT = 2_000
"""Characters that are shown of what the first of these responses answers, however long they are."""

MAX_RATED = 20
"""The most responses that one request rates."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a judge sees it: its number, its role, its text, and whether it is rated.

    ``answers`` is the number of the message that it answers, unless that is the one before it.
    """

    number: int
    role: str
    text: str
    answers: int | None
    rated: bool


@dataclass(frozen=True, slots=True)
class SeedRequest:
    """A request to one judge. ``targets`` maps the number of each rated message to its id.

    ``id`` depends on the judge, the prompt and all that is shown. ``canary_of`` is the message that an instruction of
    the kind ``purpose`` was added to. ``repair`` is an unusable reply to it that shall be mended.
    """

    id: str
    conversation_id: str
    shown: tuple[Shown, ...]
    targets: Mapping[int, str]
    purpose: str = PLAIN
    canary_of: str | None = None
    repair: str | None = None


def requests_of(
    conversation: Conversation, wanted: Collection[str], judge: Sequence[str]
) -> Iterator[SeedRequest]:
    """Yield the requests that rate the ``wanted`` responses of a conversation, in order.

    Args:
        conversation: whose messages stand parents before children.
        wanted: ids of responses.
        judge: the names of the judge: its model and the version of its prompt.
    """
    by_id = {message.id: message for message in conversation.messages}
    texts: dict[str, str] = {}
    group: list[str] = []
    own: set[str] = set()  # messages from the first target on
    reached: set[str] = set()  # and what was said before them
    size = 0
    for target in conversation.messages:
        if target.id not in wanted:
            continue
        needed, parents = _needed(target, by_id, reached, first=not group)
        length = sum(len(_text(message, texts)) for message in needed)
        if group and (size + length > MAX_CHARACTERS or len(group) == MAX_RATED):
            yield _request(conversation, group, own, reached, texts, judge)
            group, own, reached, size = [], set(), set(), 0
            needed, parents = _needed(target, by_id, reached, first=True)
            length = len(_text(target, texts))
        group.append(target.id)
        own.update(message.id for message in needed)
        reached.update(message.id for message in (*needed, *parents))
        size += length
    if group:
        yield _request(conversation, group, own, reached, texts, judge)


def with_instruction(
    request: SeedRequest, message_id: str, purpose: str, instruction: str, name: str
) -> SeedRequest:
    """Return the canary of a request: the same, with an instruction to the judge at the end of one response."""
    number = next(number for number, target in request.targets.items() if target == message_id)
    return replace(
        request,
        id=name,
        purpose=purpose,
        canary_of=message_id,
        shown=tuple(
            replace(each, text=f"{each.text}\n\n{instruction}") if each.number == number else each
            for each in request.shown
        ),
    )


def _text(message: Message, texts: dict[str, str]) -> str:
    if message.id not in texts:
        texts[message.id] = text_of(message)[:MAX_CHARACTERS]
    return texts[message.id]


def _needed(
    target: Message, by_id: Mapping[str, Message], reached: set[str], *, first: bool
) -> tuple[list[Message], list[Message]]:
    """Return a target with the messages that must be shown for it, and the ancestors that may be."""
    ancestors: list[Message] = []
    parent_id = target.parent_id
    while parent_id is not None and parent_id not in reached:
        ancestors.append(by_id[parent_id])
        parent_id = ancestors[-1].parent_id
    return ([target], ancestors) if first else ([target, *ancestors], [])


def _request(
    conversation: Conversation,
    group: list[str],
    own: set[str],
    reached: set[str],
    texts: dict[str, str],
    judge: Sequence[str],
) -> SeedRequest:
    room = MAX_CHARACTERS - sum(len(texts[name]) for name in own)
    kept = {name: texts[name] for name in own}
    before = [m for m in conversation.messages if m.id in reached and m.id not in own]
    for message in reversed(before):
        text = _text(message, texts)
        if len(text) > room:
            if len(kept) == len(own):  # nothing is judged without what it answers
                kept[message.id] = text[: max(room, LEAST_CONTEXT)]
            break
        kept[message.id] = text
        room -= len(text)
    rated = set(group)
    numbers: dict[str, int] = {}
    shown = []
    last = None
    for message in conversation.messages:
        if message.id not in kept:
            continue
        numbers[message.id] = number = len(numbers) + 1
        answers = None if message.parent_id == last else numbers.get(message.parent_id or "")
        shown.append(Shown(number, message.role.value, kept[message.id], answers, message.id in rated))
        last = message.id
    words = [
        word
        for each, name in zip(shown, numbers, strict=True)
        for word in (name, each.role, str(each.answers), str(each.rated), each.text)
    ]
    return SeedRequest(
        stable_id("seed request", *judge, conversation.id, *words),
        conversation.id,
        tuple(shown),
        {numbers[name]: name for name in group},
    )
