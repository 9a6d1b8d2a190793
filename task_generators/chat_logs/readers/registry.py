"""Finds the reader modules of this package, and the reader of a row or of a format's name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple, cast

from task_generators.chat_logs.readers.columns import Columns
from task_generators.chat_logs.readers.judgments import decisive
from task_generators.chat_logs.readers.kept import texts_held, without_kept
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from task_generators.chat_logs.readers.columns import Loss

ROWS = "rows of one conversation"
"""The only key of a row that combines several, as ``grouped`` makes it."""


TABLE_COLUMNS = (
    "prompt",
    "response",
    "conversation_id",
    "role",
    "content",
    "turn",
    "system",
    "model_name",
    "user_id",
    "timestamp",
    "language",
    "source",
    "licence",
    "thumb",
    "score",
)
"""The columns of a table that a lead may have to map: one row a conversation, or one a message."""


class Companion(NamedTuple):
    """A file beside the log whose rows are joined: as which column, the file's name, the column to join on."""

    column: str
    file_name: str
    key: str


@dataclass(frozen=True, slots=True)
class Reader:
    """What a reader module declares; ``docs/adding-a-reader.md`` describes each part."""

    name: str
    columns: frozenset[str]
    precedence: int
    read_row: Callable[[RowValue], Reading]
    declared: Columns
    matches: Callable[[RowValue], bool] | None = None
    companion: Companion | None = None
    group_key: Callable[[RowValue], str] | None = None
    begins: Callable[[RowValue], bool] | None = None
    read_group: Callable[[Sequence[RowValue]], Reading] | None = None

    @classmethod
    def of(cls, module: ModuleType) -> Reader:
        """Return the reader that a module declares.

        Raises:
            TypeError: it declares one of ``group_key`` or ``begins`` without ``read_group``, or no ``READS``.
            AttributeError: it lacks ``COLUMNS`` or ``read``.
        """
        group_key, read_group = getattr(module, "group_key", None), getattr(module, "read_group", None)
        companion = getattr(module, "COMPANION", None)
        begins = getattr(module, "begins", None)
        if (group_key is not None or begins is not None) and read_group is None:
            raise TypeError(f"{module.__name__} has group_key or begins and no read_group")
        if not hasattr(module, "READS"):
            raise TypeError(f"{module.__name__} does not say in READS which values of a row it reads")
        return cls(
            name=module.NAME,
            columns=module.COLUMNS,
            precedence=getattr(module, "PRECEDENCE", 0),
            read_row=module.read,
            declared=Columns(module.READS, getattr(module, "IGNORES", None)),
            matches=getattr(module, "matches", None),
            companion=None if companion is None else Companion(*companion),
            group_key=group_key,
            begins=begins,
            read_group=read_group,
        )

    def knows(self, row: RowValue) -> bool:
        """Return whether a row has the columns of this format."""
        return row.keys() >= self.columns and (self.matches is None or self.matches(row))

    def read(self, row: RowValue) -> Reading:
        """Read a row, or the rows that ``grouped`` combined into one.

        Raises:
            RowError: the row is not what the format requires.
        """
        try:
            if self.read_group is not None and ROWS in row:
                return self.read_group(cast("Sequence[RowValue]", row[ROWS]))
            return self.read_row(row)
        except RecursionError:
            raise RowError("nested too deeply") from None

    def losses(self, row: RowValue, reading: Reading) -> list[Loss]:
        """Return the values that are neither kept nor ignored, of a row or of those that ``grouped`` combined.

        What the reading itself says is lost is not among them.

        Args:
            row: the row.
            reading: what ``read`` made of it.

        Raises:
            RowError: the row is nested too deeply.
        """
        try:
            rows = cast("Sequence[RowValue]", row[ROWS]) if ROWS in row else (row,)
            omitted = {position for position, _ in reading.omissions}
            held = texts_held(reading, self.name)
            lost = [
                losses
                for position, each in enumerate(rows)
                if position not in omitted and (losses := self.declared.losses(each, held))
            ]
        except RecursionError:
            raise RowError("nested too deeply") from None
        return without_kept(lost, reading) if lost else []


def discovered(package: str, paths: Iterable[str]) -> tuple[Reader, ...]:
    """Return the readers of a package: its modules that declare ``NAME``, in the order in which they are tried.

    The highest ``PRECEDENCE`` comes first. Readers that declare none come last, sorted by name.

    Raises:
        ValueError: two readers declare the same precedence.
    """
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(paths)]
    readers = [Reader.of(module) for module in modules if hasattr(module, "NAME")]
    shared = [
        number
        for number, count in Counter(reader.precedence for reader in readers).items()
        if number and count > 1
    ]
    if shared:
        raise ValueError(f"two readers have PRECEDENCE {shared[0]}: their order would be undefined")
    return tuple(sorted(readers, key=lambda reader: (-reader.precedence, reader.name)))


READERS = discovered(__package__, [str(Path(__file__).parent)])
"""The reader of every known format, in the order in which they are tried."""


def detect(*rows: RowValue) -> Reader | None:
    """Return the reader that loses least of some rows of one file; of several, the first in the order of ``READERS``.

    Judgments and further messages count before other values.
    """
    able = [reader for reader in READERS if any(map(reader.knows, rows))]
    if len(able) < 2:
        return next(iter(able), None)
    trials = [_tried(reader, rows) for reader in able]
    enough = max(trial.read for trial in trials) / 10
    # a reader that asks for less reads more of what is damaged, so a tenth of what any reads is enough
    costs = [(trial.read < enough, trial.judgments, trial.values) for trial in trials]
    return able[costs.index(min(costs))]


def is_known(row: RowValue) -> bool:
    """Return whether any reader knows the columns of a row."""
    return any(reader.knows(row) for reader in READERS)


class _Trial(NamedTuple):
    """How many rows a reader read, and how many judgments and other values it lost of each, on average."""

    read: int
    judgments: float
    values: float


def _tried(reader: Reader, rows: Sequence[RowValue]) -> _Trial:
    read = judgments = values = 0
    for row in rows:
        if not reader.knows(row):
            continue
        try:
            losses = reader.losses(row, reader.read(row))
        except RowError:
            continue
        decided = len(decisive(losses))
        read += 1
        judgments += decided
        values += len({loss.path for loss in losses}) - decided
    return _Trial(read, judgments / max(read, 1), values / max(read, 1))


def named(name: str) -> Reader:
    """Return the reader of a format.

    Raises:
        UsageError: no format has this name; the message lists the known ones.
    """
    for reader in READERS:
        if name == reader.name:
            return reader
    raise UsageError(f"no format is called {name!r}; known: {', '.join(format_names())}")


def format_names() -> list[str]:
    """Return the names of all known formats, sorted."""
    return sorted(reader.name for reader in READERS)
