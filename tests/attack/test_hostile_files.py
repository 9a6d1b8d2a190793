"""A chat log made to do harm: memory stays bounded, one clear line says what is wrong, and the other rows are kept.

Where memory is at stake, the command is a process of its own, whose memory (and that of its children) the kernel
measures.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatfeedback import __main__ as program
from tests.attack.hostile_tables import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.workspace import Workspace

GIB = 2**30
USAGE, ROWS_REJECTED = 2, 5

MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "chatfeedback", *sys.argv[1:]], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([done.returncode, done.stdout, done.stderr, used * 1024]))
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: dict[str, Any]
    line: str
    memory: int


def ingest(folder: Path, path: Path, *options: str) -> Ran:
    """Run ``ingest`` as a process and measure it."""
    arguments = ["ingest", str(path), *options, "--processes", "1", "--json", "--workspace", str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments], check=True, capture_output=True, text=True, timeout=300
    )
    code, out, err, memory = json.loads(done.stdout)
    return ran(code, out, err, memory)


@pytest.fixture
def refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Run ``ingest`` inside this process."""

    def run(path: Path | str, *options: str) -> Ran:
        arguments = ["ingest", str(path), *options, "--json", "--workspace", str(workspace.path)]
        monkeypatch.setattr(sys, "argv", ["chatfeedback", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            program.main()
        said = capsys.readouterr()
        return ran(int(ended.value.code or 0), said.out, said.err, 0)

    return run


def ran(code: int, out: str, err: str, memory: int) -> Ran:
    lines = [line for line in err.splitlines() if line.startswith("chatfeedback: ")]
    assert "Traceback" not in err, err
    assert "unexpected" not in err, err
    assert len(lines) == (code != 0), err
    return Ran(code, json.loads(out) if out else {}, lines[0] if lines else "", memory)


def conversation(number: int, text: str = "It is so.") -> dict[str, Any]:
    turns = [{"role": "user", "content": f"Is it {number}?"}, {"role": "assistant", "content": text}]
    return {"conversation_id": f"c{number}", "conversation": turns, "model_name": "m", "source": "s"}


def line(number: int) -> bytes:
    return json.dumps(conversation(number)).encode() + b"\n"


def zst(path: Path, pieces: list[bytes]) -> None:
    with pa.output_stream(str(path), compression="zstd") as file:
        for piece in pieces:
            file.write(piece)


LONG = [b'{"conversation": "'] + [b"x" * 2**20] * 100 + [b'"}\n']
MANY = [b'{"conversation": ['] + [b"{}," * 1_000_000] * 5 + [b"{}]}\n"]
DEEP = [b'{"conversation": ' + b"[" * 3_000_000 + b"]" * 3_000_000 + b"}\n"]


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        pytest.param("jsonl", MANY, id="many objects in a line"),
        pytest.param("json", MANY, id="many objects in an array"),
        pytest.param("json", DEEP, id="deep lists in an array"),
        pytest.param("jsonl.zst", LONG, id="a long text, packed"),
        pytest.param("json.gz", LONG, id="a long text in an array, packed"),
    ],
)
def test_one_line_of_many_megabytes_is_one_reject(
    workspace: Workspace, tmp_path: Path, bad: list[bytes], kind: str
) -> None:
    path = tmp_path / f"logs.{kind}"
    pieces = [line(1), *bad, line(2)]
    if not kind.startswith("jsonl"):
        pieces = [b"[", line(1), b",", *bad, b",", line(2), b"]"]
    if kind.endswith("zst"):
        zst(path, pieces)
    else:
        with gzip.open(path, "wb", 1) if kind.endswith("gz") else path.open("wb") as file:
            file.writelines(pieces)
    ran = ingest(workspace.path, path)
    assert (ran.code, ran.out["added"], ran.out["rejected"]) == (ROWS_REJECTED, 2, 1)
    reject = json.loads((workspace.path / "rejects" / f"{path.name}.jsonl").read_text(encoding="utf-8"))
    assert reject["line"] == 2
    assert ran.memory < GIB


@pytest.mark.parametrize(
    ("kind", "bad"), [("csv.gz", "line"), ("csv", "cell"), ("tsv", "fields"), ("csv", "lines")]
)
def test_one_row_of_a_table_that_never_ends_is_one_reject(
    workspace: Workspace, tmp_path: Path, kind: str, bad: str
) -> None:
    path = tmp_path / f"logs.{kind}"
    mark = b"\t" if kind == "tsv" else b","
    pieces = {
        "line": [b"x" * 2**20] * 100,
        "cell": [b'"', *([b"x" * 1000 + b"\n"] * 100_000), b'"'],
        "fields": [(b"a" + mark) * 2**20] * 50,
        "lines": [(b'"a\nb"' + mark) * 2**16] * 100,
    }[bad]
    header = mark.join([b"conversation_id", b"prompt", b"response"]) + b"\n"
    good = [mark.join([b"c%d" % n, b"Is it %d?" % n, b"It is so."]) + b"\n" for n in (1, 2)]
    with gzip.open(path, "wb", 1) if kind.endswith("gz") else path.open("wb") as file:
        file.writelines([header, good[0], *pieces, b"\n", good[1]])
    ran = ingest(workspace.path, path)
    assert ran.code == ROWS_REJECTED
    # nobody can tell the quote that ends an endless cell from one that begins the next
    assert ran.out["added"] == (1 if bad == "cell" else 2)
    assert ran.memory < GIB


def test_a_dialog_of_long_lines_is_one_reject(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "logs.txt"
    good = b"1 Is it so?\tIt is so.\n2 And so?\tNot quite so.\n\n"
    with path.open("wb") as file:
        file.write(good)
        file.writelines(b"%d " % (n + 1) + b"y" * 2**20 + b"\tIt is so.\n" for n in range(200))
        file.write(b"\n1 " + b"z" * 2**25 + b"\n\n" + good)
    ran = ingest(workspace.path, path)
    assert (ran.out["added"] + ran.out["duplicates"], ran.out["rejected"]) == (2, 2)
    assert ran.memory < GIB


@pytest.mark.parametrize("kind", ["jsonl.gz", "json.zst", "csv.gz"])
def test_a_compression_bomb_is_given_up_early(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bomb.{kind}"
    if kind.endswith("zst"):
        zst(path, [b" " * 2**20] * 600)
    else:
        with gzip.open(path, "wb", 1) as file:
            for _ in range(600):
                file.write(b" " * 2**20)
    ran = ingest(workspace.path, path)
    assert ran.code == USAGE
    assert "unpacks to more than 200 times its size" in ran.line
    assert ran.memory < GIB


@pytest.mark.parametrize("made", list(MAKERS))
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_table_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(
    workspace: Workspace, tmp_path: Path, kind: str, made: str
) -> None:
    path = tmp_path / f"bomb.{kind}"
    make = subprocess.run(
        [sys.executable, "-m", "tests.attack.hostile_tables", str(path), made],
        check=False,
        capture_output=True,
        text=True,
    )
    if make.returncode:
        pytest.skip(f"this pyarrow cannot write it: {make.stderr.splitlines()[-1]}")
    ran = ingest(workspace.path, path)
    assert ran.code in (USAGE, ROWS_REJECTED)
    assert ran.out.get("added", 0) == 0
    assert str(path) in ran.line or "rejects" in ran.line
    assert ran.memory < GIB


def test_the_rows_beside_a_cell_of_gigabytes_are_kept(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "logs.parquet"
    rows = [conversation(n) for n in range(5)]
    schema = pa.Table.from_pylist(rows).schema
    plain = {"use_dictionary": False, "write_statistics": False}  # both take long of such a cell
    with pq.ParquetWriter(path, schema, compression="zstd", **plain) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema))
        writer.write_table(pa.Table.from_pylist([conversation(9, "x" * 1_000_000_000)], schema))
        writer.write_table(pa.Table.from_pylist([conversation(10)], schema))
    ran = ingest(workspace.path, path)
    assert (ran.code, ran.out["added"], ran.out["rejected"]) == (ROWS_REJECTED, 6, 1)
    assert ran.memory < GIB


def test_a_huge_row_group_of_ordinary_rows_is_read(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "logs.parquet"
    texts = np.random.default_rng(1).integers(97, 123, (3000, 2_000), np.uint8)
    # 300 MB of text; the blanks between take memory, and little time
    rows = [conversation(n, f"{texts[n].tobytes().decode()}{' ' * 98_000}.") for n in range(3000)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=10_000)
    del rows, texts
    ran = ingest(workspace.path, path, "--processes", "1")
    assert (ran.code, ran.out["added"], ran.out["rejected"]) == (0, 3000, 0)
    assert ran.memory < GIB


LAUGHS = "a: &a [1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in pairwise("abcdefghijklm")
)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def unix_socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")  # the path itself may be too long for a socket
    os.close(folder)


@pytest.mark.parametrize("make", [fifo, link_to_zeros, link_to_itself, unix_socket])
@pytest.mark.parametrize("name", ["logs.jsonl", "logs.parquet", "logs.csv.gz"])
def test_what_is_no_file_is_not_opened(
    tmp_path: Path, refused: Callable[..., Ran], make: Callable[[Path], None], name: str
) -> None:
    make(tmp_path / name)
    ran = refused(tmp_path / name)
    assert ran.code == USAGE
    assert "is not a file" in ran.line


def test_devices_by_their_own_names_are_no_files(refused: Callable[..., Ran]) -> None:
    for device in ("/dev/zero", "/dev/stdin", "/dev/random"):
        assert "is not a file" in refused(device).line


def test_a_folder_with_pipes_devices_and_circles_gives_its_files(
    tmp_path: Path, refused: Callable[..., Ran]
) -> None:
    folder = tmp_path / "logs"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "good.jsonl").write_bytes(line(1))
    (folder / "a" / "circle").symlink_to(folder)
    for number, make in enumerate([fifo, link_to_zeros, link_to_itself, unix_socket]):
        make(folder / f"{number}.jsonl")
    ran = refused(folder)
    assert (ran.code, ran.out["added"]) == (0, 1)


def test_a_saved_dataset_that_names_a_pipe_is_refused(tmp_path: Path, refused: Callable[..., Ran]) -> None:
    for name in ("data.arrow", "data.jsonl"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        os.mkfifo(folder / name)
        (folder / "state.json").write_text(
            json.dumps({"_data_files": [{"filename": name}]}), encoding="utf-8"
        )
        ran = refused(folder)
        assert ran.code == USAGE
        assert "not a regular file" in ran.line


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 200_000, id="deep"),
        pytest.param("a: {b: " * 50_000, id="deep mappings"),
        pytest.param("- " * 50_000, id="deep blocks"),
        pytest.param(LAUGHS, id="laughs"),
        pytest.param("a: &a [*a]\n", id="circle"),
        pytest.param("version: 2001-99-99\n", id="no day"),
        pytest.param("version: " + "9" * 10_000 + "\n", id="long number"),
        pytest.param("version: !!python/object/apply:os.system [id]\n", id="code"),
        pytest.param("version: !!bool maybe\n", id="no truth"),
        pytest.param("version: 1\n# " + "x" * 2_000_000, id="long"),
    ],
)  # fmt: skip
def test_a_configuration_of_any_shape_is_refused_in_a_line(
    workspace: Workspace, refused: Callable[..., Ran], text: str
) -> None:
    (workspace.path / "chatfeedback.yaml").write_text(text, encoding="utf-8")
    ran = refused(workspace.path / "none.jsonl")
    assert ran.code == 3
    assert "chatfeedback.yaml" in ran.line
    assert len(ran.line) < 1000


def test_a_configuration_that_is_a_pipe_is_not_waited_for(
    workspace: Workspace, refused: Callable[..., Ran]
) -> None:
    (workspace.path / "chatfeedback.yaml").unlink()
    os.mkfifo(workspace.path / "chatfeedback.yaml")
    ran = refused(workspace.path / "none.jsonl")
    assert (ran.code, "not a regular file" in ran.line) == (3, True)


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.1:8786", "192.0.2.1:8786", "tcp://scheduler.example:8786", "ucx://127.0.0.1:1", "tls://192.0.2.1:8786"]
)  # fmt: skip
def test_a_scheduler_of_strangers_is_not_called(
    tmp_path: Path, refused: Callable[..., Ran], address: str
) -> None:
    (tmp_path / "logs.jsonl").write_bytes(line(1))
    ran = refused(tmp_path / "logs.jsonl", "--scheduler", address)
    assert ran.code == 3
    assert "run code here" in ran.line
    assert "tls://" in ran.line
