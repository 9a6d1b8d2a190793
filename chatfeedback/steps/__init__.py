"""The steps of the way of the data, each a function of what a workspace stores.

Here the packages below meet: they do not know each other, and pass data through the store. Every step can be
stopped at any instruction and run again; it does only what is missing.
"""

from chatfeedback.steps.answers import sync_answers
from chatfeedback.steps.budget import BudgetReport, budget_report
from chatfeedback.steps.collect import ingest_file
from chatfeedback.steps.export import export
from chatfeedback.steps.judge import judge
from chatfeedback.steps.person_settings import set_person
from chatfeedback.steps.points import Settled, settle_answers
from chatfeedback.steps.seed import seed_responses
from chatfeedback.steps.tasks import Generated, Pushed, generate_tasks, push_tasks
from chatfeedback.steps.wallet import ExplainedWallet, explain_wallet

__all__ = [
    "BudgetReport",
    "ExplainedWallet",
    "Generated",
    "Pushed",
    "Settled",
    "budget_report",
    "explain_wallet",
    "export",
    "generate_tasks",
    "ingest_file",
    "judge",
    "push_tasks",
    "seed_responses",
    "set_person",
    "settle_answers",
    "sync_answers",
]
