"""Moderation by any endpoint that speaks OpenAI's moderation protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
from openai.types import ModerationCreateResponse

from workspaces.errors import ConnectionFailedError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from workspaces.config import ModerationConfig

MAX_CHARACTERS = 20_000
"""Of a message, as sent."""


class Moderator:
    """Asks an endpoint about several texts at once."""

    def __init__(self, config: ModerationConfig, api_key: SecretStr) -> None:
        self.agent = config.model
        self.batch = config.batch
        self._config = config
        self._client = openai.OpenAI(
            base_url=str(config.base_url),
            api_key=api_key.get_secret_value(),
            timeout=config.timeout_seconds,
            max_retries=config.max_attempts - 1,
        )

    def moderate(self, texts: Sequence[str]) -> list[tuple[bool, tuple[str, ...]]]:
        """Return for each text whether it is flagged, and the categories that hold.

        Raises:
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it cannot be reached, refuses, or answers something else.
        """
        where = f"the moderation endpoint at {self._config.base_url}"
        try:
            answer = self._client.moderations.create(
                model=self._config.model, input=[text[:MAX_CHARACTERS] for text in texts]
            )
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise CredentialsError(f"{where} does not accept the key in {self._config.api_key_env}") from None
        except openai.APIStatusError as error:
            raise ConnectionFailedError(f"{where} refused: {error.status_code}") from None
        except (openai.APIError, TypeError, ValueError) as error:
            raise ConnectionFailedError(f"{where} cannot be reached: {type(error).__name__}") from None
        if not isinstance(answer, ModerationCreateResponse) or len(answer.results or ()) != len(texts):
            raise ConnectionFailedError(f"{where} does not speak OpenAI's moderation protocol")
        return [
            (
                bool(result.flagged),
                tuple(sorted(name for name, holds in result.categories.to_dict().items() if holds is True)),
            )
            for result in answer.results
        ]

    def close(self) -> None:
        """Close connections."""
        self._client.close()
