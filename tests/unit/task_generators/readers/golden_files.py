"""What the readers make of the golden files: rows of every source with its oddities, written for these tests.

``python -m tests.unit.task_generators.readers.golden_files`` writes the expectations anew; read the
difference before keeping it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs import readers
from task_generators.chat_logs.readers import RowError, identify
from task_generators.chat_logs.sources import Source, together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs.readers import Reading
    from workspaces.records import Message

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(".expected.json"))


def expected_of(file: Path) -> Path:
    return GOLDEN / f"{file.stem}.expected.json"


def found_in(file: Path) -> list[dict[str, Any]]:
    """Return what is read of a file, or why not, in the order of the rows; first of all the format."""
    rows = list(Source(file).rows())
    reader = next(filter(None, (readers.detect(row.value) for row in rows if row.value is not None)))
    found: list[dict[str, Any]] = [{"format": reader.name}]
    for row in together(rows, reader):
        numbers = row.numbers or (row.number,)
        try:
            if row.value is None:
                raise RowError(row.problem)
            reading = identify(reader.read(row.value))
        except RowError as error:
            found.append({"lines": list(numbers), "rejected": str(error)})
            continue
        found.append({"lines": list(numbers), **plain(reading)})
    return found


def held(message: Message) -> list[Any]:
    """Return what a message holds beside its text, if that is anything."""
    return [json.loads(message.structure)] if message.structure else []


def plain(reading: Reading) -> dict[str, Any]:
    conversation = reading.conversation
    said: dict[str, Any] = {
        "id": conversation.id,
        "source": conversation.source,
        "model": conversation.model_name,
        "giver": conversation.giver_id,
        "time": conversation.timestamp and conversation.timestamp.isoformat(),
        "licence": conversation.licence,
        "language": conversation.language,
        "person": dict(conversation.user_metadata),
        "about": dict(conversation.conversation_metadata),
        "messages": [
            [each.id, each.parent_id, each.role.value, each.content, each.model_name, *held(each)]
            for each in conversation.messages
        ],
        "feedback": [
            [
                each.rater,
                each.kind,
                list(each.message_ids),
                dict(each.values),
                each.at and each.at.isoformat(),
            ]
            for each in reading.feedback
        ],
        "left_out": [list(each) for each in reading.omissions],
        "fragments": [plain(each) for each in reading.fragments],
    }
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def lines(found: list[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        yield json.dumps(each, ensure_ascii=False)


if __name__ == "__main__":
    for golden in FILES:
        text = "[\n" + ",\n".join(lines(found_in(golden))) + "\n]\n"
        expected_of(golden).write_text(text, encoding="utf-8")
