"""Buying an answer: points are reserved before a model is asked, and captured or released when it has ended.

What was said is kept in the transaction that captures the points, unless its person keeps the chat private.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chatfeedback.steps.chat_messages import PURPOSE, answered, kept, path_of, response_id
from reward_engine import capture, quote_purchase, release, release_expired, reserve
from workspaces.errors import UsageError
from workspaces.records import ChatMode, Role
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

    import sqlalchemy as sa
    from pydantic import JsonValue

    from chatfeedback.steps.chat_messages import Path
    from reward_engine.holds import Purchase
    from workspaces.privacy.redaction import Redactor
    from workspaces.workspace import Workspace

_LOG = logging.getLogger("chatfeedback.chat")

MARGIN_SECONDS = 20.0
"""A hold outlasts the answer by so much, or by a tenth of its time if that is less, so that it can be captured."""


class NoPersonError(UsageError):
    """Somebody who was forgotten buys or rates nothing."""


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
    """Sells answers for one open workspace. What takes a connection is a unit of work: it is kept when that commits.

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
        self._names: frozenset[str] = frozenset()

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

    def sweep(self, connection: sa.Connection) -> int:
        """Give back the points of holds that expired, as after a crash; return how many there were."""
        return release_expired(connection, self._clock())

    def reserve(
        self,
        connection: sa.Connection,
        person_id: str,
        path: Path,
        model: str,
        mode: ChatMode,
        *,
        private: bool,
    ) -> Order:
        """Set the price of an answer aside.

        Raises:
            NoPersonError: the person was forgotten.
            NotEnoughPointsError: the person has fewer points.
        """
        spending, now = self._workspace.config.spending, self._clock()
        purchase = quote_purchase(spending, model, mode)
        lasts = spending.hold_minutes * 60
        hold_id = f"chat/{secrets.token_hex(16)}"
        if not is_person(connection, person_id):
            raise NoPersonError("nobody has this pseudonym any more")
        private = private or is_private(connection, path.conversation_id)
        if private:
            keep_private(connection, person_id, path.conversation_id)
        private = private or self._is_deleted(connection, path.conversation_id)
        reserve(
            connection,
            person_id,
            purchase,
            hold_id=hold_id,
            now=now,
            expires_at=now + timedelta(seconds=lasts),
        )
        return Order(hold_id, person_id, purchase, path, private, lasts - min(MARGIN_SECONDS, lasts / 10))

    def capture(self, connection: sa.Connection, order: Order, exchange: Exchange | None) -> Bought:
        """Keep the points of an answer that ended, and what was said.

        It is not kept where its giver was forgotten, or deleted the chat, or made it private.

        Raises:
            HoldError: the hold expired: the answer came too late, and nothing is kept.
        """
        name = order.path.conversation_id
        ended = capture(connection, order.hold_id, order.purchase.price, now=self._clock())
        wanted = (
            exchange is not None
            and is_person(connection, order.person_id)
            and not is_private(connection, name)
            and not self._is_deleted(connection, name)
        )
        if exchange is not None and wanted:
            keep_exchange(connection, exchange)
        if self._names:
            self._names |= {order.purchase.model}
        return Bought(ended.spent, exchange.response_id if exchange is not None and wanted else None)

    def _is_deleted(self, connection: sa.Connection, conversation_id: str) -> bool:
        """Return whether a chat was deleted: what follows in it is not recorded either."""
        return self._workspace.tombstones.buried(connection, [conversation_id], [""])[0]

    def release(self, connection: sa.Connection, order: Order) -> None:
        """Give back the points of an answer that failed."""
        release(connection, order.hold_id, now=self._clock())

    def warm_up(self) -> None:
        """Load what takes long before somebody buys: make an exchange that nobody keeps."""
        path = self.path("", {"messages": [{"role": "user", "content": "Hello"}]})
        purchase = quote_purchase(self._workspace.config.spending, "", ChatMode.DYNAMIC)
        turn: dict[str, JsonValue] = {"role": "assistant", "content": "Hello"}
        self.exchange(Order("", "", purchase, path, private=False, seconds=0.0), turn)

    def exchange(self, order: Order, turn: Mapping[str, JsonValue]) -> Exchange | None:
        """Return what is to be kept of an answer, redacted; None for a private chat. Long texts take seconds.

        One that cannot be made has no messages, and says so when it is collected: the answer was given, and is paid.
        """
        if order.private:
            return None
        path, model, now = order.path, order.purchase.model, self._clock()
        try:
            path = answered(path, turn, model, order.person_id, self._key)
            ours = {}
            if any(message.role is Role.ASSISTANT for message in order.path.messages):
                with self._workspace.store.read() as connection:
                    self._names = self._names or frozenset(answers_by_model(connection))
                    names = sorted({model, *self._names})
                    ours = answers_among(connection, order.person_id, path.candidates(names))
            messages = kept(path, {it: each.model for it, each in ours.items()}, self._redactor)
        except Exception as error:
            _LOG.warning("an answer cannot be kept: %s", type(error).__name__)
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
