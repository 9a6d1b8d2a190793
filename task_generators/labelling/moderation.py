"""Moderation by any endpoint that speaks OpenAI's moderation protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from task_generators.llm.endpoint import Endpoint
from task_generators.llm.errors import PRINTABLE, RefusedError, UnusableReplyError
from workspaces.chunks import in_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from workspaces.config import ModerationConfig

MAX_CHARACTERS = 20_000
"""Of a text, as sent; a longer message is sent in pieces."""

REFUSED = "refused"
"""The category of a message that the endpoint refuses to look at: most likely the worst there is."""

Verdict = tuple[bool, tuple[str, ...]]
"""Whether a text is flagged, and the categories that hold, in alphabetical order."""

Category = Annotated[str, Field(min_length=1, max_length=100), PRINTABLE]


class _Result(BaseModel):
    """What an endpoint says of one text; some (Mistral's) name categories alone."""

    model_config = ConfigDict(strict=True)

    categories: Annotated[dict[Category, bool | None], Field(max_length=100)]
    flagged: bool | None = None

    def verdict(self) -> Verdict:
        holding = tuple(sorted(name for name, holds in self.categories.items() if holds))
        return bool(holding) if self.flagged is None else self.flagged, holding


class _Answer(BaseModel):
    results: list[_Result]


class Moderator:
    """Asks an endpoint about several texts at once."""

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
        """Return what the endpoint says of each text; a long one is flagged where a piece of it is.

        Raises:
            RefusedError: the endpoint refuses one of the texts.
            UnusableReplyError: its answer came garbled twice in a row, or nothing was answered before.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, or is something else.
        """
        pieces = [
            (index, text[start : start + MAX_CHARACTERS])
            for index, text in enumerate(texts)
            for start in range(0, len(text), MAX_CHARACTERS)
        ]
        said: list[Verdict] = [(False, ())] * len(texts)
        for some in in_chunks(pieces, self.batch):
            for (index, _), verdict in zip(some, self._asked([piece for _, piece in some]), strict=True):
                said[index] = _united(said[index], verdict)
        return said

    def _asked(self, texts: list[str]) -> list[Verdict]:
        try:
            return self._endpoint.call(lambda: self._request(texts))
        except RefusedError:
            raise
        except UnusableReplyError:
            return self._endpoint.call(lambda: self._request(texts))

    def _request(self, texts: list[str]) -> list[Verdict]:
        client = self._endpoint.client.moderations.with_raw_response  # parsed it would not be checked
        said = from_json(client.create(model=self.agent, input=texts).content)
        usage = said.get("usage") if isinstance(said, dict) else None
        tokens = usage if isinstance(usage, dict) else {}
        self.meter.count(tokens.get("prompt_tokens"), tokens.get("completion_tokens", 0))
        results = _Answer.model_validate(said).results
        if len(results) != len(texts):
            raise ValueError(f"{len(texts)} results were expected, not {len(results)}")
        return [result.verdict() for result in results]

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()


def _united(one: Verdict, other: Verdict) -> Verdict:
    return one[0] or other[0], tuple(sorted({*one[1], *other[1]}))
