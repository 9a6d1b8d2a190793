"""The cost of LLM calls: tokens, and money if prices were configured at the time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, TypeAlias

import sqlalchemy as sa

from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from datetime import datetime

    from workspaces.config import LLMConfig, ModerationConfig

    Priced: TypeAlias = "LLMConfig | ModerationConfig | ModelPrice"

llm_usage = sa.Table(
    "llm_usage",
    metadata,
    sa.Column("usage_id", sa.String(24), primary_key=True),
    sa.Column("used_at", UTCDateTime, nullable=False),
    sa.Column("purpose", sa.String(32), nullable=False, comment="what was asked for, such as 'seed'"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("unmetered", sa.Integer, nullable=False, comment="replies that did not say their tokens"),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, comment="millionths of the currency; null: no price was known"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column(
        "charged_micros",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="the most that requests can cost whose tokens are not known; it counts towards llm.budget",
    ),
)


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What a model costs per million tokens; None: no price is known."""

    model: str
    input_price: float | None
    output_price: float | None
    currency: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that an LLM used. The replies to ``unmetered`` of the ``requests`` did not report them."""

    requests: int = 0
    unmetered: int = 0
    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """The use of one model for one purpose so far. ``cost_micros`` is in millionths of the currency. It excludes the
    ``unpriced`` requests, which had no configured price, or whose replies did not report their tokens; these, and those
    of a batch that was not read yet, cost ``charged_micros`` at most, as far as a budget was set.
    """

    purpose: str
    model: str
    currency: str
    requests: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    charged_micros: int = 0


def cost_micros(tokens: Tokens, llm: Priced) -> int | None:
    """Return the cost of tokens in millionths of the currency, rounded; None if no prices are configured.

    A price is money per million tokens, which equals millionths of the currency per token.
    """
    if llm.input_price is None or llm.output_price is None:
        return None
    exact = tokens.input * Decimal(repr(llm.input_price)) + tokens.output * Decimal(repr(llm.output_price))
    return int(exact.to_integral_value(ROUND_HALF_UP))


def save_usage(
    connection: sa.Connection,
    usage_id: str,
    purpose: str,
    llm: Priced,
    tokens: Tokens,
    now: datetime,
    charged: int = 0,
) -> None:
    """Save the usage of a run so far, at the current prices; ``charged`` is what unknown tokens cost at most.

    ``usage_id`` is the run's own random id: saving again replaces the row of the run, so that nothing is lost when a
    transaction is rolled back.

    If all prices are 0, replies need not report their tokens, and none counts as unmetered.
    """
    free = llm.input_price == 0 and llm.output_price == 0
    row = {
        "usage_id": usage_id,
        "used_at": now,
        "purpose": purpose,
        "model": llm.model,
        "requests": tokens.requests,
        "unmetered": 0 if free else tokens.unmetered,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cost_micros": cost_micros(tokens, llm),
        "currency": llm.currency,
        "charged_micros": charged,
    }
    upsert(connection, llm_usage, [row], [name for name in row if name != "usage_id"])


def settle_usage(connection: sa.Connection, usage_id: str, cost: int | None) -> None:
    """Settle what a usage was charged: ``cost`` of it is counted elsewhere; None: all of it."""
    is_it = llm_usage.c.usage_id == usage_id
    if cost is None:
        connection.execute(sa.delete(llm_usage).where(is_it))
        return
    left = llm_usage.c.charged_micros - cost
    connection.execute(
        sa.update(llm_usage).where(is_it).values(charged_micros=sa.case((left > 0, left), else_=0))
    )


def spent(connection: sa.Connection) -> list[Spent]:
    """Return the usage so far, by purpose, model and currency."""
    key = (llm_usage.c.purpose, llm_usage.c.model, llm_usage.c.currency)
    unpriced = sa.case((llm_usage.c.cost_micros.is_(None), llm_usage.c.requests), else_=llm_usage.c.unmetered)
    sums = (
        llm_usage.c.requests,
        unpriced,
        llm_usage.c.input_tokens,
        llm_usage.c.output_tokens,
        sa.func.coalesce(llm_usage.c.cost_micros, 0),
        llm_usage.c.charged_micros,
    )
    query = sa.select(*key, *(sa.func.sum(column) for column in sums)).group_by(*key).order_by(*key)
    return [
        Spent(purpose, model, currency, *(int(number) for number in numbers))
        for purpose, model, currency, *numbers in connection.execute(query)
    ]
