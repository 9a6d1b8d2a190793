"""The steps of the workflow, each a function of what a workspace stores.

The steps compose the packages below, which do not import each other and exchange data through the store. Every step
can be killed at any time and run again; it then does only what is missing.
"""

from chatfeedback.steps.access import Invited, Renewed, Revoked, invite_people, reset_password, revoke_access
from chatfeedback.steps.budget import BudgetReport, budget_report
from chatfeedback.steps.challenge import challenge_prompts
from chatfeedback.steps.consent import Changed, Event, change_sharing, history, requested_conversations
from chatfeedback.steps.deletion import Receipt, delete_conversations, finish_requests, forget_person
from chatfeedback.steps.demographics import publish_demographics
from chatfeedback.steps.evaluate import evaluate
from chatfeedback.steps.export import export
from chatfeedback.steps.generate import Generated, generate_tasks
from chatfeedback.steps.gold import add_gold
from chatfeedback.steps.ingest import check_file, count_collection, ingest_file
from chatfeedback.steps.ledger import (
    adjust_points,
    checkpoint_ledger,
    export_entries,
    release_expired_holds,
    verify_ledger,
)
from chatfeedback.steps.members import accept_everybody, accept_people, admit_people
from chatfeedback.steps.moderation import moderate
from chatfeedback.steps.people import find_person, link_giver, set_person
from chatfeedback.steps.personal_data import export_person
from chatfeedback.steps.push import Pushed, push_tasks
from chatfeedback.steps.redact import redact_collection
from chatfeedback.steps.seed import seed_responses
from chatfeedback.steps.settle import Settled, settle_answers
from chatfeedback.steps.sync import sync_answers
from chatfeedback.steps.topics import cluster_topics
from chatfeedback.steps.wallet import ExplainedWallet, explain_wallet

__all__ = [
    "BudgetReport",
    "Changed",
    "Event",
    "ExplainedWallet",
    "Generated",
    "Invited",
    "Pushed",
    "Receipt",
    "Renewed",
    "Revoked",
    "Settled",
    "accept_everybody",
    "accept_people",
    "add_gold",
    "adjust_points",
    "admit_people",
    "budget_report",
    "challenge_prompts",
    "change_sharing",
    "check_file",
    "checkpoint_ledger",
    "cluster_topics",
    "count_collection",
    "delete_conversations",
    "evaluate",
    "explain_wallet",
    "export",
    "export_entries",
    "export_person",
    "find_person",
    "finish_requests",
    "forget_person",
    "generate_tasks",
    "history",
    "ingest_file",
    "invite_people",
    "link_giver",
    "moderate",
    "publish_demographics",
    "push_tasks",
    "redact_collection",
    "release_expired_holds",
    "requested_conversations",
    "reset_password",
    "revoke_access",
    "seed_responses",
    "set_person",
    "settle_answers",
    "sync_answers",
    "verify_ledger",
]
