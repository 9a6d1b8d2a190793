"""What Presidio finds, where the extra ``presidio`` is installed: https://microsoft.github.io/presidio."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from workspaces.errors import ConfigurationError
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
"""Presidio's entities that count. Cards, IBANs, e-mail, IP and MAC addresses are found without it: on our labelled
cases it added none and took 103 near misses, such as netmasks and ``arr[::2]``, and for e-mail it fetches a list from
the network. Dates, URLs, nationalities and organisations stay; of bank accounts and passports it is never sure enough.
"""

BY_WORDS = {"PHONE_NUMBER", "US_DRIVER_LICENSE"}
"""Those it is sure of only by the words around, which it sees with a model."""

BY_MODEL = {"PERSON", "LOCATION"}
"""Those that only a model finds."""

LEAST_SCORE = 0.5
"""Below it Presidio guesses: any nine digits are a passport at 0.05."""

_PIECE = 100_000  # characters: a spaCy model takes memory by length, and refuses a million
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEPARATOR = re.compile(r"[\W_]")
_PLACE = re.compile(r"[\w\s.,'’&()-]+")
_PERSON = re.compile(r"(?:[^\W\d_]|[\s.,'’-])+")  # models take code and addresses for names


class PresidioRedactor(Redactor):
    """A redactor that looks with Presidio's recognisers as well; of two findings of the same characters ours counts.

    Cheap to pickle: each process makes its own analyzer when it first needs it.

    Args:
        deny_names: see ``Redactor``.
        default_region: see ``Redactor``.
        model: a spaCy model, for people and places too.

    Raises:
        ConfigurationError: the extra, or the model, is not installed.
        ValueError: see ``Redactor``.
    """

    def __init__(
        self, deny_names: Sequence[str] = (), default_region: str | None = None, model: str | None = None
    ) -> None:
        super().__init__(deny_names, default_region)
        if find_spec("presidio_analyzer") is None:
            raise ConfigurationError(
                "Presidio is not installed: pip install 'chatfeedback-workbench[presidio]', "
                "or set privacy.presidio to false"
            )
        if model is not None and find_spec(model) is None:
            raise ConfigurationError(
                f"the spaCy model {model!r} is not installed: python -m spacy download {model} "
                "(from GitHub), or leave out privacy.presidio_model"
            )
        self._model = model

    def _find(self, text: str, named: Callable[[int], bool], **how: bool) -> Iterator[Span]:
        ours = list(super()._find(text, named, **how))
        yield from ours
        certain = {(it.start, it.end) for it in ours if it.certain}
        yield from (it for it in _found(text, self._model) if (it.start, it.end) not in certain)


def _found(text: str, model: str | None) -> Iterator[Span]:
    """Yield what Presidio is sure enough of in ``text``."""
    analyzer, language, entities = _analyzer(model)
    plain = _SURROGATE.sub("\ufffd", text)  # spaCy hashes words as UTF-8
    for start, end in _pieces(plain):
        for found in analyzer.analyze(
            plain[start:end], language, entities=entities, score_threshold=LEAST_SCORE
        ):
            span = _candidate(text, start + found.start, start + found.end, found.entity_type)
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
    """Yield stretches of at most ``_PIECE`` characters, cut at a blank where there is one."""
    start = 0
    while len(text) - start > _PIECE:
        blank = max(text.rfind(each, start, start + _PIECE) for each in " \n")
        end = blank + 1 if blank > start else start + _PIECE
        yield start, end
        start = end
    yield start, len(text)


@cache
def _analyzer(model: str | None) -> tuple[Any, str, list[str]]:
    """Return one analyzer for this process, its language, and the entities to look for."""
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
