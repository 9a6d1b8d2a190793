"""Compute Points: rates, the double-entry ledger, settlement, wallets and the leaderboard."""

from reward_engine.ledger import Posting, Tip, post, problems, tip
from reward_engine.rates import earned, quote
from reward_engine.settlement import due, posted, settle
from reward_engine.standings import Standing, Wallet, leaderboard, wallet

__all__ = [
    "Posting",
    "Standing",
    "Tip",
    "Wallet",
    "due",
    "earned",
    "leaderboard",
    "post",
    "posted",
    "problems",
    "quote",
    "settle",
    "tip",
    "wallet",
]
