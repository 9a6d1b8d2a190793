"""Finds the reader modules of this package, and the reader of a row or of a format's name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple, cast

from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

ROWS = "rows of one conversation"
"""The only key of a row that combines several, as ``grouped`` makes it."""


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
    matches: Callable[[RowValue], bool] | None = None
    companion: Companion | None = None
    group_key: Callable[[RowValue], str] | None = None
    read_group: Callable[[Sequence[RowValue]], Reading] | None = None

    @classmethod
    def of(cls, module: ModuleType) -> Reader:
        """Return the reader that a module declares.

        Raises:
            TypeError: it declares one of ``group_key`` and ``read_group`` without the other.
            AttributeError: it lacks ``COLUMNS`` or ``read``.
        """
        group_key, read_group = getattr(module, "group_key", None), getattr(module, "read_group", None)
        companion = getattr(module, "COMPANION", None)
        if group_key is not None and read_group is None:
            raise TypeError(f"{module.__name__} has group_key and no read_group")
        return cls(
            name=module.NAME,
            columns=module.COLUMNS,
            precedence=getattr(module, "PRECEDENCE", 0),
            read_row=module.read,
            matches=getattr(module, "matches", None),
            companion=None if companion is None else Companion(*companion),
            group_key=group_key,
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


def detect(row: RowValue) -> Reader | None:
    """Return the first reader that knows the columns of a row."""
    return next((reader for reader in READERS if reader.knows(row)), None)


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
