"""What platforms answer, as models of what the adapters read of it; anything else in an answer is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from workspaces.errors import ConnectionFailedError

if TYPE_CHECKING:
    from pydantic import JsonValue

T = TypeVar("T")


class Shape(BaseModel):
    """The part of a JSON object that an adapter reads."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def read_as(shape: type[T], answer: JsonValue, server: str) -> T:
    """Return a platform's answer as the type that it should have.

    Args:
        shape: a ``Shape``, or a container of them.
        answer: the JSON that the platform sent.
        server: names the platform and its address in the error.

    Raises:
        ConnectionFailedError: the answer is of another form, as another version of the platform might send.
    """
    try:
        return TypeAdapter(shape).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ConnectionFailedError(
            f"{server} answers in a form that the workbench does not know ({place}: {first['msg']}); "
            "is it a version that the workbench was tried with?"
        ) from None
