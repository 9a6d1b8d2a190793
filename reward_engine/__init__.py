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
from reward_engine.leaderboard import LeaderboardEntry, board, totals
from reward_engine.ledger import Posting, Tip, adjust, post, tip
from reward_engine.rates import earned, quote
from reward_engine.rules import Calendar, RuleBook
from reward_engine.settlement import Terms, due, posted, settle
from reward_engine.streaks import current_streak, streak_lengths
from reward_engine.verification import Verification, problems, verify
from reward_engine.wallets import Wallet, wallet

__all__ = [
    "Calendar",
    "Hold",
    "HoldConflictError",
    "HoldError",
    "LeaderboardEntry",
    "NotEnoughPointsError",
    "Outcome",
    "Posting",
    "Purchase",
    "RuleBook",
    "Terms",
    "Tip",
    "Verification",
    "Wallet",
    "adjust",
    "board",
    "capture",
    "current_streak",
    "due",
    "earned",
    "find_hold",
    "post",
    "posted",
    "problems",
    "quote",
    "quote_purchase",
    "release",
    "release_expired",
    "reserve",
    "settle",
    "streak_lengths",
    "tip",
    "totals",
    "verify",
    "wallet",
]
