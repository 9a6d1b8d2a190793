"""A person's own data: all of it for them to take, under the pseudonym that stands for them here."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reward_engine import wallet
from workspaces.errors import UsageError
from workspaces.files import write_private
from workspaces.store import consent
from workspaces.store.erasure import PERSON_ROWS
from workspaces.store.tables import (
    annotation_revision,
    confidence,
    conversation,
    hold,
    sharing_settlement,
    task,
)
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workspaces.workspace import Workspace

ABOUT_PERSON: tuple[tuple[sa.Table, str], ...] = (
    *PERSON_ROWS,
    (confidence, "person_id"),
    (hold, "person_id"),
    (sharing_settlement, "person_id"),
)
"""Tables of which a person gets their rows as they are, and the column that names them."""

README = """\
What ChatFeedback Workbench holds about you, as of {at}. You stand in it as {person}; no table has your name.

conversations.jsonl  the chat logs you gave, one a line, with their state: held, shared or private
answers.csv          what you answered, every revision
wallet.csv           your Compute Points, every movement
consent.csv          what you asked for about your conversations, and when
{more}
What you said of yourself in the voluntary form is sealed and counted only together with others': nobody reads one
person's answers, so they are not here. To have them deleted: chatfeedback people form --withdraw

To have all of this deleted, ask the lead of the project; they run: chatfeedback people delete
"""


def export_person(workspace: Workspace, person_id: str, output: Path) -> Path:
    """Write all of a person's data as a zip file, or as a folder if ``output`` does not end in ``.zip``.

    Raises:
        UsageError: ``output`` is there and is not empty.
    """
    if output.is_dir() and any(output.iterdir()):
        raise UsageError(f"{output} is not empty: name a new folder, or a file that ends in .zip")
    with workspace.exclusive():
        files = _files(workspace, person_id)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        write_private(output, packed.getvalue())
        return output
    output.mkdir(exist_ok=True)
    for name, text in files.items():
        write_private(output / name, text)
    return output


def _files(workspace: Workspace, person_id: str) -> dict[str, str]:
    with workspace.store.read() as connection:
        answers = connection.execute(
            sa.select(
                annotation_revision, task.c.kind, task.c.conversation_ids, task.c.message_ids, task.c.quote
            )
            .join(task, task.c.task_id == annotation_revision.c.task_id)
            .where(annotation_revision.c.person_id == person_id)
            .order_by(annotation_revision.c.annotation_id, annotation_revision.c.revision)
        ).all()
        given = connection.execute(sa.select(conversation).where(conversation.c.giver_id == person_id)).all()
        events = [it for it in consent.events(connection) if it.asked_by == person_id]
        movements = wallet(connection, person_id).movements
        others = {
            table.name: [
                row._asdict()
                for row in connection.execute(sa.select(table).where(table.c[column] == person_id))
            ]
            for table, column in ABOUT_PERSON
        }
    texts = workspace.collection.read(row.conversation_id for row in given)
    logs = [
        asdict(texts[row.conversation_id])
        | {"state": row.state, "added_at": row.added_at, "shared_at": row.shared_at}
        for row in given
        if row.conversation_id in texts
    ]
    files = {
        "conversations.jsonl": "".join(
            json.dumps(it, default=_plain, ensure_ascii=False) + "\n" for it in logs
        ),
        "answers.csv": _csv([row._asdict() for row in answers]),
        "wallet.csv": _csv([asdict(it) for it in movements]),
        "consent.csv": _csv([row._asdict() for row in events]),
    }
    files |= {f"{name}.csv": _csv(rows) for name, rows in others.items()}
    more = "".join(f"{name + '.csv':<20} the table of that name, your rows\n" for name in others)
    about = {"person": person_id, "at": utc_now().isoformat(), "files": sorted(files)}
    files["about.json"] = json.dumps(about, indent=2) + "\n"
    files["README.txt"] = README.format(at=about["at"], person=person_id, more=more)
    return files


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
    return file.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return _plain(value) if hasattr(value, "isoformat") else value


def _plain(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
