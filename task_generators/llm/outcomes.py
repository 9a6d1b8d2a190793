"""What came of one request: an answer, or a failure of this request that is stored and does not end the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from task_generators.llm.endpoint import MAX_REFUSED
from task_generators.llm.errors import RefusedError, UnansweredError, UnusableReplyError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from task_generators.llm.endpoint import Endpoint

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request brought nothing: what a later run does about it, the fault, and the reply that was unusable."""

    state: Literal["unanswered", "unusable", "refused"]
    fault: str
    reply: str | None = None


class Outcomes:
    """Tells failures of single requests to an endpoint from those of the endpoint, which end the run."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._unanswered = 0

    async def of(self, asked: Coroutine[Any, Any, Answer]) -> Answer | Failure:
        """Return the answer, or why there is none.

        Raises:
            CredentialsError: the endpoint does not accept our key.
            ConnectionFailedError: it answers nothing, does not know the model, or is no LLM.
        """
        try:
            answer = await asked
        except RefusedError as fault:
            return Failure("refused", str(fault))
        except UnusableReplyError as fault:
            if not self._endpoint.has_answered:  # then the fault may be in the settings, and not in this text
                return Failure("unanswered", str(fault), fault.reply)
            self._unanswered = 0
            return Failure("unusable", str(fault), fault.reply)
        except UnansweredError as fault:
            self._unanswered += 1
            if not self._endpoint.has_answered or self._unanswered > MAX_REFUSED:
                raise
            return Failure("unanswered", str(fault))
        self._unanswered = 0
        return answer
