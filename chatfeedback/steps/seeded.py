"""What came of a run of ``seed``, by judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class JudgeRun:
    """One judge's part: responses by what came of them, requests, tokens and money.

    ``failed`` responses have an unusable reply or were refused: ``failures`` counts the requests by fault.
    ``unanswered`` ones are asked again by the next run, ``submitted`` ones are in a batch, and ``left`` ones were not
    asked about: ``money_left_micros`` (in millionths of the currency) does not pay the next one, or the judge is
    ``hopeless``, because so many of its replies in a row were unusable.
    """

    agent: str
    rated: int = 0
    failed: int = 0
    unanswered: int = 0
    submitted: int = 0
    left: int = 0
    requests: int = 0
    canaries: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    money_left_micros: int | None = None
    hopeless: bool = False

    @property
    def tokens_per_response(self) -> float | None:
        """Tokens in and out for each rated response, canaries included; None without any."""
        return (self.input_tokens + self.output_tokens) / self.rated if self.rated else None


@dataclass(slots=True)
class Seeded:
    """What came of a run: ``agent`` names all judges; the figures are sums over them."""

    agent: str
    currency: str = "USD"
    judges: list[JudgeRun] = field(default_factory=list)

    @property
    def rated(self) -> int:
        """How many ratings were made."""
        return sum(judge.rated for judge in self.judges)

    @property
    def failed(self) -> int:
        """How many were not, because the reply was unusable or the text refused."""
        return sum(judge.failed for judge in self.judges)

    @property
    def failures(self) -> dict[str, int]:
        """Failed requests by fault."""
        counts: Counter[str] = Counter()
        for judge in self.judges:
            counts.update(judge.failures)
        return dict(counts)

    @property
    def submitted(self) -> int:
        """How many ratings are in batches."""
        return sum(judge.submitted for judge in self.judges)

    def as_json(self) -> dict[str, object]:
        """Return the figures by name."""
        return {
            "agent": self.agent,
            "rated": self.rated,
            "failed": self.failed,
            "failures": self.failures,
            "submitted": self.submitted,
            "currency": self.currency,
            "judges": [
                {name: getattr(judge, name) for name in judge.__slots__}
                | {"tokens_per_response": judge.tokens_per_response}
                for judge in self.judges
            ],
        }
