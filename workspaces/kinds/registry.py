"""The registry of installed task kinds, which are discovered by entry points.

A kind is a module with a ``KIND``, in a package that an entry point of the group ``chatfeedback.kinds`` names. This
project names ``task_generators.kinds``; other distributions may name packages of their own. The kinds that the
rubrics of a workspace make are registered while it is open.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError, WorkbenchError
from workspaces.kinds.kind import Kind
from workspaces.kinds.rubric import kind_name, rubric_kind
from workspaces.kinds.texts import TextQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from workspaces.kinds.kind import PaidPart, Question
    from workspaces.kinds.rubric import Criterion

GROUP = "chatfeedback.kinds"


class UnknownKindError(WorkbenchError):
    """Stored data or a caller names a task kind that no installed package declares."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is no task kind {name!r}; known: {', '.join(sorted(all_kinds()))}. Install the package that "
            "declares it"
        )


def all_kinds() -> Mapping[str, Kind]:
    """Return every kind by name: ordered by the number of responses, then by name."""
    return dict(sorted(_kinds().items(), key=lambda entry: (entry[1].responses, entry[0])))


def asked_kinds() -> Mapping[str, Kind]:
    """Return the kinds that platforms ask, by name; without kinds that only come with chat logs."""
    return {name: kind for name, kind in all_kinds().items() if not kind.imported}


def declared_kinds() -> Mapping[str, Kind]:
    """Return the kinds that platforms ask in every workspace, by name; without those that its rubrics make."""
    return {name: kind for name, kind in asked_kinds().items() if not kind.by_rubric}


def kind_of(name: str) -> Kind:
    """Return the kind with this name.

    Raises:
        UnknownKindError: no installed package declares the kind.
    """
    try:
        return _kinds()[name]
    except KeyError:
        raise UnknownKindError(name) from None


def question_of(kind: str, question: str) -> Question:
    """Return a question of a kind.

    Raises:
        UnknownKindError: no installed package declares the kind.
        KeyError: the kind asks no such question.
    """
    return kind_of(kind).question(question)


def text_questions() -> dict[str, TextQuestion]:
    """Return the questions, of any kind, that people answer in their own words, by name."""
    return {
        question.name: question
        for kind in _kinds().values()
        for question in kind.questions
        if isinstance(question, TextQuestion)
    }


def paid_parts() -> Mapping[str, PaidPart]:
    """Return the paid parts of all kinds by their key under ``rates``, in the order of the kinds."""
    parts: dict[str, PaidPart] = {}
    for kind in (*all_kinds().values(), *_by_rubric()):
        for part in kind.parts:
            parts.setdefault(part.rate_key, part)
    return parts


def rubric_kinds(rubrics: Mapping[str, Sequence[Criterion]]) -> list[Kind]:
    """Return the kinds that rubrics make, by their names; one for each declared kind that is ``by_rubric``."""
    return [rubric_kind(kind, name, criteria) for kind in _by_rubric() for name, criteria in rubrics.items()]


def rubric_of(kind: str) -> str | None:
    """Return the name of the rubric that makes a kind of this name, whether or not there is one; None: none could."""
    starts = (kind_name(declared, "") for declared in _by_rubric())
    return next((kind.removeprefix(start) for start in starts if kind.startswith(start)), None)


@contextmanager
def asking(kinds: Iterable[Kind]) -> Iterator[None]:
    """Register the kinds that the rubrics of a workspace make while it is open.

    Raises:
        ConfigurationError: another workspace that is open has another rubric of the same name.
    """
    made: list[str] = []
    try:
        for kind in kinds:
            if _kinds().setdefault(kind.name, kind) != kind:
                raise ConfigurationError(
                    f"another workspace that is open here has other criteria by the name of {kind.name!r}: close it "
                    "first, or give one of the two rubrics another name"
                )
            _held()[kind.name] += 1
            made.append(kind.name)
        yield
    finally:
        for name in made:
            _held()[name] -= 1
            if not _held()[name]:
                del _kinds()[name]


@contextmanager
def registered(kind: Kind) -> Iterator[Kind]:
    """Register a kind for the length of a ``with`` block, for tests and notebooks.

    Raises:
        ValueError: the name of the kind, or of one of its paid parts, is in use.
    """
    _check(kind, _kinds())
    _kinds()[kind.name] = kind
    try:
        yield kind
    finally:
        del _kinds()[kind.name]


@cache
def _held() -> Counter[str]:
    """Return how many open workspaces have a kind by a rubric."""
    return Counter()


def _kinds() -> dict[str, Kind]:
    return _found()[0]


def _by_rubric() -> list[Kind]:
    return _found()[1]


@cache
def _found() -> tuple[dict[str, Kind], list[Kind]]:
    """Return the kinds by name, and those of which rubrics make kinds."""
    kinds: dict[str, Kind] = {}
    for package_name in sorted({point.value for point in entry_points(group=GROUP)}):
        package = import_module(package_name)
        for module_info in iter_modules(package.__path__):
            kind = getattr(import_module(f"{package_name}.{module_info.name}"), "KIND", None)
            if isinstance(kind, Kind):
                _check(kind, kinds)
                kinds[kind.name] = kind
    by_rubric = [kind for kind in kinds.values() if kind.by_rubric]
    for kind in by_rubric:
        del kinds[kind.name]
    return kinds, by_rubric


def _check(kind: Kind, known: Mapping[str, Kind]) -> None:
    parts = {name for other in known.values() for part in other.parts for name in (part.name, part.rate_key)}
    if kind.name in known or parts & {name for part in kind.parts for name in (part.name, part.rate_key)}:
        raise ValueError(f"kind {kind.name!r}: its name, or that of one of its paid parts, is in use")
