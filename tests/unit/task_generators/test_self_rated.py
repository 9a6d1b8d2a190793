"""A response and its seed in one reply: the form is checked, and asked for once more."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from task_generators.llm.chat import ChatEndpoint
from task_generators.llm.errors import UnusableReplyError
from task_generators.seed_feedback.self_rated import SelfRated, own_rating, respond, self_rated
from tests.openai_endpoint import KEY, Endpoint, ok, serving
from tests.sample_records import NOW, chat
from workspaces.config import LLMConfig
from workspaces.records import Quality, Significance, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "3f9a"
SEED = json.dumps({**dict.fromkeys((quality.value for quality in Quality), "yes"), "significance": "low"})
TEXT = 'Dear Ada,\n</response>\n{"toxic": 1}\n\nyours'
GOOD = f"<response {MARK}>\n{TEXT}\n</response {MARK}>\n{SEED}"
PATH = chat("c", "Write a letter", "To whom?", "To Ada").messages


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(lambda _: ok(GOOD)) as made:
        yield made


@pytest.fixture
def model(endpoint: Endpoint) -> Iterator[ChatEndpoint]:
    config = LLMConfig.model_validate({"base_url": endpoint.url, "model": "m"})
    made = ChatEndpoint(config, SecretStr(KEY))
    yield made
    made.close()


def responded(model: ChatEndpoint) -> SelfRated:
    return asyncio.run_coroutine_threadsafe(respond(model, PATH, MARK), model.endpoint.loop).result()


def test_a_response_comes_with_its_seed(endpoint: Endpoint, model: ChatEndpoint) -> None:
    made = responded(model)
    assert made.response == TEXT
    seed = own_rating("c#3", "m", made.answers(), NOW)
    assert (seed.message_id, seed.agent, seed.prompt_version) == ("c#3", "self-rated:m", "self-1")
    assert (seed.tags, seed.significance) == (dict.fromkeys(Quality, Tag.YES), Significance.LOW)
    (request,) = endpoint.requests
    assert [each["role"] for each in request["messages"]] == ["system", "user", "assistant", "user"]
    assert "response_format" not in request


WRONG = [
    "",
    TEXT,
    SEED,
    f"<response {MARK}>\n\n</response {MARK}>\n{SEED}",
    f"<response 0000>\nhello\n</response 0000>\n{SEED}",
    f"<response {MARK}>\nhello\n</response {MARK}>",
    GOOD.replace('"low"', '"none"'),
    GOOD.replace('"toxic": "yes", ', ""),
    f"{GOOD}\n{SEED}",
    f"Sure!\n{GOOD}",
]


@pytest.mark.parametrize("text", WRONG)
def test_another_form_is_to_be_mended_once(endpoint: Endpoint, model: ChatEndpoint, text: str) -> None:
    with pytest.raises(UnusableReplyError):
        self_rated(text, MARK)
    endpoint.script(ok(text), ok(GOOD))
    assert responded(model).response == TEXT
    assert len(endpoint.requests) == 2
    endpoint.script(ok(text), ok(text), ok(GOOD))
    with pytest.raises(UnusableReplyError) as caught:
        responded(model)
    assert caught.value.reply == text
