"""Embeddings of texts, by an endpoint of OpenAI's protocol of embeddings.

Source: OpenAI, "Create embeddings" (platform.openai.com/docs/api-reference/embeddings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from task_generators.llm.endpoint import Endpoint
from task_generators.llm.errors import EarlyRefusalError, RefusedError, UnusableReplyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from workspaces.config import LLMConfig

MAX_CHARACTERS = 2_000
MAX_DIMENSIONS = 16_384
STORED = np.dtype("<f2")
"""How vectors are stored: little-endian floats of 16 bits; a length of 1 leaves three digits."""


class _Embedding(BaseModel):
    model_config = ConfigDict(strict=True)

    index: int
    embedding: Annotated[
        list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1, max_length=MAX_DIMENSIONS)
    ]


class _Answer(BaseModel):
    data: list[_Embedding]


class Embedder:
    """Embeds texts, several in one request. Safe to call from several threads."""

    def __init__(self, config: LLMConfig, api_key: SecretStr) -> None:
        self.agent = config.model
        self._endpoint = Endpoint(
            config,
            api_key,
            name="the model that embeds",
            protocol="OpenAI's protocol of embeddings",
            section="llm.embeddings",
            concurrency=config.concurrency,
        )
        self.meter = self._endpoint.meter

    def embed(self, texts: Sequence[str]) -> list[bytes | None]:
        """Return the vector of each text, of length 1, as it is stored; None of a text that is refused.

        Refused texts are asked about in halves, so that one keeps no other from its vector.

        Raises:
            UnusableReplyError: a reply is garbled twice in a row, or nothing was answered before.
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, is overloaded, or is no such endpoint.
        """
        found = self._in_halves(texts)
        for each in found:
            if isinstance(each, EarlyRefusalError) and not self._endpoint.has_answered:
                raise each
        return [None if isinstance(each, EarlyRefusalError) else each for each in found]

    def _in_halves(self, texts: Sequence[str]) -> list[bytes | EarlyRefusalError | None]:
        try:
            return list(self._asked(texts))
        except (RefusedError, EarlyRefusalError) as error:
            if len(texts) == 1:
                return [error if isinstance(error, EarlyRefusalError) else None]
            half = len(texts) // 2
            return [*self._in_halves(texts[:half]), *self._in_halves(texts[half:])]

    def _asked(self, texts: Sequence[str]) -> list[bytes]:
        try:
            return self._endpoint.call(lambda: self._request(texts))
        except RefusedError:
            raise
        except UnusableReplyError:
            return self._endpoint.call(lambda: self._request(texts))

    async def _request(self, texts: Sequence[str]) -> list[bytes]:
        body = {"model": self.agent, "input": list(texts), "encoding_format": "float"}
        answer: Any = from_json(await self._endpoint.post("/embeddings", json=body))
        usage = answer.get("usage") if isinstance(answer, dict) else None
        tokens = usage if isinstance(usage, dict) else {}
        self.meter.count(tokens.get("prompt_tokens"), 0)
        found = sorted(_Answer.model_validate(answer).data, key=lambda each: each.index)
        if [each.index for each in found] != list(range(len(texts))):
            raise ValueError(f"{len(texts)} embeddings were expected")
        if len({len(each.embedding) for each in found}) > 1:
            raise ValueError("the embeddings have several lengths")
        return [as_stored(np.array(each.embedding)) for each in found]

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()


def as_stored(vector: np.ndarray[Any, np.dtype[np.float64]]) -> bytes:
    """Return a vector as it is stored, with a length of 1; one of zeros stays as it is."""
    return (vector / (np.linalg.norm(vector) or 1.0)).astype(STORED).tobytes()


def as_rows(vectors: Sequence[bytes]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return stored vectors as the rows of a matrix."""
    return np.frombuffer(b"".join(vectors), STORED).reshape(len(vectors), -1).astype(np.float32)
