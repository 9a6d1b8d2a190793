"""Dawid-Skene for more answers than fit in memory."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from quality.aggregation.dawid_skene import POOLED, Fit
from quality.aggregation.em import block, truths
from quality.labels import COLUMNS, CodedLabels, ascending, mirrored_places

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from scipy import sparse

    from quality.aggregation.dawid_skene import ConfusionPrior, PooledPrior
    from quality.labels import Mirror

PARTS = 64


class Batches(Protocol):
    """A source of Arrow record batches: a dataset, a scanner, a table."""

    def to_batches(self) -> Iterable[pa.RecordBatch]:
        """Return the batches."""
        ...


class DawidSkeneStream:
    """A fitted model whose posteriors are read batch by batch; close it, or use it in a ``with`` statement.

    ``class_priors``, ``confusions``, ``log_likelihood``, ``iterations`` and ``converged`` are those of
    ``DawidSkene``.
    """

    def __init__(self, spool: _Spool, fit: Fit) -> None:
        self._spool = spool
        self._fit = fit
        self.class_priors, self.confusions = fit.described(pd.Index(spool.annotators), spool.values)
        self.log_likelihood = fit.log_likelihood
        self.iterations = fit.iterations
        self.converged = fit.converged

    def __enter__(self) -> DawidSkeneStream:
        """Return the model."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the model."""
        self.close()

    def posteriors(self) -> Iterator[pa.RecordBatch]:
        """Yield batches with the column ``item`` and one column of probabilities per value, named by its text.

        Every item is yielded once; the order is not that of the answers.
        """
        names = ["item", *map(str, self._spool.values)]
        for matrix, items in zip(self._spool.blocks(), self._spool.items(), strict=True):
            posteriors, _ = truths(matrix, self._fit.evidence, self._fit.log_prior)
            yield pa.RecordBatch.from_arrays([items, *map(pa.array, posteriors.T)], names)

    def close(self) -> None:
        """Delete the temporary files."""
        self._spool.close()


def dawid_skene_stream(
    batches: Batches | Iterable[pa.RecordBatch],
    values: Sequence[Hashable] | None = None,
    *,
    prior: ConfusionPrior | PooledPrior = POOLED,
    iterations: int = 100,
    tolerance: float = 1e-7,
    parts: int = PARTS,
    mirror: Mirror | None = None,
) -> DawidSkeneStream:
    """Fit the model of ``dawid_skene`` without holding the answers in memory.

    One pass over the batches writes the answers to temporary files, partitioned by item; each iteration then
    reads one file at a time. Memory holds one batch, one partition of the answers and the confusion matrices
    of all people; the disk holds about 60 bytes for each answer while partitions are written, 12 afterwards.

    Args:
        batches: a dataset, a table, or record batches, read once; columns ``item``, ``annotator``, ``value``
            and rows as in ``dawid_skene``, in any order. Of several rows of an (item, annotator) the last
            counts.
        values: every possible answer. Without it, those that occur.
        prior: as in ``dawid_skene``.
        iterations: as in ``dawid_skene``.
        tolerance: as in ``dawid_skene``.
        parts: number of files that the answers are partitioned into. Twice as many need half the memory.

        mirror: as in ``dawid_skene``.

    Returns:
        The model; close it after its posteriors are read.

    Raises:
        ValueError: a column is missing, an answer is not among ``values``, or an argument is out of range.
    """
    if parts < 1:
        raise ValueError(f"parts is at least 1, got {parts}")
    spool = _Spool(parts)
    try:
        spool.divide(batches.to_batches() if hasattr(batches, "to_batches") else batches)
        spool.encode(values, mirror)
        shape = len(spool.annotators), len(spool.values)
        fit = Fit.of(spool.blocks, shape, prior, iterations, tolerance, threads=False, mirror=spool.mirror)
    except BaseException:
        spool.close()
        raise
    return DawidSkeneStream(spool, fit)


class _Spool:
    """The answers in temporary files; each file holds all answers to some of the items."""

    def __init__(self, parts: int) -> None:
        self._folder = TemporaryDirectory(prefix="chatfeedback-dawid-skene-")
        self._files = [Path(self._folder.name) / str(number) for number in range(parts)]
        self.annotators: tuple[Hashable, ...] = ()
        self.values: tuple[Hashable, ...] = ()
        self.mirror: NDArray[np.integer] | None = None

    def divide(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Write every row to the file of its item."""
        parts, writers = len(self._files), list[pa.ipc.RecordBatchStreamWriter]()
        try:
            for batch in batches:
                rows = _plain(batch)
                if not writers:
                    schema = rows.schema
                    writers += [pa.ipc.new_stream(str(path), schema) for path in self._files]
                part = _hashed(rows["item"]) % np.uint64(parts)
                order = np.argsort(part, kind="stable")
                ordered = rows.cast(schema).take(pa.array(order))
                bounds = np.searchsorted(part[order], np.arange(parts + 1, dtype=np.uint64)).tolist()
                for writer, start, end in zip(writers, bounds[:-1], bounds[1:], strict=True):
                    if end > start:
                        writer.write_table(ordered.slice(start, end - start))
        finally:
            for writer in writers:
                writer.close()
        if not writers:
            self._files.clear()

    def encode(self, order: Sequence[Hashable] | None, mirror: Mirror | None) -> None:
        """Replace the answers of every file by integer codes."""
        people: dict[Hashable, int] = {}
        values: dict[Hashable, int] = {}
        for path in self._files:
            with pa.ipc.open_stream(str(path)) as reader:
                labels = CodedLabels.of(reader.read_all(), order)
            annotator = [people.setdefault(person, len(people)) for person in labels.annotators]
            value = [values.setdefault(name, len(values)) for name in labels.values]
            np.savez(
                path.with_suffix(".npz"),
                item=labels.item,
                annotator=np.array(annotator, dtype=np.int32)[labels.annotator],
                value=np.array(value, dtype=np.int32)[labels.value],
            )
            items = pa.table({"item": pa.Array.from_pandas(labels.items)})
            with pa.ipc.new_file(str(path), items.schema) as writer:
                writer.write_table(items)
        self.annotators = ascending(people)
        if mirror is not None and order is None:
            for name in list(values):
                values.setdefault(mirror.get(name, name), len(values))
        self.values = ascending(values) if order is None else tuple(order)
        if mirror is not None:
            self.mirror = mirrored_places(mirror, self.values)
        self._person = _ranks(people, self.annotators)
        self._value = _ranks(values, self.values)

    def blocks(self) -> Iterator[sparse.csr_matrix]:
        """Yield the answers of each file in turn, as ``quality.aggregation.em.block`` returns them."""
        for path in self._files:
            with np.load(path.with_suffix(".npz")) as codes:
                item, annotator, value = codes["item"], codes["annotator"], codes["value"]
            if len(item):
                shape = int(item.max()) + 1, len(self.annotators), len(self.values)
                yield block(item, self._person[annotator], self._value[value], shape)

    def items(self) -> Iterator[pa.Array]:
        """Yield the items of each file, in the order of ``blocks``."""
        for path in self._files:
            with pa.ipc.open_file(str(path)) as reader:
                column = reader.read_all()["item"].combine_chunks()
            if len(column):
                yield column

    def close(self) -> None:
        """Delete the files."""
        self._folder.cleanup()


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """Return the three columns with dictionaries decoded, without the rows that have no item."""
    if absent := [name for name in COLUMNS if name not in batch.schema.names]:
        raise ValueError(f"the batch has no column {', '.join(absent)}; it needs {', '.join(COLUMNS)}")
    columns = [batch.column(name) for name in COLUMNS]
    rows = pa.table(
        [column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in columns],
        names=list(COLUMNS),
    )
    return rows.filter(rows["item"].is_valid())


def _hashed(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return a hash of each entry that depends on nothing but the entry."""
    encoded = column.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    hashed: NDArray[np.uint64] = pd.util.hash_array(distinct)[encoded.indices.to_numpy()]
    return hashed


def _ranks(codes: Mapping[Hashable, int], ordered: Sequence[Hashable]) -> NDArray[np.int32]:
    rank = {name: number for number, name in enumerate(ordered)}
    return np.array([rank[name] for name in codes], dtype=np.int32)
