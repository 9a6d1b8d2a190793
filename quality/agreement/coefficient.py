"""One figure of agreement, with how sure it is and what it means."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from pydantic import JsonValue


class UndefinedCoefficientError(WorkbenchError, ValueError):
    """A number was asked of a coefficient that has none; the message is the coefficient's reason."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A figure of agreement.

    ``value`` is ``None`` where the figure is undefined; ``sentence`` then says why. ``low`` and ``high``
    bound a 95 % interval for other items *and* other people of the same kind; both are ``None`` where the
    answers are too few to say. The counts are of what entered the figure: items with at least two answers,
    the people who gave them, the answers, and the pairs of people who answered the same item.
    ``standard_error`` is the published formula's, for other items and the same people, and ``z`` the figure
    divided by its standard error if all agreement were chance; ``None`` where no formula is given.
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
            UndefinedCoefficientError: there is none.
        """
        if self.value is None:
            raise UndefinedCoefficientError(f"this coefficient is undefined: {self.sentence}")
        return self.value

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON; undefined is ``null``."""
        return asdict(self)
