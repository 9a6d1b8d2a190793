"""One answer per item from the answers of several people."""

from quality.aggregation.majority import majority_vote, vote_distribution

__all__ = ["majority_vote", "vote_distribution"]
