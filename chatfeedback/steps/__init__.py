"""The steps of the way of the data, each a function of what a workspace stores.

Here the packages below meet: they do not know each other, and pass data through the store. Every step can be
stopped at any instruction and run again; it does only what is missing.
"""

from chatfeedback.steps.answers import sync_answers
from chatfeedback.steps.collect import ingest_file
from chatfeedback.steps.consent import Changed, Event, change_sharing, chosen, history
from chatfeedback.steps.deletion import Receipt, delete_conversations, finish_requests, forget_person
from chatfeedback.steps.export import export
from chatfeedback.steps.judge import judge
from chatfeedback.steps.people import export_person, person_named
from chatfeedback.steps.points import Settled, settle_answers
from chatfeedback.steps.seed import seed_responses
from chatfeedback.steps.tasks import Generated, Pushed, generate_tasks, push_tasks

__all__ = [
    "Changed",
    "Event",
    "Generated",
    "Pushed",
    "Receipt",
    "Settled",
    "change_sharing",
    "chosen",
    "delete_conversations",
    "export",
    "export_person",
    "finish_requests",
    "forget_person",
    "generate_tasks",
    "history",
    "ingest_file",
    "judge",
    "person_named",
    "push_tasks",
    "seed_responses",
    "settle_answers",
    "sync_answers",
]
