from .access import Invited, Renewed, Revoked, invite_people, reset_password, revoke_access
from .accounts import RemovedAccount, RemovedAccounts, link_account, remove_accounts, unlink_account
from .adjudication import adjudicate, disputed_item, disputed_tasks, take_back
from .assignments import routes
from .benchmark import benchmark_prompts
from .budget import BudgetReport, budget_report
from .challenge import challenge_prompts
from .chat_collect import CollectedChats, collect_chats
from .chat_keys import list_chat_keys, make_chat_key, revoke_chat_keys
from .consent import Changed, Event, change_sharing, history, ids_here, requested_conversations
from .counterparts import Counterparts, failed_counterparts, generate_counterparts
from .deletion import delete_conversations, finish_requests, forget_everywhere, forget_person
from .demographics import publish_demographics
from .diagnosis import (
    Finding,
    address_finding,
    drift_findings,
    events_kept_away,
    findings,
    routing_finding,
    unknown_columns,
    unknown_sources,
)
from .evaluation import evaluate
from .expected_cost import SeedCost
from .generate import Generated, generate_tasks
from .given_chats import (
    GivenChat,
    GivenChats,
    OneChat,
    give_thumb,
    my_chat,
    my_chats,
    owns,
    states_of_conversations,
)
from .gold import GoldAnswer, add_gold, list_gold, remove_all_gold, remove_gold
from .ingest import check_file, count_collection, ingest_file
from .ledger import adjust_points, checkpoint_ledger, export_entries, release_expired_holds, verify_ledger
from .members import accept_everybody, accept_people, admit_people
from .messages import (
    LONGEST_MESSAGE,
    Delivery,
    all_unread,
    delivered_in_words,
    messages_sent,
    my_messages,
    read_message,
    send_message,
    withdraw_message,
)
from .moderation import moderate
from .oidc_accounts import join_oidc, leave_oidc, oidc_joined_at, other_ways_in, person_of_oidc
from .outcomes import HELD
from .own_standing import MyPage, MyStanding, my_history, my_page, my_standing
from .people import find_person, link_giver, set_group_of, set_person
from .personal_data import as_json, data_about, export_person
from .platform_settings import Drift
from .practice import Practised, practised
from .publish import Published, hold_of, is_collection_empty, named_by, publish_held
from .push import Pushed, push_tasks
from .receipts import Receipt, receipts_of_conversations
from .redact import redact_collection
from .redaction_state import old_texts_warning
from .rejected import Rejected, retry_rejected, standing_rejections
from .releases import (
    checkpoint_release,
    compare_with_checkpoint,
    compare_with_feed,
    deleted_in,
    push_release,
)
from .reprice import Repriced, reprice_tasks
from .review import decide
from .route import Moved, Routed, RoutedPerson, keep_routed, route_tasks
from .rubric import ProposedRubric, propose_rubric
from .seed import seed_responses
from .seed_failures import failed_label_requests, failed_requests, judge_obedience, labelled_by
from .seeded import JudgeRun, Seeded
from .settle import Settled, settle_answers
from .shortfalls import Shortfall
from .sign_in import Entrant, end_sessions, enter_with_account, make_sign_in_link
from .sync import sync_answers
from .tasks import Listed, TaskFilter, list_tasks
from .topics import cluster_topics
from .training_sets import export
from .unanswered import Withdrawn, withdraw_unanswered
from .waiting import OnOffer, Waiting, read_on_offer, waiting_for
from .wallet import ExplainedWallet, explain_wallet
from .watched import Way
from .watching import AlreadyWatchedError, Round, watch
from .why import ExplainedPerson, ExplainedTask, WaitingTask, explain_routing

__all__ = [
    "HELD",
    "LONGEST_MESSAGE",
    "AlreadyWatchedError",
    "BudgetReport",
    "Changed",
    "CollectedChats",
    "Counterparts",
    "Delivery",
    "Drift",
    "Entrant",
    "Event",
    "ExplainedPerson",
    "ExplainedTask",
    "ExplainedWallet",
    "Finding",
    "Generated",
    "GivenChat",
    "GivenChats",
    "GoldAnswer",
    "Invited",
    "JudgeRun",
    "Listed",
    "Moved",
    "MyPage",
    "MyStanding",
    "OnOffer",
    "OneChat",
    "Practised",
    "ProposedRubric",
    "Published",
    "Pushed",
    "Receipt",
    "Rejected",
    "RemovedAccount",
    "RemovedAccounts",
    "Renewed",
    "Repriced",
    "Revoked",
    "Round",
    "Routed",
    "RoutedPerson",
    "SeedCost",
    "Seeded",
    "Settled",
    "Shortfall",
    "TaskFilter",
    "Waiting",
    "WaitingTask",
    "Way",
    "Withdrawn",
    "accept_everybody",
    "accept_people",
    "add_gold",
    "address_finding",
    "adjudicate",
    "adjust_points",
    "admit_people",
    "all_unread",
    "as_json",
    "benchmark_prompts",
    "budget_report",
    "challenge_prompts",
    "change_sharing",
    "check_file",
    "checkpoint_ledger",
    "checkpoint_release",
    "cluster_topics",
    "collect_chats",
    "compare_with_checkpoint",
    "compare_with_feed",
    "count_collection",
    "data_about",
    "decide",
    "delete_conversations",
    "deleted_in",
    "delivered_in_words",
    "disputed_item",
    "disputed_tasks",
    "drift_findings",
    "end_sessions",
    "enter_with_account",
    "evaluate",
    "events_kept_away",
    "explain_routing",
    "explain_wallet",
    "export",
    "export_entries",
    "export_person",
    "failed_counterparts",
    "failed_label_requests",
    "failed_requests",
    "find_person",
    "findings",
    "finish_requests",
    "forget_everywhere",
    "forget_person",
    "generate_counterparts",
    "generate_tasks",
    "give_thumb",
    "history",
    "hold_of",
    "ids_here",
    "ingest_file",
    "invite_people",
    "is_collection_empty",
    "join_oidc",
    "judge_obedience",
    "keep_routed",
    "labelled_by",
    "leave_oidc",
    "link_account",
    "link_giver",
    "list_chat_keys",
    "list_gold",
    "list_tasks",
    "make_chat_key",
    "make_sign_in_link",
    "messages_sent",
    "moderate",
    "my_chat",
    "my_chats",
    "my_history",
    "my_messages",
    "my_page",
    "my_standing",
    "named_by",
    "oidc_joined_at",
    "old_texts_warning",
    "other_ways_in",
    "owns",
    "person_of_oidc",
    "practised",
    "propose_rubric",
    "publish_demographics",
    "publish_held",
    "push_release",
    "push_tasks",
    "read_message",
    "read_on_offer",
    "receipts_of_conversations",
    "redact_collection",
    "release_expired_holds",
    "remove_accounts",
    "remove_all_gold",
    "remove_gold",
    "reprice_tasks",
    "requested_conversations",
    "reset_password",
    "retry_rejected",
    "revoke_access",
    "revoke_chat_keys",
    "route_tasks",
    "routes",
    "routing_finding",
    "seed_responses",
    "send_message",
    "set_group_of",
    "set_person",
    "settle_answers",
    "standing_rejections",
    "states_of_conversations",
    "sync_answers",
    "take_back",
    "unknown_columns",
    "unknown_sources",
    "unlink_account",
    "verify_ledger",
    "waiting_for",
    "watch",
    "withdraw_message",
    "withdraw_unanswered",
]
