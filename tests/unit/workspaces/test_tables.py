"""Every table is known to the schema, and every row class has the columns of its table."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from workspaces import store
from workspaces.store.annotations import AnnotationRevision
from workspaces.store.challenges import ChallengeEntry
from workspaces.store.confidences import PersonConfidence
from workspaces.store.consent import ConsentEvent
from workspaces.store.conversations import ConversationEntry
from workspaces.store.deletions import Deletion
from workspaces.store.flags import Flag
from workspaces.store.moderations import ModerationEntry
from workspaces.store.omissions import OmissionCount
from workspaces.store.people import PersonSettings
from workspaces.store.rules import RulesVersion
from workspaces.store.snapshots import SealedSnapshot
from workspaces.store.tables import metadata

ROWS = {
    "annotation_revision": AnnotationRevision,
    "confidence": PersonConfidence,
    "consent_event": ConsentEvent,
    "conversation": ConversationEntry,
    "deletion": Deletion,
    "demographic_snapshot": SealedSnapshot,
    "flag": Flag,
    "left_out": OmissionCount,
    "moderation": ModerationEntry,
    "person_settings": PersonSettings,
    "rules": RulesVersion,
}


def test_the_schema_has_the_tables_of_every_module() -> None:
    """A table of a module that ``tables`` does not import would be in no new store and in no dump."""
    modules = Path(store.__path__[0]).glob("*.py")
    defined = {
        name
        for module in modules
        for name in re.findall(r'sa\.Table\(\s*"(\w+)"', module.read_text(encoding="utf-8"))
    }
    assert defined == set(metadata.tables)


@pytest.mark.parametrize("table", ROWS)
def test_a_row_has_the_columns_of_its_table_in_order(table: str) -> None:
    assert [field.name for field in fields(ROWS[table])] == metadata.tables[table].columns.keys()


def test_a_score_is_the_number_of_criteria_and_no_field_of_its_own() -> None:
    columns = set(metadata.tables["challenge"].columns.keys())
    assert columns - {field.name for field in fields(ChallengeEntry)} == {"score"}
