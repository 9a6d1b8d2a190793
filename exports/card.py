"""The dataset card: the content of an export, how it was made, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from exports.licences import licence_notes
from exports.markdown import cell, table
from exports.training_content import FILE as SUMMARY
from workspaces.grammar import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from exports.accounting import Accounting
    from exports.counts import Counts
    from exports.items import ItemT
    from exports.pictures import Picture
    from exports.projection import Projection
    from exports.tables import DatasetTable

PERSON = "person_id"
"""The column of pseudonyms, in any table."""
HUB_LICENCES = frozenset(
    {
        "apache-2.0",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "mit",
        "odbl",
        "odc-by",
    }
)
"""Identifiers that the Hugging Face Hub accepts in a card; any other licence is ``other`` there."""

HUB_NAMES = {"ODC-By-1.0": "odc-by", "ODbL-1.0": "odbl"}
"""What the Hub calls licences that are not an SPDX identifier there."""


def card(
    projection: Projection[ItemT],
    numbers: str,
    counts: Counts,
    about_files: Mapping[str, JsonValue],
    release: str,
    *,
    tables: Sequence[DatasetTable],
    pictures: Mapping[str, Picture],
    licences: Mapping[str, int],
    shown_licences: Mapping[str, str],
    sources: Mapping[str, int],
    accounting: Accounting,
    dropped: Mapping[str, int],
    division: Sequence[str],
    warnings: Sequence[str],
    tool_version: str,
    created_on: str,
) -> str:
    """Return the text of ``README.md``.

    Args:
        projection: what is exported.
        numbers: what was measured, Markdown.
        counts: what the rows to train on rest on.
        about_files: the part of the header that describes the files (``write_tables``).
        release: what is said of this release and the one before, Markdown.
        tables: the configurations, the one to train on first.
        pictures: of what was measured, by the name of their file.
        licences: rows to train on by licence of their source, by its SPDX identifier where that is sure.
        shown_licences: how each of them is shown.
        sources: rows to train on by source.
        accounting: what became of every judgment and every item.
        dropped: answers and tasks in no row, by reason.
        division: how rows were divided into splits.
        warnings: what a trainer cannot learn from these rows.
        tool_version: version of this software.
        created_on: a date, as shown.
    """
    present = [each for each in tables if each.files]
    return "\n".join(
        [
            "---",
            _header(projection, present, licences, about_files).rstrip(),
            "---",
            "",
            f"# {projection.title}",
            "",
            f"Made with ChatFeedback Workbench {tool_version} on {created_on}. {release}",
            "",
            "```python",
            "from datasets import load_dataset",
            "",
            f'dataset = load_dataset("path/to/this/folder", "{present[0].name}")  # for {projection.trainer}',
            "```",
            "",
            *(f"**Warning:** {cell(warning)}.\n" for warning in warnings),
            "## Configurations",
            "",
            *table(
                ["configuration", "split", "rows", "what it is"],
                [
                    [each.name, split, str(each.n_rows[split]), each.description]
                    for each in present
                    for split in each.files
                ],
            ),
            "",
            "A split without rows has no file.",
            "",
            "## How it was made",
            "",
            projection.method,
            "",
            *_judgments(counts),
            "",
            *division,
            "",
            "## Numbers",
            "",
            numbers,
            "",
            *(f"![{picture.caption}.]({name})\n" for name, picture in pictures.items()),
            "## What became of the judgments",
            "",
            *(f"- {sentence.rstrip(':')}." for sentence in accounting.sentences()),
            *(f"- {sentence}." for sentence in [accounting.unanswered()] if sentence),
            "",
            "A judgment is an answer or a draft of a person on a platform, or what came with a chat log,",
            "that of the workbench's own chat too.",
            "",
            "## Left out",
            "",
            *(
                table(["reason", "number"], [[reason, str(count)] for reason, count in dropped.items()])
                if dropped
                else ["Nothing."]
            ),
            *(["", "Each of them is a row of the configuration `omissions`."] if dropped else []),
            *_left_out(accounting),
            "",
            "## Sources and licences",
            "",
            *table(["source", "rows"], [[name, str(count)] for name, count in sources.items()]),
            "",
            *table(
                ["licence of the source", "rows"],
                [[shown_licences[name], str(count)] for name, count in licences.items()],
            ),
            "",
            *(f"{note}\n" for note in map(cell, licence_notes(licences))),
            f"`{SUMMARY}` has what this data set gives to the summary of training content that the EU asks of",
            "providers of general-purpose models.",
            "",
            "## Limits",
            "",
            *(f"- {limit}" for limit in projection.limits),
            *_pseudonyms(present),
            *(f"- {sentence}" for sentence in counts.sentences()),
            "",
        ]
    )


def _header(
    projection: Projection[ItemT],
    tables: Sequence[DatasetTable],
    licences: Mapping[str, int],
    about_files: Mapping[str, JsonValue],
) -> str:
    names = {HUB_NAMES.get(name, name.lower()) for name in licences}
    only = names.pop() if len(names) == 1 else "other"
    configurations = []
    for each in tables:
        files = [{"split": split, "path": path} for split, path in each.files.items()]
        first = {"default": True} if each is tables[0] else {}
        configurations.append({"config_name": each.name, **first, "data_files": files})
    header = {
        "pretty_name": projection.title,
        "license": only if only in HUB_LICENCES else "other",
        "tags": ["chatfeedback", "human-feedback", "rlhf", *dict.fromkeys([projection.name, tables[0].name])],
        **about_files,
        "configs": configurations,
    }
    return str(yaml.safe_dump(header, sort_keys=False, allow_unicode=True))


def _judgments(counts: Counts) -> list[str]:
    if not (judgments := counts.judgments()):
        return ["No person's judgment is behind these rows."]
    return table(["judgment", "on labelling platforms", "in chat logs"], judgments)


def _left_out(accounting: Accounting) -> list[str]:
    """Return the items that are in no row, by reason."""
    if not accounting.items_left_out:
        return []
    reasons = [[reason, f"{count:,}"] for reason, count in accounting.items_by_reason().items()]
    return ["", *table([f"why {plural(accounting.item)} are in no row", "number"], reasons)]


def _pseudonyms(tables: Sequence[DatasetTable]) -> list[str]:
    names = [f"`{each.name}`" for each in tables if PERSON in each.columns]
    if not names:
        return []
    configurations = "configuration" if len(names) == 1 else "configurations"
    return [f"- People are pseudonyms, in the {configurations} {' and '.join(names)} alone."]
