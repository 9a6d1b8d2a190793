"""Chatbot Arena battles and MT-bench's human judgments: two models' answers to one prompt, and which is better.

All rows of one question make one tree: its prompt, the answers of all models, and all votes. The verdict of a model
as a judge is not human feedback: its row contributes its answers and no vote.
Source: Zheng et al. (2023), arXiv 2306.05685; Chiang et al. (2024), arXiv 2403.04132.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import language, licence, person, text, timestamp
from task_generators.chat_logs.readers.moderation import moderation
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import chain, checked, identifier, turns_of
from task_generators.chat_logs.readers.uses import (
    FLAG,
    ID,
    LANGUAGE,
    LICENCE,
    MODEL,
    ORDER,
    RATER,
    ROLE,
    TIME,
    VOTE,
)
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from pydantic import JsonValue

    from workspaces.records import Message

    Path = tuple[Message, ...]
    """Messages from the prompt down, without ids: equal ones are one message of the tree."""

NAME = "arena"
MT_BENCH = "mt-bench"
COLUMNS = frozenset({"model_a", "model_b", "winner", "conversation_a", "conversation_b"})
PRECEDENCE = 140
LICENCES = {NAME: "CC-BY-4.0 (prompts), CC-BY-NC-4.0 (answers)", MT_BENCH: "CC-BY-4.0"}

_SIDES = {"model_a": 0, "model_b": 1}
READS = {
    "question_id|id": ID,
    "model_a": MODEL,
    "model_b": MODEL,
    **turn_reads("conversation_a"),
    **turn_reads("conversation_b"),
    "full_conversation[]": TURN,
    "full_conversation[].*": TURN,
    "full_conversation[].*.role": ROLE,
    "winner": VOTE,
    "judge|evaluation_session_id": RATER,
    "turn": ORDER,
    "tstamp|timestamp": TIME,
    "language": LANGUAGE,
    "licence|license": LICENCE,
    "openai_moderation.flagged": FLAG,
    "openai_moderation.categories.*": FLAG,
}
IGNORES = {
    "judge[]": "a model as a judge is no person",
    "openai_moderation.category_scores": "of OpenAI's labels, the categories that hold are kept",
    "anony": "the names of the models are shown to nobody here",
    "toxic_chat_tag": "another classifier's labels: moderation is asked for anew",
    "category_tag": "another classifier's labels",
    "is_code": "another classifier's label",
    "is_refusal": "another classifier's label",
    "dedup_tag": "how often the prompt stands in the set",
    "conv_metadata": "figures about the texts, counted anew",
    "evaluation_order": "the place of a battle among those of its session",
}


@dataclass(frozen=True, slots=True)
class _Battle:
    """One row: each side as its path, and the vote.

    ``winner`` is the index of a side, None for a tie; ``voted`` is false where nothing was compared by a person.
    """

    sides: tuple[Path, Path]
    judged: tuple[Path, Path]
    voted: bool
    by_model: bool
    winner: int | None
    both_bad: bool
    judge: str | None
    at: datetime | None
    language: str | None
    moderated: Mapping[str, object] | None
    licence: str | None
    in_arena: bool


def group_key(row: RowValue) -> str:
    """Return the key of the rows of one tree: source and question.

    Raises:
        RowError: the row has no question id.
    """
    return _key(row, None)


def read(row: RowValue) -> Reading:
    """Read one battle as a tree of its own.

    Raises:
        RowError: the row is not a battle.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue], name: str | None = None) -> Reading:
    """Read the rows of one question, in any order.

    Where rows have different prompts, that of most rows counts, and the other rows are omitted.

    Args:
        rows: the rows.
        name: the source, for a reader of other columns; None: the rows tell whether it is the arena or MT-bench.

    Raises:
        RowError: none of them can be read.
    """
    battles: dict[int, _Battle] = {}
    omissions: list[tuple[int, str]] = []
    for position, row in enumerate(rows):
        try:
            battles[position] = _battle(row, name or _source(row))
        except RowError as error:
            omissions.append((position, str(error)))
    if not battles:
        raise RowError(omissions[0][1])
    prompts = Counter(battle.sides[0][0] for battle in battles.values())
    prompt = min(prompts, key=lambda candidate: (-prompts[candidate], _order(candidate)))
    for position in [position for position, battle in battles.items() if battle.sides[0][0] != prompt]:
        omissions.append((position, "question_id stands for another prompt in most rows"))
        del battles[position]
    prefix = None if name is None else f"{name}-"
    tree_id = min(_key(rows[position], prefix) for position in battles)
    ids = _ids(tree_id, battles.values())
    kept = sorted(battles.values(), key=lambda battle: (battle.at is None, battle.at, repr(battle.sides)))
    first = kept[0]
    source = name or _source(rows[next(iter(battles))])
    conversation = Conversation(
        id=tree_id,
        messages=in_order(
            checked(
                [
                    replace(path[-1], id=ids[path], parent_id=ids[path[:-1]] if path[1:] else None)
                    for path in ids
                ]
            )
        ),
        source=source,
        timestamp=first.at,
        licence=first.licence or LICENCES.get(source),
        language=first.language,
        conversation_metadata=_moderation_of(kept),
    )
    lost = tuple(
        Loss(
            UNREAD,
            f"winner (of {'a model as a judge' if battle.by_model else 'no two different responses'})",
            None,
        )
        for battle in kept
        if not battle.voted
    )
    return Reading(conversation, _votes(kept, ids), tuple(sorted(omissions)), losses=lost)


def _key(row: RowValue, prefix: str | None) -> str:
    return identifier(row, "question_id", "id", prefix=prefix or f"{_source(row)}-")


def _battle(row: RowValue, source: str) -> _Battle:
    sides = (_path(row, "a"), _path(row, "b"))
    if sides[0][0] != sides[1][0]:
        raise RowError("conversation_a and conversation_b begin with different prompts")
    winner = row.get("winner")
    if not isinstance(winner, str) or not (
        winner in _SIDES or winner == "both_bad" or winner.startswith("tie")
    ):
        raise RowError(f"winner is unknown: {str(winner)[:40]!r}")
    judge = row.get("judge")
    by_model = isinstance(judge, list) or (isinstance(judge, str) and judge.lower().startswith("gpt"))
    judged = (_judged(row, sides[0]), _judged(row, sides[1]))
    comparable = not by_model and judged[0] != judged[1] and all(map(_answers, (path[-1] for path in judged)))
    moderated = row.get("openai_moderation")
    return _Battle(
        sides=sides,
        judged=judged,
        voted=comparable,
        by_model=by_model,
        winner=_SIDES.get(winner),
        both_bad="bothbad" in winner.replace("_", "").replace(" ", ""),
        judge=person(judge) or person(row.get("evaluation_session_id")),
        at=timestamp(row.get("tstamp")) or timestamp(row.get("timestamp")),
        language=language(row.get("language")),
        moderated=moderated if isinstance(moderated, dict) else None,
        licence=licence(row, None),
        in_arena=source != MT_BENCH,
    )


def _moderation_of(battles: Sequence[_Battle]) -> dict[str, JsonValue]:
    """Return the moderation labels of a question: those of any of its battles."""
    labels = [battle.moderated for battle in battles if battle.moderated is not None]
    if not labels:
        return {}
    held = {
        name: True
        for label in labels
        if isinstance(categories := label.get("categories"), dict)
        for name, holds in categories.items()
        if holds is True
    }
    flagged = any(label.get("flagged") is True for label in labels)
    return moderation([{"flagged": flagged, "categories": held}])


def _path(row: RowValue, side: str) -> Path:
    model = text(row.get(f"model_{side}"))
    if model is None:
        raise RowError(f"model_{side} is missing")
    messages = chain("", turns_of(row, f"conversation_{side}"), model)
    return tuple(replace(message, id="", parent_id=None) for message in messages)


def _answers(message: Message) -> bool:
    return message.role is Role.ASSISTANT and not message.only_calls


def _order(message: Message) -> tuple[str, ...]:
    """Return what the order of messages without ids depends on."""
    return message.role.value, message.content, message.model_name or "", message.structure


def _judged(row: RowValue, path: Path) -> Path:
    """Return the path down to the judged answer: that of the row's ``turn``, or the last one."""
    answers = [index for index, message in enumerate(path) if _answers(message)]
    turn = row.get("turn")
    wanted = turn if isinstance(turn, int) and 1 <= turn <= len(answers) else len(answers)
    return path[: answers[wanted - 1] + 1] if answers else path


def _ids(tree_id: str, battles: Iterable[_Battle]) -> dict[Path, str]:
    """Return the id of every message by its path: model and depth, and a number where texts differ."""
    paths = {
        path[:length] for battle in battles for path in battle.sides for length in range(1, len(path) + 1)
    }
    alike: dict[str, list[Path]] = {}
    for path in sorted(paths, key=lambda path: (len(path), [_order(message) for message in path])):
        model = next((message.model_name for message in path if message.model_name), None)
        place = f"{tree_id}#{len(path) - 1}" if model is None else f"{tree_id}#{model}.{len(path) - 1}"
        alike.setdefault(place, []).append(path)
    return {
        path: place if number == 0 else f"{place}~{number}"
        for place, same in alike.items()
        for number, path in enumerate(same)
    }


def _votes(battles: Sequence[_Battle], ids: Mapping[Path, str]) -> tuple[Feedback, ...]:
    """Return the votes of the battles, sorted; of a named judge each different one once.

    The arena's models stand in the order in which their answers were shown; those of MT-bench in one order for all.
    A battle without a judge is another person's.
    """
    votes: dict[str, Feedback] = {}
    for row, battle in enumerate(battles):
        if battle.voted:
            shown = (ids[battle.judged[0]], ids[battle.judged[1]])
            better = None if battle.winner is None else shown[battle.winner]
            vote = Feedback.comparison(
                battle.judge, shown, better, battle.at, both_bad=battle.both_bad, displayed=battle.in_arena
            ).of_row()
            key = [vote.rater, *shown, vote.values, str(vote.at), row if vote.one_per_row else None]
            votes[json.dumps(key)] = vote
    return tuple(votes[key] for key in sorted(votes))


def _source(row: RowValue) -> str:
    """Return the source of a row: MT-bench's judgments have no time."""
    return NAME if row.get("tstamp") is not None or row.get("timestamp") is not None else MT_BENCH
