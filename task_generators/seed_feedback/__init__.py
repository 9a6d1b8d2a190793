"""Seed feedback: what an LLM, or the offline stand-in, says of a response before people do."""

from task_generators.seed_feedback.heuristic import HeuristicRater
from task_generators.seed_feedback.llm import LLMRater
from task_generators.seed_feedback.run import Rater, Seeded, seed, unrated

__all__ = ["HeuristicRater", "LLMRater", "Rater", "Seeded", "seed", "unrated"]
