"""The columns of the tables that every projection of preference pairs has beside the one to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import COUNT, FLAG, MESSAGES, NUMBER, ORIGIN, TEXT, TEXTS

if TYPE_CHECKING:
    from exports.columns import Columns

PROVENANCE: Columns = {
    "pair_id": TEXT,
    "conversation_ids": TEXTS,
    "chosen_message_ids": TEXTS,
    "rejected_message_ids": TEXTS,
    "chosen_origin": TEXT,
    "rejected_origin": TEXT,
    "chosen_rewrite_of": TEXTS,
    "rejected_rewrite_of": TEXTS,
    "chosen_models": TEXTS,
    "rejected_models": TEXTS,
    "votes_chosen": COUNT,
    "votes_rejected": COUNT,
    "votes_tie": COUNT,
    "votes_both_bad": COUNT,
    "votes_skip": COUNT,
    "n_annotators": COUNT,
    "agreement": NUMBER,
    "strength": NUMBER,
    "weight": NUMBER,
    "margin": NUMBER,
    "posterior": NUMBER,
    "chosen_shown_first": COUNT,
    "rejected_shown_first": COUNT,
    "adjudicated": FLAG,
    **ORIGIN,
}
TIES: Columns = {
    "pair_id": TEXT,
    "prompt": MESSAGES,
    "first": MESSAGES,
    "second": MESSAGES,
    "votes_first": COUNT,
    "votes_second": COUNT,
    "votes_tie": COUNT,
    "votes_both_bad": COUNT,
    "votes_skip": COUNT,
    "first_shown_first": COUNT,
    "second_shown_first": COUNT,
    "conversation_ids": TEXTS,
    "first_message_ids": TEXTS,
    "second_message_ids": TEXTS,
    "first_origin": TEXT,
    "second_origin": TEXT,
    "first_rewrite_of": TEXTS,
    "second_rewrite_of": TEXTS,
    "first_models": TEXTS,
    "second_models": TEXTS,
    **ORIGIN,
}
VOTES: Columns = {
    "pair_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "preferred": TEXT,
    "shown_first": TEXT,
    "strength": NUMBER,
    "weight": NUMBER,
}
