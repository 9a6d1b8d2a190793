"""Moderation by an endpoint of OpenAI's moderation protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from task_generators.llm.endpoint import Endpoint
from task_generators.llm.errors import RefusedError, UnusableReplyError
from task_generators.llm.replies import PRINTABLE
from workspaces.chunks import in_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from workspaces.config import ModerationConfig

MAX_CHARACTERS = 20_000
"""The most characters of one text in a request; a longer message is sent in pieces."""

REFUSED = "refused"
"""The category of a message that the endpoint refuses to moderate: most likely the worst messages."""

Verdict = tuple[bool, tuple[str, ...]]
"""Whether a text is flagged, and the categories that hold, in alphabetical order."""

Category = Annotated[str, Field(min_length=1, max_length=100), PRINTABLE]


class _Result(BaseModel):
    """The result for one text; some endpoints (Mistral's) return categories only."""

    model_config = ConfigDict(strict=True)

    categories: Annotated[dict[Category, bool | None], Field(max_length=100)]
    flagged: bool | None = None

    def verdict(self) -> Verdict:
        holding = tuple(sorted(name for name, holds in self.categories.items() if holds))
        return bool(holding) if self.flagged is None else self.flagged, holding


class _Answer(BaseModel):
    results: list[_Result]


class Moderator:
    """Sends an endpoint several texts at once."""

    is_remote = True

    def __init__(self, config: ModerationConfig, api_key: SecretStr) -> None:
        self.agent = config.model
        self.batch = config.batch
        self._endpoint = Endpoint(
            config,
            api_key,
            name="the moderation endpoint",
            protocol="OpenAI's moderation protocol",
            section="moderation",
        )
        self.meter = self._endpoint.meter

    def moderate(self, texts: Sequence[str]) -> list[Verdict]:
        """Return the verdict on each text; a long text is flagged if one of its pieces is.

        Raises:
            RefusedError: the endpoint refuses one of the texts.
            UnusableReplyError: its answer is garbled twice in a row, or it answered nothing before.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, or is no moderation endpoint.
        """
        pieces = [
            (index, text[start : start + MAX_CHARACTERS])
            for index, text in enumerate(texts)
            for start in range(0, len(text), MAX_CHARACTERS)
        ]
        verdicts: list[Verdict] = [(False, ())] * len(texts)
        for batch in in_chunks(pieces, self.batch):
            batch_verdicts = self._asked([piece for _, piece in batch])
            for (index, _), verdict in zip(batch, batch_verdicts, strict=True):
                verdicts[index] = _united(verdicts[index], verdict)
        return verdicts

    def _asked(self, texts: list[str]) -> list[Verdict]:
        try:
            return self._endpoint.call(lambda: self._request(texts))
        except RefusedError:
            raise
        except UnusableReplyError:
            return self._endpoint.call(lambda: self._request(texts))

    async def _request(self, texts: list[str]) -> list[Verdict]:
        answer = from_json(
            await self._endpoint.post("/moderations", json={"model": self.agent, "input": texts})
        )
        usage = answer.get("usage") if isinstance(answer, dict) else None
        tokens = usage if isinstance(usage, dict) else {}
        self.meter.count(tokens.get("prompt_tokens"), tokens.get("completion_tokens", 0))
        results = _Answer.model_validate(answer).results
        if len(results) != len(texts):
            raise ValueError(f"{len(texts)} results were expected, not {len(results)}")
        return [result.verdict() for result in results]

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()


def _united(first: Verdict, second: Verdict) -> Verdict:
    return first[0] or second[0], tuple(sorted({*first[1], *second[1]}))
