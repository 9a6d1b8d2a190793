"""Measure redaction in MB/s of UTF-8 on one core, beside presidio-analyzer where that is installed.

    PYTHONPATH=. python bench/redaction.py [--runs 5]
    PYTHONPATH=. uv run --with presidio-analyzer python bench/redaction.py [--model en_core_web_sm]

Texts: the demo chats (few findings), and the labelled test cases (one finding or near miss per line: the worst
that chats come to). Presidio runs without a model (its NoOp engine), with the recognizers it has for patterns and
checksums in English; what it finds is only analysed, not yet replaced. ``both`` is redaction with ``privacy.presidio``
set, and ``model`` with ``privacy.presidio_model`` as well. The tools take turns, and a row is the best
processor time of its runs. Compare ratios within one run: figures of different runs differ by the machine's load.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workspaces.privacy.redaction import PresidioRedactor, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
Conversations = list[list[str]]


def demo() -> Conversations:
    lines = (ROOT / "chatfeedback/demo/sample.jsonl").read_text(encoding="utf-8").splitlines()
    return [[turn["content"] for turn in json.loads(line)["conversation"]] for line in lines]


def cases() -> Conversations:
    lines = (
        (ROOT / "tests/unit/workspaces/privacy/redaction_cases.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    return [[json.loads(line)["text"]] for line in lines]


def with_workbench(redactor: Redactor) -> Callable[[Conversations], int]:
    redactor.redact(["warm up"])
    return lambda conversations: sum(sum(redactor.redact(texts).counts.values()) for texts in conversations)


def with_presidio() -> Callable[[Conversations], int]:
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # its own list, not one from the network
    engine = NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    engine.load()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine)
    return lambda conversations: sum(
        len(analyzer.analyze(text, language="en")) for texts in conversations for text in texts
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model")
    given = parser.parse_args()
    runs = given.runs
    tools = {"workbench": with_workbench(Redactor())}
    if importlib.util.find_spec("presidio_analyzer"):
        tools |= {"presidio": with_presidio(), "both": with_workbench(PresidioRedactor())}
        if given.model:
            tools["model"] = with_workbench(PresidioRedactor(model=given.model))
    for name, conversations in (("demo chats", demo()), ("labelled cases", cases())):
        size = (
            sum(len(text.encode("utf-8", "surrogatepass")) for texts in conversations for text in texts) / 1e6
        )
        best: dict[str, float] = {}
        found: dict[str, int] = {}
        for _ in range(runs):
            for tool, run in tools.items():
                start = time.process_time()
                found[tool] = run(conversations)
                best[tool] = min(best.get(tool, 1e9), time.process_time() - start)
        for tool, seconds in best.items():
            ratio = seconds / best["workbench"]
            print(
                f"{name:15} {tool:10} {size / seconds:8.2f} MB/s  {found[tool]:6} found  {ratio:6.1f} x the time"
            )


if __name__ == "__main__":
    main()
