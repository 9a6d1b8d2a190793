"""``collection benchmark``: challenging prompts by topic."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say, table
from workspaces.files import write_text
from workspaces.grammar import counted, word_for
from workspaces.targets import check_file
from workspaces.workspace import Workspace


def benchmark(
    least: Annotated[
        float, typer.Option("--least", min=0, max=7, help="The lowest score of a prompt, of 7.")
    ] = 6,
    topic_mean: Annotated[
        float, typer.Option("--topic-mean", min=0, max=7, help="The lowest mean score of a topic.")
    ] = 0,
    per_topic: Annotated[int, typer.Option("--per-topic", min=1, help="The most prompts of a topic.")] = 2,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write them to this file, as JSON Lines.", metavar="FILE"),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Select challenging prompts, so many of each topic, as Arena-Hard does; from what ``select`` takes.

    `collection topics` and `collection challenge` come first. A score is the mean over all judges that gave one.
    Example: **chatfeedback collection benchmark --per-topic 2 --save prompts.jsonl**
    """
    if save is not None:
        check_file(save)
    with Workspace.open(workspace) as opened:
        picked = steps.benchmark_prompts(opened, least=least, topic_mean=topic_mean, per_topic=per_topic)
    rows = [asdict(each) for each in picked.prompts]
    if save is not None:
        write_text(save, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if as_json:
        emit_json({"prompts": rows, "left_out": dict(picked.left_out), "short": dict(picked.short)})
        return
    counts = Counter(str(each.topic) for each in picked.prompts)
    table("Prompts by topic", ["topic", "prompts"], sorted(counts.items()), numeric=["prompts"])
    where = "" if save is None else f", in {save}"
    say(f"{counted(len(rows), 'prompt')} of {counted(len(counts), 'topic')}{where}")
    for reason, count in sorted(picked.left_out.items(), key=lambda item: (-item[1], item[0])):
        say(f"{count:>7,} left out: {reason}")
    if picked.short:
        say(
            f"{counted(len(picked.short), 'topic')} {word_for(len(picked.short), 'has', 'have')} fewer than "
            f"{counted(per_topic, 'prompt')} of {least:g} or more"
        )
