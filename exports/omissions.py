"""The answers and tasks that an export omits, with their reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Iterable


class OmissionReason(StrEnum):
    """The reason why an answer or an unanswered task is in no row. It begins with a noun, so that it can be counted."""

    NOT_ANSWERED = "task without any answer"
    UNKNOWN_TASK = "answer to an unknown task"
    ASKED_AGAIN = "answer to a task asked a second time"
    NOT_SUBMITTED = "answer not submitted"
    NO_PREFERENCE = "answer without a preference"
    NO_COMPARISON = "rating without a comparison"
    COMPARES_NOTHING = "answer to a task that compares nothing"
    NO_RANKING = "answer to a task that ranks nothing"
    NO_RUBRIC = "answer to a task without a rubric"
    NOT_EVERY_CRITERION = "answer that leaves out a criterion"
    NO_RATING = "answer without a rating of a response"
    NO_MODERATION = "answer on a response that no moderation has judged"
    OF_ANSWERS = "answer in an export of the collection, which holds none"
    NO_HARM = "answer to a task that does not ask for harm"
    HARM_UNSAID = "answer that names no kind of harm and does not say that there is none"
    NO_REFERENCE = "answer on a pair whose prompt has no rewrite that people prefer"
    NO_EDIT = "answer on a pair that is no rewrite preferred to its original"
    OF_CONVERSATION = "answer about a whole conversation, which is no single response"
    NO_STRENGTH = "answer without a strength"
    NO_REWRITE = "rating without a rewrite, which compares nothing"
    NO_VERDICT = "answer without tags, preference or rewrite"
    ANSWERED_AGAIN = "answer replaced by a later one of the same person"
    CONTRADICTED = "answer contradicted by another one of the same person at the same time"
    HELD = "answer on a response that is still held"
    PRIVATE = "answer on a response that its giver keeps private"
    OWN = "answer of a giver on their own conversation"
    BARRED = "answer of a person whom the lead barred"
    STRANGER = "answer of a person who was not invited"
    NOT_SHARED = "answer on a response that is not shared"
    NOT_A_RESPONSE = "answer on a message that is not a response"
    CALLS_TOOLS = "answer on a response that calls tools"
    HAS_ATTACHMENT = "answer on a response with an attachment, which no export can hold"
    LACKS_CALL = "answer on a response after a tool's result without its call"
    NO_PROMPT = "answer on a response without a user turn before it"
    EMPTY_PROMPT = "answer on a response to an empty user turn"
    EMPTY_SIDE = "answer on an empty response"
    DIFFERENT_PROMPTS = "answer comparing responses to different prompts"
    SAME_TEXT = "answer comparing identical responses"
    UNCHANGED_REWRITE = "answer whose rewrite changes nothing"
    REWRITE_REJECTED = "answer on a rewrite that others did not accept"
    REWRITE_UNDECIDED = "answer on a rewrite that too few others have judged"
    REWRITE_GONE = "answer on a rewrite that is changed, set aside or not shared"
    OWN_REWRITE = "answer of a writer on their own rewrite"
    SECOND = "second answer of a person to a task, by another account"
    UNDECIDED = "answer on a response without a majority"
    NOT_ALTERNATING = "answer on a prompt whose turns do not alternate"
    NO_PLACE = "answer on a prompt with tools that the trainer has no place for"
    SEVERAL_TURNS = "answer on a conversation of several turns that the trainer has no place for"
    UNWANTED = "answer on a response that is not wanted"
    OWN_BY_RULE = "answer of a giver on their own conversation, which exports.own leaves out"
    NOT_OWN = "judgment that is no answer of a giver on their own conversation, which exports.own leaves out"
    OTHER_KIND = "answer to a kind of task that exports.kinds leaves out"
    FROM_LOG = "judgment from a chat log, which exports.imported leaves out"
    FROM_CHAT = "judgment from the chat of the workbench, which exports.chat or exports.imported leaves out"
    NOT_FROM_CHAT = "judgment from elsewhere than the chat of the workbench, which exports.chat leaves out"
    FROM_PLATFORM = "answer from a platform, which exports.imported leaves out"
    OTHER_TIME = "answer before exports.since or after exports.until"
    OTHER_SIDE = "answer of a person on the other side of the split, which exports.test_people keeps apart"
    FEW_PEOPLE = "answer on what fewer people judged than exports.min_people"
    LOW_AGREEMENT = "answer on what people agree about less than exports.min_agreement"
    LOW_MARGIN = "answer on a pair with a margin below exports.min_margin"
    LOW_POSTERIOR = "answer on a pair whose posterior is unknown or below exports.min_posterior"
    FLAGGED = "answer on a conversation with a flag of exports.skip_flags"
    OTHER_LANGUAGE = "answer on a language that exports.languages leaves out"
    OTHER_MODEL = "answer on a model that exports.models leaves out"
    OTHER_SOURCE = "answer on a source that exports.sources leaves out"
    OTHER_LICENCE = "answer on a licence that exports.licences leaves out"
    CONTAMINATED = "answer on a prompt that stands in a benchmark of exports.decontaminate"
    TAGS_DECIDE = "preference between responses that tags decide"


BY_RULE = frozenset(reason for reason in OmissionReason if " exports." in reason.value)
"""The reasons that rules of the configuration give."""


@dataclass(frozen=True, slots=True)
class Omission:
    """An answer that is in no row or, without ``annotation_id``, a task that is in no row."""

    reason: OmissionReason
    task_id: str
    annotation_id: str | None = None


def left_out(reason: str, count: int) -> str:
    """Return a reason with its number, such as ``3 answers without a preference``."""
    noun, blank, rest = reason.partition(" ")
    return f"{counted(count, noun)}{blank}{rest}"


def count_omissions(omissions: Iterable[Omission]) -> dict[str, int]:
    """Return the number of omitted answers or tasks by reason, in alphabetical order."""
    return dict(sorted(Counter(omission.reason.value for omission in omissions).items()))
