"""Measure ``chatfeedback ingest`` on conversations of the shape of LMSYS-Chat-1M, made up on the spot.

    uv run python bench/ingest.py generate 100000 /tmp/lmsys.jsonl
    uv run python bench/ingest.py run /tmp/lmsys.jsonl
    uv run --with presidio-analyzer --with datasketch python bench/ingest.py compare /tmp/lmsys.jsonl --sample 1000

``generate``: two turns, 70 words a prompt, 215 an answer, 25 models, personal data in 1 %, 10 % near duplicates (the
text of an earlier conversation with 2 % of its words changed). ``run`` prints seconds, the peak memory of all
processes together, and the cost of a conversation by how many were there before it. ``compare`` runs the whole of
ingest, and presidio-analyzer (NoOp engine) then datasketch, on the same conversations in one process each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
MODELS = [f"model-{number}-{7 + number}b" for number in range(25)]
TURNS, PROMPT_WORDS, ANSWER_WORDS = 2, 70, 215
NEAR_DUPLICATES, PERSONAL, CHANGED = 0.10, 0.01, 0.02
WINDOW = 5  # marks, 10,000 conversations apart, between which early and late cost are compared
KEPT = 20_000  # earlier conversations that a near duplicate may copy
CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "sexual/minors", "violence", "violence/graphic")


def words() -> list[str]:
    """Return the words of the demo's chats, as often as they occur there."""
    lines = (ROOT / "chatfeedback/demo/sample.jsonl").read_text(encoding="utf-8").splitlines()
    texts = (turn["content"] for line in lines for turn in json.loads(line)["conversation"])
    return [word for text in texts for word in re.findall(r"[A-Za-z']+|\d+(?:\.\d+)?", text)]


def text(rng: random.Random, vocabulary: list[str], mean: int) -> str:
    left = max(3, round(rng.expovariate(1 / mean)))
    sentences = []
    while left > 0:
        size = min(left, rng.randint(5, 18))
        sentences.append(" ".join(rng.choices(vocabulary, k=size)).capitalize() + rng.choice(".?!\n"))
        left -= size
    return " ".join(sentences)


def changed(rng: random.Random, vocabulary: list[str], original: str) -> str:
    parts = original.split(" ")
    for _ in range(round(len(parts) * CHANGED)):
        parts[rng.randrange(len(parts))] = rng.choice(vocabulary)
    return " ".join(parts)


def personal(rng: random.Random) -> str:
    return rng.choice(
        [
            f"write to user{rng.randrange(10**6)}@example.org",
            f"call +49 30 {rng.randrange(10**6, 10**7)}",
            f"the server is 203.0.113.{rng.randrange(256)}",
            f"api_key = sk-{rng.randbytes(24).hex()}",
        ]
    )


def conversations(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield rows with the columns of LMSYS-Chat-1M."""
    rng = random.Random(seed)
    vocabulary = words()
    earlier: list[list[str]] = []
    for _ in range(count):
        if earlier and rng.random() < NEAR_DUPLICATES:
            texts = [changed(rng, vocabulary, each) for each in rng.choice(earlier)]
        else:
            texts = [
                text(rng, vocabulary, mean) for _ in range(TURNS) for mean in (PROMPT_WORDS, ANSWER_WORDS)
            ]
            if len(earlier) < KEPT:
                earlier.append(texts)
            else:
                earlier[rng.randrange(KEPT)] = texts
        if rng.random() < PERSONAL:
            texts = [f"{texts[0]} {personal(rng)}", *texts[1:]]
        label = {
            "categories": dict.fromkeys(CATEGORIES, False),
            "category_scores": {name: rng.random() / 1e4 for name in CATEGORIES},
            "flagged": False,
        }
        yield {
            "conversation_id": f"{rng.getrandbits(128):032x}",
            "model": rng.choice(MODELS),
            "conversation": [
                {"content": each, "role": "assistant" if index % 2 else "user"}
                for index, each in enumerate(texts)
            ],
            "turn": TURNS,
            "language": "English",
            "openai_moderation": [label] * len(texts),
            "redacted": False,
        }


def generate(count: int, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in conversations(count):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{count:,} conversations, {path.stat().st_size / 1e6:.0f} MB")


class Watch:
    """Samples memory and processor time of this process and all below it."""

    def __init__(self) -> None:
        self.peak = 0
        self.marks: list[tuple[int, float, float]] = [(0, time.monotonic(), 0.0)]
        self._done = 0
        self._stop = threading.Event()
        self._me = psutil.Process()
        self._ended: dict[int, float] = {}
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            self.peak = max(self.peak, sum(self._memory(each) for each in self._all()))

    def _all(self) -> list[psutil.Process]:
        return [self._me, *self._me.children(recursive=True)]

    @staticmethod
    def _memory(process: psutil.Process) -> int:
        try:
            return int(process.memory_full_info().pss)
        except psutil.Error:
            return 0

    def cpu(self) -> float:
        """Return the processor seconds used so far."""
        for each in self._all():
            try:
                times = each.cpu_times()
                self._ended[each.pid] = times.user + times.system
            except psutil.Error:
                continue
        return sum(self._ended.values())

    def advance(self, count: int) -> None:
        self._done += count
        if self._done - self.marks[-1][0] >= 10_000:
            self.marks.append((self._done, time.monotonic(), self.cpu()))

    def stop(self) -> None:
        self._stop.set()


def run(path: Path, processes: int | None) -> None:
    from chatfeedback import steps
    from workspaces.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "w") as workspace:
        watch = Watch()
        started = time.monotonic()
        found = steps.ingest_file(workspace, path, advance=watch.advance, processes=processes)
        seconds, cpu = time.monotonic() - started, watch.cpu()
        watch.stop()
        print(
            f"{found.read:,} read, {found.added:,} added, {found.near_duplicates:,} near duplicates, "
            f"{sum(found.redactions.values()):,} redactions"
        )
        print(
            f"{seconds:.1f} s ({os.cpu_count()} cores), {1000 * cpu / found.read:.3f} ms of processor a conversation, "
            f"peak {watch.peak / 2**20:.0f} MiB over all processes, load {os.getloadavg()[0]:.1f}"
        )
        marks = watch.marks
        if len(marks) > 2 * WINDOW:
            first, last = _cost(marks[1], marks[1 + WINDOW]), _cost(marks[-1 - WINDOW], marks[-1])
            print(f"the last {10_000 * WINDOW:,} cost {last / first:.2f} times those after {marks[1][0]:,}")
        step = max(1, len(marks) // 10)
        for (one, start, used), (other, end, then) in zip(marks[::step], marks[step::step], strict=False):
            share = other - one
            print(
                f"  {one:>9,} to {other:>9,}: {1000 * (then - used) / share:.3f} ms of processor, "
                f"{1000 * (end - start) / share:.3f} ms"
            )


def _cost(before: tuple[int, float, float], after: tuple[int, float, float]) -> float:
    return (after[2] - before[2]) / (after[0] - before[0])


def with_presidio_and_datasketch(rows: list[dict[str, Any]]) -> float:
    import tldextract
    from datasketch import MinHash, MinHashLSH
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # its own list, not one from the network
    engine = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    engine.load()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine)
    index = MinHashLSH(threshold=0.8, num_perm=128)
    analyzer.analyze("warm up", language="en")
    started = time.process_time()
    for number, row in enumerate(rows):
        texts = [turn["content"] for turn in row["conversation"]]
        for each in texts:
            analyzer.analyze(each, language="en")
        parts = re.findall(r"\w+", " ".join(texts).lower())
        signature = MinHash(num_perm=128)
        signature.update_batch([" ".join(parts[at : at + 3]).encode() for at in range(len(parts) - 2)])
        index.query(signature)
        index.insert(str(number), signature)
    return time.process_time() - started


def compare(path: Path, sample: int) -> None:
    from chatfeedback import steps
    from workspaces.workspace import Workspace

    with path.open(
        encoding="utf-8"
    ) as file:  # ten times the sample: what a run costs once must not count much
        lines = [line for line, _ in zip(file, range(10 * sample), strict=False)]
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder) / "w") as workspace:
        part = Path(folder) / "sample.jsonl"
        part.write_text("".join(lines), encoding="utf-8")
        warm = Path(folder) / "warm.jsonl"
        warm.write_text(json.dumps(next(conversations(1, seed=2))) + "\n", encoding="utf-8")
        steps.ingest_file(workspace, warm, processes=1)
        started = time.process_time()
        steps.ingest_file(workspace, part, processes=1)
        ours = time.process_time() - started
    ours /= len(lines)
    theirs = with_presidio_and_datasketch([json.loads(line) for line in lines[:sample]]) / sample
    print(f"the whole of ingest       {1000 * ours:8.3f} ms of processor a conversation")
    print(f"presidio, then datasketch {1000 * theirs:8.3f} ms, {theirs / ours:.1f} x")


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("generate")
    command.add_argument("count", type=int)
    command.add_argument("path", type=Path)
    command.set_defaults(do=lambda given: generate(given.count, given.path))
    command = commands.add_parser("run")
    command.add_argument("path", type=Path)
    command.add_argument("--processes", type=int)
    command.set_defaults(do=lambda given: run(given.path, given.processes))
    command = commands.add_parser("compare")
    command.add_argument("path", type=Path)
    command.add_argument("--sample", type=int, default=1000)
    command.set_defaults(do=lambda given: compare(given.path, given.sample))
    given = parser.parse_args()
    given.do(given)


if __name__ == "__main__":
    main()
