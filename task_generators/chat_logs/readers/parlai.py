r"""Dialogs as ParlAI and bAbI write them: numbered lines, a tab between the two speakers.

``1 hello\thow can I help?`` is one turn of each; a third field is a reward. A line without a tab is knowledge: the
result of a search or, before the first turn, a persona. Lines may be ``text:...\tlabels:...`` instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import licence, number
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import chain, identifier_or_none
from task_generators.chat_logs.readers.uses import ID, LICENCE, TRANSCRIPT
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspaces.records import Message

DIALOG_READS = {"lines[]": TRANSCRIPT, "id": ID, "licence|license": LICENCE}

_NUMBERED = re.compile(r"[0-9]+ ")
_NAMED = re.compile(r"(?:^|\t)(text|labels|eval_labels|reward|episode_done|id|label_candidates):")


def dialog(row: RowValue, source: str, known_licence: str | None) -> Reading:
    """Return the conversation of one dialog, the column ``lines``; rewards are ratings of the turn's answer.

    Raises:
        RowError: its lines are not a dialog.
    """
    lines = row.get("lines")
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        raise RowError("lines is not a list of lines")
    turns: list[dict[str, str]] = []
    rewards: dict[int, str] = {}
    for index, line in enumerate(lines):
        prompt, answer, reward = _fields(line)
        if answer is None:
            _add_knowledge(turns, prompt)
            continue
        if prompt:
            turns.append({"role": "user", "content": prompt})
        if answer:
            turns.append({"role": "assistant", "content": answer})
            if (value := number(reward)) is not None:
                rewards[len(turns) - 1] = value
        if not prompt and not answer:
            raise RowError(f"a line says nothing: line {index + 1} of the dialog")
    if not any(turn["role"] in ("user", "assistant") for turn in turns):
        raise RowError("the dialog has no turn")
    conversation_id = identifier_or_none(row, "id", prefix=f"{source}-")
    messages = chain(conversation_id, turns, None)
    return Reading(
        Conversation(
            id=conversation_id, messages=messages, source=source, licence=licence(row, known_licence)
        ),
        tuple(_rated(messages, rewards)),
    )


def _fields(line: str) -> tuple[str, str | None, str | None]:
    """Return the prompt (or the knowledge), the answer (None for knowledge) and the reward of a line."""
    if _NAMED.match(line):
        starts = list(_NAMED.finditer(line))
        ends = [start.start() for start in starts[1:]] + [len(line)]
        named = {start[1]: line[start.end() : end] for start, end in zip(starts, ends, strict=True)}
        answer = named.get("labels", named.get("eval_labels", "")).split("|")[0]
        return _plain(named.get("text", "")), _plain(answer), named.get("reward")
    numbered = _NUMBERED.match(line)
    fields = (line[numbered.end() :] if numbered else line).split("\t")
    if len(fields) == 1:
        return _plain(fields[0]), None, None
    return _plain(fields[0]), _plain(fields[1]), fields[2] if len(fields) > 2 else None


def _plain(field: str) -> str:
    return field.replace("\\n", "\n").strip()


def _add_knowledge(turns: list[dict[str, str]], knowledge: str) -> None:
    """Add a line of knowledge to the last turn if that is knowledge too, or else as a turn."""
    role = Role.TOOL if any(turn["role"] != "system" for turn in turns) else Role.SYSTEM
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += f"\n{knowledge}"
    else:
        turns.append({"role": role, "content": knowledge})


def _rated(messages: Sequence[Message], rewards: Mapping[int, str]) -> Iterator[Feedback]:
    for index, reward in rewards.items():
        yield Feedback.ratings(None, messages[index].id, {"reward": reward}, None)


def has_marks(row: RowValue, marks: tuple[str, ...]) -> bool:
    """Return whether a line of the dialog holds one of ``marks``."""
    lines = row.get("lines")
    joined = "\n".join(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else ""
    return any(mark in joined for mark in marks)
