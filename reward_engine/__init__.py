"""Compute Points: rates, the double-entry ledger, settlement, wallets and the leaderboard."""

from reward_engine.ledger import Posting, Tip, post, problems, tip
from reward_engine.rates import earned, quote
from reward_engine.rules import Calendar, RuleBook, next_version
from reward_engine.settlement import Terms, due, posted, settle
from reward_engine.standings import Standing, Wallet, leaderboard, wallet
from reward_engine.streaks import current_streak, streak_lengths

__all__ = [
    "Calendar",
    "Posting",
    "RuleBook",
    "Standing",
    "Terms",
    "Tip",
    "Wallet",
    "current_streak",
    "due",
    "earned",
    "leaderboard",
    "next_version",
    "post",
    "posted",
    "problems",
    "quote",
    "settle",
    "streak_lengths",
    "tip",
    "wallet",
]
