"""Chats whose program sends the beginning back a little differently go on as one conversation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from chatfeedback import steps
from chatfeedback.steps.chat_choices import rate_answer
from chatfeedback.steps.chat_continuations import continued
from tests.unit.chatfeedback.web.chat_site import key_of, person_with
from tests.unit.chatfeedback.web.test_chat_counter import Scripted, ask, site
from workspaces.records import Message, Role
from workspaces.store.chat_exchanges import Exchange, chat_exchange
from workspaces.store.conversations import given_by

if TYPE_CHECKING:
    from pathlib import Path

SAID: dict[str, tuple[dict[str, Any], str]] = {
    "white space of the prompt": ({"content": "the answer"}, "hello \n"),
    "white space of the answer": ({"content": "\nthe answer\n"}, "hello"),
    "reasoning": ({"content": "the answer", "reasoning_content": "of a@b.org, hm"}, "hello"),
    "thoughts in the text": ({"content": "<think>hm</think>the answer"}, "hello"),
    "addresses": ({"content": "the answer", "reasoning_content": "x@y.org"}, "hello a@b.org"),
}


@pytest.mark.parametrize("between", [True, False])
@pytest.mark.parametrize("case", SAID)
def test_a_chat_goes_on_whatever_its_program_trims(tmp_path: Path, case: str, between: bool) -> None:
    message, prompt = SAID[case]
    with site(tmp_path, Scripted(message)) as (workspace, app):
        ada = person_with(workspace, "ada", 100)
        key = key_of(workspace, ada)
        turns = [{"role": "user", "content": prompt}]
        outcomes: list[str] = []
        for number in range(3):
            answer = ask(app, key, messages=turns)
            rate_answer(workspace, ada, answer.headers["X-Chatfeedback-Response"], "up")
            if between:
                outcomes += steps.collect_chats(workspace).outcomes
            turns = [{**turn, "content": turn["content"].strip()} for turn in turns]
            turns += [
                {"role": "assistant", "content": "the answer"},
                {"role": "user", "content": f"more c{number}@d.org"},
            ]
        last = steps.collect_chats(workspace)
        assert last.choices_without_chat == 0
        assert {*outcomes, *last.outcomes} == {"collected"}
        with workspace.store.read() as connection:
            (entry,) = given_by(connection, ada)
            texts = connection.execute(sa.select(chat_exchange.c.messages)).scalars().all()
        assert texts == [None] * 3
        stored = workspace.collection.read([entry.conversation_id])[entry.conversation_id]
        assert [message.role.value for message in stored.messages] == ["user", "assistant"] * 3
        asked = [message.content for message in stored.messages[2::2]]
        assert len(set(asked)) == 2, asked


def test_placeholders_of_what_is_new_continue_the_stored_numbers() -> None:
    def message(
        name: str, parent: str | None, role: Role, content: str, reasoning: str | None = None
    ) -> Message:
        return Message(name, parent, role, content, reasoning=reasoning)

    stored = {
        "a": message("a", None, Role.USER, "[EMAIL_2]"),
        "b": message("b", "a", Role.ASSISTANT, "yes", "[EMAIL_1]"),
    }
    sent: list[dict[str, Any]] = [
        {"id": "a", "parent_id": None, "role": "user", "content": "[EMAIL_1] \n"},
        {"id": "b", "parent_id": "a", "role": "assistant", "content": "yes"},
        {"id": "c", "parent_id": "b", "role": "user", "content": "[EMAIL_1] [EMAIL_2]"},
    ]
    whole: list[dict[str, Any]] = [{"tool_calls": [], "attachments": [], **each} for each in sent]
    text = json.dumps({"messages": whole, "metadata": {"tools": "[EMAIL_2]"}})
    exchange = Exchange("hold", "ada", "chat", "a", "c", "m", text, datetime(2026, 1, 1, tzinfo=UTC))
    path = continued(exchange, stored)
    assert path.messages[:2] == (stored["a"], stored["b"])
    assert path.messages[2].content == "[EMAIL_2] [EMAIL_3]"
    assert path.conversation_metadata == {"tools": "[EMAIL_3]"}
