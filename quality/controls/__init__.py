"""Controls: answers to gold tasks and to repeated items, which can be checked for each person."""

from quality.controls.gold import gold_accuracy, gold_table
from quality.controls.practice import practice_results
from quality.controls.repeats import repeat_table, self_consistency

__all__ = ["gold_accuracy", "gold_table", "practice_results", "repeat_table", "self_consistency"]
