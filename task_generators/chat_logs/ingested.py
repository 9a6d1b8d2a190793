"""What became of the rows of a source: counts by outcome and reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from task_generators.chat_logs.losses import UNITS, Losses
from task_generators.chat_logs.readers.columns import NOT_UNDERSTOOD
from workspaces.store.omissions import Omission

if TYPE_CHECKING:
    from task_generators.chat_logs.rejects import RejectsFile

DELETED = "was deleted at its giver's wish"


@dataclass(slots=True)
class Ingested:
    """Counts of a source's rows: ``read = added + grown + duplicates + deleted + rejected + cleaned + merged``.

    ``grown`` rows added messages to a stored conversation of their id; ``deleted`` ones were deleted at their
    giver's wish before, and are not added again.

    ``merged`` rows are part of another row's conversation, such as the messages of a tree; ``feedback`` counts
    people's judgments that came with the conversations and were not stored yet.

    ``redactions`` counts placeholders by type, over all readable rows, duplicates included; ``near_duplicates``
    are those added or grown that resemble another conversation; ``reasons`` counts the rejected and cleaned rows
    by reason; ``namesakes`` are the rows whose id stood for another conversation, and that go by their text;
    ``losses`` counts what of the rows that were read is not kept: values, and turns cut by cleaning.
    ``forgotten_feedback`` counts judgments of people who asked to be forgotten: they are not stored again.
    ``own_ids`` are the rows that gave their messages ids of their own; ``taken_apart`` counts stored conversations that
    shared message ids with others and do not any more, and ``shared_ids`` is a sentence about those that still do.
    ``keyed_ids`` counts the rows of which an id told whose it is and was replaced by a keyed one, ``telling_ids`` those
    of which such an id is stored and stays.
    ``damage`` says what could not be read of a damaged source, beside the rows that are counted.
    ``links_out`` are the files of a folder that are links to files elsewhere: they are read.
    ``published`` counts the conversations, new, grown and known ones, that were shared without waiting for the delay.
    """

    format: str = ""
    read: int = 0
    added: int = 0
    grown: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    deleted: int = 0
    rejected: int = 0
    cleaned: int = 0
    merged: int = 0
    feedback: int = 0
    forgotten_feedback: int = 0
    published: int = 0
    redactions: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    namesakes: int = 0
    own_ids: int = 0
    keyed_ids: int = 0
    telling_ids: int = 0
    taken_apart: int = 0
    shared_ids: str | None = None
    rejects_file: str | None = None
    damage: str | None = None
    links_out: list[str] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    _reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def omit(self, kind: str, reason: str) -> None:
        """Count a row that does not enter the collection; ``kind`` is ``rejected`` or ``cleaned``."""
        if kind == "cleaned":
            self.cleaned += 1
        else:
            self.rejected += 1
        kind_of_reason = reason.split(":")[0]
        self.reasons[kind_of_reason] = self.reasons.get(kind_of_reason, 0) + 1
        self._reasons[kind, kind_of_reason] += 1

    @property
    def main_reason(self) -> str:
        """The reason for which most rows were rejected; empty if none was."""
        reasons = {reason: count for (kind, reason), count in self._reasons.items() if kind == "rejected"}
        return max(reasons, key=lambda reason: reasons[reason], default="")

    def omissions(self) -> list[Omission]:
        """Return what did not enter: rows by kind (``rejected``, ``cleaned``, ``deleted``) and reason, and losses.

        Duplicates are not among them: the collection holds their text.
        """
        rows = [Omission(kind, reason, count) for (kind, reason), count in self._reasons.items()]
        if self.deleted:
            rows.append(Omission("deleted", DELETED, self.deleted))
        return rows + [
            Omission(kind, what, lost.count, UNITS[kind], lost.example if kind == NOT_UNDERSTOOD else None)
            for (kind, what), lost in self.losses.counts.items()
        ]


class OmittedRows:
    """The rows that do not enter the collection: counted by reason, and written to the rejects file."""

    def __init__(self, result: Ingested, rejects_file: RejectsFile) -> None:
        self._result = result
        self._rejects_file = rejects_file

    def add(self, line: int, kind: str, reason: str) -> None:
        """Count and write row ``line`` of the source; ``kind`` is ``rejected`` or ``cleaned``."""
        self._result.omit(kind, reason)
        self._rejects_file.write(line, reason)
        self._result.rejects_file = self._rejects_file.path
