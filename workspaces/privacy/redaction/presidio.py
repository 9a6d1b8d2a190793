"""Redaction with Presidio, if the extra ``presidio`` is installed: https://microsoft.github.io/presidio."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from workspaces.errors import ConfigurationError
from workspaces.extras import install_command, is_installed
from workspaces.privacy.redaction.hints import EVERYTHING, Hints
from workspaces.privacy.redaction.redactor import Redactor
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KINDS = {
    "PERSON": PlaceholderKind.NAME,
    "LOCATION": PlaceholderKind.LOCATION,
    "CRYPTO": PlaceholderKind.ACCOUNT,
    "MEDICAL_LICENSE": PlaceholderKind.NATIONAL_ID,
    "PHONE_NUMBER": PlaceholderKind.PHONE,
    "UK_NHS": PlaceholderKind.NATIONAL_ID,
    "US_DRIVER_LICENSE": PlaceholderKind.NATIONAL_ID,
    "US_ITIN": PlaceholderKind.NATIONAL_ID,
    "US_SSN": PlaceholderKind.NATIONAL_ID,
}
"""The entities of Presidio that are redacted.

``Redactor`` finds cards, IBANs, e-mail, IP and MAC addresses: on our labelled cases Presidio added none of these and
redacted 103 near misses, such as netmasks and ``arr[::2]``, and for e-mail it fetches a list from the network. Dates,
URLs, nationalities and organisations are kept. For bank accounts and passports Presidio never reaches ``LEAST_SCORE``.
"""

BY_WORDS = {"PHONE_NUMBER", "US_DRIVER_LICENSE"}
"""Entities that reach ``LEAST_SCORE`` only with context words, which Presidio reads with a model."""

BY_MODEL = {"PERSON", "LOCATION"}
"""Entities that only a model finds."""

LEAST_SCORE = 0.5
"""Results with a lower score are guesses: any nine digits are a passport with a score of 0.05."""

_PIECE = 100_000  # characters; the memory of a spaCy model grows with the length, and it refuses a million
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEPARATOR = re.compile(r"[\W_]")
_PLACE = re.compile(r"[\w\s.,'’&()-]+")
_PERSON = re.compile(r"(?:[^\W\d_]|[\s.,'’-])+")  # models mistake code and addresses for names


def check_installed(model: str | None) -> None:
    """Check that Presidio, and the spaCy model if one is named, can be imported.

    Raises:
        ConfigurationError: one of them is not installed.
    """
    if not is_installed("presidio_analyzer"):
        raise ConfigurationError(
            f"Presidio is not installed: {install_command('presidio')}, or set privacy.presidio to false"
        )
    if model is not None and not is_installed(model):
        raise ConfigurationError(
            f"the spaCy model {model!r} is not installed: {sys.executable} -m spacy download {model} "
            "(from GitHub), or leave out privacy.presidio_model"
        )


class PresidioRedactor(Redactor):
    """A redactor that also uses Presidio's recognisers.

    Where both find the same characters, the span of ``Redactor`` is used. An instance is cheap to pickle: each process
    creates its own analyzer when it first needs one.

    Args:
        deny_names: see ``Redactor``.
        default_region: see ``Redactor``.
        model: the name of a spaCy model, which also finds people and places.

    Raises:
        ConfigurationError: the extra or the model is not installed.
        ValueError: see ``Redactor``.
    """

    def __init__(
        self, deny_names: Sequence[str] = (), default_region: str | None = None, model: str | None = None
    ) -> None:
        super().__init__(deny_names, default_region)
        check_installed(model)
        self._model = model

    def _find(self, text: str, named: Callable[[int], bool], hints: Hints = EVERYTHING) -> Iterator[Span]:
        spans = list(super()._find(text, named, hints))
        yield from spans
        certain = {(span.start, span.end) for span in spans if span.certain}
        for span in _presidio_spans(text, self._model):
            if (span.start, span.end) not in certain:
                yield span


def _presidio_spans(text: str, model: str | None) -> Iterator[Span]:
    """Yield the spans that Presidio finds in ``text`` with a score of at least ``LEAST_SCORE``."""
    analyzer, language, entities = _analyzer(model)
    plain = _SURROGATE.sub("\ufffd", text)  # spaCy hashes words as UTF-8
    for start, end in _pieces(plain):
        for result in analyzer.analyze(
            plain[start:end], language, entities=entities, score_threshold=LEAST_SCORE
        ):
            span = _candidate(text, start + result.start, start + result.end, result.entity_type)
            if span is not None:
                yield span


def _candidate(text: str, start: int, end: int, entity: str) -> Span | None:
    value = text[start:end]
    start += len(value) - len(value.lstrip())
    value = value.strip()
    kind = KINDS[entity]
    named = {PlaceholderKind.NAME: _PERSON, PlaceholderKind.LOCATION: _PLACE}.get(kind)
    if named is not None:
        if not named.fullmatch(value):
            return None
        key = unicodedata.normalize("NFKC", " ".join(value.split())).casefold().replace("’", "'")
    else:
        key = _SEPARATOR.sub("", value).upper() or value
    return Span(start, start + len(value), kind, key) if value else None


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the bounds of pieces of at most ``_PIECE`` characters, which end at a blank where there is one."""
    start = 0
    while len(text) - start > _PIECE:
        blank = max(text.rfind(separator, start, start + _PIECE) for separator in " \n")
        end = blank + 1 if blank > start else start + _PIECE
        yield start, end
        start = end
    yield start, len(text)


@cache
def _analyzer(model: str | None) -> tuple[Any, str, list[str]]:
    """Return the analyzer of this process, its language, and the entities that it looks for."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # imports spaCy: 2 seconds
    from presidio_analyzer.nlp_engine import NerModelConfiguration, NoOpNlpEngine, SpacyNlpEngine

    language = model.split("_")[0] if model else "en"
    models = [{"lang_code": language, "model_name": model or "none"}]
    if model is None:
        engine = NoOpNlpEngine(models)
    else:
        labels = {
            "PER": "PERSON",
            "PERSON": "PERSON",
            "LOC": "LOCATION",
            "GPE": "LOCATION",
            "FAC": "LOCATION",
        }
        engine = SpacyNlpEngine(models, NerModelConfiguration(model_to_presidio_entity_mapping=labels))
    engine.load()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
    entities = set(analyzer.get_supported_entities(language)) & KINDS.keys()
    if language == "en" and (missing := KINDS.keys() - entities - BY_MODEL):
        raise ConfigurationError(f"this version of Presidio does not know {', '.join(sorted(missing))}")
    return analyzer, language, sorted(entities if model else entities - BY_WORDS)
