"""The steps of the way of the data, each a function of what a workspace stores.

Here the packages below meet: they do not know each other, and pass data through the store. Every step can be
stopped at any instruction and run again; it does only what is missing.
"""

from chatfeedback.steps.answers import sync_answers
from chatfeedback.steps.collect import count_collection, ingest_file
from chatfeedback.steps.export import export
from chatfeedback.steps.hygiene import challenge_prompts, cluster_topics, moderate
from chatfeedback.steps.judge import judge
from chatfeedback.steps.points import Settled, settle_answers
from chatfeedback.steps.seed import seed_responses
from chatfeedback.steps.tasks import Generated, Pushed, generate_tasks, push_tasks

__all__ = [
    "Generated",
    "Pushed",
    "Settled",
    "challenge_prompts",
    "cluster_topics",
    "count_collection",
    "export",
    "generate_tasks",
    "ingest_file",
    "judge",
    "moderate",
    "push_tasks",
    "seed_responses",
    "settle_answers",
    "sync_answers",
]
