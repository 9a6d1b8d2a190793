"""Seed feedback from an endpoint of the OpenAI chat-completions protocol."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from task_generators.llm.bounded import MAX_REPLY_BYTES
from task_generators.llm.chat import ChatEndpoint, as_bytes, chat_request
from task_generators.llm.errors import UnusableReplyError
from task_generators.llm.meter import BYTES_PER_TOKEN, Estimate
from task_generators.llm.outcomes import Failure, Outcomes
from task_generators.seed_feedback.prompt import (
    PROMPT_VERSION,
    SeedReply,
    material,
    ratings_in,
    repair,
    reply_tokens,
    system_message,
)
from workspaces.records import SeedFeedback
from workspaces.store.requests import RequestState
from workspaces.store.seed_requests import EndedSeed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
    from pydantic import SecretStr

    from task_generators.seed_feedback.prompt import Correction
    from task_generators.seed_feedback.requests import SeedRequest
    from workspaces.config import LLMConfig

WHAT = "seed feedback"


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a request: how it ended, and the seed feedback that it brought (none of a canary)."""

    ended: EndedSeed
    seeds: tuple[SeedFeedback, ...] = ()


class LLMJudge:
    """Asks an LLM to rate the responses of conversations, all of a conversation in one request.

    ``names`` are the names of the judge: its model (``agent``), and its prompt with its ``corrections``.
    """

    def __init__(
        self,
        config: LLMConfig,
        api_key: SecretStr,
        clock: Callable[[], datetime],
        prompt_version: str = PROMPT_VERSION,
        corrections: Sequence[Correction] = (),
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.agent = config.model
        self.prompt_version = prompt_version
        self.names = (config.model, prompt_version)
        self._corrections = tuple(corrections)
        self._system = system_message(corrections)
        self._system_bytes = len(as_bytes(chat_request(config.model, [self._system], 0, SeedReply, WHAT)))
        self._clock = clock
        self.chat = ChatEndpoint(config, api_key, max_bytes)
        self.meter = self.chat.meter
        self._outcomes = Outcomes(self.chat.endpoint)
        self._key = secrets.token_bytes(32)

    def messages(self, request: SeedRequest) -> list[ChatCompletionMessageParam]:
        """Return a request as messages, with the reply to mend if it has one."""
        system = self._system
        if self._corrections:  # a response is never its own example
            targets = set(request.targets.values())
            fit = [it for it in self._corrections if it.path[-1].id not in targets]
            system = system if len(fit) == len(self._corrections) else system_message(fit)
        said = [] if request.repair is None else repair(request.repair, request.targets)
        return [system, material(request, self._marker(request)), *said]

    def _marker(self, request: SeedRequest) -> str:
        """Return a word that whoever wrote the conversation cannot know: a hash with a key of this run."""
        return blake2b(request.id.encode(), key=self._key, digest_size=4).hexdigest()

    def body(self, request: SeedRequest) -> CompletionCreateParamsNonStreaming:
        """Return a request as the body of a POST."""
        return chat_request(
            self.agent, self.messages(request), reply_tokens(request.targets), SeedReply, WHAT
        )

    def estimate(self, request: SeedRequest) -> Estimate:
        """Return a bound of the tokens that a request takes, for a budget."""
        size = self._system_bytes + sum(
            len(each.text.encode("utf-8", "replace")) + 40 for each in request.shown
        )
        output = reply_tokens(request.targets)
        return Estimate(2 * (size // BYTES_PER_TOKEN) + 2 * output, 2 * output)

    async def judge(self, request: SeedRequest) -> Judged:
        """Return what came of a request; an unusable reply is asked to be mended once.

        Raises:
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it answers nothing, does not know the model, or is no LLM.
        """
        judged = await self._outcomes.of(self._asked(request))
        if isinstance(judged, Failure):
            return Judged(EndedSeed(request.id, RequestState(judged.state), judged.fault, judged.reply))
        return judged

    async def _asked(self, request: SeedRequest) -> Judged:
        messages = self.messages(request)
        limit = reply_tokens(request.targets)
        text = await self.chat.text(messages, limit, SeedReply, WHAT)
        try:
            return self.judged(request, text)
        except UnusableReplyError:
            if request.repair is not None:
                raise
        mended = [*messages, *repair(text, request.targets)]
        return self.judged(request, await self.chat.text(mended, limit, SeedReply, WHAT))

    def judged(self, request: SeedRequest, text: str) -> Judged:
        """Return what a reply says.

        Raises:
            UnusableReplyError: it is no seed feedback on the responses that were asked about.
        """
        return read(request.id, request.targets, request.canary_of, text, self.names, self._clock())

    def close(self) -> None:
        """Close connections."""
        self.chat.close()


def read(
    request_id: str,
    targets: Mapping[int, str],
    canary_of: str | None,
    text: str,
    judge: tuple[str, str],
    now: datetime,
) -> Judged:
    """Return what a reply to a request says.

    Raises:
        UnusableReplyError: it is no seed feedback on the responses that were asked about.
    """
    ratings = ratings_in(text, targets)
    if canary_of is not None:
        number = next(number for number, message_id in targets.items() if message_id == canary_of)
        return Judged(EndedSeed(request_id, RequestState.DONE, judged=ratings[number].answers()))
    seeds = tuple(
        SeedFeedback(message_id, *judge, ratings[number].tags(), ratings[number].significance, now)
        for number, message_id in targets.items()
    )
    return Judged(EndedSeed(request_id, RequestState.DONE), seeds)
