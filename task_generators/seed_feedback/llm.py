"""Seed feedback from an endpoint of the OpenAI chat-completions protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.llm.chat import ChatEndpoint
from task_generators.seed_feedback.prompt import PROMPT_VERSION, SeedReply, system_message, user_message
from workspaces.records import SeedFeedback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from task_generators.seed_feedback.prompt import Correction
    from workspaces.config import LLMConfig
    from workspaces.records import Message


class LLMRater:
    """Asks an LLM to rate responses, one request per response. Safe to call from several threads.

    ``prompt_version`` names the prompt with its ``corrections``.
    """

    def __init__(
        self,
        config: LLMConfig,
        api_key: SecretStr,
        clock: Callable[[], datetime],
        prompt_version: str = PROMPT_VERSION,
        corrections: Sequence[Correction] = (),
    ) -> None:
        self.agent = config.model
        self.prompt_version = prompt_version
        self._corrections = tuple(corrections)
        self.concurrency = config.concurrency
        self._clock = clock
        self._endpoint = ChatEndpoint(config, api_key)
        self.meter = self._endpoint.meter

    def rate(self, path: Sequence[Message]) -> SeedFeedback:
        """Return the seed feedback of the last message of ``path`` (all messages from the first prompt on).

        Raises:
            UnusableReplyError: the reply is not seed feedback, or the request is refused (by a content filter, or
                as too long), twice in a row.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, does not know the model, or is no LLM.
        """
        # a response is never its own example
        corrections = [it for it in self._corrections if it.path[-1].id != path[-1].id]
        material = user_message(path, corrections)
        reply = self._endpoint.ask(system_message(corrections), material, SeedReply, "seed feedback")
        return SeedFeedback(
            message_id=path[-1].id,
            agent=self.agent,
            prompt_version=self.prompt_version,
            tags=reply.tags(),
            significance=reply.significance,
            created_at=self._clock(),
        )

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()
