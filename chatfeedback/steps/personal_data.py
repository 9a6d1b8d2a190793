"""Exports all data about a person for that person, under their pseudonym."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chatfeedback.steps.chats_that_wait import collect_own
from chatfeedback.steps.written import noted
from reward_engine import wallet
from workspaces.csv_cells import harmless
from workspaces.errors import UsageError
from workspaces.files import write_bytes, write_text
from workspaces.records import IMPORTED
from workspaces.store import consent
from workspaces.store.annotations import revisions_by
from workspaces.store.conversations import given_by
from workspaces.store.own_answers import givers_of
from workspaces.store.person_rows import rows_about
from workspaces.store.settlements import sharing_settlement
from workspaces.store.tasks import tasks_of
from workspaces.store.written import PERSON
from workspaces.targets import check_file, check_folder
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workspaces.records import Task
    from workspaces.store.annotations import AnnotationRevision
    from workspaces.workspace import Workspace

README = """\
What ChatFeedback Workbench holds about you, as of {at}. You stand in it as {person}; no table has your name.

conversations.jsonl  the chat logs you gave, one a line, with their state: held, shared or private
answers.csv          what you answered, every revision
wallet.csv           your Compute Points, every movement
consent.csv          what you, or the lead, asked for about your conversations, and when
{more}
What you said of yourself in the voluntary form is sealed and counted only together with others': nobody reads one
person's answers, so they are not here. To have them deleted: chatfeedback people form --withdraw

To have all of this deleted, ask the lead of the project; they run: chatfeedback people delete
"""


def export_person(workspace: Workspace, person_id: str, output: Path) -> Path:
    """Write all of a person's data as a zip file, or as a folder if ``output`` does not end in ``.zip``.

    Raises:
        UsageError: ``output`` is a folder that is not empty, or cannot be written.
    """
    if output.suffix == ".zip":
        check_file(output)
    else:
        check_folder(output)
        if output.is_dir() and any(output.iterdir()):
            raise UsageError(f"{output} is not empty: name a new folder, or a file that ends in .zip")
    collect_own(workspace, person_id)
    with workspace.exclusive(), noted(workspace, output, PERSON) as writing:
        files = _files(workspace, person_id)
        writing.announce([person_id], ())
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, text in files.items():
                    archive.writestr(name, text)
            write_bytes(output, packed.getvalue())
        else:
            output.mkdir(exist_ok=True)
            for name, text in files.items():
                write_text(output / name, text)
    return output


def data_about(workspace: Workspace, person_id: str) -> dict[str, Any]:
    """Return all of a person's data as one object for JSON: what ``export_person`` writes, and what they gave, said of
    it and were paid for it under the names that the lead linked to them.
    """
    collect_own(workspace, person_id)
    with workspace.store.read() as connection:
        givers = givers_of(connection, person_id)
    found = [_gathered(workspace, each) for each in givers]
    own, linked = found[0], found[1:]
    said = [answer for each in linked for answer in each.answers if answer["platform"] == IMPORTED]
    others = {name: [dict(row) for row in rows] for name, rows in own.others.items()}
    paid = sharing_settlement.name
    others[paid] += [dict(row) for each in linked for row in each.others[paid]]
    return {
        "person": person_id,
        "at": utc_now(),
        "about": "All that is kept about you, under your pseudonym. What you said of yourself in the voluntary form is "
        "sealed and counted only together with others': nobody reads it, so it is not here.",
        "conversations": [log for each in found for log in each.logs],
        "answers": own.answers + said,
        "wallet": own.movements,
        "consent": [event for each in found for event in each.events],
        "other": others,
    }


def as_json(data: Mapping[str, Any]) -> str:
    """Return somebody's data as JSON."""
    return json.dumps(data, default=_plain, ensure_ascii=False, indent=1)


@dataclass(frozen=True, slots=True)
class _Gathered:
    logs: list[dict[str, Any]]
    answers: list[dict[str, object]]
    movements: list[dict[str, object]]
    events: list[dict[str, object]]
    others: Mapping[str, Sequence[Mapping[str, object]]]


def _gathered(workspace: Workspace, person_id: str) -> _Gathered:
    with workspace.store.read() as connection:
        revisions = revisions_by(connection, person_id)
        tasks = tasks_of(connection, {revision.task_id for revision in revisions})
        conversations = given_by(connection, person_id)
        given = {entry.conversation_id for entry in conversations}
        events = [
            event
            for event in consent.events(connection)
            if event.asked_by == person_id or event.conversation_id in given
        ]
        movements = wallet(connection, person_id).movements
        others = rows_about(connection, person_id)
    texts = workspace.collection.read(entry.conversation_id for entry in conversations)
    logs = [
        asdict(texts[entry.conversation_id])
        | {"state": entry.state, "added_at": entry.added_at, "shared_at": entry.shared_at}
        for entry in conversations
        if entry.conversation_id in texts
    ]
    return _Gathered(
        logs=logs,
        answers=[_answer(revision, tasks[revision.task_id]) for revision in revisions],
        movements=[asdict(movement) for movement in movements],
        events=[asdict(event) for event in events],
        others=others,
    )


def _files(workspace: Workspace, person_id: str) -> dict[str, str]:
    found = _gathered(workspace, person_id)
    files = {
        "conversations.jsonl": "".join(
            json.dumps(log, default=_plain, ensure_ascii=False) + "\n" for log in found.logs
        ),
        "answers.csv": _csv(found.answers),
        "wallet.csv": _csv(found.movements),
        "consent.csv": _csv(found.events),
    }
    files |= {f"{name}.csv": _csv(rows) for name, rows in found.others.items()}
    more = "".join(f"{name + '.csv':<20} the table of that name, your rows\n" for name in found.others)
    about = {"person": person_id, "at": utc_now().isoformat(), "files": sorted(files)}
    files["about.json"] = json.dumps(about, indent=2) + "\n"
    files["README.txt"] = README.format(at=about["at"], person=person_id, more=more)
    return files


def _answer(revision: AnnotationRevision, task: Task) -> dict[str, object]:
    return asdict(revision) | {
        "kind": task.kind,
        "conversation_ids": list(task.conversation_ids),
        "message_ids": list(task.message_ids),
        "quote": dict(task.quote),
    }


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
    return _plain(value) if hasattr(value, "isoformat") else harmless(value)


def _plain(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
