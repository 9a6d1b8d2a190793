"""Routing: which open task is given to whom, and in which order. Pure: from people, tasks and answers."""

from task_generators.routing.board import Board, Offer, Reservation, Rules, Worker
from task_generators.routing.policy import Decision, Given, decide
from task_generators.routing.practice import Practice, Stage
from task_generators.routing.reasons import LAPSED_BY, WHILE_UNSEEN, Reason
from task_generators.routing.why import Explanation

__all__ = [
    "LAPSED_BY",
    "WHILE_UNSEEN",
    "Board",
    "Decision",
    "Explanation",
    "Given",
    "Offer",
    "Practice",
    "Reason",
    "Reservation",
    "Rules",
    "Stage",
    "Worker",
    "decide",
]
