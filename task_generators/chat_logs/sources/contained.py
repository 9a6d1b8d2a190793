"""Reads Parquet and Arrow files in a process of its own with bounded memory.

A few kilobytes of these formats can say "two gibibytes of zeros" or "this long text, ten thousand times", and the
library that unpacks them has no bound. The process (``unpacker``) sends what it unpacks in small pieces; where it runs
out of memory, or crashes, the file is damaged from there on, and nothing else is harmed.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.sources import rows
from task_generators.chat_logs.sources.opening import FREE_BYTES, MAX_EXPANSION
from task_generators.chat_logs.sources.packed import Stretch
from task_generators.chat_logs.sources.rows import Row
from task_generators.chat_logs.sources.unpacker import OUT_OF_MEMORY, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.chat_logs.sources.packed import Packed

MEMORY_BYTES = 512 * 1024 * 1024
"""What the process may take besides its code."""

MAX_VALUES = 1_000_000
"""Of one row, nested ones included: a milliard of nulls takes eight bytes in these formats."""

VALUE_BYTES = 100
"""What a nested value takes once it is unpacked, roughly."""

STRETCH_ROWS = 500
STRETCH_BYTES = 4 * 1024 * 1024
"""The most rows of a stretch, and the most bytes unless a single row has more."""

_PROGRAM = str(Path(__file__).with_name("unpacker.py"))


def contained(path: Path) -> Iterator[Packed]:
    """Yield the rows of a Parquet or Arrow file, in stretches.

    Raises:
        OSError: the file cannot be read, or takes too much memory; what came before was yielded.
    """
    settings = {
        "memory": MEMORY_BYTES,
        "row_bytes": rows.MAX_LINE_BYTES,
        "row_values": MAX_VALUES,
        "value_bytes": VALUE_BYTES,
        "batch_rows": STRETCH_ROWS,
        "batch_bytes": STRETCH_BYTES,
        "budget": max(FREE_BYTES, MAX_EXPANSION * path.stat().st_size),
    }
    # -I: the folder of the program is no place to import from
    command = [sys.executable, "-I", _PROGRAM, str(path.absolute()), json.dumps(settings)]
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            # a stream that ends in the middle: the process says why
            with contextlib.suppress(pa.ArrowException, OSError):
                yield from _unpacked(pa.PythonFile(process.stdout, "r"))
            said = process.stderr.read().decode(errors="replace").strip()
            code = process.wait()
        finally:
            process.kill()
    if code == REFUSED:
        raise OSError(said)
    if code == OUT_OF_MEMORY:
        raise OSError(f"a part of it takes more than {MEMORY_BYTES // 2**20} MiB of memory")
    if code:
        raise OSError(f"what unpacks it ended with {code}: it is damaged, or made to do harm")


def _unpacked(source: pa.NativeFile) -> Iterator[Packed]:
    number = 1
    with pa.ipc.open_stream(source) as stream:
        for batch, about in stream.iter_batches_with_custom_metadata():
            if about is None:
                yield Stretch(number, batch.rename_columns(rows.distinct_names(batch.schema.names)))
                number += batch.num_rows
                continue
            for _ in range(int(about[b"count"])):
                yield Row(number, None, about[b"problem"].decode())
                number += 1
