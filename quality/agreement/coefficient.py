"""The value of a coefficient of agreement, with its interval and a sentence that explains it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from pydantic import JsonValue


class UndefinedCoefficientError(WorkbenchError, ValueError):
    """The value of an undefined coefficient was requested; the message is the coefficient's reason."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient of agreement.

    ``value`` is ``None`` where the coefficient is undefined; ``sentence`` then gives the reason. ``low`` and
    ``high`` bound a 95 % interval for other items *and* other people from the same population; both are
    ``None`` where there are too few answers. The counts describe the data of the coefficient: items with at
    least two answers, the people who gave them, the answers, and the pairs of people who answered the same
    item. ``standard_error`` is that of the published formula, for other items and the same people; ``z`` is
    the value divided by its standard error under chance agreement; ``None`` where no formula is given.
    """

    value: float | None
    low: float | None
    high: float | None
    n_items: int
    n_annotators: int
    n_labels: int
    n_pairs: int
    sentence: str
    standard_error: float | None = None
    z: float | None = None

    def __float__(self) -> float:
        """Return ``value``.

        Raises:
            UndefinedCoefficientError: the coefficient is undefined.
        """
        if self.value is None:
            raise UndefinedCoefficientError(f"this coefficient is undefined: {self.sentence}")
        return self.value

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON; undefined is ``null``."""
        return asdict(self)
