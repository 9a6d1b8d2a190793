from .holds import (
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
from .leaderboard import LeaderboardEntry, board, totals
from .ledger import Posting, Tip, adjust, post, tip
from .rates import earned, quote
from .rules import Calendar, RuleBook
from .settlement import Terms, due, posted, settle
from .streaks import current_streak, days_of_streak, streak_lengths
from .verification import Verification, problems, verify
from .wallets import Wallet, wallet

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
    "days_of_streak",
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
