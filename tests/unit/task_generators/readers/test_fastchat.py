"""What a row of FastChat's log is worth depends on the rows of the same chat."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from task_generators.chat_logs.readers.fastchat import read_group

QUESTION = "Which gas do plants take in?"


def logged(kind: str, at: float, answer: str) -> dict[str, Any]:
    state = {
        "conv_id": "c2",
        "model_name": "vicuna-13b",
        "roles": ["USER", "ASSISTANT"],
        "offset": 0,
        "messages": [["USER", QUESTION], ["ASSISTANT", answer]],
    }
    return {"tstamp": at, "type": kind, "model": "vicuna-13b", "state": state, "ip": "203.0.113.9"}


ROWS = (
    logged("chat", 1690000005.5, "Carbon dioxide."),
    logged("chat", 1690000015.5, "Oxygen, of course."),
    logged("downvote", 1690000016.5, "Oxygen, of course."),
)


def test_an_answer_that_was_made_again_is_a_sibling_and_its_vote_is_its_own() -> None:
    reading = read_group(ROWS)

    said = [(message.id, message.parent_id, message.content) for message in reading.conversation.messages]
    assert said == [
        ("fastchat-c2#0", None, QUESTION),
        ("fastchat-c2#1", "fastchat-c2#0", "Carbon dioxide."),
        ("fastchat-c2#1~1", "fastchat-c2#0", "Oxygen, of course."),
    ]
    (judgment,) = reading.feedback
    assert (judgment.message_ids, dict(judgment.values)) == (("fastchat-c2#1~1",), {"thumb": "down"})


def test_the_order_of_the_rows_does_not_matter() -> None:
    readings = [read_group(rows) for rows in permutations(ROWS)]

    assert all(reading == readings[0] for reading in readings)


def test_a_vote_that_is_logged_twice_counts_once() -> None:
    assert read_group([*ROWS, ROWS[2]]).feedback == read_group(ROWS).feedback
