"""Seed feedback with the response: asked behind the answer, checked, mended once, paid by the lead, shown to nobody."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from chatfeedback import steps
from chatfeedback.steps.chat_models import chat_models
from chatfeedback.steps.chat_seeds import ChatSeeds
from chatfeedback.steps.money import CHAT_SEED, spent_of_budget
from chatfeedback.web.app import application
from task_generators.seed_feedback.self_rated import AFTERWARDS
from tests.unit.chatfeedback.web.browser import Browser
from tests.unit.chatfeedback.web.chat_site import chat_workspace, person_with
from tests.unit.chatfeedback.web.faulty_upstream import FaultyUpstream, upstream_at
from tests.unit.chatfeedback.web.test_chat import Chatting, points_of
from workspaces.config import Config
from workspaces.records import Quality, Significance, Tag
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.spending import spent

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Send

    from workspaces.workspace import Workspace

GOOD = json.dumps(
    {
        **{quality.value: "yes" for quality in Quality},
        "sensitive": "no",
        "toxic": "no",
        "significance": "high",
    }
)


class RatingUpstream(FaultyUpstream):
    """Answers chats with words, and what it is asked to rate with what it is told, one after the other."""

    def __init__(self, *ratings: str, usage: bool = True) -> None:
        super().__init__()
        self.ratings, self.usage, self.rated = list(ratings), usage, 0

    async def _whole(self, fault: str, send: Send) -> None:
        assert any(AFTERWARDS in str(it["content"]) for it in self.asked[-1]["messages"])
        text = self.ratings[min(self.rated, len(self.ratings) - 1)]
        self.rated += 1
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        body: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 0, "choices": [choice]}
        if self.usage:
            body["usage"] = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def settings(address: str, **llm: Any) -> dict[str, Any]:
    model = {"model": "small", "base_url": address, "input_price": 2.0, "output_price": 10.0}
    sections: dict[str, Any] = {"chat": {"models": [model], "seed_feedback": True}}
    if llm:
        sections["llm"] = {
            "base_url": address,
            "model": "judge",
            "input_price": 1.0,
            "output_price": 1.0,
            **llm,
        }
    return sections


def chatted(workspace: Workspace, upstream: RatingUpstream, *, private: bool = False) -> str:
    """Let somebody chat and the model rate what it rates; return the page."""
    app = application(workspace)
    browser = Browser(workspace, app)
    ada = person_with(workspace, "ada", 10)
    client = browser.signed_in(ada)
    with client.http:  # its event loop goes on between two requests
        chatting = Chatting(client)
        fields = {"private": "yes"} if private else {}
        page = chatting.do("ask", prompt="What is ice?", model="small", **fields)
        assert client.http.portal is not None
        client.http.portal.call(app.state.chat_counter.seeds.settled)
        page += client.get("/me").text
    browser.close()
    assert "word4" in page
    assert points_of(workspace, ada) == 6, "the rating costs no points"
    assert not any(word in page for word in ("self-rated", "self-after-1", "self-after"))
    return page


@pytest.mark.parametrize(
    ("replies", "asked", "seeds"),
    [
        ([GOOD], 1, 1),
        (["Sure! " + GOOD, GOOD], 2, 1),
        (["no", "no"], 2, 0),
        ([GOOD.replace("high", "very")], 2, 0),
        (["{}"], 2, 0),
    ],
)
def test_a_model_rates_its_answer_and_an_answer_whose_rating_is_broken_is_an_answer(
    tmp_path: Path, replies: list[str], asked: int, seeds: int
) -> None:
    upstream = RatingUpstream(*replies)
    with (
        upstream_at(upstream) as address,
        chat_workspace(tmp_path / "w", **settings(address)) as workspace,
    ):
        chatted(workspace, upstream)
        assert upstream.rated == asked
        said = upstream.asked[1]["messages"]
        assert [it["role"] for it in said] == ["user", "assistant", "user"]
        assert said[1]["content"] == "word0 word1 word2 word3 word4 "
        collected = steps.collect_chats(workspace)
        assert collected.outcomes == {"collected": 1}
        with workspace.store.read() as connection:
            found = all_seeds(connection)
            cost = [each for each in spent(connection) if each.purpose == CHAT_SEED]
            assert spent_of_budget(connection, "USD") == asked * (1000 * 2 + 100 * 10)
        assert [(each.model, each.requests, each.unpriced) for each in cost] == [("small", asked, 0)]
        assert len(found) == seeds
        mine = steps.data_about(workspace, person_with(workspace, "ada", 0))
        responses = {it["id"] for each in mine["conversations"] for it in each["messages"]}
        for each in found:
            assert each.message_id in responses
            assert (each.agent, each.prompt_version) == ("self-rated:small", "self-after-1")
            assert each.significance is Significance.HIGH
            assert each.tags[Quality.TOXIC] is Tag.NO
        assert [row["rating"] for row in mine["other"]["chat_exchange"]] == [None], (
            "shown before the person judged"
        )


def test_a_private_chat_is_not_rated_and_no_money_asks_nothing(tmp_path: Path) -> None:
    upstream = RatingUpstream(GOOD)
    with upstream_at(upstream) as address:
        with chat_workspace(tmp_path / "private", **settings(address)) as workspace:
            chatted(workspace, upstream, private=True)
        with chat_workspace(tmp_path / "poor", **settings(address, budget=0.001)) as workspace:
            chatted(workspace, upstream)
    assert upstream.rated == 0


def test_a_rating_that_comes_late_is_seed_feedback_and_goes_with_the_answer(tmp_path: Path) -> None:
    upstream = RatingUpstream("no")
    with (
        upstream_at(upstream) as address,
        chat_workspace(tmp_path / "w", **settings(address, budget=5.0)) as workspace,
    ):
        chatted(workspace, upstream)
        with workspace.store.read() as connection:
            from workspaces.store.chat_exchanges import waiting_exchanges

            (exchange,) = waiting_exchanges(connection, 5)
        steps.collect_chats(workspace)
        (model,) = chat_models(workspace.config).values()

        async def late(hold_id: str) -> None:
            seeds = ChatSeeds(workspace)
            seeds.rate_later(hold_id, model, [{"role": "user", "content": "x"}], "an answer")
            await seeds.settled()
            await model.upstream.aclose()

        upstream.ratings = [GOOD.replace("high", "low")]
        asyncio.run(late(exchange.hold_id))
        with workspace.store.read() as connection:
            (seed,) = all_seeds(connection)
        assert seed.significance is Significance.LOW
        steps.delete_conversations(workspace, [exchange.conversation_id], by="lead")
        asyncio.run(late(exchange.hold_id))
        with workspace.store.read() as connection:
            assert all_seeds(connection) == []


def test_a_budget_needs_the_prices_of_models(tmp_path: Path) -> None:
    sections = settings("http://127.0.0.1:1/v1", budget=1.0)
    del sections["chat"]["models"][0]["input_price"], sections["chat"]["models"][0]["output_price"]
    with pytest.raises(ValidationError, match="input_price"):
        Config.model_validate({"version": 1, "platforms": {"argilla": {}}, **sections})
