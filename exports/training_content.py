"""What a data set gives to the public summary of training content that the EU asks of providers of models.

Source: European Commission, Explanatory Notice and Template for the Public Summary of Training Content for
general-purpose AI models (July 2025; C(2025) 8311 of 5 December 2025), under Article 53(1)(d) of Regulation (EU)
2024/1689. Sections and fields have its names and its order, as summaries that fill it in show them (Apertus, September
2025; SmolLM3, July 2025). What was counted is filled in; nothing is guessed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.markdown import cell, table
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from exports.counts import Counts
    from exports.items import ItemT
    from exports.projection import Evidence
    from workspaces.records import SharingState

FILE = "training-content.md"
EMPTY = "*The provider of the model fills this in.*"
"""Stands wherever only the provider knows."""
LARGE = 0.03
"""The share from which on the template calls a data set large."""
BILLION = 1_000_000_000
_BYTES = 4
"""A character has at most so many bytes of UTF-8, and a tokenizer of bytes at most one token for each."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was counted of the items to train on.

    ``characters`` are those of the rows as JSON. ``judged_until`` is the time of the latest judgment behind them; None
    without one. ``generated`` counts responses that models were asked for, in the conversations of the items, by model.
    ``states`` counts conversations that are not shared, and so in no row.
    """

    items: int
    characters: int
    languages: Mapping[str, int]
    models: Mapping[str, int]
    judged_until: datetime | None
    generated: Mapping[str, int]
    states: Mapping[str, int]


@dataclass(slots=True)
class ContentCounted:
    """What is counted of some of the items, up to ``Content``."""

    languages: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    generated: Counter[str] = field(default_factory=Counter)
    judged_until: datetime | None = None

    def see(self, items: Sequence[ItemT], evidence: Evidence) -> None:
        """Count all items of a portion of the evidence."""
        used = {judgment.annotation_id for item in items for judgment in item.judgments}
        names = {name for item in items for name in item.conversation_ids}
        asked = (
            it for it in evidence.contexts.values() if it.message.generated and it.conversation_id in names
        )
        for item in items:
            self.languages.update({evidence.languages.get(name, "unknown") for name in item.conversation_ids})
            self.models.update(item.models)
        self.generated.update(it.message.model_name or it.model_name or "unknown" for it in asked)
        self._judged(*(it.updated_at for it in evidence.annotations if it.id in used))

    def add(self, other: ContentCounted) -> None:
        """Add what was counted of another portion."""
        self.languages += other.languages
        self.models += other.models
        self.generated += other.generated
        if other.judged_until is not None:
            self._judged(other.judged_until)

    def content(self, items: int, characters: int, states: Iterable[SharingState]) -> Content:
        """Return what the template asks for, of so many items and characters of rows.

        ``states`` are those of the conversations that are not shared.
        """
        return Content(
            items=items,
            characters=characters,
            languages=_sorted(self.languages),
            models=_sorted(self.models),
            judged_until=self.judged_until,
            generated=_sorted(self.generated),
            states=_sorted(Counter(state.value for state in states)),
        )

    def _judged(self, *times: datetime) -> None:
        known = [*times, *([self.judged_until] if self.judged_until else [])]
        self.judged_until = max(known, default=None)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def training_content(
    title: str, content: Content, counts: Counts, *, sources: Mapping[str, int], licences: Mapping[str, int]
) -> str:
    """Return the text of ``FILE``.

    Args:
        title: of the data set.
        content: what was counted for it.
        counts: what the rows rest on.
        sources: rows to train on by source.
        licences: rows to train on by licence of their source.
    """
    sections = [
        _general(content, counts),
        _sources(content, counts, sources, licences),
        _processing(content, counts),
    ]
    return "\n".join(
        [
            f"# Training content: {title}",
            "",
            "This file has the fields of the European Commission's Template for the Public Summary of Training Content",
            "for general-purpose AI models (Article 53(1)(d) of Regulation (EU) 2024/1689), as far as they are about",
            "this data set. A summary is about a model and all that it was trained on: take over what is here, and",
            "fill in the rest. What was counted stands here as it was counted; nothing was guessed, and no box was",
            "ticked.",
            "",
            *_field("Version of the Summary"),
            *_field("Last update"),
            *(line for section in sections for line in section),
        ]
    )


def _field(name: str, said: str = EMPTY) -> list[str]:
    return [f"**{name}{'' if name.endswith('?') else ':'}** {said}", ""]


def _general(content: Content, counts: Counts) -> list[str]:
    until = content.judged_until
    said = ", and what people say of answers" if counts.judgments() else ""
    most = content.characters * _BYTES
    size = (
        "less than 1 billion tokens, whatever the tokenizer"
        if most < BILLION
        else "up to 10 trillion tokens; whether under 1 billion depends on the tokenizer"
    )
    return [
        "## 1. General information",
        "",
        "### 1.1 Provider identification",
        "",
        *_field("Provider name and contact details"),
        *_field("Authorised representative name and contact details"),
        "### 1.2 Model identification",
        "",
        *_field("Versioned model name(s)"),
        *_field("Model dependencies"),
        *_field("Date of placement of the model on the Union market"),
        "### 1.3 Modalities, overall training data size and other characteristics",
        "",
        *_field("Modality", "text. Images and other attachments of chats are not kept."),
        *_field(
            "Training data size",
            f"{size} ({counted(content.items, 'item')}; {counted(content.characters, 'character')} of rows as JSON).",
        ),
        *_field(
            "Types of content",
            f"texts of conversations of people with language models{said}.",
        ),
        *_field(
            "Latest date of data acquisition/collection for model training",
            f"{EMPTY} No judgment tells."
            if until is None
            else f"{until:%m/%Y}, of the latest judgment in it (of when it was read, where its log tells none).",
        ),
        *_field(
            "Description of the linguistic characteristics of the overall training data",
            "languages, detected, by items:",
        ),
        *table(["language", "items"], [[name, f"{count:,}"] for name, count in content.languages.items()]),
        "",
        *_field(
            "Other relevant characteristics of the overall training data",
            "see the numbers in `README.md`.",
        ),
    ]


def _sources(
    content: Content, counts: Counts, sources: Mapping[str, int], licences: Mapping[str, int]
) -> list[str]:
    total, judgments = content.items or 1, counts.judgments()
    generated = sum(content.generated.values())
    by_model = ", ".join(f"{cell(name)} {count:,}" for name, count in content.generated.items())
    return [
        "## 2. List of data sources",
        "",
        "Chat logs were read from these sources. Which of them belong under 2.1, 2.2.1, 2.2.2 or 2.4, nothing here",
        "tells: the last column is for that. A row of several sources counts for each; shares are of all rows.",
        "",
        *table(
            ["source", "rows", "share", "section"],
            [[name, f"{count:,}", f"{count / total:.1%}", ""] for name, count in sources.items()],
        ),
        "",
        *table(["licence of the source", "rows"], [[name, f"{count:,}"] for name, count in licences.items()]),
        "",
        "### 2.1 Publicly available datasets",
        "",
        f"The template calls a dataset large from {LARGE:.0%} of all public data of a modality that the model was",
        "trained on; the shares above are of this data set.",
        "",
        *_field("Have you used publicly available datasets to train the model?"),
        *_field("Modality(ies) of the content covered by the datasets concerned", "text."),
        *_field("List of large publicly available datasets"),
        *_field("General description of other publicly available datasets not listed above"),
        "### 2.2 Private non-publicly available datasets obtained from third parties",
        "",
        "#### 2.2.1 Datasets commercially licensed by rightsholders or their representatives",
        "",
        *_field(
            "Have you concluded transactional commercial licensing agreement(s) with rightsholder(s) or with their "
            "representatives?"
        ),
        "#### 2.2.2 Private datasets obtained from other third parties",
        "",
        *_field(
            "Have you obtained private datasets from third parties that are not licensed as described in Section 2.2.1?"
        ),
        "### 2.3 Data crawled and scraped from online sources",
        "",
        "ChatFeedback Workbench crawls nothing.",
        "",
        *_field("Were crawlers used by the provider or on behalf of?"),
        "### 2.4 User data",
        "",
        "Every conversation is one of a person with one of the models below. Where a model or the service is the",
        "provider's own, this is user data.",
        "",
        *_field(
            "Was data from user interactions with the AI model (e.g. user input and prompts) used to train it?"
        ),
        *_field(
            "Was data collected from user interactions with the provider's other services or products used to train "
            "the model?"
        ),
        *table(["model", "items"], [[name, f"{count:,}"] for name, count in content.models.items()]),
        "",
        "### 2.5 Synthetic data",
        "",
        f"Responses that models were asked for in these conversations, to be compared: {generated:,}",
        *([f"({by_model})."] if by_model else ["(none)."]),
        "Answers that stand in chat logs are by the models of 2.4.",
        "",
        *_field(
            "Was synthetic AI-generated data created by the provider or on their behalf to train the model?"
        ),
        "### 2.6 Other sources of data",
        "",
        *_field(
            "Have data sources other than those described in Sections 2.1 to 2.5 been used to train the model?",
            "judgments of people, by what they did:" if judgments else "no judgments of people.",
        ),
        *(table(["judgment", "on labelling platforms", "in chat logs"], judgments) if judgments else []),
        "",
        f"People on labelling platforms: {counts.people:,}.",
        f"Raters in chat logs: {counts.raters:,} whom they name, {counts.unnamed:,} whom they do not.",
        "",
    ]


def _processing(content: Content, counts: Counts) -> list[str]:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.placeholders.items()) or "none"
    aside = ", ".join(f"{count:,} {state}" for state, count in content.states.items()) or "none"
    return [
        "## 3. Data processing aspects",
        "",
        "### 3.1 Respect of reservation of rights from text and data mining exception or limitation",
        "",
        "Conversations are in it as far as their givers share them. Of those that are in no row for this reason:",
        f"{aside}. What was deleted is in no row, and `tombstones.jsonl` names what earlier releases held.",
        "",
        *_field("Are you a Signatory to the Code of Practice for general-purpose AI models?"),
        *_field("Measures implemented before model training to respect reservations of rights"),
        "### 3.2 Removal of illegal content",
        "",
        f"Passages that redaction replaced by placeholders: {kinds}.",
        "It removes personal data and secrets that it recognises, and no other content.",
        "",
        *_field("General description of measures taken"),
        "### 3.3 Other information",
        "",
        "Rules that chose the rows, near duplicates and benchmarks left out: see `README.md` and `manifest.json`.",
        "",
    ]
