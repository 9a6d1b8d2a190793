"""Whether one more request may be sent to a model: the money is there, and its replies are usable at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatfeedback.steps.money import Money
    from task_generators.llm.meter import Estimate

MAX_UNUSABLE = 50
"""The most unusable replies in a row; more are not the fault of single texts."""


class Admission:
    """Admits requests to one model; ``hopeless``: so many of its replies in a row were unusable that it is given up."""

    def __init__(self, money: Money) -> None:
        self.money = money
        self.hopeless = False
        self._unusable = 0

    def admits(self, request_id: str, estimate: Callable[[], Estimate]) -> bool:
        """Return whether a request may be sent; what it costs at most is set aside if there is a budget."""
        if self._unusable > MAX_UNUSABLE:
            self.hopeless = True
            return False
        if self.money.left is None:
            return True
        most = estimate()
        return self.money.reserve(request_id, most.input, most.output)

    def note(self, state: str) -> None:
        """Note how a request ended; one that was refused or has no answer says nothing of the replies."""
        if state == "unusable":
            self._unusable += 1
        elif state in ("done", "received"):
            self._unusable = 0
