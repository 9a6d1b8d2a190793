"""A projection: how the answers of people become the rows that a trainer reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from exports.collected import Collected
from exports.items import ExportItem, ItemT
from exports.verdicts import RewriteOutcomes

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime
    from typing import Self

    import pyarrow as pa
    from pydantic import JsonValue

    from exports.arrays import Flags, Numbers
    from exports.columns import Columns, Row
    from exports.contamination import Benchmarks
    from exports.context import Context
    from exports.label_noise import LabelVotes
    from exports.message_columns import Messages, Ways
    from exports.omissions import Omission, OmissionReason
    from exports.pair_columns import PairColumns
    from exports.pictures import Picture
    from exports.weights import Weights
    from workspaces.records import Annotation, SharingState, Task
    from workspaces.store.adjudications import Decisions

    Placed: TypeAlias = tuple[pa.Table, Numbers]
    """Rows of items in columns, and the place of each row's item."""

ItemT_contra = TypeVar("ItemT_contra", bound=ExportItem, contravariant=True)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What every export is made from.

    Attributes:
        tasks: by task id.
        annotations: the latest revision of each.
        contexts: by message id, of the responses that may be exported (``contexts_of``).
        weights: of people's votes.
        states: the sharing state by id of conversations that may not be exported and are not deleted.
        held_until: when the first of the held ones is shared; None where none is held.
        set_aside: why some annotations are in no row, by annotation id: their people gave the conversation or wrote the
            rewrite, were not invited, or are barred.
        outcomes: what other people's votes said of rewrites.
        languages: of conversations, by id, where they are known.
        near_duplicates: the groups of conversations that have, or whose first user turn has, a near duplicate, by id.
        first_asked: in which order people were first asked about openings that hang together with others
            (``exports.splits``).
        decisions: what a lead decided about items on which answers disagree, as votes, by (kind, question, item).
        flagged: the conversations with a flag that rules leave out.
        benchmarks: whose prompts are not trained on; None where there are none.
        collected: what the collection and its labels say beside answers.
    """

    tasks: Mapping[str, Task]
    annotations: Sequence[Annotation]
    contexts: Mapping[str, Context]
    weights: Weights
    states: Mapping[str, SharingState] = field(default_factory=dict)
    held_until: datetime | None = None
    set_aside: Mapping[str, OmissionReason] = field(default_factory=dict)
    outcomes: RewriteOutcomes = field(default_factory=RewriteOutcomes)
    decisions: Decisions = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    near_duplicates: Mapping[str, str] = field(default_factory=dict)
    first_asked: Mapping[bytes, int] = field(default_factory=dict)
    benchmarks: Benchmarks | None = None
    flagged: AbstractSet[str] = frozenset()
    collected: Collected = field(default_factory=Collected)


@dataclass(frozen=True, slots=True)
class Selection(Generic[ItemT]):
    """The items that evidence gives, and the answers and tasks in none of them.

    ``shortage`` starts the error message of an export without a row to train on: it states which answers are
    missing, after which ``tied`` counts pairs that nobody won. ``item`` is the noun of an item; ``items_left_out``
    counts those that judgments make and the projection does not take, by reason.
    """

    items: Sequence[ItemT]
    omissions: Sequence[Omission]
    shortage: str
    item: str = "item"
    items_left_out: Mapping[str, int] = field(default_factory=dict)
    tied: int = 0


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured of the items to train on: further keys of the manifest, and Markdown for the card.

    ``pictures`` stand in the card, by the name of their file.
    ``votes`` counts the items with a label that no lead decided by the votes on them, for its noise; None where labels
    are no matter of votes.
    """

    manifest: Mapping[str, JsonValue]
    card: str
    votes: Counter[LabelVotes] | None = None
    pictures: Mapping[str, Picture] = field(default_factory=dict)


class Measure(Protocol[ItemT_contra]):
    """Measures the items to train on, portion by portion: those of one prompt are in one portion."""

    def see(self, items: Sequence[ItemT_contra]) -> None:
        """Take the items of a portion."""
        ...

    def add(self, other: Self) -> None:
        """Take what was seen of another portion."""
        ...

    def measurements(self) -> Measurements:
        """Return what was measured, of at least one item."""
        ...


@dataclass(slots=True)
class OfAll(Generic[ItemT]):
    """Measures all items at once, and so keeps them in memory."""

    measure: Callable[[Sequence[ItemT]], Measurements]
    items: list[ItemT] = field(default_factory=list)

    def see(self, items: Sequence[ItemT]) -> None:
        """Take the items of a portion."""
        self.items.extend(items)

    def add(self, other: Self) -> None:
        """Take the items of another portion."""
        self.items.extend(other.items)

    def measurements(self) -> Measurements:
        """Return what was measured of the items, which are in the order of their ids."""
        return self.measure(sorted(self.items, key=lambda item: item.id))


def every_item(item: object) -> bool:
    """Accept an item."""
    return True


def no_label(item: object) -> None:
    """Return no label."""


def no_warnings(splits: Mapping[str, Mapping[bool | None, int]]) -> list[str]:
    """Return no warning."""
    return []


def no_files(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return no file."""
    return {}


@dataclass(frozen=True, slots=True)
class TableSpec(Generic[ItemT]):
    """One configuration of the dataset.

    Attributes:
        name: of the configuration; in lower case, without blanks.
        description: what one row is, for the card.
        columns: the columns in order; a function where they depend on the installed task kinds.
        rows: returns the rows of an item.
        accepts: whether the table has rows of an item.
        of_columns: returns the rows of all pairs that it accepts, as a table, and the place of each row's pair; None
            where pairs are made rows one by one alone.
    """

    name: str
    description: str
    columns: Columns | Callable[[], Columns]
    rows: Callable[[ItemT], Sequence[Row]]
    accepts: Callable[[ItemT], bool] = every_item
    of_columns: Callable[[PairColumns], Placed] | None = None

    def current_columns(self) -> Columns:
        """Return the columns for the task kinds that are installed now."""
        return self.columns if isinstance(self.columns, Mapping) else self.columns()


@dataclass(frozen=True, slots=True)
class Projection(Generic[ItemT]):
    """A kind of export. A module under ``exports.projections`` declares one as ``PROJECTION``.

    The steps around it are the same for all (``exports.export``): splits, licences, digests, manifest, card,
    writing.

    Attributes:
        name: the argument of ``chatfeedback export``, the ``kind`` in the manifest, a tag on the card.
        help: one line for the command's help and the documentation.
        title: of the dataset card.
        trainer: the trainer or trainers that read the first table as it is.
        method: how rows are made from answers, Markdown for the card.
        limits: what not to expect, one Markdown line each.
        tables: the configurations; the first one is what the trainer reads.
        select: returns the items of evidence.
        select_columns: returns which prompts of pairs in columns ``select`` takes; None where it takes all that are
            text. What belongs together with others is selected one by one.
        measure: returns what measures the items to train on; nothing is seen yet.
        measure_columns: returns what measured pairs to train on in columns (``exports.pair_columns``); None where they
            are measured one by one alone.
        arrange: orders the items of one split, from the prompts (``exports.context.canonical``) by their ids; None: the
            items to train on come first, each by its id.
        files: returns further files by path, from the paths of the tables' files by table and split.
        json_lines: the table to train on is also written as JSON lines, beside its Parquet files.
        one_file: each split of a table is one file, because the trainer takes the path of a file.
        of_answers: rows are made from answers; False: from the collection, whatever people answered.
        at_once: it is made of all evidence at once, because it reads what is beside answers (``exports.collected``).
        proposed: an export without a row to train on names it, if it finds some; false of a form of another one.
        test_only: every row is for evaluation, and none to train on.
        label: returns the label of an item to train on, where labels are two.
        warn: returns what a trainer cannot learn, one sentence each, from the numbers of items to train on by split and
            label.
    """

    name: str
    help: str
    title: str
    trainer: str
    method: str
    limits: Sequence[str]
    tables: Sequence[TableSpec[ItemT]]
    select: Callable[[Evidence], Selection[ItemT]]
    measure: Callable[[], Measure[ItemT]]
    select_columns: Callable[[Ways, Messages], Flags] | None = None
    measure_columns: Callable[[PairColumns], Measure[ItemT]] | None = None
    arrange: Callable[[Mapping[str, str]], Sequence[str]] | None = None
    label: Callable[[ItemT], bool | None] = no_label
    warn: Callable[[Mapping[str, Mapping[bool | None, int]]], Sequence[str]] = no_warnings
    of_answers: bool = True
    at_once: bool = False
    test_only: bool = False
    proposed: bool = False
    files: Callable[[Mapping[str, Mapping[str, str]]], Mapping[str, str]] = no_files
    json_lines: bool = False
    one_file: bool = False

    @property
    def in_one_file(self) -> bool:
        """Whether each split of a table is one file: a trainer takes its path, or reads it from top to bottom."""
        return self.one_file or self.json_lines or self.files is not no_files or self.arrange is not None

    @property
    def training_table(self) -> TableSpec[ItemT]:
        """The table to train on."""
        return self.tables[0]
