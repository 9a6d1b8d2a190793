"""Seed feedback: ratings of a response by an LLM, or by the offline stand-in, before people rate it.

Import ``LLMJudge`` from ``task_generators.seed_feedback.llm``, only where it is needed: its client is slow to import.
"""

from task_generators.llm.errors import UnusableReplyError
from task_generators.seed_feedback.heuristic import HeuristicRater
from task_generators.seed_feedback.run import Rater, rate_each, unrated, unrated_in

__all__ = ["HeuristicRater", "Rater", "UnusableReplyError", "rate_each", "unrated", "unrated_in"]
