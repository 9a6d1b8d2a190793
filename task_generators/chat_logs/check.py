"""A look at a source before it is ingested: what would be read, where it goes, and what not. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from task_generators.chat_logs.losses import EXAMPLES, Losses
from task_generators.chat_logs.mapping import check_mapping
from task_generators.chat_logs.readers import feedback, named
from task_generators.chat_logs.readers.columns import NOT_UNDERSTOOD, UNREAD
from task_generators.chat_logs.sources import plan
from task_generators.chat_logs.stages import process, size_of, work_of
from workspaces.workers import LocalWorkers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

    from task_generators.chat_logs.batches import Batch
    from task_generators.chat_logs.sources import Source
    from workspaces.privacy.redaction import Redactor
    from workspaces.workers import Workers

SAMPLE = 500
"""Rows whose columns are listed."""

MOST_NAMES = 1000
"""Models, languages and values of feedback that are counted each; a file with more is no log of few models."""

NOT_READ = "not read"


@dataclass(slots=True)
class Omitted:
    """Rows that would not enter for one reason: how many, and the first ones with their whole reason."""

    count: int = 0
    examples: list[dict[str, str | int]] = field(default_factory=list)


@dataclass(slots=True)
class Checked:
    """What a source holds. ``read = conversations + rejected + cleaned + merged``, as of ``Ingested``.

    ``columns`` says where each column goes; ``omitted`` has the rejected and cleaned rows by kind and reason; the
    other counters are of the conversations that would be read. Duplicates are among these.
    """

    format: str | None = None
    why: str = ""
    read: int = 0
    conversations: int = 0
    merged: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    roles: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    feedback: Counter[str] = field(default_factory=Counter)
    givers: int = 0
    with_time: int = 0
    earliest: str | None = None
    latest: str | None = None
    without_licence: int = 0
    telling_ids: int = 0
    omitted: dict[tuple[str, str], Omitted] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)

    def rows(self, kind: str) -> int:
        """Return how many rows would be omitted of a kind: ``rejected`` or ``cleaned``."""
        return sum(omitted.count for (each, _), omitted in self.omitted.items() if each == kind)

    def advice(self) -> list[str]:
        """Return what to configure or to say, most pressing first."""
        found: list[str] = []
        if self.format is None:
            found.append(
                "map the columns of a table by chat_logs.csv_columns in chatfeedback.yaml, such as "
                "{prompt: question, response: answer}, or {conversation_id: chat, role: speaker, content: words} where "
                "each row is a message; or name the format with --format"
            )
        found += [
            f"take the format that reads {reason.partition(' holds ')[0]} with --format, or do without by --ignore"
            for (_, reason) in self.omitted
            if " holds judgments or messages" in reason
        ]
        if any("unknown role" in reason for _, reason in self.omitted):
            found.append(
                "name the speakers user, assistant, system and tool in the file, or by another name that is known: "
                "docs/chat-logs.md lists them"
            )
        if any("not UTF-8" in reason for _, reason in self.omitted):
            found.append("name the encoding with --encoding, such as --encoding cp1252")
        if self.losses.of_kind(NOT_UNDERSTOOD):
            found.append(
                "correct the values that are not understood, if they matter: the rows are read without them"
            )
        if self.losses.of_kind(UNREAD) and self.format in ("csv", "csv-messages"):
            found.append("map columns that are not read by chat_logs.csv_columns in chatfeedback.yaml")
        if self.conversations and self.without_licence:
            found.append(
                "say the licence with --licence, or under sources in chatfeedback.yaml: exports carry it"
            )
        return found


def check(
    source: Source,
    redactor: Redactor,
    *,
    format_name: str | None = None,
    ignored: frozenset[str] = frozenset(),
    advance: Callable[[int], None] = lambda _: None,
    workers: Workers | None = None,
) -> Checked:
    """Read a source as ``ingest`` does, and store nothing.

    Args:
        source: the source.
        redactor: replaces personal data and secrets, also in examples.
        format_name: the format, to skip detection.
        ignored: columns that the lead does without.
        advance: receives the number of rows read since the last call.
        workers: runs the stages; None: processes on this machine.

    Raises:
        UsageError: the source cannot be opened.
        ConfigurationError: a mapped column is missing.
    """
    checked = Checked()
    check_mapping(source)
    source_plan = plan(source, format_name, ignored)
    for batch in (workers or LocalWorkers()).run(process, work_of(source_plan, redactor), size_of):
        size = batch.rows.num_rows + len(batch.omissions) + batch.merged
        checked.read += size
        checked.merged += batch.merged
        checked.conversations += batch.rows.num_rows
        checked.losses.update(batch.losses)
        _omitted(batch, source, checked)
        _rows(batch.rows, checked)
        advance(size)
    for name in source.skipped:
        checked.losses.add(UNREAD, f"file {name}")
    for path in source.beside_rows:
        checked.losses.add(UNREAD, f"{path} (beside the rows)")
    checked.format = source_plan.format
    checked.why = _why(source_plan.format, format_name)
    checked.columns = _columns(source, source_plan.format, source_plan.our_names)
    return checked


def _why(found: str | None, given: str | None) -> str:
    if found is None:
        return "no reader knows the columns"
    if given is not None:
        return "named with --format"
    return f"it has the columns {', '.join(sorted(named(found).columns))}, and no other reader loses less of the rows"


def _columns(source: Source, format_name: str | None, our_names: Mapping[str, str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    declared = None if format_name is None else named(format_name).declared
    for row in islice(source.rows(), SAMPLE):
        for column in row.value or ():
            if column not in columns and len(columns) < MOST_NAMES:
                use = None if declared is None else declared.use_of(our_names.get(column, column))
                columns[column] = (
                    NOT_READ if use is None else use.goes_to if use.goes_to else f"ignored: {use.why}"
                )
    return columns


def _omitted(batch: Batch, source: Source, checked: Checked) -> None:
    for omission in sorted(batch.omissions, key=lambda omission: omission.line):
        omitted = checked.omitted.setdefault((omission.kind, omission.reason.split(":")[0]), Omitted())
        omitted.count += 1
        if len(omitted.examples) < EXAMPLES:
            omitted.examples.append({**source.place(omission.line), "reason": omission.reason})


def _rows(rows: pa.RecordBatch, checked: Checked) -> None:
    messages = rows.column("conversation").flatten()
    _count(checked.roles, messages.field("role").to_pylist())
    _count(checked.models, filter(None, messages.field("model_name").to_pylist()))
    _count(checked.languages, (value or "unknown" for value in rows.column("language").to_pylist()))
    times = rows.column("timestamp").drop_null()
    if len(times):
        checked.with_time += len(times)
        found = pc.min_max(times).as_py()
        checked.earliest = min(filter(None, (checked.earliest, found["min"].isoformat())))
        checked.latest = max(filter(None, (checked.latest, found["max"].isoformat())))
    checked.givers += len(rows) - rows.column("user_id").null_count
    checked.without_licence += rows.column("licence").null_count
    checked.telling_ids += len(rows) - rows.column("telling").null_count
    for value in rows.column("feedback").drop_null().to_pylist():
        for judgment in feedback.from_json(value):
            _count(checked.feedback, (_judgment(judgment.kind, *item) for item in judgment.values.items()))


def _judgment(kind: str, name: str, value: str) -> str:
    """Return what of a judgment is counted: its value where there are few, its name where it is a number."""
    try:
        float(value)
    except ValueError:
        return f"{kind}: {name} {value}"
    return f"{kind}: {name}"


def _count(counter: Counter[str], values: Iterable[str]) -> None:
    for value in values:
        counter[value if value in counter or len(counter) < MOST_NAMES else "(others)"] += 1
