"""The steps of the way of the data, each a function of what a workspace stores.

Here the packages below meet: they do not know each other, and pass data through the store. Every step can be
stopped at any instruction and run again; it does only what is missing.
"""

from chatfeedback.steps.answers import sync_answers
from chatfeedback.steps.collect import ingest_file
from chatfeedback.steps.export import export
from chatfeedback.steps.gold import add_gold
from chatfeedback.steps.judge import judge
from chatfeedback.steps.points import Settled, settle_answers
from chatfeedback.steps.report import Reported, write_report
from chatfeedback.steps.seed import seed_responses
from chatfeedback.steps.tasks import Generated, Pushed, generate_tasks, push_tasks

__all__ = [
    "Generated",
    "Pushed",
    "Reported",
    "Settled",
    "add_gold",
    "export",
    "generate_tasks",
    "ingest_file",
    "judge",
    "push_tasks",
    "seed_responses",
    "settle_answers",
    "sync_answers",
    "write_report",
]
