from .access import Invited, Renewed, Revoked, invite_people, reset_password, revoke_access
from .adjudication import adjudicate, disputed_item, disputed_tasks, take_back
from .assignments import routes
from .benchmark import benchmark_prompts
from .budget import BudgetReport, budget_report
from .challenge import challenge_prompts
from .consent import Changed, Event, change_sharing, history, requested_conversations
from .counterparts import Counterparts, failed_counterparts, generate_counterparts
from .deletion import Receipt, delete_conversations, finish_requests, forget_person
from .demographics import publish_demographics
from .diagnosis import (
    Finding,
    events_kept_away,
    findings,
    routing_finding,
    unknown_columns,
    unknown_sources,
)
from .evaluation import evaluate
from .expected_cost import SeedCost
from .generate import Generated, generate_tasks
from .gold import GoldAnswer, add_gold, list_gold, remove_all_gold, remove_gold
from .ingest import check_file, count_collection, ingest_file
from .ledger import adjust_points, checkpoint_ledger, export_entries, release_expired_holds, verify_ledger
from .members import accept_everybody, accept_people, admit_people
from .moderation import moderate
from .outcomes import HELD
from .people import find_person, link_giver, set_group_of, set_person
from .personal_data import export_person
from .practice import Practised, practised
from .publish import Published, hold_of, is_collection_empty, named_by, publish_held
from .push import Pushed, push_tasks
from .redact import redact_collection
from .redaction_state import old_texts_warning
from .releases import checkpoint_release, compare_with_checkpoint, push_release
from .route import Moved, Routed, RoutedPerson, keep_routed, route_tasks
from .rubric import ProposedRubric, propose_rubric
from .seed import seed_responses
from .seed_failures import failed_requests, judge_obedience
from .seeded import JudgeRun, Seeded
from .settle import Settled, settle_answers
from .shortfalls import Shortfall
from .sync import sync_answers
from .tasks import Listed, TaskFilter, list_tasks
from .topics import cluster_topics
from .training_sets import export
from .unanswered import Withdrawn, withdraw_unanswered
from .wallet import ExplainedWallet, explain_wallet
from .watched import Way
from .watching import AlreadyWatchedError, Round, watch
from .why import ExplainedPerson, ExplainedTask, WaitingTask, explain_routing

__all__ = [
    "HELD",
    "AlreadyWatchedError",
    "BudgetReport",
    "Changed",
    "Counterparts",
    "Event",
    "ExplainedPerson",
    "ExplainedTask",
    "ExplainedWallet",
    "Finding",
    "Generated",
    "GoldAnswer",
    "Invited",
    "JudgeRun",
    "Listed",
    "Moved",
    "Practised",
    "ProposedRubric",
    "Published",
    "Pushed",
    "Receipt",
    "Renewed",
    "Revoked",
    "Round",
    "Routed",
    "RoutedPerson",
    "SeedCost",
    "Seeded",
    "Settled",
    "Shortfall",
    "TaskFilter",
    "WaitingTask",
    "Way",
    "Withdrawn",
    "accept_everybody",
    "accept_people",
    "add_gold",
    "adjudicate",
    "adjust_points",
    "admit_people",
    "benchmark_prompts",
    "budget_report",
    "challenge_prompts",
    "change_sharing",
    "check_file",
    "checkpoint_ledger",
    "checkpoint_release",
    "cluster_topics",
    "compare_with_checkpoint",
    "count_collection",
    "delete_conversations",
    "disputed_item",
    "disputed_tasks",
    "evaluate",
    "events_kept_away",
    "explain_routing",
    "explain_wallet",
    "export",
    "export_entries",
    "export_person",
    "failed_counterparts",
    "failed_requests",
    "find_person",
    "findings",
    "finish_requests",
    "forget_person",
    "generate_counterparts",
    "generate_tasks",
    "history",
    "hold_of",
    "ingest_file",
    "invite_people",
    "is_collection_empty",
    "judge_obedience",
    "keep_routed",
    "link_giver",
    "list_gold",
    "list_tasks",
    "moderate",
    "named_by",
    "old_texts_warning",
    "practised",
    "propose_rubric",
    "publish_demographics",
    "publish_held",
    "push_release",
    "push_tasks",
    "redact_collection",
    "release_expired_holds",
    "remove_all_gold",
    "remove_gold",
    "requested_conversations",
    "reset_password",
    "revoke_access",
    "route_tasks",
    "routes",
    "routing_finding",
    "seed_responses",
    "set_group_of",
    "set_person",
    "settle_answers",
    "sync_answers",
    "take_back",
    "unknown_columns",
    "unknown_sources",
    "verify_ledger",
    "watch",
    "withdraw_unanswered",
]
