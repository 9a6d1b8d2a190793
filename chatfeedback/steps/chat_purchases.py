"""Buying an answer: points are reserved before a model is asked, and captured or released when it has ended.

What was said is kept in the transaction that captures the points, unless its person keeps the chat private.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from chatfeedback.steps.chat_messages import PURPOSE, NoPromptError, answered, kept, path_of, response_id
from reward_engine import capture, quote_purchase, release, release_expired, reserve
from workspaces.records import Role
from workspaces.store.chat_exchanges import (
    Exchange,
    answers_among,
    answers_by_model,
    is_private,
    keep_exchange,
    keep_private,
)
from workspaces.store.identities import is_person
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import JsonValue

    from chatfeedback.steps.chat_messages import Path
    from reward_engine.holds import Purchase
    from workspaces.privacy.redaction import Redactor
    from workspaces.records import ChatMode
    from workspaces.workspace import Workspace

MARGIN_SECONDS = 20.0
"""A hold outlasts the answer by so much, or by a tenth of its time if that is less, so that it can be captured."""


@dataclass(frozen=True, slots=True)
class Order:
    """An answer that points are set aside for. ``seconds`` is how long the model may take."""

    hold_id: str
    person_id: str
    purchase: Purchase
    path: Path
    private: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Bought:
    """An answer that was paid; ``response_id`` is None where it is not recorded."""

    points: int
    response_id: str | None


class Till:
    """Sells answers for one open workspace.

    Args:
        workspace: the store and the prices.
        redactor: redacts what is kept.
        clock: tells the time of holds.
    """

    def __init__(
        self, workspace: Workspace, redactor: Redactor, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._workspace = workspace
        self._redactor = redactor
        self._clock = clock
        self._key = workspace.key_for(PURPOSE)
        self._names: set[str] = set()

    def path(self, person_id: str, request: Mapping[str, JsonValue]) -> Path:
        """Return what a person asks.

        Raises:
            NoPromptError: the messages cannot be read, or nobody asks anything in them.
        """
        return path_of(request, person_id, self._key)

    def price(self, model: str, mode: ChatMode) -> int:
        """Return what an answer of a model costs, in points."""
        return quote_purchase(self._workspace.config.spending, model, mode).price

    def answers(self) -> dict[str, int]:
        """Return how many recorded answers each model gave."""
        with self._workspace.store.read() as connection:
            return answers_by_model(connection)

    def sweep(self) -> int:
        """Give back the points of holds that expired, as after a crash; return how many there were."""
        with self._workspace.store.write() as connection:
            return release_expired(connection, self._clock())

    def reserve(self, person_id: str, path: Path, model: str, mode: ChatMode, *, private: bool) -> Order:
        """Set the price of an answer aside.

        Raises:
            NotEnoughPointsError: the person has fewer points.
        """
        spending, now = self._workspace.config.spending, self._clock()
        purchase = quote_purchase(spending, model, mode)
        lasts = spending.hold_minutes * 60
        hold_id = f"chat/{secrets.token_hex(16)}"
        with self._workspace.store.write() as connection:
            private = private or is_private(connection, path.conversation_id)
            if private:
                keep_private(connection, person_id, path.conversation_id)
            reserve(
                connection,
                person_id,
                purchase,
                hold_id=hold_id,
                now=now,
                expires_at=now + timedelta(seconds=lasts),
            )
        return Order(hold_id, person_id, purchase, path, private, lasts - min(MARGIN_SECONDS, lasts / 10))

    def capture(self, order: Order, turn: Mapping[str, JsonValue]) -> Bought:
        """Keep the points of an answer that ended, and what was said.

        Raises:
            HoldError: the hold expired: the answer came too late, and nothing is kept.
        """
        exchange = None if order.private else self._exchange(order, turn)
        with self._workspace.store.write() as connection:
            ended = capture(connection, order.hold_id, order.purchase.price, now=self._clock())
            wanted = (
                exchange is not None
                and is_person(connection, order.person_id)
                and not is_private(connection, order.path.conversation_id)
            )
            if exchange is not None and wanted:
                keep_exchange(connection, exchange)
        if self._names:
            self._names.add(order.purchase.model)
        return Bought(ended.spent, exchange.response_id if exchange is not None and wanted else None)

    def release(self, order: Order) -> None:
        """Give back the points of an answer that failed."""
        with self._workspace.store.write() as connection:
            release(connection, order.hold_id, now=self._clock())

    def _exchange(self, order: Order, turn: Mapping[str, JsonValue]) -> Exchange:
        """Return an exchange; one that nobody can store has no messages, and says so when it is collected."""
        path, model, now = order.path, order.purchase.model, self._clock()
        try:
            path = answered(path, turn, model, order.person_id, self._key)
            ours = {}
            if any(message.role is Role.ASSISTANT for message in order.path.messages):
                with self._workspace.store.read() as connection:
                    self._names = self._names or set(answers_by_model(connection))
                    names = sorted({model, *self._names})
                    ours = answers_among(connection, order.person_id, path.candidates(names))
            messages = kept(path, {it: each.model for it, each in ours.items()}, self._redactor)
        except (NoPromptError, UnicodeError, RecursionError, OverflowError, pa.ArrowException):
            return Exchange(
                order.hold_id,
                order.person_id,
                path.conversation_id,
                order.path.prompt_id,
                "",
                model,
                None,
                now,
            )
        return Exchange(
            order.hold_id,
            order.person_id,
            path.conversation_id,
            order.path.prompt_id,
            response_id(path),
            model,
            messages,
            now,
        )
