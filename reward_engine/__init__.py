"""Compute Points: rates, the double-entry ledger, settlement, wallets and the leaderboard."""

from reward_engine.holds import (
    Hold,
    HoldConflictError,
    HoldError,
    NotEnoughPointsError,
    Outcome,
    Purchase,
    capture,
    find_hold,
    quote_purchase,
    release,
    release_expired,
    reserve,
)
from reward_engine.ledger import Posting, Tip, adjust, post, tip
from reward_engine.rates import earned, quote
from reward_engine.settlement import due, posted, settle
from reward_engine.standings import Standing, Wallet, leaderboard, wallet
from reward_engine.verification import Verification, problems, verify

__all__ = [
    "Hold",
    "HoldConflictError",
    "HoldError",
    "NotEnoughPointsError",
    "Outcome",
    "Posting",
    "Purchase",
    "Standing",
    "Tip",
    "Verification",
    "Wallet",
    "adjust",
    "capture",
    "due",
    "earned",
    "find_hold",
    "leaderboard",
    "post",
    "posted",
    "problems",
    "quote",
    "quote_purchase",
    "release",
    "release_expired",
    "reserve",
    "settle",
    "tip",
    "verify",
    "wallet",
]
