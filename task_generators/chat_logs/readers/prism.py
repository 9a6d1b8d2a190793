"""PRISM: up to four models answer each prompt; the person scores every answer (1 to 100) and continues with one.

The rows are those of ``conversations.jsonl``. If ``survey.jsonl`` is in the same folder, the person's row is joined
as the column ``survey``; the attributes of the ShareLM schema and the level of English are kept of it.
Source: Kirk et al. (2024), arXiv 2404.16019.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import clean, licence, mapping, number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turns import checked, identifier, role_of, turns_of
from task_generators.chat_logs.readers.uses import (
    ANY_METADATA,
    CONTENT,
    GIVER,
    ID,
    MODEL,
    ORDER,
    PLACE,
    ROLE,
    SCORE,
    TIME,
    of_response,
)
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME
from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pydantic import JsonValue

    Turn = dict[str, Any]

NAME = "prism"
COLUMNS = frozenset({"conversation_id", "conversation_history"})
PRECEDENCE = 130
LICENCE = "CC-BY-4.0 (people's texts), CC-BY-NC-4.0 (models' answers)"
COMPANION = ("survey", "survey.jsonl", "user_id")
"""The joined column, the file beside the log that holds it, and the column to join on."""
_SURVEY = ("age", "gender", "english_proficiency")

MOST_SIBLINGS = 16
_METADATA = (
    "conversation_type",
    "open_feedback",
    "performance_attributes",
    "choice_attributes",
    "timing_duration_s",
)
CHOICE = Use(
    "imported feedback: comparison",
    lambda value: str(value).lower() in ("true", "false", "1", "0", "1.0", "0.0"),
    decides=True,
)
READS = {
    "conversation_id": ID,
    "user_id": GIVER,
    "generated_datetime": TIME,
    "licence|license": LICENCE_NAME,
    "conversation_history[].turn": ORDER,
    "conversation_history[].role": ROLE,
    "conversation_history[].content": CONTENT,
    "conversation_history[].model_name": of_response(MODEL),
    "conversation_history[].within_turn_id": of_response(ORDER),
    "conversation_history[].score": of_response(SCORE),
    "conversation_history[].if_chosen": of_response(CHOICE),
    **dict.fromkeys(_METADATA, ANY_METADATA),
    **{f"survey.{name}": PLACE for name in _SURVEY},
    "survey.location.reside_country": PLACE,
    "survey.location": PLACE,
}
IGNORES = {
    "opening_prompt": "it is the first turn",
    "conversation_turns": "the turns are counted anew",
    "conversation_history[].model_provider": "the model's name says it",
    "included_in_balanced_subset": "a choice of the source's authors",
    "survey.*": "more than a log may say of its giver",
    "survey.location.*": "more than a log may say of its giver",
}


def read(row: RowValue) -> Reading:
    """Read one row.

    Scores are ratings. They also give comparisons: of the answers to one prompt the chosen one is better than the
    others, and of the others the one with the higher score.

    Raises:
        RowError: the row lacks an id or its history, or a turn has no prompt, two, or too many answers.
    """
    conversation_id = identifier(row, "conversation_id", prefix=f"{NAME}-")
    giver, at = person(row.get("user_id")), timestamp(row.get("generated_datetime"))
    messages: list[Message] = []
    feedback: list[Feedback] = []
    parent_id: str | None = None
    for place, (prompt, answers) in enumerate(_turns(turns_of(row, "conversation_history"))):
        asked = Message(f"{conversation_id}#{place}", parent_id, Role.USER, clean(prompt["content"]))
        ids = [f"{asked.id}.{index}" for index in range(len(answers))]
        messages.append(asked)
        messages += (
            Message(
                message_id, asked.id, Role.ASSISTANT, clean(turn["content"]), text(turn.get("model_name"))
            )
            for message_id, turn in zip(ids, answers, strict=True)
        )
        feedback += _feedback(ids, answers, giver, at)
        chosen = [message_id for message_id, turn in zip(ids, answers, strict=True) if _chosen(turn)]
        parent_id = (chosen or ids or [asked.id])[0]
    return Reading(
        Conversation(
            id=conversation_id,
            messages=in_order(checked(messages)),
            source=NAME,
            giver_id=giver,
            timestamp=at,
            licence=licence(row, LICENCE),
            language="en",
            user_metadata=_demographics(row.get("survey")),
            conversation_metadata=mapping(
                {name: row[name] for name in _METADATA if row.get(name) is not None}
            ),
        ),
        tuple(feedback),
    )


def _turns(history: list[object]) -> Iterator[tuple[Turn, list[Turn]]]:
    """Yield each prompt with its answers, in the order of turns and, within one, of ``within_turn_id``."""
    by_turn: dict[int, tuple[list[Turn], list[Turn]]] = {}
    for index, turn in enumerate(history):
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            raise RowError(f"a turn has no text: turn {index}")
        place = number(turn.get("turn"))
        if place is None or not place.isdigit():
            raise RowError(f"a turn has no number: turn {index}")
        is_answer = role_of(turn.get("role"), index) is Role.ASSISTANT
        by_turn.setdefault(int(place), ([], []))[is_answer].append(turn)
    for number_of_turn, (prompts, answers) in sorted(by_turn.items()):
        if len(prompts) != 1:
            raise RowError(f"a turn has not one prompt: {len(prompts)} in turn {number_of_turn}")
        if len(answers) > MOST_SIBLINGS:
            raise RowError(f"a turn has too many answers: {len(answers)} in turn {number_of_turn}")
        answers.sort(key=lambda turn: (float(number(turn.get("within_turn_id")) or 0), turn["content"]))
        yield prompts[0], answers


def _feedback(
    ids: Sequence[str], answers: Sequence[Turn], rater: str | None, at: datetime | None
) -> Iterator[Feedback]:
    scores = [number(turn.get("score")) for turn in answers]
    for message_id, score in zip(ids, scores, strict=True):
        if score is not None:
            yield Feedback.ratings(rater, message_id, {"score": score}, at)
    chosen = [_chosen(turn) for turn in answers]
    for first, second in combinations(range(len(ids)), 2):
        lead = float(chosen[first]) - float(chosen[second])
        first_score, second_score = scores[first], scores[second]
        if lead == 0:
            if first_score is None or second_score is None:
                continue
            lead = float(first_score) - float(second_score)
        better = ids[first] if lead > 0 else ids[second] if lead < 0 else None
        yield Feedback.comparison(rater, (ids[first], ids[second]), better, at)


def _chosen(turn: Turn) -> bool:
    return str(turn.get("if_chosen")).lower() in ("true", "1", "1.0")


def _demographics(survey: object) -> dict[str, JsonValue]:
    given = mapping(survey)
    location = given.get("location")
    if isinstance(location, dict):
        given["location"] = location.get("reside_country")
    return {name: given[name] for name in (*_SURVEY, "location") if given.get(name) is not None}
