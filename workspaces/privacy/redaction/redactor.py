"""Removes personal data and secrets from a conversation."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from workspaces.privacy.placeholders import PLACEHOLDER
from workspaces.privacy.redaction.accounts import CARD_DIGITS, find_cards, find_iban
from workspaces.privacy.redaction.coordinates import find_coordinates
from workspaces.privacy.redaction.credentials import find_credentials
from workspaces.privacy.redaction.digit_runs import digit_runs
from workspaces.privacy.redaction.emails import find_emails
from workspaces.privacy.redaction.hints import EVERYTHING, Hints, hints_of
from workspaces.privacy.redaction.identities import (
    IDENTITY_DIGITS,
    find_lettered,
    find_numeric,
    is_named,
)
from workspaces.privacy.redaction.names import Names
from workspaces.privacy.redaction.networks import find_colon_addresses, find_ipv4
from workspaces.privacy.redaction.normalisation import as_ascii
from workspaces.privacy.redaction.phones import PHONE_DIGITS, Phones
from workspaces.privacy.redaction.seed_phrases import find_seed_phrases
from workspaces.privacy.redaction.span import PlaceholderKind, Span
from workspaces.privacy.redaction.tokens import find_tokens
from workspaces.privacy.redaction.urls import find_in_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    class _Find(Protocol):
        def __call__(
            self, text: str, named: Callable[[int], bool], hints: Hints = EVERYTHING
        ) -> Iterator[Span]: ...


_RANK = {kind: rank for rank, kind in enumerate(PlaceholderKind)}
_SHORTEST_SECRET = 8
_MOST_SECRETS = 64
_MOST_PASSES = 8  # bounds the time for a text that needs one pass per match
_MOST_AGAIN = 1_000_000  # characters scanned again; bounds the time for a long text


@dataclass(frozen=True, slots=True)
class Redacted:
    """The redacted texts of a conversation; ``counts`` holds the number of replacements by kind."""

    texts: tuple[str, ...]
    counts: Mapping[str, int]


class Redactor:
    """Replaces personal data and secrets with numbered placeholders such as ``[EMAIL_1]``.

    Args:
        deny_names: names to redact, as whole words in any case; the longest one that fits is used.
        default_region: the country of phone numbers without a country prefix, as two capital letters.

    Raises:
        ValueError: ``default_region`` is not a region whose telephone numbers are known.
    """

    earlier: Redactor | None = None
    """One that also redacts names that were denied once and no more: a log that was read then is known again by it."""

    def __init__(self, deny_names: Sequence[str] = (), default_region: str | None = None) -> None:
        self._names = Names(deny_names)
        self._phones = Phones(default_region)

    def redact(self, texts: Sequence[str]) -> Redacted:
        """Redact the messages of one conversation.

        One value has the same placeholder in the whole conversation. A value that is recognised only by its context,
        such as a password or a tax number, is then replaced everywhere in the conversation. Existing placeholders
        are kept and their numbers are not used again, so redacting twice changes nothing.

        Args:
            texts: the messages, in order; any string, lone surrogates included.

        Returns:
            The redacted texts, in the same order, and the number of replacements by kind. No value is kept or logged.
        """
        return _Conversation(texts, self._find).redact([EVERYTHING] * len(texts))

    def redact_all(self, conversations: Sequence[Sequence[str]]) -> list[Redacted]:
        """Redact many conversations, each as ``redact`` does, in half the time."""
        hinted = iter(hints_of([text for texts in conversations for text in texts]))
        return [
            _Conversation(texts, self._find).redact(list(islice(hinted, len(texts))))
            for texts in conversations
        ]

    def _find(self, text: str, named: Callable[[int], bool], hints: Hints = EVERYTHING) -> Iterator[Span]:
        yield from self._names.find(text)
        if hints.lookalikes:
            text = as_ascii(text)
        if "@" in text or "(" in text or "[" in text:
            yield from find_emails(text)
        if hints.credentials:
            yield from find_credentials(text)
        if hints.tokens:
            yield from find_tokens(text)
        if hints.phrases:
            yield from find_seed_phrases(text)
        if "=" in text or "://" in text:
            yield from find_in_urls(text)
        if hints.numbers:
            yield from find_colon_addresses(text)
            yield from find_coordinates(text)
            yield from self._find_numbers(text, named)

    def _find_numbers(self, text: str, named: Callable[[int], bool]) -> Iterator[Span]:
        for digit_run in digit_runs(text):
            if digit_run.dots > 2:
                yield from find_ipv4(text, digit_run)
            start = digit_run.start
            joined = start and text[start - 1].isalpha()
            if joined and (iban := find_iban(text, start)):
                yield iban
            if joined or (start and text[start - 1] in " -"):
                yield from find_lettered(text, start)
            if digit_run.size >= PHONE_DIGITS:
                yield from self._phones.find(text, digit_run)
            if digit_run.size >= IDENTITY_DIGITS:
                yield from find_numeric(text, digit_run, named)
            if digit_run.size >= CARD_DIGITS:
                yield from find_cards(text, digit_run)


class _Conversation:
    """The state of redacting one conversation; the values that were found exist only here."""

    def __init__(self, texts: Sequence[str], find: _Find) -> None:
        self._originals = tuple(texts)
        self._texts = list(texts)
        self._named: dict[int, bool] = {}
        self._find = find
        self._numbers: dict[tuple[PlaceholderKind, str], int] = {}
        self._last: Counter[PlaceholderKind] = Counter()
        self._known: set[tuple[PlaceholderKind, str]] = set()
        self._counts: Counter[PlaceholderKind] = Counter()

    def _is_named(self, place: int) -> bool:
        if place not in self._named:
            self._named[place] = is_named(place, self._originals)
        return self._named[place]

    def redact(self, hinted: Sequence[Hints]) -> Redacted:
        """Replace spans and scan again until nothing changes, because a replacement may join two parts of a value.

        Args:
            hinted: for each original text, what it may hold; a changed text is searched for everything.
        """
        candidates_by_text = [
            self._scan(text, hints) for text, hints in zip(self._texts, hinted, strict=True)
        ]
        if not any(candidates_by_text):
            return Redacted(self._originals, {})
        for text in self._texts:
            for match in PLACEHOLDER.finditer(text):
                kind = PlaceholderKind(match[1])
                self._last[kind] = max(self._last[kind], int(match[2]))
        scanned = 0
        for _ in range(_MOST_PASSES):
            self._learn(candidates_by_text)
            chosen = [
                self._choose(text, candidates)
                for text, candidates in zip(self._texts, candidates_by_text, strict=True)
            ]
            if not any(chosen):
                break
            for index, spans in enumerate(chosen):
                if spans:
                    self._texts[index] = self._replace(self._texts[index], spans)
                    scanned += len(self._texts[index])
                    candidates_by_text[index] = (
                        self._scan(self._texts[index]) if scanned <= _MOST_AGAIN else []
                    )
        return Redacted(
            tuple(self._texts), {kind.value: count for kind, count in sorted(self._counts.items())}
        )

    def _scan(self, text: str, hints: Hints = EVERYTHING) -> list[Span]:
        candidates = list(self._find(text, self._is_named, hints))
        if not candidates or "[" not in text:
            return candidates
        kept = [match.span() for match in PLACEHOLDER.finditer(text)]
        return _clear_of(candidates, kept) if kept else candidates

    def _learn(self, candidates_by_text: list[list[Span]]) -> None:
        for candidates in candidates_by_text:
            self._known.update(
                (candidate.kind, candidate.key) for candidate in candidates if candidate.certain
            )

    def _choose(self, text: str, candidates: list[Span]) -> list[Span]:
        """Return the candidates to replace, in the order of the text; of overlapping ones the longest is chosen."""
        counting = [
            candidate
            for candidate in candidates
            if candidate.certain or (candidate.kind, candidate.key) in self._known
        ]
        counting.extend(self._mentions(text))
        counting.sort(key=lambda span: (span.start - span.end, _RANK[span.kind], span.start))
        return sorted(_disjoint(counting, len(text)))

    def _replace(self, text: str, spans: list[Span]) -> str:
        pieces: list[str] = []
        position = 0
        for span in spans:
            pieces += (text[position : span.start], f"[{span.kind}_{self._number(span)}]")
            position = span.end
            self._counts[span.kind] += 1
        return "".join((*pieces, text[position:]))

    def _number(self, span: Span) -> int:
        identity = (span.kind, span.key)
        if identity not in self._numbers:
            self._last[span.kind] += 1
            self._numbers[identity] = self._last[span.kind]
        return self._numbers[identity]

    def _mentions(self, text: str) -> list[Span]:
        """Return further occurrences of the secrets of this conversation, which have no keyword before them."""
        secrets = sorted(
            key
            for kind, key in self._known
            if kind is PlaceholderKind.SECRET and len(key) >= _SHORTEST_SECRET
        )
        mentions = []
        for value in secrets[:_MOST_SECRETS]:
            start = text.find(value)
            while start >= 0:
                end = start + len(value)
                if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
                    mentions.append(Span(start, end, PlaceholderKind.SECRET, value))
                start = text.find(value, end)
        return (
            _clear_of(mentions, [match.span() for match in PLACEHOLDER.finditer(text)])
            if mentions
            else mentions
        )


def _clear_of(candidates: list[Span], kept: list[tuple[int, int]]) -> list[Span]:
    """Return the candidates that overlap none of the ranges ``kept``, which are sorted."""
    starts = [start for start, _ in kept]
    clear = []
    for candidate in candidates:
        before = bisect_left(starts, candidate.end) - 1
        if before < 0 or kept[before][1] <= candidate.start:
            clear.append(candidate)
    return clear


def _disjoint(candidates: list[Span], size: int) -> list[Span]:
    """Return the candidates that overlap no chosen candidate before them in the list."""
    taken = bytearray(size if candidates else 0)
    chosen = []
    for candidate in candidates:
        start, end = candidate.start, candidate.end
        if not (taken[start] or taken[end - 1] or any(taken[start:end])):
            taken[start:end] = b"\x01" * (end - start)
            chosen.append(candidate)
    return chosen
